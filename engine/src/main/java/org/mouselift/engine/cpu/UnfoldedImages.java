package org.mouselift.engine.cpu;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The unfolded images [channels * taps, images * pixels] of a convolution as right factor of a product, never stored: for
 * each block that {@link Gemm} asks for, the channels are written out with their padding ({@link PaddedPlanes}), where a row
 * of the unfolded matrix is a shift, and panels are filled by vector copies.
 */
final class UnfoldedImages implements Gemm.RightFactor {
    private static final VectorSpecies<Float> S = VectorWidth.F32;
    private static final int L = VectorWidth.LANES;
    private static final int NR = MicroKernel.NR;

    private final PaddedPlanes planes;

    UnfoldedImages(PaddedPlanes planes) {
        this.planes = planes;
    }

    @Override
    public void pack(long k0, int kc, long j, int nc, float[] dst, Scratch scratch) {
        int width = planes.gridWidth;
        int plane = planes.gridHeight * width;
        int channel = (int) (k0 / planes.taps);
        int channels = (int) ((k0 + kc - 1) / planes.taps) - channel + 1;
        long image = j / plane;
        int images = (int) ((j + nc - 1) / plane - image + 1);
        int first = images == 1 ? (int) (j % plane) / width : 0;
        int last = images == 1 ? (int) ((j + nc - 1) % plane) / width : planes.gridHeight - 1;
        PaddedPlanes.Band band = planes.new Band(images, first, last - first + 1);
        float[] source = scratch.floats(Scratch.CONV + 2, Math.addExact(Math.multiplyExact((long) channels, band.channel), PaddedPlanes.SLACK));
        for (int c = 0; c < channels; c++) {
            band.read(image, channel + c, source, c * band.channel, scratch);
        }
        int[] shifts = new int[kc];
        for (int k = 0; k < kc; k++) {
            int t = (int) ((k0 + k) % planes.taps);
            shifts[k] = ((int) ((k0 + k) / planes.taps) - channel) * band.channel + band.shift(t);
        }
        int[] lanes = new int[NR];
        int[] pixels = new int[NR];
        for (int panel = 0; panel < nc; panel += NR) {
            int pieces = 0;
            int end = Math.min(NR, nc - panel);
            for (int lane = 0; lane < end; pieces++) {
                long at = j + panel + lane;
                int pixel = (int) (at % plane);
                lanes[pieces] = lane;
                pixels[pieces] = (int) (at / plane - image) * band.imagePitch + (pixel / width - first) * band.row + pixel % width;
                lane += Math.min(Math.min(end - lane, L), width - pixel % width);
            }
            if (VectorWidth.SCALAR) {
                scalars(source, shifts, kc, pixels, lanes, pieces, end, dst, panel * kc);
            } else if (pieces == 2 && lanes[1] == L) {
                pairs(source, shifts, kc, pixels[0], pixels[1], dst, panel * kc);
            } else {
                vectors(source, shifts, kc, pixels, lanes, pieces, dst, panel * kc);
            }
        }
    }

    private static void pairs(float[] source, int[] shifts, int kc, int p, int q, float[] dst, int at) {
        for (int k = 0; k < kc; k++) {
            int shift = shifts[k];
            FloatVector.fromArray(S, source, shift + p).intoArray(dst, at + k * NR);
            FloatVector.fromArray(S, source, shift + q).intoArray(dst, at + k * NR + L);
        }
    }

    /** Pieces in ascending order, each one vector: what a copy writes too much, the next one overwrites. */
    private static void vectors(float[] source, int[] shifts, int kc, int[] pixels, int[] lanes, int pieces, float[] dst, int at) {
        for (int k = 0; k < kc; k++) {
            int shift = shifts[k];
            int to = at + k * NR;
            for (int i = 0; i < pieces; i++) {
                FloatVector.fromArray(S, source, shift + pixels[i]).intoArray(dst, to + lanes[i]);
            }
        }
    }

    private static void scalars(float[] source, int[] shifts, int kc, int[] pixels, int[] lanes, int pieces, int end, float[] dst, int at) {
        for (int k = 0; k < kc; k++) {
            for (int i = 0; i < pieces; i++) {
                int n = (i + 1 < pieces ? lanes[i + 1] : end) - lanes[i];
                System.arraycopy(source, shifts[k] + pixels[i], dst, at + k * NR + lanes[i], n);
            }
        }
    }
}
