package org.mouselift.engine.cpu;

import java.lang.foreign.MemorySegment;
import org.mouselift.engine.DType;

/**
 * Gradient of a convolution's weights, {@code dw[o, c, tap] = sum over pixels of dy[o, pixel] * x[c, pixel shifted by tap]}, as
 * products over pixels whose panels are interleaved once: a tap reads the same panel of x from another pixel on. With few
 * input channels, where lanes would stay empty, the lanes are pairs of channel and tap instead; 3x3 kernels between many
 * channels take {@link WinogradWeightGradient}.
 *
 * <p>Pixels run in a fixed order in blocks that do not depend on the threads; threads divide channels.
 */
final class Conv2dWeightGradient {
    private static final int MR = MicroKernel.MR;
    private static final int NR = MicroKernel.NR;
    /** Pixels of a block, about: its panel of x stays in the second cache level at worst. */
    private static final int PIXELS = 384;
    /** Floats of accumulators of a thread: more input channels are taken in several passes. */
    private static final long ACCUMULATORS = 1 << 20;

    private final Conv2dShape s;
    private final PaddedPlanes planes;
    private final MemorySegment dy;
    private final long dyOffset;
    /** True when a lane is one input channel and the taps are shifts; false when a lane is a channel and a tap. */
    private final boolean shifted;
    private final int lanes;
    private final int shifts;

    private Conv2dWeightGradient(Conv2dShape s, MemorySegment x, long xOffset, MemorySegment dy, long dyOffset) {
        this.s = s;
        this.dy = dy;
        this.dyOffset = dyOffset;
        planes = PaddedPlanes.forward(s, x, xOffset, (long) s.inChannels() * s.inPlane());
        int taps = s.taps();
        int all = s.inChannels() * taps;
        shifted = (long) Math.ceilDiv(s.inChannels(), NR) * taps * 3 <= Math.ceilDiv(all, NR) * 4L;
        lanes = shifted ? s.inChannels() : all;
        shifts = shifted ? taps : 1;
    }

    /** Writes dw [Co, Ci * taps], or adds to it. */
    static void run(Conv2dShape s, MemorySegment x, long xOffset, MemorySegment dy, long dyOffset, MemorySegment dw, long dwOffset, boolean accumulate) {
        if (Winograd.suits(s, false)) {
            WinogradWeightGradient.run(s, x, xOffset, dy, dyOffset, dw, dwOffset, accumulate);
            return;
        }
        Conv2dWeightGradient g = new Conv2dWeightGradient(s, x, xOffset, dy, dyOffset);
        int panels = Math.ceilDiv(g.lanes, NR);
        int rowPanels = Math.ceilDiv(s.outChannels(), MR);
        int threads = Workers.count();
        int perPass = Math.clamp(ACCUMULATORS / ((long) g.shifts * NR * rowPanels * MR), 1, panels);
        int passes = Math.ceilDiv(panels, perPass);
        int slices = passes >= threads ? 1 : Math.min(rowPanels, Math.ceilDiv(threads, passes));
        Workers.split((long) passes * slices, 1, (worker, begin, end) -> {
            for (long unit = begin; unit < end; unit++) {
                int pass = (int) (unit / slices);
                int slice = (int) (unit % slices);
                int firstPanel = pass * perPass;
                int firstRow = rowPanels * slice / slices;
                g.part(firstPanel, Math.min(perPass, panels - firstPanel), firstRow, rowPanels * (slice + 1) / slices - firstRow, dw, dwOffset, accumulate,
                        Scratch.local());
            }
        });
    }

    /** All pixels for some panels of input lanes and some panels of output channels. */
    private void part(int firstPanel, int panels, int firstRow, int rowPanels, MemorySegment dw, long dwOffset, boolean accumulate, Scratch scratch) {
        int tile = MR * NR;
        float[] acc = scratch.floats(Scratch.CONV, (long) panels * shifts * rowPanels * tile);
        java.util.Arrays.fill(acc, 0, panels * shifts * rowPanels * tile, 0f);
        int rowsAtOnce = Math.max(1, PIXELS / s.outWidth());
        int imagesAtOnce = Math.max(1, rowsAtOnce / s.outHeight());
        for (long n = 0; n < s.batch(); n += imagesAtOnce) {
            int images = (int) Math.min(imagesAtOnce, s.batch() - n);
            for (int r = 0; r < s.outHeight(); r += rowsAtOnce) {
                block(n, images, r, Math.min(rowsAtOnce, s.outHeight() - r), firstPanel, panels, firstRow, rowPanels, acc, scratch);
            }
        }
        store(acc, firstPanel, panels, firstRow, rowPanels, dw, dwOffset, accumulate, scratch);
    }

