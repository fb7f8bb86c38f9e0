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
    static final int POSITIONS = 16;
    /** Floats that stay in the second cache level with room to spare: 1 MiB. */
    private static final int BLOCK = 1 << 18;
    private static final int FEWEST_TILES = 32;
    private static final int MOST_TILES = 256;
    /** Input channels whose weights are transformed together. */
    private static final int WEIGHTS = 64;
    /** Channels below which the transforms cost more than the products save. */
    private static final int FEWEST_CHANNELS = 16;

    /** Input times output channels up to which the transformed weights, 16 floats for each, stay below 512 MiB. */
    private static final long MOST_PRODUCTS = 1 << 23;

    private final long batch;
    private final int in;
    private final int out;
    private final WinogradTiles.Planes planes;
    private final int panels;
    private final int chunks;

    private Winograd(long batch, int in, int out, WinogradTiles.Planes planes) {
        this.batch = batch;
        this.in = in;
        this.out = out;
        this.planes = planes;
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
        return 16 * 1.3 * tiles < 9.0 * h * w && s.batch() * tiles >= 24 && products < MOST_PRODUCTS
                && (long) Math.max(s.inPlane(), s.outPlane()) * Math.max(s.inChannels(), s.outChannels()) < (1L << 28);
    }

    static void forward(Conv2dShape s, MemorySegment x, long xOffset, MemorySegment w, DType wType, long wOffset, MemorySegment bias, long biasOffset,
            MemorySegment y, long yOffset) {
        Matrix weights = new Matrix(w, wType, wOffset, (long) s.inChannels() * 9, 1);
        new Winograd(s.batch(), s.inChannels(), s.outChannels(), planes(s)).run(x, xOffset, weights, false, bias, biasOffset, y, yOffset);
    }

    /** The planes of the forward pass. */
    static WinogradTiles.Planes planes(Conv2dShape s) {
        return new WinogradTiles.Planes(s.height(), s.width(), s.outHeight(), s.outWidth(), s.padTop(), s.padLeft());
    }

    /** @param turned the weights as [Ci, Co * taps] */
    static void inputGradient(Conv2dShape s, MemorySegment dy, long dyOffset, Matrix turned, MemorySegment dx, long dxOffset) {
        WinogradTiles.Planes planes = new WinogradTiles.Planes(s.outHeight(), s.outWidth(), s.height(), s.width(), 2 - s.padTop(), 2 - s.padLeft());
        new Winograd(s.batch(), s.outChannels(), s.inChannels(), planes).run(dy, dyOffset, turned, true, null, 0, dx, dxOffset);
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
        int threads = Workers.count();
        long share = Math.ceilDiv(batch * planes.tiles(), threads);
        long resident = BLOCK / (POSITIONS * (long) (in + out));
        // many channels: tiles and products of a block cannot stay in cache, and larger blocks read the weights less often
        long tiles = resident >= 3L * FEWEST_TILES / 4 ? Math.clamp(resident, FEWEST_TILES, MOST_TILES) : Math.clamp(BLOCK / in, FEWEST_TILES, MOST_TILES);
        WinogradTiles.Cut cut = WinogradTiles.Cut.of(planes, batch, Math.min(tiles, Math.max(MR, share)));
        int slices = cut.blocks() >= threads ? 1 : Math.min(panels, threads);
        Workers.split(cut.blocks() * slices, 1, (worker, begin, end) -> {
            WinogradTiles tiled = null;
            for (long unit = begin; unit < end; unit++) {
                int slice = (int) (unit % slices);
                tiled = cut.block(unit / slices, tiled);
                block(tiled, panels * slice / slices, panels * (slice + 1) / slices, x, xOffset, u, biases, y, yOffset, Scratch.local());
            }
        });
        KernelWatch.end(start, 18.0 * batch * planes.resultRows() * planes.resultCols() * in * out);
    }

    /** Output channels of the panels [begin, end) of some tiles. */
    private void block(WinogradTiles tiles, int begin, int end, MemorySegment x, long xOffset, float[] u, float[] biases, MemorySegment y, long yOffset,
            Scratch scratch) {
        int uApart = WinogradTiles.apart((long) panels * NR * in);
        int width = chunks * NR;
        int apart = WinogradTiles.apart((long) tiles.room * width);
        float[] v = scratch.floats(Scratch.CONV + 5, (long) POSITIONS * apart);
        float[] source = tiles.sources(x, xOffset, in, 0, in, width, scratch);
        WinogradTransforms.input(source, tiles.sourcePixels(width), tiles.count, in, v, tiles.room, apart);
        int some = (end - begin) * NR;
        int product = WinogradTiles.apart((long) some * tiles.room);
        float[] m = scratch.floats(Scratch.CONV + 6, (long) POSITIONS * product);
        for (int position = 0; position < POSITIONS; position++) {
            for (int p = begin; p < end; p++) {
                int b = position * uApart + p * in * NR;
                for (int t = 0; t < tiles.count; t += MR) {
                    int to = position * product + ((p - begin) * tiles.room + t) * NR;
                    for (int k = 0; k < chunks; k++) {
                        MicroKernel.rows(v, position * apart + (k * tiles.room + t) * NR, u, b + k * NR * NR, Math.min(NR, in - k * NR), m, to, NR,
                                Math.min(MR, tiles.count - t), k > 0);
                    }
                }
            }
        }
        float[] bias = scratch.floats(Scratch.CONV + 7, some);
        System.arraycopy(biases, begin * NR, bias, 0, some);
        float[] result = scratch.floats(Scratch.CONV + 4, (tiles.results() + 1L + L) * some);
        WinogradTransforms.output(m, tiles.room, product, tiles.count, some, bias, result, tiles.resultPixels(some));
        tiles.write(result, some, y, yOffset, out, begin * NR, Math.min(some, out - begin * NR), scratch);
    }

    /** Transformed weights [16, panel of outputs, in, NR]. */
    private float[] weights(Matrix w, boolean turned) {
        int apart = WinogradTiles.apart((long) panels * NR * in);
        float[] u = Scratch.local().floats(Scratch.CONV + 2, (long) POSITIONS * apart);
        Workers.split(panels, 1, (worker, begin, end) -> {
            Scratch scratch = Scratch.local();
            float[] g = scratch.floats(Scratch.CONV + 7, 9L * WEIGHTS * NR);
            for (int p = (int) begin; p < end; p++) {
                long at = w.offset() + (long) p * NR * w.rowStride();
                for (int c = 0; c < in; c += WEIGHTS) {
                    int some = Math.min(WEIGHTS, in - c);
                    Panels.pack(w.data(), w.type(), at + 9L * c, w.rowStride(), 1, Math.min(NR, out - p * NR), 9 * some, NR, g, 0, scratch);
                    WinogradTransforms.weights(g, some, turned, u, (p * in + c) * NR, apart);
                }
            }
        });
        return u;
    }
}
