package org.mouselift.engine.cpu;

import java.lang.foreign.MemorySegment;
import org.mouselift.engine.DType;

/**
 * Packing of strided matrices into panels: {@code width} lanes (rows of A or columns of B) interleaved, so that a
 * micro-kernel reads memory in order. Element (lane, k) of panel {@code lane / width} lies at
 * {@code panel*width*depth + k*width + lane % width}. Missing lanes of the last panel are zero. Half-precision storage is
 * widened here.
 */
final class Panels {
    private Panels() {
    }

    /** Floats needed for {@code lanes} lanes of the given depth. */
    static long size(long lanes, int width, int depth) {
        return Math.ceilDiv(lanes, width) * width * depth;
    }

    /**
     * Packs lanes [0, lanes) and depths [0, depth) of the matrix whose element (lane, k) is
     * {@code base + lane*laneStride + k*kStride}.
     */
    static void pack(MemorySegment data, DType type, long base, long laneStride, long kStride, int lanes, int depth, int width, float[] dst,
            int dstOffset, Scratch scratch) {
        pack(data, type, base, laneStride, kStride, lanes, depth, width, depth, dst, dstOffset, scratch);
    }

    /** As above into panels of greater depth {@code pitch}, of which this call fills {@code depth} from {@code dstOffset} on. */
    static void pack(MemorySegment data, DType type, long base, long laneStride, long kStride, int lanes, int depth, int width, int pitch,
            float[] dst, int dstOffset, Scratch scratch) {
        if (lanes == 0 || depth == 0) {
            return;
        }
        int panels = Math.ceilDiv(lanes, width);
        int last = lanes - (panels - 1) * width;
        if (last < width) {
            clear(dst, dstOffset + (panels - 1) * width * pitch, width, last, depth);
        }
        if (laneStride == 1 && !(kStride == 1 && depth > lanes)) {
            float[] row = scratch.floats(Scratch.ROWS, lanes);
            for (int k = 0; k < depth; k++) {
                read(data, type, base + k * kStride, 1, lanes, row, 0, scratch);
                int at = dstOffset + k * width;
                for (int panel = 0; panel < panels - 1; panel++) {
                    copy(row, panel * width, dst, at, width);
                    at += width * pitch;
                }
                copy(row, (panels - 1) * width, dst, at, last);
            }
        } else {
            int apart = depth + 16;
            float[] rows = scratch.floats(Scratch.ROWS, (long) apart * width);
            for (int panel = 0; panel < panels; panel++) {
                int count = panel == panels - 1 ? last : width;
                long from = base + (long) panel * width * laneStride;
                for (int i = 0; i < count; i++) {
                    read(data, type, from + i * laneStride, kStride, depth, rows, i * apart, scratch);
                }
                interleave(rows, apart, count, depth, width, dst, dstOffset + panel * width * pitch);
            }
        }
    }

    /** Writes one lane of a panel: {@code dst[at + k*width] = row[from + k]}. */
    static void lane(float[] row, int from, int depth, int width, float[] dst, int at) {
        for (int k = 0; k < depth; k++) {
            dst[at + k * width] = row[from + k];
        }
    }

    static void clear(float[] dst, int at, int width, int from, int depth) {
        for (int k = 0; k < depth; k++) {
            for (int i = from; i < width; i++) {
                dst[at + k * width + i] = 0;
            }
        }
    }

    /** Spreads one row of {@code lanes} elements (one depth) over the panels, zero behind the last lane. */
    static void spread(float[] row, int lanes, int width, int depth, int k, float[] dst) {
        int at = k * width;
        int i = 0;
        for (; i + width <= lanes; i += width) {
            copy(row, i, dst, at, width);
            at += width * depth;
        }
        if (i < lanes) {
            copy(row, i, dst, at, lanes - i);
            java.util.Arrays.fill(dst, at + lanes - i, at + width, 0f);
        }
    }

    private static void copy(float[] src, int from, float[] dst, int at, int n) {
        for (int i = 0; i < n; i++) {
            dst[at + i] = src[from + i];
        }
    }

    /** Interleaves {@code count} rows that lie {@code pitch} apart: {@code dst[at + k*width + i] = rows[i*pitch + k]}. */
    static void interleave(float[] rows, int pitch, int count, int depth, int width, float[] dst, int at) {
        int i = 0;
        for (; i + 3 < count; i += 4) {
            int r = i * pitch;
            for (int k = 0; k < depth; k++) {
                int to = at + k * width + i;
                dst[to] = rows[r + k];
                dst[to + 1] = rows[r + pitch + k];
                dst[to + 2] = rows[r + 2 * pitch + k];
                dst[to + 3] = rows[r + 3 * pitch + k];
            }
        }
        for (; i < count; i++) {
            lane(rows, i * pitch, depth, width, dst, at + i);
        }
    }

    /** Reads {@code n} elements {@code offset + i*stride} as floats. */
    static void read(MemorySegment data, DType type, long offset, long stride, int n, float[] dst, int at, Scratch scratch) {
        switch (type) {
            case F32 -> {
                if (stride == 1) {
                    MemorySegment.copy(data, DType.LE_F32, offset * 4, dst, at, n);
                } else {
                    for (int i = 0; i < n; i++) {
                        dst[at + i] = data.get(DType.LE_F32, (offset + i * stride) * 4);
                    }
                }
            }
            case F16, BF16 -> {
                short[] half = scratch.halves(n);
                if (stride == 1) {
                    MemorySegment.copy(data, DType.LE_16, offset * 2, half, 0, n);
                } else {
                    for (int i = 0; i < n; i++) {
                        half[i] = data.get(DType.LE_16, (offset + i * stride) * 2);
                    }
                }
                if (type == DType.F16) {
                    widenF16(half, dst, at, n);
                } else {
                    widenBf16(half, dst, at, n);
                }
            }
            default -> throw new IllegalArgumentException("cannot read " + type.label() + " as f32: expected f32, f16 or bf16");
        }
    }

    private static void widenF16(short[] half, float[] dst, int at, int n) {
        for (int i = 0; i < n; i++) {
            dst[at + i] = Float.float16ToFloat(half[i]);
        }
    }

    private static void widenBf16(short[] half, float[] dst, int at, int n) {
        for (int i = 0; i < n; i++) {
            dst[at + i] = Float.intBitsToFloat(half[i] << 16);
        }
    }
}
