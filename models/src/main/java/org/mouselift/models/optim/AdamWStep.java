package org.mouselift.models.optim;

import java.lang.foreign.MemorySegment;
import java.util.List;
import java.util.Optional;
import org.mouselift.engine.DType;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Kernel;
import org.mouselift.engine.Operation;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Shape;
import org.mouselift.engine.ShapeException;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.Vjp;
import org.mouselift.engine.cpu.Workers;
import org.mouselift.engine.op.Compare;

/**
 * Moves a parameter in place: p = p (1 - lr decay) - lr (m / c1) / (sqrt(v / c2) + eps). Operands: p […], moments [2,…],
 * and f32 or f64 [3] with the learning rate (lr is {@code rateFactor} times it) and the bias corrections c1 = 1 - beta1^t,
 * c2 = 1 - beta2^t, so that a traced step can be run again with other numbers. A negative learning rate leaves the parameter as it is.
 */
public record AdamWStep(double weightDecay, double eps, double rateFactor) implements Operation {
    @Override
    public String name() {
        return "adamw_step";
    }

    @Override
    public List<TensorSpec> infer(List<TensorSpec> in) {
        if (in.size() != 3 || in.get(1).numel() != 2 * in.get(0).numel() || in.get(0).dtype() != in.get(1).dtype()
                || !in.get(2).dtype().isFloat() || !in.get(2).shape().equals(Shape.of(3))) {
            throw new ShapeException(name(), "operands " + in + ", expected a parameter [...], moments [2,...] and three numbers");
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
        Tensor p = in.get(0);
        DType dtype = p.dtype();
        Tensor numbers = Ops.cast(in.get(2), dtype);
        Tensor given = number(numbers, 0);
        Tensor goes = Ops.compare(Compare.Kind.GE, given, Ops.constantLike(given, 0));
        Tensor rate = Ops.affine(given, rateFactor, 0);
        Tensor step = Ops.div(rate, number(numbers, 1));
        Tensor root = Ops.sqrt(number(numbers, 2));
        long[] dims = p.shape().dims();
        Tensor m = Ops.reshape(AdamMoments.part(in.get(1), 0), dims);
        Tensor v = Ops.reshape(AdamMoments.part(in.get(1), 1), dims);
        Tensor moved = Ops.div(Ops.mul(m, step), Ops.affine(Ops.div(Ops.sqrt(v), root), 1, eps));
        Tensor kept = weightDecay == 0 ? p : Ops.mul(p, Ops.affine(rate, -weightDecay, 1));
        Ops.assign(p, Ops.where(goes, Ops.sub(kept, moved), p));
        return Optional.of(List.of());
    }

    private static Tensor number(Tensor numbers, int i) {
        return Ops.reshape(Ops.slice(numbers, 0, i, i + 1));
    }

    static final Kernel<AdamWStep> KERNEL = (op, in, out) -> {
        MemorySegment parameter = in.get(0).contiguousSegment();
        MemorySegment moments = in.get(1).contiguousSegment();
        double[] numbers = in.get(2).toDoubles();
        if (numbers[0] < 0) {
            return;
        }
        double rate = numbers[0] * op.rateFactor;
        double keep = 1 - rate * op.weightDecay;
        double step = rate / numbers[1];
        double root = Math.sqrt(numbers[2]);
        long n = in.get(0).numel();
        boolean single = in.get(0).dtype() == DType.F32;
        Workers.split(n, 1024, (worker, begin, end) -> {
            if (single) {
                floats(parameter, moments, (float) keep, (float) step, (float) root, (float) op.eps, n, begin, end);
            } else {
                doubles(parameter, moments, keep, step, root, op.eps, n, begin, end);
            }
        });
    };

    private static void floats(MemorySegment parameter, MemorySegment moments, float keep, float step, float root, float eps, long n, long begin,
            long end) {
        for (long i = begin; i < end; i++) {
            float m = moments.get(DType.LE_F32, i * 4);
            float v = moments.get(DType.LE_F32, (n + i) * 4);
            float p = parameter.get(DType.LE_F32, i * 4);
            parameter.set(DType.LE_F32, i * 4, p * keep - step * m / ((float) Math.sqrt(v) / root + eps));
        }
    }

    private static void doubles(MemorySegment parameter, MemorySegment moments, double keep, double step, double root, double eps, long n,
            long begin, long end) {
        for (long i = begin; i < end; i++) {
            double m = moments.get(DType.LE_F64, i * 8);
            double v = moments.get(DType.LE_F64, (n + i) * 8);
            double p = parameter.get(DType.LE_F64, i * 8);
            parameter.set(DType.LE_F64, i * 8, p * keep - step * m / (Math.sqrt(v) / root + eps));
        }
    }
}
