package org.mouselift.engine.cpu;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.mouselift.engine.DType;

/**
 * Two-dimensional convolution in float32 and its gradients. 3x3 kernels of stride 1 between many channels take {@link Winograd}, few
 * result channels {@link TapSums}; all others are matrix products whose right factor ({@link UnfoldedImages}) is never stored: it
 * is written out block by block while {@link Gemm} packs its panels. A 1x1 kernel is a plain product. Which way is taken depends on
 * the shape alone, and results do not depend on the number of threads.
 */
public final class Conv2d {
    private static final String KERNEL = "conv2d f32";
    private static final int NR = MicroKernel.NR;
    /** Pixels of a plane up to which several images share one product. */
    private static final int WHOLE_PLANE = 1536;

    private Conv2d() {
    }

    /**
     * {@code y[n, o, i, j] = bias[o] + sum over c, k, l of w[o, c, k, l] * x[n, c, i*strideH + k - padTop, j*strideW + l - padLeft]}.
     *
     * @param w    weights [Co, Ci, Kh, Kw] in F32, F16 or BF16 ({@code wType})
     * @param bias [Co], or null
     */
    public static void forward(Conv2dShape s, MemorySegment x, long xOffset, MemorySegment w, DType wType, long wOffset, MemorySegment bias, long biasOffset,
            MemorySegment y, long yOffset) {
        s.checkBounds(KERNEL, DType.F32, "x", x, xOffset, false);
        s.checkBounds(KERNEL, DType.F32, "y", y, yOffset, true);
        Bounds.writable(KERNEL, "y", y);
        long k = (long) s.inChannels() * s.taps();
        Bounds.range(KERNEL, "w", w, wType, wOffset, s.outChannels() * k);
        if (bias != null) {
            Bounds.range(KERNEL, "bias", bias, DType.F32, biasOffset, s.outChannels());
        }
        if (Winograd.suits(s, false)) {
            Winograd.forward(s, x, xOffset, w, wType, wOffset, bias, biasOffset, y, yOffset);
            return;
        }
        if (TapSums.suits(s, false)) {
            TapSums.forward(s, x, xOffset, w, wType, wOffset, bias, biasOffset, y, yOffset);
            return;
        }
        int p = s.outPlane();
        Matrix weights = new Matrix(w, wType, wOffset, k, 1);
        long image = (long) s.inChannels() * s.inPlane();
        images(s, p, (first, count) -> {
            long from = xOffset + first * image;
            Gemm.RightFactor unfolded = aligned(s, p) ? planes(x, from, image, p) : new UnfoldedImages(PaddedPlanes.forward(s, x, from, image));
            Gemm.gathered(s.outChannels(), count * p, k, weights, unfolded, 0f, y, yOffset + first * s.outChannels() * p, p, bias, biasOffset, p,
                    (long) s.outChannels() * p);
        });
    }

    /** Gradient of the input, [N, Ci, H, W], overwritten; dy [N, Co, Ho, Wo]. */
    public static void inputGradient(Conv2dShape s, MemorySegment dy, long dyOffset, MemorySegment w, DType wType, long wOffset, MemorySegment dx,
            long dxOffset) {
        s.checkBounds(KERNEL, DType.F32, "dy", dy, dyOffset, true);
        s.checkBounds(KERNEL, DType.F32, "dx", dx, dxOffset, false);
        Bounds.writable(KERNEL, "dx", dx);
        long k = (long) s.outChannels() * s.taps();
        Bounds.range(KERNEL, "w", w, wType, wOffset, s.inChannels() * k);
        if (s.strideH() > 1 || s.strideW() > 1) {
            byPhases(s, dy, dyOffset, w, wType, wOffset, dx, dxOffset);
            return;
        }
        int[] taps = PaddedPlanes.phaseTaps(s, 0, 0);
        if (Winograd.suits(s, true)) {
            Winograd.inputGradient(s, dy, dyOffset, rowMajor(turned(s, w, wType, wOffset, taps), k), dx, dxOffset);
            return;
        }
        if (TapSums.suits(s, true)) {
            TapSums.inputGradient(s, dy, dyOffset, turned(s, w, wType, wOffset, taps), dx, dxOffset);
            return;
        }
        int p = s.inPlane();
        Matrix weights = s.taps() == 1 ? new Matrix(w, wType, wOffset, 1, s.inChannels()) : rowMajor(turned(s, w, wType, wOffset, taps), k);
        long image = (long) s.outChannels() * s.outPlane();
        images(s, p, (first, count) -> {
            long from = dyOffset + first * image;
            Gemm.RightFactor unfolded = aligned(s, p) ? planes(dy, from, image, p) : new UnfoldedImages(PaddedPlanes.backward(s, dy, from, image, 0, 0, taps));
            Gemm.gathered(s.inChannels(), count * p, k, weights, unfolded, 0f, dx, dxOffset + first * s.inChannels() * p, p, null, 0, p,
                    (long) s.inChannels() * p);
        });
    }

