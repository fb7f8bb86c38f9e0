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
 * <p>Grid pixel (r, c) and a tap with offset (u, v) read row {@code r*strideH + u}, column {@code c*strideW + v} of the source.
 * Forward the grid is the output and tap (k, l) has {@code u = k - padTop}, {@code v = l - padLeft}. Backward the source is the
 * output gradient and the grid are the input pixels of one stride phase (a, b), rows {@code a + r*strideH}: they meet only the
 * taps for which {@code u = (a + padTop - k) / strideH} is whole, columns alike.
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

    /** What the forward pass reads. {@code from} is the first element of image 0, {@code image} elements lie from one to the next. */
    static PaddedPlanes forward(Conv2dShape s, MemorySegment x, long from, long image) {
        int[] u = new int[s.taps()];
        int[] v = new int[s.taps()];
        for (int t = 0; t < s.taps(); t++) {
            u[t] = t / s.kernelWidth() - s.padTop();
            v[t] = t % s.kernelWidth() - s.padLeft();
        }
        return new PaddedPlanes(x, from, image, s.height(), s.width(), s.outHeight(), s.outWidth(), s.strideH(), s.strideW(), u, v);
    }

    /** What the input gradient of phase (a, b) reads; {@code taps} are those of {@link #phaseTaps}, at least one. */
    static PaddedPlanes backward(Conv2dShape s, MemorySegment dy, long from, long image, int a, int b, int[] taps) {
        int[] u = new int[taps.length];
        int[] v = new int[taps.length];
        for (int t = 0; t < taps.length; t++) {
            u[t] = Math.floorDiv(a + s.padTop() - taps[t] / s.kernelWidth(), s.strideH());
            v[t] = Math.floorDiv(b + s.padLeft() - taps[t] % s.kernelWidth(), s.strideW());
        }
        return new PaddedPlanes(dy, from, image, s.outHeight(), s.outWidth(), Math.ceilDiv(s.height() - a, s.strideH()), Math.ceilDiv(s.width() - b, s.strideW()),
                1, 1, u, v);
    }

    /** The taps, ascending, that input pixels of phase (a, b) meet. */
    static int[] phaseTaps(Conv2dShape s, int a, int b) {
        return java.util.stream.IntStream.range(0, s.taps()).filter(t -> Math.floorMod(a + s.padTop() - t / s.kernelWidth(), s.strideH()) == 0
                && Math.floorMod(b + s.padLeft() - t % s.kernelWidth(), s.strideW()) == 0).toArray();
    }

    private PaddedPlanes(MemorySegment data, long from, long image, int rows, int cols, int gridHeight, int gridWidth, int strideH, int strideW, int[] u,
            int[] v) {
        this.data = data;
        this.from = from;
        this.image = image;
        this.rows = rows;
        this.cols = cols;
        this.gridHeight = gridHeight;
        this.gridWidth = gridWidth;
        this.strideH = strideH;
        this.strideW = strideW;
        taps = u.length;
        tapPhase = new int[taps];
        tapRow = new int[taps];
        tapCol = new int[taps];
        for (int t = 0; t < taps; t++) {
            tapPhase[t] = Math.floorMod(u[t], strideH) * strideW + Math.floorMod(v[t], strideW);
            tapRow[t] = Math.floorDiv(u[t], strideH);
            tapCol[t] = Math.floorDiv(v[t], strideW);
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
            int top = Math.max(0, (first + lowRow) * strideH);
            int bottom = Math.min(rows, (first + lowRow + height) * strideH);
            int n = Math.max(0, bottom - top) * cols;
            if (strideH == 1 && strideW == 1 && row == cols && lowCol == 0) {
                whole(firstImage, channelIndex, top, n, dst, at);
                return;
            }
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
                            if (r < 0 || r >= rows) {
                                zero(dst, to, row);
                            } else {
                                line(source, (r - top) * cols, b, dst, to);
                            }
                        }
                    }
                }
            }
        }

        /** Without padding beside the rows these are one piece. */
        private void whole(long firstImage, int channelIndex, int top, int n, float[] dst, int at) {
            int above = Math.min(height, top - first - lowRow) * row;
            for (int i = 0; i < images; i++) {
                int to = at + i * imagePitch;
                zero(dst, to, above);
                MemorySegment.copy(data, DType.LE_F32, (from + (firstImage + i) * image + (long) channelIndex * rows * cols + (long) top * cols) * 4, dst, to + above, n);
                zero(dst, to + above + n, imagePitch - above - n);
            }
        }

        private void line(float[] source, int at, int b, float[] dst, int to) {
            if (strideW == 1) {
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
                dst[to + j] = c >= 0 && c < cols ? source[at + c] : 0f;
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
