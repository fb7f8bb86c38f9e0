package org.mouselift.engine.cpu;

import static org.mouselift.engine.cpu.MatMulKernel.contiguous;

import java.lang.foreign.MemorySegment;
import java.util.List;
import org.mouselift.engine.DType;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.op.Geglu;

/** GEGLU of f32 rows and its gradient: the row is read once, in blocks. */
final class GegluKernel {
    private static final int BLOCK = MathBlocks.BLOCK;

    private GegluKernel() {}

    static void forward(Geglu op, List<Tensor> in, List<Tensor> out) {
        Tensor x = contiguous(in.getFirst());
        Tensor y = out.getFirst();
        MemorySegment from = x.segment();
        MemorySegment to = y.segment();
        long n = y.dim(-1);
        Workers.split(n == 0 ? 0 : y.numel() / n, LayerNormRows.grain(n), (worker, begin, end) -> {
            Scratch s = Scratch.local();
            float[] a = s.floats(Scratch.BLOCK_0, BLOCK);
            float[] b = s.floats(Scratch.BLOCK_1, BLOCK);
            float[] work = s.floats(Scratch.BLOCK_2, 2 * BLOCK);
            for (long row = begin; row < end; row++) {
                for (long i = 0; i < n; i += BLOCK) {
                    int count = (int) Math.min(BLOCK, n - i);
                    long at = x.offset() + row * 2 * n + i;
                    MemorySegment.copy(from, DType.LE_F32, at * 4, a, 0, count);
                    MemorySegment.copy(from, DType.LE_F32, (at + n) * 4, b, 0, count);
                    MathBlocks.gelu(b, 0, count, work, 0);
                    multiply(a, b, count);
                    MemorySegment.copy(a, 0, to, DType.LE_F32, (y.offset() + row * n + i) * 4, count);
                }
            }
        });
    }

    static void gradient(Geglu.Grad op, List<Tensor> in, List<Tensor> out) {
        Tensor x = contiguous(in.get(0));
        Tensor g = contiguous(in.get(1));
        Tensor dx = out.getFirst();
        MemorySegment from = x.segment();
        MemorySegment gradient = g.segment();
        MemorySegment to = dx.segment();
        long n = g.dim(-1);
        Workers.split(n == 0 ? 0 : g.numel() / n, LayerNormRows.grain(n), (worker, begin, end) -> {
            Scratch s = Scratch.local();
            float[] a = s.floats(Scratch.BLOCK_0, BLOCK);
            float[] b = s.floats(Scratch.BLOCK_1, BLOCK);
            float[] work = s.floats(Scratch.BLOCK_2, 2 * BLOCK);
            float[] dy = s.floats(Scratch.BLOCK_3, BLOCK);
            for (long row = begin; row < end; row++) {
                for (long i = 0; i < n; i += BLOCK) {
                    int count = (int) Math.min(BLOCK, n - i);
                    long at = row * 2 * n + i;
                    MemorySegment.copy(gradient, DType.LE_F32, (g.offset() + row * n + i) * 4, dy, 0, count);
                    MemorySegment.copy(from, DType.LE_F32, (x.offset() + at + n) * 4, b, 0, count);
                    MathBlocks.gelu(b, 0, count, work, 0);
                    multiply(b, dy, count);
                    MemorySegment.copy(b, 0, to, DType.LE_F32, (dx.offset() + at) * 4, count);
                    MemorySegment.copy(from, DType.LE_F32, (x.offset() + at) * 4, a, 0, count);
                    MemorySegment.copy(from, DType.LE_F32, (x.offset() + at + n) * 4, b, 0, count);
                    MathBlocks.geluDerivative(b, 0, count, work, 0);
                    multiply(b, a, count);
                    multiply(b, dy, count);
                    MemorySegment.copy(b, 0, to, DType.LE_F32, (dx.offset() + at + n) * 4, count);
                }
            }
        });
    }

    private static void multiply(float[] x, float[] y, int n) {
        for (int i = 0; i < n; i++) {
            x[i] *= y[i];
        }
    }
}
