package org.mouselift.engine.cpu;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.mouselift.engine.DType;

/**
 * Convolution of stride 1 with a 3x3 kernel, and its input gradient, by {@link WinogradTransforms}: 16 matrix products over
 * tiles of 2x2 outputs with 4/9 of the direct multiplications. Blocks of tiles are transposed to channels-last, transformed,
 * multiplied and transposed back while they lie in the second cache level. A tile's numbers do not depend on its block, hence
 * not on the number of threads.
 */
final class Winograd {
    private static final int MR = MicroKernel.MR;
    private static final int NR = MicroKernel.NR;
    private static final int L = VectorWidth.LANES;
    private static final int POSITIONS = 16;
    /** Floats of the transformed tiles and products of a block, about: 1 MiB. */
    private static final int BLOCK = 1 << 18;
    private static final int FEWEST_TILES = 48;
    private static final int MOST_TILES = 192;
    /** Channels below which the transforms cost more than the products save. */
    private static final int FEWEST_CHANNELS = 16;

    private final long batch;
    private final int in;
    private final int rows;
    private final int cols;
    private final int out;
    private final int outRows;
    private final int outCols;
    private final int top;
    private final int left;
    private final int tileCols;
    private final int panels;
    private final int chunks;

    /** Output pixel (i, j) reads source pixels from (i - top, j - left) on. */
    private Winograd(long batch, int in, int rows, int cols, int out, int outRows, int outCols, int top, int left) {
        this.batch = batch;
        this.in = in;
        this.rows = rows;
        this.cols = cols;
        this.out = out;
        this.outRows = outRows;
        this.outCols = outCols;
        this.top = top;
        this.left = left;
        tileCols = Math.ceilDiv(outCols, 2);
        panels = Math.ceilDiv(out, NR);
        chunks = Math.ceilDiv(in, NR);
    }

    /** Whether a convolution is of the right kind and size; {@code gradient} for its input gradient. */
    static boolean suits(Conv2dShape s, boolean gradient) {
        if (VectorWidth.SCALAR || s.kernelHeight() != 3 || s.kernelWidth() != 3 || s.strideH() != 1 || s.strideW() != 1
                || Math.min(s.inChannels(), s.outChannels()) < FEWEST_CHANNELS) {
            return false;
        }
        long h = gradient ? s.height() : s.outHeight();
        long w = gradient ? s.width() : s.outWidth();
        long tiles = Math.ceilDiv(h, 2) * Math.ceilDiv(w, 2);
        long products = (long) s.inChannels() * s.outChannels();
        // tiles at the edge that are half empty must not eat up the gain, and the transformed weights must be used often enough
        return 16 * 1.3 * tiles < 9.0 * h * w && s.batch() * tiles >= 24 && products < (1L << 26)
                && (long) Math.max(s.inPlane(), s.outPlane()) * Math.max(s.inChannels(), s.outChannels()) < (1L << 28);
    }

    static void forward(Conv2dShape s, MemorySegment x, long xOffset, MemorySegment w, DType wType, long wOffset, MemorySegment bias, long biasOffset,
            MemorySegment y, long yOffset) {
        Matrix weights = new Matrix(w, wType, wOffset, (long) s.inChannels() * 9, 1);
        new Winograd(s.batch(), s.inChannels(), s.height(), s.width(), s.outChannels(), s.outHeight(), s.outWidth(), s.padTop(), s.padLeft())
                .run(x, xOffset, weights, false, bias, biasOffset, y, yOffset);
    }

    /** @param turned the weights as [Ci, Co * taps] */
    static void inputGradient(Conv2dShape s, MemorySegment dy, long dyOffset, Matrix turned, MemorySegment dx, long dxOffset) {
        new Winograd(s.batch(), s.outChannels(), s.outHeight(), s.outWidth(), s.inChannels(), s.height(), s.width(), 2 - s.padTop(), 2 - s.padLeft())
                .run(dy, dyOffset, turned, true, null, 0, dx, dxOffset);
    }

