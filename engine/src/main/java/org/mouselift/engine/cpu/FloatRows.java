package org.mouselift.engine.cpu;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;
import org.mouselift.engine.DType;
import org.mouselift.engine.op.Binary;
import org.mouselift.engine.op.Unary;

/**
 * Arithmetic on contiguous float32 rows, on the calling thread and without argument checks of its own. Offsets count
 * elements; the result may be one of the operands. Loops run over slices with int offsets, for which the compiler can
 * leave out the checks of every access. Elements that do not fill a vector are computed one by one, with the same
 * roundings.
 */
final class FloatRows {
    private static final VectorSpecies<Float> S = VectorWidth.F32;
    private static final int STEP = 4 * VectorWidth.LANES;
    private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
    /** Elements of one loop, whose byte offsets are ints. */
    private static final int PIECE = 1 << 26;

    private FloatRows() {
    }

    private static FloatVector load(MemorySegment x, int at) {
        return FloatVector.fromMemorySegment(S, x, at, LE);
    }

    private static float get(MemorySegment x, long index) {
        return x.get(DType.LE_F32, index * 4);
    }

    private static void set(MemorySegment x, long index, float value) {
        x.set(DType.LE_F32, index * 4, value);
    }

    /** The part of n elements that fills vectors. */
    private static int whole(int n) {
        return VectorWidth.SCALAR ? 0 : n - n % VectorWidth.LANES;
    }

    private static MemorySegment slice(MemorySegment x, long at, int n) {
        return x.asSlice(at * 4, n * 4L);
    }

    static float value(Binary.Kind kind, float a, float b) {
        return switch (kind) {
            case ADD -> a + b;
            case SUB -> a - b;
            case MUL -> a * b;
            case DIV -> a / b;
            case MAX -> Math.max(a, b);
            case MIN -> Math.min(a, b);
            case POW -> (float) Math.pow(a, b);
        };
    }

    /** {@code z = x op y}. */
    static void apply(Binary.Kind kind, MemorySegment x, long xAt, MemorySegment y, long yAt, MemorySegment z, long zAt, long n) {
        for (long i = 0; i < n; i += PIECE) {
            int count = (int) Math.min(PIECE, n - i);
            int done = kind == Binary.Kind.POW ? 0 : whole(count);
            if (done > 0) {
                both(kind, slice(x, xAt + i, done), slice(y, yAt + i, done), slice(z, zAt + i, done), done * 4);
            }
            for (long j = i + done; j < i + count; j++) {
                set(z, zAt + j, value(kind, get(x, xAt + j), get(y, yAt + j)));
            }
        }
    }

    private static void both(Binary.Kind kind, MemorySegment x, MemorySegment y, MemorySegment z, int bytes) {
        switch (kind) {
            case ADD -> { for (int i = 0; i < bytes; i += STEP) { load(x, i).add(load(y, i)).intoMemorySegment(z, i, LE); } }
            case SUB -> { for (int i = 0; i < bytes; i += STEP) { load(x, i).sub(load(y, i)).intoMemorySegment(z, i, LE); } }
            case MUL -> { for (int i = 0; i < bytes; i += STEP) { load(x, i).mul(load(y, i)).intoMemorySegment(z, i, LE); } }
            case DIV -> { for (int i = 0; i < bytes; i += STEP) { load(x, i).div(load(y, i)).intoMemorySegment(z, i, LE); } }
            case MAX -> { for (int i = 0; i < bytes; i += STEP) { load(x, i).max(load(y, i)).intoMemorySegment(z, i, LE); } }
            case MIN -> { for (int i = 0; i < bytes; i += STEP) { load(x, i).min(load(y, i)).intoMemorySegment(z, i, LE); } }
            case POW -> throw new IllegalStateException("pow has no vector path");
        }
    }

