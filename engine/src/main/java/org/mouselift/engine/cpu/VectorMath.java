package org.mouselift.engine.cpu;

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

    private static final int BLOCK = MathBlocks.BLOCK;
    /** Elements a thread should have before it is worth waking. */
    private static final long GRAIN = 16 * BLOCK;

    private VectorMath() {
    }

    /** {@code y[i] = f(x[i])} for n contiguous float32 elements; runs on all threads when the range is long. */
    public static void apply(Function f, MemorySegment x, long xOffset, MemorySegment y, long yOffset, long n) {
        Bounds.range("vector math", "x", x, DType.F32, xOffset, n);
        Bounds.range("vector math", "y", y, DType.F32, yOffset, n);
        Bounds.writable("vector math", "y", y);
        Workers.split(n, GRAIN, (worker, begin, end) -> {
            Scratch scratch = Scratch.local();
            float[] block = scratch.floats(Scratch.BLOCK_0, BLOCK);
            float[] work = scratch.floats(Scratch.BLOCK_1, 2 * BLOCK);
            for (long i = begin; i < end; i += BLOCK) {
                int count = (int) Math.min(BLOCK, end - i);
                MemorySegment.copy(x, DType.LE_F32, (xOffset + i) * 4, block, 0, count);
                evaluate(f, block, count, work);
                MemorySegment.copy(block, 0, y, DType.LE_F32, (yOffset + i) * 4, count);
            }
        });
    }

    /** {@code dx[i] = dy[i] * f'(x[i])} for SILU and GELU, float32. */
    public static void gradient(Function f, MemorySegment x, long xOffset, MemorySegment dy, long dyOffset, MemorySegment dx, long dxOffset, long n) {
        Function prime = f.prime();
        Bounds.range("vector math", "x", x, DType.F32, xOffset, n);
        Bounds.range("vector math", "dy", dy, DType.F32, dyOffset, n);
        Bounds.range("vector math", "dx", dx, DType.F32, dxOffset, n);
        Bounds.writable("vector math", "dx", dx);
        Workers.split(n, GRAIN, (worker, begin, end) -> {
            Scratch scratch = Scratch.local();
            float[] block = scratch.floats(Scratch.BLOCK_0, BLOCK);
            float[] work = scratch.floats(Scratch.BLOCK_1, 2 * BLOCK);
            float[] slope = scratch.floats(Scratch.BLOCK_2, BLOCK);
            for (long i = begin; i < end; i += BLOCK) {
                int count = (int) Math.min(BLOCK, end - i);
                MemorySegment.copy(x, DType.LE_F32, (xOffset + i) * 4, block, 0, count);
                MemorySegment.copy(dy, DType.LE_F32, (dyOffset + i) * 4, slope, 0, count);
                evaluate(prime, block, count, work);
                multiply(block, slope, count);
                MemorySegment.copy(block, 0, dx, DType.LE_F32, (dxOffset + i) * 4, count);
            }
        });
    }

    /** {@code y[i] = f(x[i])} in float64. */
    public static void applyF64(Function f, MemorySegment x, long xOffset, MemorySegment y, long yOffset, long n) {
        Bounds.range("vector math", "x", x, DType.F64, xOffset, n);
        Bounds.range("vector math", "y", y, DType.F64, yOffset, n);
        Bounds.writable("vector math", "y", y);
        Workers.split(n, GRAIN, (worker, begin, end) -> {
            for (long i = begin; i < end; i++) {
                y.set(DType.LE_F64, (yOffset + i) * 8, f.value(x.get(DType.LE_F64, (xOffset + i) * 8)));
            }
        });
    }

    /** Applies f to {@code block[0, n)} in place; n at most {@link MathBlocks#BLOCK}, arrays padded to whole vectors. */
    static void evaluate(Function f, float[] block, int n, float[] work) {
        switch (f) {
            case EXP -> MathBlocks.exp(block, 0, n);
            case LOG -> MathBlocks.log(block, 0, n);
            case TANH -> MathBlocks.tanh(block, 0, n, work, 0);
            case ERF -> MathBlocks.erf(block, 0, n, work, 0);
            case SIGMOID -> MathBlocks.sigmoid(block, 0, n, work, 0);
            case SILU -> MathBlocks.silu(block, 0, n, work, 0);
            case SILU_PRIME -> MathBlocks.siluDerivative(block, 0, n, work, 0);
            case GELU -> MathBlocks.gelu(block, 0, n, work, 0);
            case GELU_PRIME -> MathBlocks.geluDerivative(block, 0, n, work, 0);
        }
    }

    private static void multiply(float[] x, float[] y, int n) {
        for (int i = 0; i < n; i++) {
            x[i] *= y[i];
        }
    }
}
