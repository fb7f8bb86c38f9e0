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

/** Replaces NaN by 0, +infinity by 1e-3 and -infinity by -1e-3 in place (GS-LRM specification §6.4). */
public record CleanGradient() implements Operation {
    private static final double INFINITE = 1e-3;

    @Override
    public String name() {
        return "clean_gradient";
    }

    @Override
    public List<TensorSpec> infer(List<TensorSpec> in) {
        if (in.size() != 1) {
            throw new ShapeException(name(), "expected one gradient, got " + in);
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
        Tensor g = in.getFirst();
        Tensor largest = Ops.constantLike(g, g.dtype() == DType.F64 ? Double.MAX_VALUE : Float.MAX_VALUE);
        Tensor bounded = Ops.where(Ops.compare(Compare.Kind.GT, g, largest), Ops.constantLike(g, INFINITE),
                Ops.where(Ops.compare(Compare.Kind.LT, g, Ops.neg(largest)), Ops.constantLike(g, -INFINITE), g));
        Ops.assign(g, Ops.where(Ops.compare(Compare.Kind.EQ, g, g), bounded, Ops.constantLike(g, 0)));
        return Optional.of(List.of());
    }

    static final Kernel<CleanGradient> KERNEL = (op, in, out) -> {
        MemorySegment gradient = in.getFirst().contiguousSegment();
        boolean single = in.getFirst().dtype() == DType.F32;
        Workers.split(in.getFirst().numel(), 1024, (worker, begin, end) -> {
            for (long i = begin; i < end; i++) {
                double g = single ? gradient.get(DType.LE_F32, i * 4) : gradient.get(DType.LE_F64, i * 8);
                if (!Double.isFinite(g)) {
                    double value = Double.isNaN(g) ? 0 : Math.copySign(INFINITE, g);
                    if (single) {
                        gradient.set(DType.LE_F32, i * 4, (float) value);
                    } else {
                        gradient.set(DType.LE_F64, i * 8, value);
                    }
                }
            }
        });
    };
}
