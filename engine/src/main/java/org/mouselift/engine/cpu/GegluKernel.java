package org.mouselift.engine.cpu;

import static org.mouselift.engine.cpu.MatMulKernel.contiguous;
import static org.mouselift.engine.cpu.VectorMath.Function.GELU;
import static org.mouselift.engine.op.Binary.Kind.MUL;

import java.lang.foreign.MemorySegment;
import java.util.List;
import org.mouselift.engine.DType;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.op.Geglu;

/** GEGLU of f32 rows and its gradient: block by block of a row, from memory once. */
final class GegluKernel {
    /** Elements of a row at once, so that what the first loop writes is still near for the second. */
    private static final int BLOCK = 1 << 11;

    private GegluKernel() {}

    static void forward(Geglu op, List<Tensor> in, List<Tensor> out) {
        Tensor x = contiguous(in.getFirst());
        Tensor y = out.getFirst();
        MemorySegment from = x.segment();
        MemorySegment to = y.segment();
        long n = y.dim(-1);
        Workers.split(n == 0 ? 0 : y.numel() / n, LayerNormRows.grain(n), (worker, begin, end) -> {
            for (long row = begin; row < end; row++) {
                for (long i = 0; i < n; i += BLOCK) {
                    int count = (int) Math.min(BLOCK, n - i);
                    long a = x.offset() + row * 2 * n + i;
                    long at = y.offset() + row * n + i;
                    VectorMath.run(GELU, from, a + n, to, at, count);
                    FloatRows.apply(MUL, to, at, from, a, to, at, count);
                }
            }
        });
    }

    static void gradient(Geglu.Grad op, List<Tensor> in, List<Tensor> out) {
        Tensor x = contiguous(in.get(0));
        Tensor g = contiguous(in.get(1));
        Tensor dx = out.getFirst();
        MemorySegment from = x.segment();
        MemorySegment dy = g.segment();
        MemorySegment to = dx.segment();
        long n = g.dim(-1);
        Workers.split(n == 0 ? 0 : g.numel() / n, LayerNormRows.grain(n), (worker, begin, end) -> {
            for (long row = begin; row < end; row++) {
                for (long i = 0; i < n; i += BLOCK) {
                    int count = (int) Math.min(BLOCK, n - i);
                    long a = x.offset() + row * 2 * n + i;
                    long da = dx.offset() + row * 2 * n + i;
                    long dyAt = g.offset() + row * n + i;
                    VectorMath.run(GELU, from, a + n, to, da, count);
                    FloatRows.apply(MUL, to, da, dy, dyAt, to, da, count);
                    VectorMath.runGradient(GELU, from, a + n, dy, dyAt, to, da + n, count);
                    FloatRows.apply(MUL, to, da + n, from, a, to, da + n, count);
                }
            }
        });
    }
}