    private void run(MemorySegment x, long xOffset, Matrix weights, boolean turned, MemorySegment bias, long biasOffset, MemorySegment y, long yOffset) {
        if (batch == 0) {
            return;
        }
        long start = KernelWatch.begin();
        float[] u = weights(weights, turned);
        float[] biases = Scratch.local().floats(Scratch.CONV + 1, (long) panels * NR);
        Arrays.fill(biases, 0, panels * NR, 0f);
        if (bias != null) {
            MemorySegment.copy(bias, DType.LE_F32, biasOffset * 4, biases, 0, out);
        }
        int tileRows = Math.ceilDiv(outRows, 2);
        int threads = Workers.count();
        long share = Math.ceilDiv(batch * tileRows * tileCols, threads);
        int tiles = (int) Math.min(Math.clamp(BLOCK / (POSITIONS * (long) (chunks + panels) * NR), FEWEST_TILES, MOST_TILES), Math.max(MR, share));
        int rowBlocks = Math.ceilDiv(tileRows, Math.max(1, tiles / tileCols));
        int rowsAtOnce = Math.ceilDiv(tileRows, rowBlocks);
        long groups = Math.ceilDiv(batch, Math.clamp(tiles / ((long) tileRows * tileCols), 1, batch));
        int slices = (int) Math.min(panels, groups * rowBlocks >= threads ? 1 : threads);
        Workers.split(groups * rowBlocks * slices, 1, (worker, begin, end) -> {
            for (long unit = begin; unit < end; unit++) {
                int slice = (int) (unit % slices);
                int row = (int) (unit / slices % rowBlocks) * rowsAtOnce;
                long group = unit / slices / rowBlocks;
                long image = batch * group / groups;
                if (row < tileRows) {
                    new Block(image, (int) (batch * (group + 1) / groups - image), row, Math.min(rowsAtOnce, tileRows - row), panels * slice / slices,
                            panels * (slice + 1) / slices).run(x, xOffset, u, biases, y, yOffset, Scratch.local());
                }
            }
        });
        KernelWatch.end(start, 18.0 * batch * outRows * outCols * in * out);
    }

    /** Transformed weights [16, panel of outputs, in, NR]. */
    private float[] weights(Matrix w, boolean turned) {
        int apart = Math.multiplyExact(panels * NR, in);
        float[] u = Scratch.local().floats(Scratch.CONV + 2, Math.multiplyExact((long) POSITIONS, apart));
        Workers.split(panels, 1, (worker, begin, end) -> {
            Scratch scratch = Scratch.local();
            float[] g = scratch.floats(Scratch.CONV + 7, 9L * in * NR);
            for (int p = (int) begin; p < end; p++) {
                Panels.pack(w.data(), w.type(), w.offset() + (long) p * NR * w.rowStride(), w.rowStride(), 1, Math.min(NR, out - p * NR), 9 * in, NR, g, 0, scratch);
                WinogradTransforms.weights(g, in, turned, u, p * in * NR, apart);
            }
        });
        return u;
    }

    /** Tile rows [row, row + count) of some images, and the output channels of some panels. */
    private final class Block {
        private final long image;
        private final int images;
        private final int row;
        private final int firstPanel;
        private final int someOut;
        private final int tiles;
        private final int room;
        private final int tileRows;
        /** Source rows that the tiles read, and pixels in them. */
        private final int low;
        private final int sourcePixels;
        private final int resultPixels;

        Block(long image, int images, int row, int count, int firstPanel, int endPanel) {
            this.image = image;
            this.images = images;
            this.row = row;
            this.firstPanel = firstPanel;
            tileRows = count;
            someOut = (endPanel - firstPanel) * NR;
            tiles = images * count * tileCols;
            room = Math.ceilDiv(tiles, MR) * MR;
            low = Math.clamp(2L * row - top, 0, rows);
            sourcePixels = (Math.clamp(2L * (row + count) + 2 - top, low, rows) - low) * cols;
            resultPixels = (Math.min(outRows, 2 * (row + count)) - 2 * row) * outCols;
        }

        void run(MemorySegment x, long xOffset, float[] u, float[] biases, MemorySegment y, long yOffset, Scratch scratch) {
            int apart = chunks * room * NR;
            float[] v = scratch.floats(Scratch.CONV + 5, (long) POSITIONS * apart);
            WinogradTransforms.input(channelsLast(x, xOffset, scratch), sources(), tiles, in, v, room, apart);
            int product = someOut * room;
            float[] m = scratch.floats(Scratch.CONV + 6, (long) POSITIONS * product);
            for (int position = 0; position < POSITIONS; position++) {
                for (int p = 0; p < someOut / NR; p++) {
                    int b = (position * panels + firstPanel + p) * in * NR;
                    for (int t = 0; t < tiles; t += MR) {
                        int c = position * product + (p * room + t) * NR;
                        for (int k = 0; k < chunks; k++) {
                            MicroKernel.rows(v, position * apart + (k * room + t) * NR, u, b + k * NR * NR, Math.min(NR, in - k * NR), m, c, NR, Math.min(MR, tiles - t),
                                    k > 0);
                        }
                    }
                }
            }
            float[] some = scratch.floats(Scratch.CONV + 7, someOut);
            System.arraycopy(biases, firstPanel * NR, some, 0, someOut);
            float[] result = scratch.floats(Scratch.CONV + 4, ((long) images * resultPixels + 1 + L) * someOut);
            WinogradTransforms.output(m, room, product, tiles, someOut, some, result, results());
            write(result, y, yOffset, scratch);
        }