    /** {@code z = x op c}. */
    static void applyRight(Binary.Kind kind, MemorySegment x, long xAt, float c, MemorySegment z, long zAt, long n) {
        for (long i = 0; i < n; i += PIECE) {
            int count = (int) Math.min(PIECE, n - i);
            int done = kind == Binary.Kind.POW ? 0 : whole(count);
            if (done > 0) {
                right(kind, slice(x, xAt + i, done), c, slice(z, zAt + i, done), done * 4);
            }
            for (long j = i + done; j < i + count; j++) {
                set(z, zAt + j, value(kind, get(x, xAt + j), c));
            }
        }
    }

    private static void right(Binary.Kind kind, MemorySegment x, float c, MemorySegment z, int bytes) {
        switch (kind) {
            case ADD -> { for (int i = 0; i < bytes; i += STEP) { load(x, i).add(c).intoMemorySegment(z, i, LE); } }
            case SUB -> { for (int i = 0; i < bytes; i += STEP) { load(x, i).sub(c).intoMemorySegment(z, i, LE); } }
            case MUL -> { for (int i = 0; i < bytes; i += STEP) { load(x, i).mul(c).intoMemorySegment(z, i, LE); } }
            case DIV -> { for (int i = 0; i < bytes; i += STEP) { load(x, i).div(c).intoMemorySegment(z, i, LE); } }
            case MAX -> { for (int i = 0; i < bytes; i += STEP) { load(x, i).max(c).intoMemorySegment(z, i, LE); } }
            case MIN -> { for (int i = 0; i < bytes; i += STEP) { load(x, i).min(c).intoMemorySegment(z, i, LE); } }
            case POW -> throw new IllegalStateException("pow has no vector path");
        }
    }

    /** {@code z = c op y}. */
    static void applyLeft(Binary.Kind kind, float c, MemorySegment y, long yAt, MemorySegment z, long zAt, long n) {
        switch (kind) {
            case ADD, MUL, MAX, MIN -> applyRight(kind, y, yAt, c, z, zAt, n);
            case SUB, DIV, POW -> {
                for (long i = 0; i < n; i += PIECE) {
                    int count = (int) Math.min(PIECE, n - i);
                    int done = kind == Binary.Kind.POW ? 0 : whole(count);
                    if (done > 0) {
                        left(kind, c, slice(y, yAt + i, done), slice(z, zAt + i, done), done * 4);
                    }
                    for (long j = i + done; j < i + count; j++) {
                        set(z, zAt + j, value(kind, c, get(y, yAt + j)));
                    }
                }
            }
        }
    }

    private static void left(Binary.Kind kind, float c, MemorySegment y, MemorySegment z, int bytes) {
        if (kind == Binary.Kind.SUB) {
            for (int i = 0; i < bytes; i += STEP) {
                FloatVector.broadcast(S, c).sub(load(y, i)).intoMemorySegment(z, i, LE);
            }
        } else {
            for (int i = 0; i < bytes; i += STEP) {
                FloatVector.broadcast(S, c).div(load(y, i)).intoMemorySegment(z, i, LE);
            }
        }
    }

    /** True for the functions of one operand that {@link #apply(Unary.Kind, MemorySegment, long, MemorySegment, long, long) apply} knows. */
    static boolean has(Unary.Kind kind) {
        return switch (kind) {
            case NEG, ABS, SQUARE, SQRT, RECIPROCAL, RELU -> true;
            default -> false;
        };
    }

    /** {@code y = f(x)}. */
    static void apply(Unary.Kind kind, MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
        for (long i = 0; i < n; i += PIECE) {
            int count = (int) Math.min(PIECE, n - i);
            int done = whole(count);
            if (done > 0) {
                one(kind, slice(x, xAt + i, done), slice(y, yAt + i, done), done * 4);
            }
            for (long j = i + done; j < i + count; j++) {
                set(y, yAt + j, (float) UnaryKernel.value(kind, get(x, xAt + j)));
            }
        }
    }

