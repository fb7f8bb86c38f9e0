package org.mouselift.engine.cpu;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;
import org.mouselift.engine.DType;

/**
 * Image planes as a convolution reads them: with their zero padding written out, and split by stride phase, so that the
 * pixels which one tap meets along a row of the grid are neighbours, and a tap is only a shift.
 *
 * <p>Grid pixel (r, c) and tap (k, l) read row {@code r*strideH + u}, column {@code c*strideW + v} of the source. Forward:
 * {@code u = k - padTop}, {@code v = l - padLeft} and the grid is the output. Backward, where the output gradient is read at
 * the pixels of the input: stride 1, {@code u = padTop - k}, {@code v = padLeft - l}, and the source is spread out by the
 * convolution's stride with zeros between.
 */
final class PaddedPlanes {
    private static final VectorSpecies<Float> S = VectorWidth.F32;
    private static final int L = VectorWidth.LANES;
    /** Floats behind a buffer that copies of whole vectors may touch. */
    static final int SLACK = 2 * Math.max(16, L);

    private final MemorySegment data;
    private final long from;
    private final long image;
    private final int rows;
    private final int cols;
    private final int strideH;
    private final int strideW;
    private final int spreadH;
    private final int spreadW;
    /** Smallest and largest shift of any tap, in rows and columns of a phase. */
    private final int lowRow;
    private final int highRow;
    private final int lowCol;
    private final int highCol;
    private final int[] tapPhase;
    private final int[] tapRow;
    private final int[] tapCol;
    final int gridHeight;
    final int gridWidth;
    final int taps;

    /** @param from first element of image 0; {@code image} elements from one image to the next */
    PaddedPlanes(Conv2dShape s, MemorySegment data, long from, long image, boolean backward) {
        this.data = data;
        this.from = from;
        this.image = image;
        rows = backward ? s.outHeight() : s.height();
        cols = backward ? s.outWidth() : s.width();
        gridHeight = backward ? s.height() : s.outHeight();
        gridWidth = backward ? s.width() : s.outWidth();
        strideH = backward ? 1 : s.strideH();
        strideW = backward ? 1 : s.strideW();
        spreadH = backward ? s.strideH() : 1;
        spreadW = backward ? s.strideW() : 1;
        taps = s.taps();
        tapPhase = new int[taps];
        tapRow = new int[taps];
        tapCol = new int[taps];
        for (int t = 0; t < taps; t++) {
            int k = t / s.kernelWidth();
            int l = t % s.kernelWidth();
            int u = backward ? s.padTop() - k : k - s.padTop();
            int v = backward ? s.padLeft() - l : l - s.padLeft();
            tapPhase[t] = Math.floorMod(u, strideH) * strideW + Math.floorMod(v, strideW);
            tapRow[t] = Math.floorDiv(u, strideH);
            tapCol[t] = Math.floorDiv(v, strideW);
        }
        lowRow = Arrays.stream(tapRow).min().orElseThrow();
        highRow = Arrays.stream(tapRow).max().orElseThrow();
        lowCol = Arrays.stream(tapCol).min().orElseThrow();
        highCol = Arrays.stream(tapCol).max().orElseThrow();
    }

    /** Where grid rows [first, first + count) of some images lie in a buffer. */
    final class Band {
        private final int first;
        private final int images;
        private final int height;
        private final int phase;
        /** Floats of a row, an image and a channel. */
        final int row;
        final int imagePitch;
        final int channel;

        /** Each image has its own padding. */
        Band(int images, int first, int count) {
            this.first = first;
            this.images = images;
            row = gridWidth + highCol - lowCol;
            height = count + highRow - lowRow;
            imagePitch = height * row;
            phase = images * imagePitch;
            channel = Math.toIntExact((long) strideH * strideW * phase);
        }

        /** Shift of a tap: the source of grid pixel (image, first + r, c) lies at {@code channel + shift + pixel(image, r, c)}. */
        int shift(int tap) {
            return tapPhase[tap] * phase + (tapRow[tap] - lowRow) * row + tapCol[tap] - lowCol;
        }

        /** Reads one channel of the images from {@code firstImage} on into {@code dst[at …]}, which needs {@link #SLACK}. */
        void read(long firstImage, int channelIndex, float[] dst, int at, Scratch scratch) {
            int top = Math.max(0, Math.ceilDiv((first + lowRow) * strideH, spreadH));
            int bottom = Math.min(rows, Math.floorDiv((first + lowRow + height) * strideH - 1, spreadH) + 1);
            int n = Math.max(0, bottom - top) * cols;
            float[] source = scratch.floats(Scratch.CONV + 3, n + SLACK);
            for (int i = 0; i < images; i++) {
                if (n > 0) {
                    MemorySegment.copy(data, DType.LE_F32, (from + (firstImage + i) * image + (long) channelIndex * rows * cols + (long) top * cols) * 4, source, 0, n);
                }
                for (int a = 0; a < strideH; a++) {
                    for (int b = 0; b < strideW; b++) {
                        int to = at + (a * strideW + b) * phase + i * imagePitch;
                        for (int h = 0; h < height; h++, to += row) {
                            int r = (first + lowRow + h) * strideH + a;
                            if (r < 0 || r % spreadH != 0 || r / spreadH >= rows) {
                                zero(dst, to, row);
                            } else {
                                line(source, (r / spreadH - top) * cols, b, dst, to);
                            }
                        }
                    }
                }
            }
        }

        private void line(float[] source, int at, int b, float[] dst, int to) {
            if (strideW == 1 && spreadW == 1) {
                int left = Math.min(row, Math.max(0, -lowCol));
                int skip = Math.max(0, lowCol);
                int n = Math.max(0, Math.min(cols - skip, row - left));
                zero(dst, to, left);
                copy(source, at + skip, dst, to + left, n);
                zero(dst, to + left + n, row - left - n);
                return;
            }
            for (int j = 0; j < row; j++) {
                int c = (j + lowCol) * strideW + b;
                dst[to + j] = c >= 0 && c % spreadW == 0 && c / spreadW < cols ? source[at + c / spreadW] : 0f;
            }
        }
    }

    private static void zero(float[] dst, int at, int n) {
        for (int i = at; i < at + n; i++) {
            dst[i] = 0f;
        }
    }

    /** Copies n floats by whole vectors: up to a vector behind them is overwritten. */
    private static void copy(float[] src, int from, float[] dst, int at, int n) {
        if (VectorWidth.SCALAR) {
            System.arraycopy(src, from, dst, at, n);
            return;
        }
        for (int i = 0; i < n; i += L) {
            FloatVector.fromArray(S, src, from + i).intoArray(dst, at + i);
        }
    }
}
