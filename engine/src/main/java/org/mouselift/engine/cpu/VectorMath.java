package org.mouselift.engine.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import org.mouselift.engine.DType;

/**
 * Elementary functions and activations over contiguous ranges. float32 results stay within the bound stated at each
 * function (u = 2^-24, 1 ulp = 2u relative); subnormal arguments and results, infinities and NaN follow the mathematical
 * function. float64 rounds {@link Math} and {@link ErrorFunction}. Input and output may be the same range.
 */
public final class VectorMath {
    /** The functions; each is also its own float64 definition. */
    public enum Function {
        /** 2 ulp. */
        EXP,
        /** 2 ulp; -infinity at 0, NaN below. */
        LOG,
        /** 2 ulp. */
        TANH,
        /** 2 ulp. */
        ERF,
        /** 1 / (1 + exp(-x)); 3 ulp. */
        SIGMOID,
        /** x sigmoid(x); 4 ulp and, below -87, 2^-148 |x|. NaN at -infinity. */
        SILU,
        /** s (1 + x (1 - s)), s = sigmoid(x); absolute error 8u, near the zero at -1.28 and for large negative x. */
        SILU_PRIME,
        /** x Phi(x) = x/2 (1 + erf(x / sqrt 2)); error 3u |x|: relatively large where Phi is tiny. NaN at -infinity. */
        GELU,
        /** Phi(x) + x phi(x); absolute error 6u. */
        GELU_PRIME;

        /** The function in float64. */
        public double value(double x) {
            return switch (this) {
                case EXP -> Math.exp(x);
                case LOG -> Math.log(x);
                case TANH -> Math.tanh(x);
                case ERF -> ErrorFunction.erf(x);
                case SIGMOID -> 1 / (1 + Math.exp(-x));
                case SILU -> x / (1 + Math.exp(-x));
                case SILU_PRIME -> siluPrime(x);
                case GELU -> ErrorFunction.gelu(x);
                case GELU_PRIME -> ErrorFunction.geluDerivative(x);
            };
        }

        private static double siluPrime(double x) {
            double clamped = Math.max(-1000, Math.min(1000, x));
            double s = 1 / (1 + Math.exp(-clamped));
            return s * (1 + clamped / (1 + Math.exp(clamped)));
        }

        /** The derivative of this function in terms of its argument, for the two activations. */
        Function prime() {
            return switch (this) {
                case SILU -> SILU_PRIME;
                case GELU -> GELU_PRIME;
                default -> throw new IllegalArgumentException("vector math: the fused gradient exists for silu and gelu, not for " + this);
            };
        }
    }

    private static final String KERNEL = "vector math";
    private static final int L = VectorWidth.LANES;
    /** Elements a thread should have before it is worth waking. */
    private static final long GRAIN = 1 << 14;
    /** Elements of one call of a loop, whose byte offsets are ints. */
    private static final int PIECE = 1 << 26;
    private static final MemorySegment ONES = Arena.global().allocate(1 << 12, 64);

    static {
        for (int i = 0; i < ONES.byteSize(); i += 4) {
            ONES.set(DType.LE_F32, i, 1f);
        }
    }

    private VectorMath() {
    }

    /** {@code y[i] = f(x[i])} for n contiguous float32 elements; runs on all threads when the range is long. */
    public static void apply(Function f, MemorySegment x, long xOffset, MemorySegment y, long yOffset, long n) {
        Bounds.range(KERNEL, "x", x, DType.F32, xOffset, n);
        Bounds.range(KERNEL, "y", y, DType.F32, yOffset, n);
        Bounds.writable(KERNEL, "y", y);
        Workers.split(n, GRAIN, (worker, begin, end) -> {
            for (long i = begin; i < end; i += PIECE) {
                run(f, x, xOffset + i, y, yOffset + i, (int) Math.min(PIECE, end - i));
            }
        });
    }

    /** {@code dx[i] = dy[i] * f'(x[i])} for SILU and GELU, float32. */
    public static void gradient(Function f, MemorySegment x, long xOffset, MemorySegment dy, long dyOffset, MemorySegment dx, long dxOffset, long n) {
        f.prime();
        Bounds.range(KERNEL, "x", x, DType.F32, xOffset, n);
        Bounds.range(KERNEL, "dy", dy, DType.F32, dyOffset, n);
        Bounds.range(KERNEL, "dx", dx, DType.F32, dxOffset, n);
        Bounds.writable(KERNEL, "dx", dx);
        Workers.split(n, GRAIN, (worker, begin, end) -> {
            for (long i = begin; i < end; i += PIECE) {
                runGradient(f, x, xOffset + i, dy, dyOffset + i, dx, dxOffset + i, (int) Math.min(PIECE, end - i));
            }
        });
    }

