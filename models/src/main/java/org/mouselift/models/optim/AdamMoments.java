package org.mouselift.models.optim;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;
import org.mouselift.engine.DType;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Kernel;
import org.mouselift.engine.Operation;
import org.mouselift.engine.Ops;
import org.mouselift.engine.ShapeException;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.Vjp;
import org.mouselift.engine.cpu.Workers;
import org.mouselift.engine.op.Compare;

/**
 * Moves the moments of Adam in place: with h = c g, m = beta1 m + (1 - beta1) h and v = beta2 v + (1 - beta2) h².
 * Operands: moments [2,…] (m, then v), gradient g […], clip coefficient c (f32 or f64, rank 0). A negative coefficient leaves the
 * moments as they are: a program decides with it that an update is left out.
 */
public record AdamMoments(double beta1, double beta2) implements Operation {
    @Override
    public String name() {
        return "adam_moments";
    }

    @Override
    public List<TensorSpec> infer(List<TensorSpec> in) {
        if (in.size() != 3 || in.get(0).numel() != 2 * in.get(1).numel() || in.get(0).dtype() != in.get(1).dtype()
                || !in.get(2).dtype().isFloat() || in.get(2).shape().rank() != 0) {
            throw new ShapeException(name(), "operands " + in + ", expected moments [2,...], gradient [...] and a coefficient");
        }
        return List.of();
    }

    @Override
    public int overwrites() {
        return 0;
    }

    @Override
    public List<Tensor> vjp(Vjp v) {
        throw new EngineException(name() + " has no gradient");
    }

    @Override
    public Optional<List<Tensor>> composed(List<Tensor> in) {
        Tensor moments = in.get(0);
        DType dtype = moments.dtype();
        Tensor c = Ops.cast(in.get(2), dtype);
        Tensor goes = Ops.compare(Compare.Kind.GE, c, Ops.constantLike(c, 0));
        Tensor h = Ops.reshape(Ops.mul(in.get(1), c), part(moments, 0).shape().dims());
        Tensor first = part(moments, 0);
        Tensor second = part(moments, 1);
        Ops.assign(first, Ops.where(goes, Ops.add(Ops.affine(first, beta1, 0), Ops.affine(h, 1 - beta1, 0)), first));
        Ops.assign(second, Ops.where(goes, Ops.add(Ops.affine(second, beta2, 0), Ops.affine(Ops.square(h), 1 - beta2, 0)), second));
        return Optional.of(List.of());
    }

    /** First or second moment [1,…]. */
    static Tensor part(Tensor moments, int which) {
        return Ops.slice(moments, 0, which, which + 1);
    }

    static final Kernel<AdamMoments> KERNEL = (op, in, out) -> {
        MemorySegment moments = in.get(0).contiguousSegment();
        MemorySegment gradient = in.get(1).contiguousSegment();
        double c = in.get(2).item();
        if (c < 0) {
            return;
        }
        long n = in.get(1).numel();
        boolean single = in.get(0).dtype() == DType.F32;
        Workers.split(n, 1024, (worker, begin, end) -> {
            if (single) {
                floats(op, moments, gradient, (float) c, n, begin, end);
            } else {
                doubles(op, moments, gradient, c, n, begin, end);
            }
        });
    };

    private static void floats(AdamMoments op, MemorySegment moments, MemorySegment gradient, float c, long n, long begin, long end) {
        float b1 = (float) op.beta1;
        float a1 = (float) (1 - op.beta1);
        float b2 = (float) op.beta2;
        float a2 = (float) (1 - op.beta2);
        for (long i = begin; i < end; i++) {
            float h = c * gradient.get(DType.LE_F32, i * 4);
            moments.set(DType.LE_F32, i * 4, b1 * moments.get(DType.LE_F32, i * 4) + a1 * h);
            moments.set(DType.LE_F32, (n + i) * 4, b2 * moments.get(DType.LE_F32, (n + i) * 4) + a2 * h * h);
        }
    }

    private static void doubles(AdamMoments op, MemorySegment moments, MemorySegment gradient, double c, long n, long begin, long end) {
        for (long i = begin; i < end; i++) {
            double h = c * gradient.get(DType.LE_F64, i * 8);
            moments.set(DType.LE_F64, i * 8, op.beta1 * moments.get(DType.LE_F64, i * 8) + (1 - op.beta1) * h);
            moments.set(DType.LE_F64, (n + i) * 8, op.beta2 * moments.get(DType.LE_F64, (n + i) * 8) + (1 - op.beta2) * h * h);
        }
    }
}
