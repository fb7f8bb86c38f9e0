package org.mouselift.engine.cpu;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.mouselift.engine.DType;

/**
 * Two-dimensional convolution in float32 and its gradients, as matrix products whose right factor (the unfolded image) is
 * never stored: its rows are gathered while {@link Gemm} packs its panels. A 1x1 kernel is a plain product. Results do not
 * depend on the number of threads.
 */
public final class Conv2d {
    private static final String KERNEL = "conv2d f32";
    private static final int NR = MicroKernel.NR;

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
        int p = s.outPlane();
        Matrix weights = new Matrix(w, wType, wOffset, k, 1);
        long image = (long) s.inChannels() * s.inPlane();
        images(s, p, (first, count) -> {
            long from = xOffset + first * image;
            Gemm.RightFactor unfolded = s.pointwise() ? planes(x, from, image, p) : unfold(s, x, from, image, p, false);
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
        long taps = s.taps();
        long k = s.outChannels() * taps;
        Bounds.range(KERNEL, "w", w, wType, wOffset, s.inChannels() * k);
        int p = s.inPlane();
        Matrix weights;
        if (taps == 1) {
            weights = new Matrix(w, wType, wOffset, 1, s.inChannels());
        } else {
            float[] turned = Scratch.local().floats(Scratch.CONV, s.inChannels() * k);
            turn(s, w, wType, wOffset, turned);
            weights = Matrix.rowMajor(MemorySegment.ofArray(turned), 0, k);
        }
        long image = (long) s.outChannels() * s.outPlane();
        images(s, p, (first, count) -> {
            long from = dyOffset + first * image;
            Gemm.RightFactor unfolded = s.pointwise() ? planes(dy, from, image, p) : unfold(s, dy, from, image, p, true);
            Gemm.gathered(s.inChannels(), count * p, k, weights, unfolded, 0f, dx, dxOffset + first * s.inChannels() * p, p, null, 0, p,
                    (long) s.inChannels() * p);
        });
    }

    /** Weights [Co, Ci, taps] as [Ci, Co, taps]. */
    private static void turn(Conv2dShape s, MemorySegment w, DType type, long offset, float[] turned) {
        int taps = s.taps();
        int row = s.inChannels() * taps;
        float[] line = Scratch.local().floats(Scratch.CONV + 1, row);
        for (int o = 0; o < s.outChannels(); o++) {
            Panels.read(w, type, offset + (long) o * row, 1, row, line, 0, Scratch.local());
            for (int c = 0; c < s.inChannels(); c++) {
                System.arraycopy(line, c * taps, turned, (c * s.outChannels() + o) * taps, taps);
            }
        }
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
        if (s.batch() == 0 && !accumulate) {
            FloatRanges.fill(0, dw, dwOffset, s.outChannels() * k);
        }
        for (long n = 0; n < s.batch(); n++) {
            Matrix gradient = Matrix.rowMajor(dy, dyOffset + n * s.outChannels() * p, p);
            long from = xOffset + n * s.inChannels() * s.inPlane();
            Gemm.RightFactor pixels = s.pointwise() ? (k0, kc, j, nc, dst, scratch) -> Panels.pack(x, DType.F32, from + j * p + k0, p, 1, nc, kc, NR, dst, 0, scratch)
                    : unfoldTransposed(s, x, from);
            Gemm.gathered(s.outChannels(), k, p, gradient, pixels, n == 0 && !accumulate ? 0f : 1f, dw, dwOffset, k, null, 0, k, 0);
        }
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

    /** One product over all images when no tile crosses from one to the next, so that the weights are packed only once. */
    private static void images(Conv2dShape s, int plane, Images images) {
        if (s.batch() == 0) {
            return;
        }
        if (plane % NR == 0) {
            images.run(0, s.batch());
        } else if (plane <= 256 && s.batch() > 1) {
            Workers.split(s.batch(), 1, (worker, begin, end) -> {
                for (long n = begin; n < end; n++) {
                    images.run(n, 1);
                }
            });
        } else {
            for (long n = 0; n < s.batch(); n++) {
                images.run(n, 1);
            }
        }
    }

    /** The images themselves as right factor [channels, images * pixels]. */
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

    /**
     * The unfolded images [channels * taps, images * pixels]. Forward: row (c, k, l) is the input shifted by the tap, seen at
     * the output pixels. Backward: row (o, k, l) is the output gradient at the pixels of the input.
     */
    private static Gemm.RightFactor unfold(Conv2dShape s, MemorySegment x, long from, long image, int plane, boolean backward) {
        return (k0, kc, j, nc, dst, scratch) -> {
            float[] row = scratch.floats(Scratch.CONV + 2, nc);
            for (int k = 0; k < kc; k++) {
                for (int done = 0; done < nc;) {
                    int first = (int) ((j + done) % plane);
                    int n = Math.min(nc - done, plane - first);
                    gather(s, x, from + (j + done) / plane * image, backward, (int) (k0 + k), first, n, row, done);
                    done += n;
                }
                Panels.spread(row, nc, NR, kc, k, dst);
            }
        };
    }

    /** The transposed unfolded image [pixels, channels * taps] of the weight gradient. */
    private static Gemm.RightFactor unfoldTransposed(Conv2dShape s, MemorySegment x, long from) {
        return (k0, kc, j, nc, dst, scratch) -> {
            int pitch = kc + 16;
            float[] rows = scratch.floats(Scratch.CONV + 2, (long) pitch * NR);
            for (int lane = 0; lane < nc; lane += NR) {
                int count = Math.min(NR, nc - lane);
                for (int i = 0; i < count; i++) {
                    gather(s, x, from, false, (int) j + lane + i, (int) k0, kc, rows, i * pitch);
                }
                Panels.interleave(rows, pitch, count, kc, NR, dst, lane * kc);
                if (count < NR) {
                    Panels.clear(dst, lane * kc, NR, count, kc);
                }
            }
        };
    }

    /** Elements [first, first + n) of row {@code k} of the unfolded image. */
    private static void gather(Conv2dShape s, MemorySegment x, long from, boolean backward, int k, int first, int n, float[] dst, int at) {
        int taps = s.taps();
        int channel = k / taps;
        int kh = k % taps / s.kernelWidth();
        int kw = k % s.kernelWidth();
        int gridWidth = backward ? s.width() : s.outWidth();
        int rows = backward ? s.outHeight() : s.height();
        int cols = backward ? s.outWidth() : s.width();
        long plane = from + (long) channel * rows * cols;
        int done = 0;
        int r = first / gridWidth;
        int c = first % gridWidth;
        while (done < n) {
            int run = Math.min(n - done, gridWidth - c);
            int source = backward ? Math.floorDiv(r + s.padTop() - kh, s.strideH()) : r * s.strideH() + kh - s.padTop();
            boolean hit = source >= 0 && source < rows && !(backward && source * s.strideH() != r + s.padTop() - kh);
            if (!hit) {
                Arrays.fill(dst, at + done, at + done + run, 0f);
            } else if (backward) {
                line(x, plane + (long) source * cols, cols, c + s.padLeft() - kw, s.strideW(), run, dst, at + done);
            } else if (s.strideW() == 1) {
                line(x, plane + (long) source * cols, cols, c + kw - s.padLeft(), 1, run, dst, at + done);
            } else {
                for (int i = 0; i < run; i++) {
                    int col = (c + i) * s.strideW() + kw - s.padLeft();
                    dst[at + done + i] = col >= 0 && col < cols ? x.get(DType.LE_F32, (plane + (long) source * cols + col) * 4) : 0f;
                }
            }
            done += run;
            c = 0;
            r++;
        }
    }

    /** Elements {@code (start + i) / stride} of a line of {@code length}, zero outside and where the stride does not divide. */
    private static void line(MemorySegment x, long base, int length, int start, int stride, int n, float[] dst, int at) {
        if (stride == 1) {
            int left = Math.min(n, Math.max(0, -start));
            int right = Math.max(left, Math.min(n, length - start));
            Arrays.fill(dst, at, at + left, 0f);
            MemorySegment.copy(x, DType.LE_F32, (base + start + left) * 4, dst, at + left, right - left);
            Arrays.fill(dst, at + right, at + n, 0f);
            return;
        }
        for (int i = 0; i < n; i++) {
            int t = start + i;
            dst[at + i] = t >= 0 && t % stride == 0 && t / stride < length ? x.get(DType.LE_F32, (base + t / stride) * 4) : 0f;
        }
    }
}
