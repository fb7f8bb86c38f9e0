package org.mouselift.engine.cpu;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.mouselift.engine.DType;
import org.mouselift.engine.op.Binary;

/**
 * Newton-Schulz rounds {@code x = p(xxᵀ) x} with {@code p(g) = a + b g + c g²} on a float32 matrix divided by its Frobenius norm
 * (Jordan et al. 2024, "Muon"), on one thread. A tall matrix is taken transposed.
 *
 * <p>Matrices lie as panels of {@link MicroKernel#NR} columns, rows one after another: so a result is at once the right factor and,
 * a panel at a time, the left factor of the next product, and nothing is packed in between. All square matrices are symmetric; only
 * their upper panels are computed. For a long matrix several rounds run on the Gram matrix g alone, {@code q = p(g) q; g = p(g) g p(g)},
 * before {@code x = q x}; it is computed anew after {@value #GRAM_ROUNDS} of them, since small singular values lose digits in it.
 *
 * @param rounds at least 1
 */
public record NewtonSchulz(double a, double b, double c, int rounds) {
    private static final int MR = MicroKernel.MR;
    private static final int NR = MicroKernel.NR;
    private static final int L = VectorWidth.LANES;
    private static final int GRAM_ROUNDS = 3;
    /** Elements of a matrix that fits the second cache level together with its transposed. */
    private static final long MOST = 1 << 19;
    private static final int SLOT = Scratch.ATTENTION;
    private static final String KERNEL = "newton-schulz f32";

    public NewtonSchulz {
        if (rounds < 1 || !Double.isFinite(a) || !Double.isFinite(b) || !Double.isFinite(c)) {
            throw new IllegalArgumentException(KERNEL + ": " + rounds + " rounds (at least 1), coefficients " + a + ", " + b + ", " + c + " (finite)");
        }
    }

    /** Whether a matrix is small enough for one thread and its cache. */
    public static boolean suits(long rows, long columns) {
        return rows > 0 && columns > 0 && rows <= MOST / columns;
    }

    /** A matrix [rows, columns] as panels that lie {@code pitch} rows apart. */
    private record Blocks(float[] at, int rows, int columns, int pitch) {
        static Blocks of(int slot, int rows, int columns, Scratch scratch) {
            // whole register tiles are written, and whole blocks of NR rows transposed
            int pitch = Math.max(Math.ceilDiv(rows, MR) * MR, Math.ceilDiv(rows, NR) * NR);
            return new Blocks(scratch.floats(SLOT + slot, (long) Math.ceilDiv(columns, NR) * NR * pitch), rows, columns, pitch);
        }

        int panels() {
            return Math.ceilDiv(columns, NR);
        }

        int panel(int p) {
            return p * pitch * NR;
        }
    }

    /** Overwrites the contiguous matrix [rows, columns]; a zero matrix stays. */
    public void apply(MemorySegment x, long offset, int rows, int columns) {
        Bounds.range(KERNEL, "x", x, DType.F32, offset, (long) rows * columns);
        Bounds.writable(KERNEL, "x", x);
        if (!suits(rows, columns)) {
            throw new IllegalArgumentException(KERNEL + ": [" + rows + "," + columns + "] has more than " + MOST + " elements, or none");
        }
        boolean tall = rows > columns;
        int small = Math.min(rows, columns);
        int length = Math.max(rows, columns);
        Scratch scratch = Scratch.local();
        int n = rows * columns;
        // the small number keeps a zero gradient at zero
        double norm = Math.sqrt(RowSums.wide(x.asSlice(offset * 4, n * 4L), n * 4, true)) + 1e-12;
        FloatRows.applyRight(Binary.Kind.MUL, x, offset, (float) (1 / norm), x, offset, n);
        Blocks at = Blocks.of(0, small, length, scratch);
        Blocks next = Blocks.of(1, small, length, scratch);
        Blocks turned = Blocks.of(2, length, small, scratch);
        Blocks gram = Blocks.of(3, small, small, scratch);
        Panels.pack(x, DType.F32, offset, tall ? columns : 1, tall ? 1 : columns, length, small, NR, at.pitch, at.at, 0, scratch);
        int atOnce = length >= 2 * small ? GRAM_ROUNDS : 1;
        for (int i = 0; i < rounds; i += atOnce) {
            transpose(at, turned);
            multiply(at, turned, gram, true);
            multiply(polynomials(gram, Math.min(atOnce, rounds - i), scratch), at, next, false);
            Blocks free = at;
            at = next;
            next = free;
        }
        if (tall) {
            transpose(at, turned);
        }
        write(tall ? turned : at, x, offset);
    }