    private static void one(Unary.Kind kind, MemorySegment x, MemorySegment y, int bytes) {
        switch (kind) {
            case NEG -> { for (int i = 0; i < bytes; i += STEP) { load(x, i).neg().intoMemorySegment(y, i, LE); } }
            case ABS -> { for (int i = 0; i < bytes; i += STEP) { load(x, i).abs().intoMemorySegment(y, i, LE); } }
            case SQUARE -> { for (int i = 0; i < bytes; i += STEP) { FloatVector v = load(x, i); v.mul(v).intoMemorySegment(y, i, LE); } }
            case SQRT -> { for (int i = 0; i < bytes; i += STEP) { load(x, i).sqrt().intoMemorySegment(y, i, LE); } }
            case RECIPROCAL -> { for (int i = 0; i < bytes; i += STEP) { FloatVector.broadcast(S, 1f).div(load(x, i)).intoMemorySegment(y, i, LE); } }
            case RELU -> { for (int i = 0; i < bytes; i += STEP) { load(x, i).max(0f).intoMemorySegment(y, i, LE); } }
            default -> throw new IllegalStateException(kind + " has no vector path");
        }
    }

    /** {@code y = a x + b}, the product rounded first. */
    static void affine(MemorySegment x, long xAt, float a, float b, MemorySegment y, long yAt, long n) {
        for (long i = 0; i < n; i += PIECE) {
            int count = (int) Math.min(PIECE, n - i);
            int done = whole(count);
            if (done > 0) {
                affine(slice(x, xAt + i, done), a, b, slice(y, yAt + i, done), done * 4);
            }
            for (long j = i + done; j < i + count; j++) {
                set(y, yAt + j, a * get(x, xAt + j) + b);
            }
        }
    }

    private static void affine(MemorySegment x, float a, float b, MemorySegment y, int bytes) {
        for (int i = 0; i < bytes; i += STEP) {
            load(x, i).mul(a).add(b).intoMemorySegment(y, i, LE);
        }
    }

    /** {@code y = y + a x}, the product rounded first. */
    static void axpy(float a, MemorySegment x, long xAt, MemorySegment y, long yAt, long n) {
        for (long i = 0; i < n; i += PIECE) {
            int count = (int) Math.min(PIECE, n - i);
            int done = whole(count);
            if (done > 0) {
                axpy(a, slice(x, xAt + i, done), slice(y, yAt + i, done), done * 4);
            }
            for (long j = i + done; j < i + count; j++) {
                set(y, yAt + j, get(y, yAt + j) + a * get(x, xAt + j));
            }
        }
    }

    private static void axpy(float a, MemorySegment x, MemorySegment y, int bytes) {
        for (int i = 0; i < bytes; i += STEP) {
            load(y, i).add(load(x, i).mul(a)).intoMemorySegment(y, i, LE);
        }
    }

    /** {@code z = x (y + c)}; n at most {@link #PIECE}. */
    static void shiftedProduct(MemorySegment x, MemorySegment y, float c, MemorySegment z, int n) {
        int done = whole(n);
        for (int i = 0; i < done * 4; i += STEP) {
            load(y, i).add(c).mul(load(x, i)).intoMemorySegment(z, i, LE);
        }
        for (int j = done; j < n; j++) {
            set(z, j, (get(y, j) + c) * get(x, j));
        }
    }

    /** {@code y = c}. */
    static void fill(float c, MemorySegment y, long yAt, long n) {
        if (Float.floatToRawIntBits(c) == 0) {
            y.asSlice(yAt * 4, n * 4).fill((byte) 0);
            return;
        }
        for (long i = 0; i < n; i += PIECE) {
            int count = (int) Math.min(PIECE, n - i);
            int done = whole(count);
            if (done > 0) {
                fill(c, slice(y, yAt + i, done), done * 4);
            }
            for (long j = i + done; j < i + count; j++) {
                set(y, yAt + j, c);
            }
        }
    }

    private static void fill(float c, MemorySegment y, int bytes) {
        for (int i = 0; i < bytes; i += STEP) {
            FloatVector.broadcast(S, c).intoMemorySegment(y, i, LE);
        }
    }
}
