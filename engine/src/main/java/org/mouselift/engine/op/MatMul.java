package org.mouselift.engine.op;

import static org.mouselift.engine.Ops.matmul;
import static org.mouselift.engine.Ops.sumTo;
import static org.mouselift.engine.Ops.transpose;

import java.util.Arrays;
import java.util.List;
import org.mouselift.engine.Operation;
import org.mouselift.engine.Shape;
import org.mouselift.engine.ShapeException;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.Vjp;

/** C[…,M,N] = A[…,M,K] B[…,K,N]; leading axes broadcast. Any strides: transposes are views. */
public record MatMul() implements Operation {
    @Override
    public String name() {
        return "matmul";
    }

    @Override
    public List<TensorSpec> infer(List<TensorSpec> in) {
        Check.count(name(), in, 2);
        TensorSpec a = in.get(0);
        TensorSpec b = in.get(1);
        Check.compute(name(), a);
        Check.same(name(), a, b);
        Check.rankAtLeast(name(), a, 2);
        Check.rankAtLeast(name(), b, 2);
        if (a.shape().dim(-1) != b.shape().dim(-2)) {
            throw new ShapeException(name(), "inner dimensions differ: lhs " + a + ", rhs " + b + " (expected rhs[-2] = " + a.shape().dim(-1) + ")");
        }
        Shape lead = Shape.broadcast(name(), lead(a.shape()), lead(b.shape()));
        long[] d = Arrays.copyOf(lead.dims(), lead.rank() + 2);
        d[d.length - 2] = a.shape().dim(-2);
        d[d.length - 1] = b.shape().dim(-1);
        return List.of(TensorSpec.of(a.dtype(), d));
    }

    /** The batch axes of an operand. */
    public static Shape lead(Shape s) {
        return Shape.of(Arrays.copyOf(s.dims(), s.rank() - 2));
    }

    @Override
    public List<Tensor> vjp(Vjp v) {
        Tensor a = v.input(0);
        Tensor b = v.input(1);
        Tensor g = v.grad();
        return Arrays.asList(
                v.needs(0) ? sumTo(matmul(g, transpose(b, -1, -2)), a.shape()) : null,
                v.needs(1) ? sumTo(matmul(transpose(a, -1, -2), g), b.shape()) : null);
    }
}
