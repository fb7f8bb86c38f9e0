package org.mouselift.engine.cpu;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.mouselift.engine.DType;

/**
 * Weight gradient of a 3x3 convolution of stride 1 in the space of {@link WinogradTransforms}: {@code dU = sum over tiles of
 * Z V^T} with Z the gradient of the 16 products, at 4/9 of the direct multiplications; the weights' gradient is
 * {@code G^T dU G}. Tiles run in blocks that do not depend on the threads; threads divide channels.
 */
final class WinogradWeightGradient {
    private static final int MR = MicroKernel.MR;
    private static final int NR = MicroKernel.NR;
    private static final int L = VectorWidth.LANES;
    private static final int POSITIONS = Winograd.POSITIONS;
    /** Floats of the transformed tiles of a block, about: 2 MiB, of which a product reads a sixteenth. */
    private static final int BLOCK = 1 << 19;
    private static final int FEWEST_TILES = 48;
    private static final int MOST_TILES = 192;
    /** Floats of accumulators of a thread: more channels are taken in several passes. */
    private static final long ACCUMULATORS = 1 << 20;

    private final Conv2dShape s;
    private final WinogradTiles.Cut cut;
    private final int rowPanels;

    private WinogradWeightGradient(Conv2dShape s) {
        this.s = s;
        rowPanels = Math.ceilDiv(s.outChannels(), MR);
        long tiles = Math.clamp(BLOCK / (POSITIONS * ((long) s.inChannels() + s.outChannels())), FEWEST_TILES, MOST_TILES);
        cut = WinogradTiles.Cut.of(Winograd.planes(s), s.batch(), tiles);
    }

    /** Writes dw [Co, Ci * 9], or adds to it. */
    static void run(Conv2dShape s, MemorySegment x, long xOffset, MemorySegment dy, long dyOffset, MemorySegment dw, long dwOffset, boolean accumulate) {
        WinogradWeightGradient g = new WinogradWeightGradient(s);
        int chunks = Math.ceilDiv(s.inChannels(), NR);
        int perPass = Math.clamp(ACCUMULATORS / ((long) POSITIONS * NR * g.rowPanels * MR), 1, chunks);
        int threads = Workers.count();
        // cut the inputs first: the outputs, which every slice transforms again, are the cheaper half
        int passes = Math.clamp(threads, Math.ceilDiv(chunks, perPass), chunks);
        int slices = passes >= threads ? 1 : Math.min(g.rowPanels, Math.ceilDiv(threads, passes));
        Workers.split((long) passes * slices, 1, (worker, begin, end) -> {
            for (long unit = begin; unit < end; unit++) {
                int pass = (int) (unit / slices);
                int slice = (int) (unit % slices);
                int first = chunks * pass / passes;
                int firstRow = g.rowPanels * slice / slices;
                g.part(first, chunks * (pass + 1) / passes - first, firstRow, g.rowPanels * (slice + 1) / slices - firstRow, x, xOffset, dy, dyOffset, dw, dwOffset,
                        accumulate, Scratch.local());
            }
        });
    }

    /** All tiles for some chunks of NR input channels and some panels of MR output channels. */
    private void part(int firstChunk, int chunks, int firstRow, int rowPanels, MemorySegment x, long xOffset, MemorySegment dy, long dyOffset, MemorySegment dw,
            long dwOffset, boolean accumulate, Scratch scratch) {
        int tile = MR * NR;
        int apart = WinogradTiles.apart((long) chunks * rowPanels * tile);
        float[] acc = scratch.floats(Scratch.CONV, (long) POSITIONS * apart);
        Arrays.fill(acc, 0, POSITIONS * apart, 0f);
        int in = Math.min(chunks * NR, s.inChannels() - firstChunk * NR);
        int out = Math.min(rowPanels * MR, s.outChannels() - firstRow * MR);
        int inWidth = chunks * NR;
        int outWidth = Math.ceilDiv(rowPanels * MR + L, L) * L;
        WinogradTiles tiles = null;
        for (long b = 0; b < cut.blocks(); b++) {
            tiles = cut.block(b, tiles);
            int vApart = WinogradTiles.apart((long) tiles.room * inWidth);
            float[] v = scratch.floats(Scratch.CONV + 5, (long) POSITIONS * vApart);
            WinogradTransforms.input(tiles.sources(x, xOffset, s.inChannels(), firstChunk * NR, in, inWidth, scratch), tiles.sourcePixels(inWidth), tiles.count, in, v,
                    tiles.room, vApart);
            int zPanel = (tiles.count + 1) * MR;
            int zApart = WinogradTiles.apart((long) rowPanels * zPanel + L);
            float[] z = scratch.floats(Scratch.CONV + 6, (long) POSITIONS * zApart);
            WinogradTransforms.gradient(tiles.gradients(dy, dyOffset, s.outChannels(), firstRow * MR, out, outWidth, scratch), tiles.resultPixels(outWidth), tiles.count,
                    rowPanels, z, zApart);
            for (int position = 0; position < POSITIONS; position++) {
                for (int k = 0; k < chunks; k++) {
                    for (int r = 0; r < rowPanels; r++) {
                        MicroKernel.panel(z, position * zApart + r * zPanel, v, position * vApart + k * tiles.room * NR, tiles.count, acc,
                                position * apart + (k * rowPanels + r) * tile, NR, Math.min(MR, out - r * MR), true);
                    }
                }
            }
        }
        store(acc, apart, firstChunk, in, firstRow, rowPanels, out, dw, dwOffset, accumulate, scratch);
    }

    private void store(float[] acc, int apart, int firstChunk, int in, int firstRow, int rowPanels, int out, MemorySegment dw, long dwOffset, boolean accumulate,
            Scratch scratch) {
        int pitch = Math.ceilDiv(in, NR) * NR + L;
        float[] taps = scratch.floats(Scratch.CONV + 3, Panels.interleaved(9, pitch));
        float[] line = scratch.floats(Scratch.CONV + 4, 18L * in);
        for (int o = 0; o < out; o++) {
            for (int c = 0; c < in; c += L) {
                int from = ((c / NR * rowPanels + o / MR) * MR + o % MR) * NR + c % NR;
                WinogradTransforms.weightGradient(acc, from, apart, taps, c, pitch);
            }
            Panels.interleave(taps, pitch, 9, in, 9, line, 0);
            long to = (dwOffset + ((long) (firstRow * MR + o) * s.inChannels() + (long) firstChunk * NR) * 9) * 4;
            if (accumulate) {
                MemorySegment.copy(dw, DType.LE_F32, to, line, 9 * in, 9 * in);
                for (int i = 0; i < 9 * in; i++) {
                    line[i] += line[9 * in + i];
                }
            }
            MemorySegment.copy(line, 0, dw, DType.LE_F32, to, 9 * in);
        }
    }
}