    /** The input gradient of a strided convolution: one product for each stride phase of the input's pixels, which meets only its own taps. */
    private static void byPhases(Conv2dShape s, MemorySegment dy, long dyOffset, MemorySegment w, DType wType, long wOffset, MemorySegment dx, long dxOffset) {
        long image = (long) s.outChannels() * s.outPlane();
        images(s, s.inPlane(), (first, count) -> {
            long from = dyOffset + first * image;
            int channels = s.inChannels();
            float[] results = Scratch.local().floats(Scratch.CONV + 4, Math.multiplyExact(count * channels, s.inPlane()));
            Arrays.fill(results, 0, Math.toIntExact(count * channels * s.inPlane()), 0f);
            int at = 0;
            for (int a = 0; a < Math.min(s.strideH(), s.height()); a++) {
                for (int b = 0; b < Math.min(s.strideW(), s.width()); b++) {
                    int[] taps = PaddedPlanes.phaseTaps(s, a, b);
                    int plane = Math.ceilDiv(s.height() - a, s.strideH()) * Math.ceilDiv(s.width() - b, s.strideW());
                    if (taps.length > 0) {
                        long k = (long) s.outChannels() * taps.length;
                        Gemm.gathered(channels, count * plane, k, rowMajor(turned(s, w, wType, wOffset, taps), k),
                                new UnfoldedImages(PaddedPlanes.backward(s, dy, from, image, a, b, taps)), 0f, MemorySegment.ofArray(results), at, plane, null, 0, plane,
                                (long) channels * plane);
                    }
                    at += (int) count * channels * plane;
                }
            }
            Workers.split(count * channels, 1, (worker, begin, end) -> {
                float[] pixels = Scratch.local().floats(Scratch.CONV + 5, s.inPlane());
                for (long i = begin; i < end; i++) {
                    joinPhases(s, results, (int) (count * channels), (int) i, pixels);
                    MemorySegment.copy(pixels, 0, dx, DType.LE_F32, (dxOffset + (first * channels + i) * s.inPlane()) * 4, s.inPlane());
                }
            });
        });
    }

    /** Plane {@code index} of {@code planes}, whose phases lie one after another in {@code results}. */
    private static void joinPhases(Conv2dShape s, float[] results, int planes, int index, float[] pixels) {
        int at = 0;
        for (int a = 0; a < Math.min(s.strideH(), s.height()); a++) {
            for (int b = 0; b < Math.min(s.strideW(), s.width()); b++) {
                int rows = Math.ceilDiv(s.height() - a, s.strideH());
                int cols = Math.ceilDiv(s.width() - b, s.strideW());
                for (int r = 0; r < rows; r++) {
                    int from = at + (index * rows + r) * cols;
                    int to = (a + r * s.strideH()) * s.width() + b;
                    for (int c = 0; c < cols; c++) {
                        pixels[to + c * s.strideW()] = results[from + c];
                    }
                }
                at += planes * rows * cols;
            }
        }
    }

    private static Matrix rowMajor(float[] x, long row) {
        return Matrix.rowMajor(MemorySegment.ofArray(x), 0, row);
    }

