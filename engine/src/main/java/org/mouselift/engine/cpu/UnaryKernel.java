package org.mouselift.engine.cpu;

import java.lang.foreign.MemorySegment;
import java.util.EnumMap;
import java.util.List;
import java.util.Map;
import org.mouselift.engine.DType;
import org.mouselift.engine.Kernel;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.op.Unary;

/**
 * Functions of one operand. Transcendental functions of f32 go through {@link VectorMath}; the others are exactly
 * rounded, as vectors where rows are contiguous and the function has an instruction, else evaluated in double.
 */
final class UnaryKernel implements Kernel<Unary> {
    private static final Map<Unary.Kind, VectorMath.Function> FUNCTIONS = new EnumMap<>(Unary.Kind.class);

    static {
        for (VectorMath.Function f : VectorMath.Function.values()) {
            FUNCTIONS.put(Unary.Kind.valueOf(f.name()), f);
        }
    }

    @Override
    public void run(Unary op, List<Tensor> in, List<Tensor> out) {
        Unary.Kind kind = op.kind();
        VectorMath.Function function = FUNCTIONS.get(kind);
        Tensor a = in.getFirst();
        Tensor b = out.getFirst();
        boolean wide = b.dtype() == DType.F64;
        if (!wide && function != null && !a.isContiguous()) {
            a = MatMulKernel.contiguous(a);
        }
        MemorySegment x = a.segment();
        MemorySegment y = b.segment();
        if (!wide && function != null) {
            VectorMath.apply(function, x, a.offset(), y, b.offset(), a.numel());
            return;
        }
        StridedLoop loop = new StridedLoop(b.shape(), a, b);
        long sx = loop.rowStride(0);
        if (wide) {
            loop.parallel((at, n) -> {
                for (long i = 0; i < n; i++) {
                    y.set(DType.LE_F64, (at[1] + i) * 8, value(kind, x.get(DType.LE_F64, (at[0] + i * sx) * 8)));
                }
            });
        } else if (sx == 1 && FloatRows.has(kind)) {
            loop.parallel((at, n) -> FloatRows.apply(kind, x, at[0], y, at[1], n));
        } else {
            loop.parallel((at, n) -> {
                for (long i = 0; i < n; i++) {
                    y.set(DType.LE_F32, (at[1] + i) * 4, (float) value(kind, x.get(DType.LE_F32, (at[0] + i * sx) * 4)));
                }
            });
        }
    }

    static void gradient(Unary.Grad op, List<Tensor> in, List<Tensor> out) {
        Tensor x = MatMulKernel.contiguous(in.get(0));
        Tensor dy = MatMulKernel.contiguous(in.get(1));
        Tensor dx = out.getFirst();
        VectorMath.gradient(FUNCTIONS.get(op.kind()), x.segment(), x.offset(), dy.segment(), dy.offset(), dx.segment(), dx.offset(), x.numel());
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
            case SIN -> Math.sin(x);
            case COS -> Math.cos(x);
            case RELU -> Math.max(x, 0);
            default -> FUNCTIONS.get(kind).value(x);
        };
    }
}