    /** What some rounds multiply the matrix with, from its Gram matrix, which is overwritten. */
    private Blocks polynomials(Blocks gram, int some, Scratch scratch) {
        int n = gram.rows;
        Blocks g = gram;
        Blocks p = Blocks.of(4, n, n, scratch);
        Blocks product = Blocks.of(5, n, n, scratch);
        Blocks free = Blocks.of(6, n, n, scratch);
        for (int i = 0; i < some; i++) {
            Blocks here = i == 0 ? product : p;
            multiply(g, g, here, true);
            polynomial(g.at, here.at, g.panels() * g.pitch * NR);
            for (int d = 0; d < n; d++) {
                here.at[here.panel(d / NR) + d * NR + d % NR] += (float) a;
            }
            if (i + 1 < some) {
                multiply(here, g, free, true);
                multiply(free, here, g, true);
            }
            if (i > 0) {
                multiply(p, product, free, true);
                Blocks old = product;
                product = free;
                free = old;
            }
        }
        return product;
    }

    /** {@code square = b g + c square}. */
    private void polynomial(float[] g, float[] square, int n) {
        float first = (float) b;
        float second = (float) c;
        for (int i = 0; i < n; i++) {
            square[i] = first * g[i] + second * square[i];
        }
    }

    /** {@code result = left right}; of a symmetric result only what lies above the diagonal's blocks is computed and the rest mirrored. */
    private static void multiply(Blocks left, Blocks right, Blocks result, boolean symmetric) {
        boolean mirrored = symmetric && result.rows % NR == 0;
        int depth = right.rows;
        for (int j = 0; j < right.panels(); j++) {
            int rows = mirrored ? Math.min(result.rows, (j + 1) * NR) : result.rows;
            for (int i = 0; i < rows; i += MR) {
                for (int k = 0; k < depth; k += NR) {
                    MicroKernel.rows(left.at, left.panel(k / NR) + i * NR, right.at, right.panel(j) + k * NR, Math.min(NR, depth - k), result.at,
                            result.panel(j) + i * NR, NR, Math.min(MR, result.rows - i), k > 0);
                }
            }
        }
        if (mirrored) {
            for (int j = 0; j < result.panels(); j++) {
                for (int i = j + 1; i < result.panels(); i++) {
                    turn(result.at, result.panel(i) + j * NR * NR, result.at, result.panel(j) + i * NR * NR);
                }
            }
        }
    }

    private static void transpose(Blocks x, Blocks result) {
        // rows behind the last one become the empty lanes of the last panel
        for (int p = 0; p < x.panels(); p++) {
            Arrays.fill(x.at, x.panel(p) + x.rows * NR, x.panel(p) + x.pitch * NR, 0f);
            for (int i = 0; i < result.panels(); i++) {
                turn(x.at, x.panel(p) + i * NR * NR, result.at, result.panel(i) + p * NR * NR);
            }
        }
    }

    /** A block of NR rows and columns transposed. */
    private static void turn(float[] from, int at, float[] to, int start) {
        if (VectorWidth.SCALAR) {
            for (int i = 0; i < NR; i++) {
                Panels.lane(from, at + i * NR, NR, NR, to, start + i);
            }
            return;
        }
        for (int i = 0; i < NR; i += L) {
            Transposition.rows(from, at + i * NR, NR, NR, to, start + i, NR, L);
        }
    }

    /** Stores a matrix row by row. */
    private static void write(Blocks x, MemorySegment to, long offset) {
        for (int p = 0; p < x.panels(); p++) {
            int n = Math.min(NR, x.columns - p * NR);
            for (int i = 0; i < x.rows; i++) {
                MemorySegment.copy(x.at, x.panel(p) + i * NR, to, DType.LE_F32, (offset + (long) i * x.columns + p * NR) * 4, n);
            }
        }
    }
}
