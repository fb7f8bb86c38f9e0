package org.mouselift.models.optim;

import java.lang.foreign.MemorySegment;
import java.util.Collections;
import java.util.List;
import org.mouselift.engine.DType;
import org.mouselift.engine.Kernel;
import org.mouselift.engine.Operation;
import org.mouselift.engine.Ops;
import org.mouselift.engine.ShapeException;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.Vjp;
import org.mouselift.engine.cpu.Workers;

/** Sum of the squares of all elements as f64, rank 0; the same for every number of threads. */
record SquaredNorm() implements Operation {
    /** Elements per partial sum: a fixed number, so that the order of additions does not depend on the threads. */
    private static final long BLOCK = 16_384;

    @Override
    public String name() {
        return "squared_norm";
    }

    @Override
    public List<TensorSpec> infer(List<TensorSpec> in) {
        if (in.size() != 1 || (in.getFirst().dtype() != DType.F32 && in.getFirst().dtype() != DType.F64)) {
            throw new ShapeException(name(), "expected one f32 or f64 tensor, got " + in);
        }
        return List.of(TensorSpec.of(DType.F64));
    }

    @Override
    public List<Tensor> vjp(Vjp v) {
        Tensor x = v.input(0);
        return Collections.singletonList(Ops.mul(Ops.affine(x, 2, 0), Ops.cast(v.grad(), x.dtype())));
    }

    static final Kernel<SquaredNorm> KERNEL = (op, in, out) -> {
        Tensor x = in.getFirst();
        MemorySegment memory = x.contiguousSegment();
        boolean single = x.dtype() == DType.F32;
        double[] partial = new double[Math.toIntExact(Math.ceilDiv(x.numel(), BLOCK))];
        Workers.split(partial.length, 1, (worker, begin, end) -> {
            for (long b = begin; b < end; b++) {
                long last = Math.min(x.numel(), (b + 1) * BLOCK);
                double sum = 0;
                for (long i = b * BLOCK; i < last; i++) {
                    double value = single ? memory.get(DType.LE_F32, i * 4) : memory.get(DType.LE_F64, i * 8);
                    sum += value * value;
                }
                partial[(int) b] = sum;
            }
        });
        double total = 0;
        for (double p : partial) {
            total += p;
        }
        out.getFirst().contiguousSegment().set(DType.LE_F64, 0, total);
    };
}
