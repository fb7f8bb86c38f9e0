package org.mouselift.engine.cpu;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorShuffle;
import org.mouselift.engine.DType;
import org.mouselift.engine.Tensor;

/** Nearest-neighbour resizing of the last two axes and its transpose. */
final class ResizeKernels {
    private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
    private static final VectorShuffle<Float> LOW_TWICE = VectorWidth.SCALAR ? null : VectorShuffle.fromOp(VectorWidth.F32, i -> i / 2);
    private static final VectorShuffle<Float> HIGH_TWICE = VectorWidth.SCALAR ? null
            : VectorShuffle.fromOp(VectorWidth.F32, i -> (i + VectorWidth.LANES) / 2);

    /** Even and odd elements of two vectors in a row: indices from the second vector on are exceptional, i.e. negative. */
    private static final VectorShuffle<Float> EVEN = VectorWidth.SCALAR ? null : VectorShuffle.fromOp(VectorWidth.F32, i -> ofTwo(2 * i));
    private static final VectorShuffle<Float> ODD = VectorWidth.SCALAR ? null : VectorShuffle.fromOp(VectorWidth.F32, i -> ofTwo(2 * i + 1));

    private ResizeKernels() {}

    private static int ofTwo(int i) {
        return i < VectorWidth.LANES ? i : i - 2 * VectorWidth.LANES;
    }

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
                if (row > begin && row % height != 0 && (row - 1) % height * h / height == row % height * h / height) {
                    // the same source row as the one above
                    MemorySegment.copy(to, target - width * bytes, to, target, width * bytes);
                } else if (bytes == 4 && width == 2 * w && !VectorWidth.SCALAR) {
                    doubled(from.asSlice(source, w * 4), to.asSlice(target, width * 4), (int) w);
                } else if (bytes == 4) {
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

    /** Every one of n elements twice. */
    private static void doubled(MemorySegment x, MemorySegment y, int n) {
        int step = 4 * VectorWidth.LANES;
        int whole = 4 * (n - n % VectorWidth.LANES);
        for (int i = 0; i < whole; i += step) {
            FloatVector v = FloatVector.fromMemorySegment(VectorWidth.F32, x, i, LE);
            v.rearrange(LOW_TWICE).intoMemorySegment(y, 2 * i, LE);
            v.rearrange(HIGH_TWICE).intoMemorySegment(y, 2 * i + step, LE);
        }
        for (int i = whole; i < 4 * n; i += 4) {
            int v = x.get(DType.LE_I32, i);
            y.set(DType.LE_I32, 2L * i, v);
            y.set(DType.LE_I32, 2L * i + 4, v);
        }
    }

    /** {@code out[i,j]} sums dy over the block of pixels whose nearest source is (i, j); in double, and as vectors where sizes double. */
    static void nearestGradient(Tensor dy, Tensor out) {
        Tensor packed = MatMulKernel.contiguous(dy);
        MemorySegment from = packed.contiguousSegment();
        MemorySegment to = out.contiguousSegment();
        long h = out.dim(-2);
        long w = out.dim(-1);
        long height = dy.dim(-2);
        long width = dy.dim(-1);
        boolean wide = dy.dtype() == DType.F64;
        boolean halved = !wide && !VectorWidth.SCALAR && width == 2 * w && height == 2 * h;
        Workers.split(out.numel() / w, Math.max(1, (1 << 12) / w), (worker, begin, end) -> {
            for (long row = begin; row < end; row++) {
                long image = row / h;
                long i = row % h;
                if (halved) {
                    long at = (image * height + 2 * i) * width * 4;
                    pairs(from.asSlice(at, width * 4), from.asSlice(at + width * 4, width * 4), to.asSlice(row * w * 4, w * 4), (int) w);
                    continue;
                }
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

    /** Sums of blocks of two by two from two rows, {@code (a + c) + (b + d)}. */
    private static void pairs(MemorySegment top, MemorySegment bottom, MemorySegment y, int n) {
        int step = 4 * VectorWidth.LANES;
        int whole = 4 * (n - n % VectorWidth.LANES);
        for (int i = 0; i < whole; i += step) {
            FloatVector left = load(top, 2 * i).add(load(bottom, 2 * i));
            FloatVector right = load(top, 2 * i + step).add(load(bottom, 2 * i + step));
            left.rearrange(EVEN, right).add(left.rearrange(ODD, right)).intoMemorySegment(y, i, LE);
        }
        for (int i = whole; i < 4 * n; i += 4) {
            float even = top.get(DType.LE_F32, 2L * i) + bottom.get(DType.LE_F32, 2L * i);
            y.set(DType.LE_F32, i, even + (top.get(DType.LE_F32, 2L * i + 4) + bottom.get(DType.LE_F32, 2L * i + 4)));
        }
    }

    private static FloatVector load(MemorySegment x, int at) {
        return FloatVector.fromMemorySegment(VectorWidth.F32, x, at, LE);
    }
}
