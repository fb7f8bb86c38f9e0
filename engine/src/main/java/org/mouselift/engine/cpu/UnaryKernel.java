package org.mouselift.engine.cpu;

import java.lang.foreign.MemorySegment;
import java.util.List;
import org.mouselift.engine.DType;
import org.mouselift.engine.Kernel;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.op.Unary;

/** Functions of one operand. The scalar form below is the definition; f32 is evaluated in double and rounded once. */
final class UnaryKernel implements Kernel<Unary> {
    @Override
    public void run(Unary op, List<Tensor> in, List<Tensor> out) {
        Tensor a = in.getFirst();
        Tensor b = out.getFirst();
        StridedLoop loop = new StridedLoop(b.shape(), a, b);
        MemorySegment x = a.segment();
        MemorySegment y = b.segment();
        long sx = loop.rowStride(0);
        if (b.dtype() == DType.F64) {
            loop.parallel((at, n) -> {
                for (long i = 0; i < n; i++) {
                    y.set(DType.LE_F64, (at[1] + i) * 8, value(op.kind(), x.get(DType.LE_F64, (at[0] + i * sx) * 8)));
                }
            });
        } else {
            loop.parallel((at, n) -> {
                for (long i = 0; i < n; i++) {
                    y.set(DType.LE_F32, (at[1] + i) * 4, (float) value(op.kind(), x.get(DType.LE_F32, (at[0] + i * sx) * 4)));
                }
            });
        }
    }

    static double value(Unary.Kind kind, double x) {
        return switch (kind) {
            case NEG -> -x;
            case ABS -> Math.abs(x);
            case SIGN -> Math.signum(x);
            case SQUARE -> x * x;
            case SQRT -> Math.sqrt(x);
            case RSQRT -> 1 / Math.sqrt(x);
            case RECIPROCAL -> 1 / x;
            case EXP -> Math.exp(x);
            case LOG -> Math.log(x);
            case SIN -> Math.sin(x);
            case COS -> Math.cos(x);
            case TANH -> Math.tanh(x);
            case ERF -> ErrorFunction.erf(x);
            case SIGMOID -> 1 / (1 + Math.exp(-x));
            case RELU -> Math.max(x, 0);
            case SILU -> x / (1 + Math.exp(-x));
            case SILU_PRIME -> {
                double s = 1 / (1 + Math.exp(-x));
                yield s * (1 + x * (1 - s));
            }
            case GELU -> ErrorFunction.gelu(x);
            case GELU_PRIME -> ErrorFunction.geluDerivative(x);
        };
    }
}
