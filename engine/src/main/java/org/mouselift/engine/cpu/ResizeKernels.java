package org.mouselift.engine.cpu;

import java.lang.foreign.MemorySegment;
import org.mouselift.engine.DType;
import org.mouselift.engine.Tensor;

/** Nearest-neighbour resizing of the last two axes and its transpose. */
final class ResizeKernels {
    private ResizeKernels() {}

    static void nearest(Tensor x, Tensor out) {
        Tensor packed = MatMulKernel.contiguous(x);
        MemorySegment from = packed.contiguousSegment();
        MemorySegment to = out.contiguousSegment();
        long h = x.dim(-2);
        long w = x.dim(-1);
        long height = out.dim(-2);
        long width = out.dim(-1);
        int bytes = x.dtype().bytes();
        int[] column = new int[Math.toIntExact(width)];
        for (int j = 0; j < width; j++) {
            column[j] = Math.toIntExact(j * w / width);
        }
        long rows = out.numel() / width;
        Workers.split(rows, Math.max(1, (1 << 14) / width), (worker, begin, end) -> {
            for (long row = begin; row < end; row++) {
                long source = (row / height * h + row % height * h / height) * w * bytes;
                long target = row * width * bytes;
                if (bytes == 4) {
                    for (int j = 0; j < column.length; j++) {
                        to.set(DType.LE_I32, target + j * 4L, from.get(DType.LE_I32, source + column[j] * 4L));
                    }
                } else {
                    for (int j = 0; j < column.length; j++) {
                        to.set(DType.LE_I64, target + j * 8L, from.get(DType.LE_I64, source + column[j] * 8L));
                    }
                }
            }
        });
    }

    /** {@code out[i,j]} sums dy over the block of pixels whose nearest source is (i, j); in double. */
    static void nearestGradient(Tensor dy, Tensor out) {
        Tensor packed = MatMulKernel.contiguous(dy);
        MemorySegment from = packed.contiguousSegment();
        MemorySegment to = out.contiguousSegment();
        long h = out.dim(-2);
        long w = out.dim(-1);
        long height = dy.dim(-2);
        long width = dy.dim(-1);
        boolean wide = dy.dtype() == DType.F64;
        Workers.split(out.numel() / w, Math.max(1, (1 << 12) / w), (worker, begin, end) -> {
            for (long row = begin; row < end; row++) {
                long image = row / h;
                long i = row % h;
                long top = Math.ceilDiv(i * height, h);
                long bottom = Math.ceilDiv((i + 1) * height, h);
                for (long j = 0; j < w; j++) {
                    long left = Math.ceilDiv(j * width, w);
                    long right = Math.ceilDiv((j + 1) * width, w);
                    double sum = 0;
                    for (long p = top; p < bottom; p++) {
                        long at = (image * height + p) * width;
                        for (long q = left; q < right; q++) {
                            sum += wide ? from.get(DType.LE_F64, (at + q) * 8) : from.get(DType.LE_F32, (at + q) * 4);
                        }
                    }
                    if (wide) {
                        to.set(DType.LE_F64, (row * w + j) * 8, sum);
                    } else {
                        to.set(DType.LE_F32, (row * w + j) * 4, (float) sum);
                    }
                }
            }
        });
    }
}
