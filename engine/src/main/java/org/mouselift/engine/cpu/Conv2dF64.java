package org.mouselift.engine.cpu;

import java.lang.foreign.MemorySegment;
import org.mouselift.engine.DType;

/** Two-dimensional convolution and its gradients in float64, summed directly from the definition in {@link Conv2d#forward}. */
public final class Conv2dF64 {
    private static final String KERNEL = "conv2d f64";

    private Conv2dF64() {
    }

    /** One product of a weight and a pixel that belong together. */
    private interface Pair {
        void visit(long x, long w, long y);
    }

    private static void pairs(Conv2dShape s, long n, int o, Pair pair) {
        for (int i = 0; i < s.outHeight(); i++) {
            for (int j = 0; j < s.outWidth(); j++) {
                long y = ((n * s.outChannels() + o) * s.outHeight() + i) * s.outWidth() + j;
                for (int c = 0; c < s.inChannels(); c++) {
                    for (int k = 0; k < s.kernelHeight(); k++) {
                        int r = i * s.strideH() + k - s.padTop();
                        for (int l = 0; l < s.kernelWidth(); l++) {
                            int q = j * s.strideW() + l - s.padLeft();
                            if (r >= 0 && r < s.height() && q >= 0 && q < s.width()) {
                                pair.visit(((n * s.inChannels() + c) * s.height() + r) * s.width() + q,
                                        (((long) o * s.inChannels() + c) * s.kernelHeight() + k) * s.kernelWidth() + l, y);
                            }
                        }
                    }
                }
            }
        }
    }

    private static double get(MemorySegment x, long at) {
        return x.get(DType.LE_F64, at * 8);
    }

    private static void add(MemorySegment x, long at, double value) {
        x.set(DType.LE_F64, at * 8, x.get(DType.LE_F64, at * 8) + value);
    }

    private static void zero(MemorySegment x, long offset, long n) {
        x.asSlice(offset * 8, n * 8).fill((byte) 0);
    }

    private static long weights(Conv2dShape s) {
        return (long) s.outChannels() * s.inChannels() * s.taps();
    }

    /** Forward; bias may be null. */
    public static void forward(Conv2dShape s, MemorySegment x, long xOffset, MemorySegment w, long wOffset, MemorySegment bias, long biasOffset,
            MemorySegment y, long yOffset) {
        s.checkBounds(KERNEL, DType.F64, "x", x, xOffset, false);
        s.checkBounds(KERNEL, DType.F64, "y", y, yOffset, true);
        Bounds.range(KERNEL, "w", w, DType.F64, wOffset, weights(s));
        zero(y, yOffset, s.batch() * s.outChannels() * s.outPlane());
        Workers.split(s.batch() * s.outChannels(), 1, (worker, begin, end) -> {
            for (long t = begin; t < end; t++) {
                int o = (int) (t % s.outChannels());
                pairs(s, t / s.outChannels(), o, (px, pw, py) -> add(y, yOffset + py, get(x, xOffset + px) * get(w, wOffset + pw)));
                if (bias != null) {
                    for (long p = 0; p < s.outPlane(); p++) {
                        add(y, yOffset + t * s.outPlane() + p, get(bias, biasOffset + o));
                    }
                }
            }
        });
    }

    /** Gradient of the input, overwritten. */
    public static void inputGradient(Conv2dShape s, MemorySegment dy, long dyOffset, MemorySegment w, long wOffset, MemorySegment dx, long dxOffset) {
        s.checkBounds(KERNEL, DType.F64, "dy", dy, dyOffset, true);
        s.checkBounds(KERNEL, DType.F64, "dx", dx, dxOffset, false);
        Bounds.range(KERNEL, "w", w, DType.F64, wOffset, weights(s));
        zero(dx, dxOffset, s.batch() * s.inChannels() * s.inPlane());
        Workers.split(s.batch(), 1, (worker, begin, end) -> {
            for (long n = begin; n < end; n++) {
                for (int o = 0; o < s.outChannels(); o++) {
                    pairs(s, n, o, (px, pw, py) -> add(dx, dxOffset + px, get(dy, dyOffset + py) * get(w, wOffset + pw)));
                }
            }
        });
    }

    /** Gradients of the weights and of the bias (null to leave out), overwritten. */
    public static void weightGradient(Conv2dShape s, MemorySegment x, long xOffset, MemorySegment dy, long dyOffset, MemorySegment dw, long dwOffset,
            MemorySegment db, long dbOffset) {
        s.checkBounds(KERNEL, DType.F64, "x", x, xOffset, false);
        s.checkBounds(KERNEL, DType.F64, "dy", dy, dyOffset, true);
        Bounds.range(KERNEL, "dw", dw, DType.F64, dwOffset, weights(s));
        zero(dw, dwOffset, weights(s));
        if (db != null) {
            Bounds.range(KERNEL, "db", db, DType.F64, dbOffset, s.outChannels());
            zero(db, dbOffset, s.outChannels());
        }
        Workers.split(s.outChannels(), 1, (worker, begin, end) -> {
            for (long o = begin; o < end; o++) {
                for (long n = 0; n < s.batch(); n++) {
                    pairs(s, n, (int) o, (px, pw, py) -> add(dw, dwOffset + pw, get(x, xOffset + px) * get(dy, dyOffset + py)));
                    for (long p = 0; db != null && p < s.outPlane(); p++) {
                        add(db, dbOffset + o, get(dy, dyOffset + (n * s.outChannels() + o) * s.outPlane() + p));
                    }
                }
            }
        });
    }
}