    private void block(long image, int images, int row, int rows, int firstPanel, int panels, int firstRow, int rowPanels, float[] acc, Scratch scratch) {
        PaddedPlanes.Band band = planes.new Band(images, row, rows);
        // pixels between the first and the last one of the grid, those of the padding included: there dy is zero
        int depth = (images - 1) * band.imagePitch + (rows - 1) * band.row + s.outWidth();
        int length = shifted ? band.channel : depth;
        float[] x = scratch.floats(Scratch.CONV + 2, (long) panels * length * NR);
        packInput(band, image, length, firstPanel, panels, x, scratch);
        float[] g = scratch.floats(Scratch.CONV + 4, (long) rowPanels * depth * MR);
        packGradient(band, image, images, row, rows, depth, firstRow, rowPanels, g, scratch);
        int tile = MR * NR;
        for (int p = 0; p < panels; p++) {
            for (int o = 0; o < rowPanels; o++) {
                int height = Math.min(MR, s.outChannels() - (firstRow + o) * MR);
                for (int t = 0; t < shifts; t++) {
                    int at = (p * length + (shifted ? band.shift(t) : 0)) * NR;
                    MicroKernel.panel(g, o * depth * MR, x, at, depth, acc, ((p * rowPanels + o) * shifts + t) * tile, NR, height, true);
                }
            }
        }
    }

    private void packInput(PaddedPlanes.Band band, long image, int length, int firstPanel, int panels, float[] dst, Scratch scratch) {
        int pitch = band.channel + PaddedPlanes.SLACK;
        int taps = s.taps();
        float[] source = scratch.floats(Scratch.CONV + 5, Panels.interleaved(NR, pitch));
        for (int p = 0; p < panels; p++) {
            int first = (firstPanel + p) * NR;
            int count = Math.min(NR, lanes - first);
            int at = p * length * NR;
            int channel = shifted ? first : first / taps;
            int channels = shifted ? count : (first + count - 1) / taps - channel + 1;
            for (int c = 0; c < channels; c++) {
                band.read(image, channel + c, source, c * pitch, scratch);
            }
            if (shifted) {
                Panels.interleave(source, pitch, count, length, NR, dst, at);
            } else {
                float[] rows = scratch.floats(Scratch.CONV + 7, Panels.interleaved(NR, pitch));
                for (int i = 0; i < count; i++) {
                    int v = first + i;
                    System.arraycopy(source, (v / taps - channel) * pitch + band.shift(v % taps), rows, i * pitch, length);
                }
                Panels.interleave(rows, pitch, count, length, NR, dst, at);
            }
        }
    }

    /** The output gradient at the pixels of the padded grid, zero between its rows and images. */
    private void packGradient(PaddedPlanes.Band band, long image, int images, int row, int rows, int depth, int firstRow, int rowPanels, float[] dst,
            Scratch scratch) {
        int width = s.outWidth();
        int pitch = depth + PaddedPlanes.SLACK;
        float[] source = scratch.floats(Scratch.CONV + 5, Panels.interleaved(MR, pitch));
        float[] line = scratch.floats(Scratch.CONV + 6, (long) rows * width);
        java.util.Arrays.fill(source, 0, MR * pitch, 0f);
        for (int p = 0; p < rowPanels; p++) {
            int first = (firstRow + p) * MR;
            int count = Math.min(MR, s.outChannels() - first);
            for (int o = 0; o < count; o++) {
                for (int i = 0; i < images; i++) {
                    long from = dyOffset + ((image + i) * s.outChannels() + first + o) * s.outPlane() + (long) row * width;
                    if (band.row == width) {
                        MemorySegment.copy(dy, DType.LE_F32, from * 4, source, o * pitch + i * band.imagePitch, rows * width);
                        continue;
                    }
                    MemorySegment.copy(dy, DType.LE_F32, from * 4, line, 0, rows * width);
                    for (int r = 0; r < rows; r++) {
                        System.arraycopy(line, r * width, source, o * pitch + i * band.imagePitch + r * band.row, width);
                    }
                }
            }
            Panels.interleave(source, pitch, count, depth, MR, dst, p * depth * MR);
        }
    }

    private void store(float[] acc, int firstPanel, int panels, int firstRow, int rowPanels, MemorySegment dw, long dwOffset, boolean accumulate,
            Scratch scratch) {
        int first = firstPanel * NR;
        int n = Math.min(panels * NR, lanes - first);
        int taps = s.taps();
        int count = n * shifts;
        float[] line = scratch.floats(Scratch.CONV + 6, count);
        for (int o = firstRow * MR; o < Math.min(s.outChannels(), (firstRow + rowPanels) * MR); o++) {
            long to = (dwOffset + (long) o * s.inChannels() * taps + (long) first * shifts) * 4;
            if (accumulate) {
                MemorySegment.copy(dw, DType.LE_F32, to, line, 0, count);
            } else {
                java.util.Arrays.fill(line, 0, count, 0f);
            }
            for (int v = 0; v < n; v++) {
                int at = ((v / NR * rowPanels + o / MR - firstRow) * shifts * MR + o % MR) * NR + v % NR;
                for (int t = 0; t < shifts; t++) {
                    line[v * shifts + t] += acc[at + t * MR * NR];
                }
            }
            MemorySegment.copy(line, 0, dw, DType.LE_F32, to, count);
        }
    }
}