        /** The source pixels [pixel, channels], zero channels behind the last one and a zero pixel behind the last one. */
        private float[] channelsLast(MemorySegment x, long xOffset, Scratch scratch) {
            int depth = images * sourcePixels;
            int pitch = depth + L;
            int width = chunks * NR;
            float[] planes = scratch.floats(Scratch.CONV + 3, (long) L * pitch);
            float[] turned = scratch.floats(Scratch.CONV + 4, (long) (depth + 1) * width);
            Arrays.fill(turned, depth * width, (depth + 1) * width, 0f);
            for (int c = 0; c < in; c += L) {
                int count = Math.min(L, in - c);
                for (int i = 0; i < count; i++) {
                    for (int n = 0; n < images; n++) {
                        long from = xOffset + ((image + n) * in + c + i) * rows * cols + (long) low * cols;
                        MemorySegment.copy(x, DType.LE_F32, from * 4, planes, i * pitch + n * sourcePixels, sourcePixels);
                    }
                }
                Arrays.fill(planes, count * pitch, L * pitch, 0f);
                if (depth >= L) {
                    Transposition.rows(planes, 0, pitch, depth, turned, c, width, L);
                } else {
                    for (int i = 0; i < L; i++) {
                        Panels.lane(planes, i * pitch, depth, width, turned, c + i);
                    }
                }
            }
            return turned;
        }

        /** Where the channels of the 16 source pixels of each tile begin; the zero pixel outside of the image. */
        private int[] sources() {
            int width = chunks * NR;
            int[] at = new int[POSITIONS * tiles];
            int outside = images * sourcePixels * width;
            for (int n = 0, i = 0; n < images; n++) {
                for (int r = row; r < row + tileRows; r++) {
                    for (int c = 0; c < tileCols; c++) {
                        for (int k = 0; k < 4; k++) {
                            int y = 2 * r + k - top;
                            for (int l = 0; l < 4; l++) {
                                int x = 2 * c + l - left;
                                boolean inside = y >= 0 && y < rows && x >= 0 && x < cols;
                                at[i++] = inside ? (n * sourcePixels + (y - low) * cols + x) * width : outside;
                            }
                        }
                    }
                }
            }
            return at;
        }

        /** Where the channels of the 4 result pixels of each tile go; behind the last pixel what does not belong to the image. */
        private int[] results() {
            int[] at = new int[4 * tiles];
            int outside = images * resultPixels * someOut;
            for (int n = 0, i = 0; n < images; n++) {
                for (int r = 0; r < tileRows; r++) {
                    for (int c = 0; c < tileCols; c++) {
                        for (int k = 0; k < 4; k++) {
                            int y = 2 * r + k / 2;
                            int x = 2 * c + k % 2;
                            boolean inside = 2 * row + y < outRows && x < outCols;
                            at[i++] = inside ? (n * resultPixels + y * outCols + x) * someOut : outside;
                        }
                    }
                }
            }
            return at;
        }

        /** Stores the results [pixel, channels] as planes. */
        private void write(float[] result, MemorySegment y, long yOffset, Scratch scratch) {
            int pixels = Math.ceilDiv(images * resultPixels, L) * L;
            float[] planes = scratch.floats(Scratch.CONV + 3, (long) someOut * pixels);
            for (int p = 0; p < pixels; p += L) {
                Transposition.rows(result, p * someOut, someOut, someOut, planes, p, pixels, L);
            }
            int first = firstPanel * NR;
            for (int c = 0; c < Math.min(someOut, out - first); c++) {
                for (int n = 0; n < images; n++) {
                    long to = yOffset + ((image + n) * out + first + c) * outRows * outCols + 2L * row * outCols;
                    MemorySegment.copy(planes, c * pixels + n * resultPixels, y, DType.LE_F32, to * 4, resultPixels);
                }
            }
        }
    }
}