    /** The weights [Co, Ci, taps] as [Ci, Co, some taps]. */
    private static float[] turned(Conv2dShape s, MemorySegment w, DType type, long offset, int[] some) {
        int row = s.inChannels() * s.taps();
        int n = some.length;
        float[] line = Scratch.local().floats(Scratch.CONV + 1, row);
        float[] turned = Scratch.local().floats(Scratch.CONV, (long) s.inChannels() * s.outChannels() * n);
        for (int o = 0; o < s.outChannels(); o++) {
            Panels.read(w, type, offset + (long) o * row, 1, row, line, 0, Scratch.local());
            for (int c = 0; c < s.inChannels(); c++) {
                int to = (c * s.outChannels() + o) * n;
                for (int t = 0; t < n; t++) {
                    turned[to + t] = line[c * s.taps() + some[t]];
                }
            }
        }
        return turned;
    }

    /**
     * Gradients of the weights [Co, Ci, Kh, Kw] and of the bias [Co] (null to leave out), float32.
     *
     * @param accumulate adds to dw and db instead of overwriting them
     */
    public static void weightGradient(Conv2dShape s, MemorySegment x, long xOffset, MemorySegment dy, long dyOffset, MemorySegment dw, long dwOffset,
            MemorySegment db, long dbOffset, boolean accumulate) {
        s.checkBounds(KERNEL, DType.F32, "x", x, xOffset, false);
        s.checkBounds(KERNEL, DType.F32, "dy", dy, dyOffset, true);
        long k = (long) s.inChannels() * s.taps();
        Bounds.range(KERNEL, "dw", dw, DType.F32, dwOffset, s.outChannels() * k);
        Bounds.writable(KERNEL, "dw", dw);
        if (db != null) {
            Bounds.range(KERNEL, "db", db, DType.F32, dbOffset, s.outChannels());
        }
        int p = s.outPlane();
        long start = KernelWatch.begin();
        Conv2dWeightGradient.run(s, x, xOffset, dy, dyOffset, dw, dwOffset, accumulate);
        KernelWatch.end(start, 2.0 * s.batch() * p * s.outChannels() * k);
        if (db != null) {
            Workers.split(s.outChannels(), 1, (worker, begin, end) -> {
                Scratch scratch = Scratch.local();
                float[] row = scratch.floats(Scratch.BLOCK_0, RowSums.padded(p));
                float[] lanes = scratch.floats(Scratch.BLOCK_1, RowSums.LANES);
                for (long o = begin; o < end; o++) {
                    double sum = accumulate ? db.get(DType.LE_F32, (dbOffset + o) * 4) : 0;
                    for (long n = 0; n < s.batch(); n++) {
                        MemorySegment.copy(dy, DType.LE_F32, (dyOffset + (n * s.outChannels() + o) * p) * 4, row, 0, p);
                        RowSums.pad(row, 0, p);
                        sum += RowSums.sum(row, 0, p, lanes);
                    }
                    db.set(DType.LE_F32, (dbOffset + o) * 4, (float) sum);
                }
            });
        }
    }

    /** A product over {@code count} images from {@code first} on. */
    private interface Images {
        void run(long first, long count);
    }

    /** One product over all images while they are small, so that the weights are packed only once; else image by image. */
    private static void images(Conv2dShape s, int plane, Images images) {
        if (s.batch() > 0 && plane <= WHOLE_PLANE) {
            images.run(0, s.batch());
        } else {
            for (long n = 0; n < s.batch(); n++) {
                images.run(n, 1);
            }
        }
    }

    /** True when the images are the right factor as they lie, and no panel holds pixels of two of them. */
    private static boolean aligned(Conv2dShape s, int plane) {
        return s.pointwise() && (plane % NR == 0 || plane > WHOLE_PLANE);
    }

    /** The images themselves as right factor [channels, images * pixels]; panels begin at pixel 0 of each. */
    private static Gemm.RightFactor planes(MemorySegment x, long from, long image, int plane) {
        return (k0, kc, j, nc, dst, scratch) -> {
            for (int done = 0; done < nc;) {
                int first = (int) ((j + done) % plane);
                int n = Math.min(nc - done, plane - first);
                Panels.pack(x, DType.F32, from + (j + done) / plane * image + k0 * plane + first, 1, plane, n, kc, NR, dst, done * kc, scratch);
                done += n;
            }
        };
    }
}
