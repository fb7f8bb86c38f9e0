package org.mouselift.engine.cpu;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorSpecies;
import org.mouselift.engine.DType;

/**
 * Packing of strided matrices into panels: {@code width} lanes (rows of A or columns of B) interleaved, so that a
 * micro-kernel reads memory in order. Element (lane, k) of panel {@code lane / width} lies at
 * {@code panel*width*depth + k*width + lane % width}. Missing lanes of the last panel are zero. Half-precision storage is
 * widened here.
 */
final class Panels {
    private static final VectorSpecies<Float> S = VectorWidth.F32;
    private static final int L = VectorWidth.LANES;
    private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
    /** Floats whose byte offsets are ints. */
    private static final long MOST = 1 << 28;
    /** Lanes of the panels that are filled together, about. */
    private static final int SPREAD = 256;

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
        if (laneStride == 1 && !(kStride == 1 && depth > lanes)) {
            long span = (depth - 1) * kStride + lanes;
            if (type == DType.F32 && !VectorWidth.SCALAR && data.isNative() && span <= MOST) {
                packVectors(data.asSlice(base * 4, span * 4), (int) kStride * 4, lanes, depth, width, pitch, dst, dstOffset);
                return;
            }
            // a few panels at a time: their write positions lie a power of two apart and fall on the same lines of the cache
            int together = Math.max(1, SPREAD / width);
            float[] row = scratch.floats(Scratch.ROWS, (long) (together + 1) * width + L);
            for (int panel = 0; panel < panels; panel += together) {
                int count = Math.min(together, panels - panel);
                int first = panel * width;
                int n = Math.min(lanes - first, count * width);
                java.util.Arrays.fill(row, n, count * width, 0f);
                for (int k = 0; k < depth; k++) {
                    read(data, type, base + first + k * kStride, 1, n, row, 0, scratch);
                    spread(row, count, width, width * pitch, dst, dstOffset + first * pitch + k * width);
                }
            }
        } else {
            int apart = depth + 16;
            float[] rows = scratch.floats(Scratch.ROWS, interleaved(width, apart));
            for (int panel = 0; panel < panels; panel++) {
                int count = Math.min(width, lanes - panel * width);
                long from = base + (long) panel * width * laneStride;
                for (int i = 0; i < count; i++) {
                    read(data, type, from + i * laneStride, kStride, depth, rows, i * apart, scratch);
                }
                interleave(rows, apart, count, depth, width, dst, dstOffset + panel * width * pitch);
            }
        }
    }

    /** Rows of {@code lanes} floats that lie {@code step} bytes apart, vector by vector into the panels. */
    private static void packVectors(MemorySegment rows, int step, int lanes, int depth, int width, int pitch, float[] dst, int at) {
        int reach = Math.ceilDiv(width, L) * L;
        int whole = lanes < reach ? 0 : (lanes - reach) / width + 1;
        int together = Math.max(1, SPREAD / width);
        for (int panel = 0; panel < whole; panel += together) {
            int count = Math.min(together, whole - panel);
            int to = at + panel * width * pitch;
            if (width % L == 0) {
                copyVectors(rows, panel * width * 4, step, count, depth, width, pitch, dst, to);
            } else {
                copyParts(rows, panel * width * 4, step, count, depth, width, pitch, dst, to);
            }
        }
        for (int panel = whole; panel < Math.ceilDiv(lanes, width); panel++) {
            for (int i = 0; i < width; i += L) {
                int from = panel * width + i;
                copyEdge(rows, from * 4, step, Math.clamp(lanes - from, 0, L), depth, width, Math.min(L, width - i), dst, at + panel * width * pitch + i);
            }
        }
    }

    private static void copyVectors(MemorySegment rows, int from, int step, int panels, int depth, int width, int pitch, float[] dst, int at) {
        for (int k = 0; k < depth; k++) {
            for (int panel = 0; panel < panels; panel++) {
                for (int i = 0; i < width; i += L) {
                    FloatVector.fromMemorySegment(S, rows, from + k * step + (panel * width + i) * 4, LE).intoArray(dst, at + panel * width * pitch + k * width + i);
                }
            }
        }
    }

    private static void copyParts(MemorySegment rows, int from, int step, int panels, int depth, int width, int pitch, float[] dst, int at) {
        int whole = width / L * L;
        VectorMask<Float> rest = S.indexInRange(whole, width);
        for (int k = 0; k < depth; k++) {
            for (int panel = 0; panel < panels; panel++) {
                int x = from + k * step + panel * width * 4;
                int y = at + panel * width * pitch + k * width;
                for (int i = 0; i < whole; i += L) {
                    FloatVector.fromMemorySegment(S, rows, x + i * 4, LE).intoArray(dst, y + i);
                }
                FloatVector.fromMemorySegment(S, rows, x + whole * 4, LE).intoArray(dst, y + whole, rest);
            }
        }
    }

    /** One vector of every row, of which {@code there} lanes exist and {@code wanted} are written. */
    private static void copyEdge(MemorySegment rows, int from, int step, int there, int depth, int width, int wanted, float[] dst, int at) {
        VectorMask<Float> source = S.indexInRange(0, there);
        VectorMask<Float> target = S.indexInRange(0, wanted);
        for (int k = 0; k < depth; k++) {
            FloatVector.fromMemorySegment(S, rows, from + k * step, LE, source).intoArray(dst, at + k * width, target);
        }
    }

    /** Writes one lane of a panel: {@code dst[at + k*width] = row[from + k]}. */
    static void lane(float[] row, int from, int depth, int width, float[] dst, int at) {
        for (int k = 0; k < depth; k++) {
            dst[at + k * width] = row[from + k];
        }
    }

    /** Copies one row of {@code panels * width} elements (one depth) to its panels, {@code apart} floats from one to the next. */
    private static void spread(float[] row, int panels, int width, int apart, float[] dst, int at) {
        if (VectorWidth.SCALAR) {
            for (int panel = 0; panel < panels; panel++) {
                System.arraycopy(row, panel * width, dst, at + panel * apart, width);
            }
            return;
        }
        if (width % L == 0) {
            spreadVectors(row, panels, width, apart, dst, at);
        } else {
            spreadParts(row, panels, width, apart, dst, at);
        }
    }

    private static void spreadVectors(float[] row, int panels, int width, int apart, float[] dst, int at) {
        for (int panel = 0; panel < panels; panel++) {
            for (int i = 0; i < width; i += L) {
                FloatVector.fromArray(S, row, panel * width + i).intoArray(dst, at + panel * apart + i);
            }
        }
    }

    private static void spreadParts(float[] row, int panels, int width, int apart, float[] dst, int at) {
        int whole = width / L * L;
        VectorMask<Float> rest = S.indexInRange(whole, width);
        for (int panel = 0; panel < panels; panel++) {
            int from = panel * width;
            int to = at + panel * apart;
            for (int i = 0; i < whole; i += L) {
                FloatVector.fromArray(S, row, from + i).intoArray(dst, to + i);
            }
            FloatVector.fromArray(S, row, from + whole).intoArray(dst, to + whole, rest);
        }
    }

    /** Floats of the source of {@link #interleave}, whose rows lie {@code pitch} apart. */
    static long interleaved(int width, int pitch) {
        return (long) Math.ceilDiv(width, L) * L * pitch;
    }

    /**
     * Interleaves {@code count} rows that lie {@code pitch} apart, zero in the lanes behind them:
     * {@code dst[at + k*width + i] = rows[i*pitch + k]}. {@code rows} has {@link #interleaved} floats; those behind the rows are
     * overwritten.
     */
    static void interleave(float[] rows, int pitch, int count, int depth, int width, float[] dst, int at) {
        if (VectorWidth.SCALAR || depth < L) {
            for (int i = 0; i < width; i++) {
                if (i < count) {
                    lane(rows, i * pitch, depth, width, dst, at + i);
                } else {
                    clear(dst, at + i, width, depth);
                }
            }
            return;
        }
        if (count < width) {
            java.util.Arrays.fill(rows, count * pitch, width * pitch, 0f);
        }
        // the last lanes first: what they write too much, the ones before them overwrite
        for (int i = (width - 1) / L * L; i >= 0; i -= L) {
            Transposition.rows(rows, i * pitch, pitch, depth, dst, at + i, width, Math.min(L, width - i));
        }
    }

    private static void clear(float[] dst, int at, int width, int depth) {
        for (int k = 0; k < depth; k++) {
            dst[at + k * width] = 0f;
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
