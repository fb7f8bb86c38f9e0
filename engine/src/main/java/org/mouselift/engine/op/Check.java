package org.mouselift.engine.op;

import java.util.List;
import org.mouselift.engine.DType;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.ShapeException;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.Vjp;

/** Operand checks shared by the operations' {@code infer} methods. */
final class Check {
    private Check() {}

    static void count(String op, List<TensorSpec> in, int expected) {
        if (in.size() != expected) {
            throw new ShapeException(op, "expected " + expected + " operands, got " + in.size());
        }
    }

    static void compute(String op, TensorSpec x) {
        if (x.dtype() != DType.F32 && x.dtype() != DType.F64) {
            throw new ShapeException(op, "arithmetic runs in f32 or f64, the operand is " + x + "; cast it first");
        }
    }

    static void same(String op, TensorSpec a, TensorSpec b) {
        if (a.dtype() != b.dtype()) {
            throw new ShapeException(op, "element types differ: " + a + " and " + b);
        }
    }

    /** Weights have the type of x, or are stored as f16 or bf16 beside an f32 x. */
    static void weight(String op, TensorSpec x, TensorSpec w) {
        boolean half = x.dtype() == DType.F32 && (w.dtype() == DType.F16 || w.dtype() == DType.BF16);
        require(op, half || x.dtype() == w.dtype(), "element types differ: x " + x + ", weight " + w);
    }

    static void rankAtLeast(String op, TensorSpec x, int rank) {
        if (x.shape().rank() < rank) {
            throw new ShapeException(op, "needs at least " + rank + " axes, got " + x);
        }
    }

    /** For fused operations whose further results are statistics for their own gradient. */
    static void onlyFirst(String op, Vjp v, int results) {
        for (int i = 1; i < results; i++) {
            if (v.gradOrNull(i) != null) {
                throw new EngineException(op + ": the loss depends on result " + i + ", a statistic without a gradient; compute it from primitives");
            }
        }
    }

    static void require(String op, boolean condition, String problem) {
        if (!condition) {
            throw new ShapeException(op, problem);
        }
    }
}