    /** {@code y[i] = f(x[i])} in float64. */
    public static void applyF64(Function f, MemorySegment x, long xOffset, MemorySegment y, long yOffset, long n) {
        Bounds.range(KERNEL, "x", x, DType.F64, xOffset, n);
        Bounds.range(KERNEL, "y", y, DType.F64, yOffset, n);
        Bounds.writable(KERNEL, "y", y);
        Workers.split(n, GRAIN, (worker, begin, end) -> {
            for (long i = begin; i < end; i++) {
                y.set(DType.LE_F64, (yOffset + i) * 8, f.value(x.get(DType.LE_F64, (xOffset + i) * 8)));
            }
        });
    }

    /** One piece on the calling thread; offsets in elements. What does not fill a vector goes through a vector of its own. */
    static void run(Function f, MemorySegment x, long at, MemorySegment y, long to, int n) {
        if (VectorWidth.SCALAR) {
            for (long i = 0; i < n; i++) {
                y.set(DType.LE_F32, (to + i) * 4, (float) f.value(x.get(DType.LE_F32, (at + i) * 4)));
            }
            return;
        }
        int whole = n - n % L;
        if (whole > 0) {
            loop(f, x.asSlice(at * 4, whole * 4L), y.asSlice(to * 4, whole * 4L), whole * 4);
        }
        if (whole < n) {
            MemorySegment edge = Scratch.local().edge(0);
            edge.fill((byte) 0);
            MemorySegment.copy(x, (at + whole) * 4, edge, 0, (n - whole) * 4L);
            loop(f, edge, edge, L * 4);
            MemorySegment.copy(edge, 0, y, (to + whole) * 4, (n - whole) * 4L);
        }
    }

    /** {@code dx = dy f'(x)} of one piece, as {@link #run}. */
    static void runGradient(Function f, MemorySegment x, long at, MemorySegment dy, long dyAt, MemorySegment dx, long to, int n) {
        if (VectorWidth.SCALAR) {
            Function prime = f.prime();
            for (long i = 0; i < n; i++) {
                float slope = (float) prime.value(x.get(DType.LE_F32, (at + i) * 4));
                dx.set(DType.LE_F32, (to + i) * 4, slope * dy.get(DType.LE_F32, (dyAt + i) * 4));
            }
            return;
        }
        int whole = n - n % L;
        if (whole > 0) {
            gradientLoop(f, x.asSlice(at * 4, whole * 4L), dy.asSlice(dyAt * 4, whole * 4L), dx.asSlice(to * 4, whole * 4L), whole * 4);
        }
        if (whole < n) {
            MemorySegment edge = Scratch.local().edge(0).fill((byte) 0);
            MemorySegment edgeDy = Scratch.local().edge(1).fill((byte) 0);
            MemorySegment.copy(x, (at + whole) * 4, edge, 0, (n - whole) * 4L);
            MemorySegment.copy(dy, (dyAt + whole) * 4, edgeDy, 0, (n - whole) * 4L);
            gradientLoop(f, edge, edgeDy, edge, L * 4);
            MemorySegment.copy(edge, 0, dx, (to + whole) * 4, (n - whole) * 4L);
        }
    }

    private static void loop(Function f, MemorySegment x, MemorySegment y, int bytes) {
        switch (f) {
            case EXP -> MathRanges.exp(x, y, bytes);
            case LOG -> MathRanges.log(x, y, bytes);
            case TANH -> MathRanges.tanh(x, y, bytes);
            case ERF -> MathRanges.erf(x, y, bytes);
            case SIGMOID -> MathRanges.sigmoid(x, y, bytes);
            case SILU -> MathRanges.silu(x, y, bytes);
            case SILU_PRIME -> slope(Function.SILU, x, y, bytes);
            case GELU -> MathRanges.gelu(x, y, bytes);
            case GELU_PRIME -> slope(Function.GELU, x, y, bytes);
        }
    }

    /** f' as the gradient of dy = 1. */
    private static void slope(Function f, MemorySegment x, MemorySegment y, int bytes) {
        int most = (int) ONES.byteSize();
        for (int i = 0; i < bytes; i += most) {
            int n = Math.min(most, bytes - i);
            gradientLoop(f, x.asSlice(i, n), ONES, y.asSlice(i, n), n);
        }
    }

    private static void gradientLoop(Function f, MemorySegment x, MemorySegment dy, MemorySegment dx, int bytes) {
        switch (f) {
            case SILU -> MathRanges.siluGradient(x, dy, dx, bytes);
            case GELU -> MathRanges.geluGradient(x, dy, dx, bytes);
            default -> throw new IllegalArgumentException("vector math: no fused gradient of " + f);
        }
    }
}
