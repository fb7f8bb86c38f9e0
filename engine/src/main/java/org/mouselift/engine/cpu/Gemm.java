package org.mouselift.engine.cpu;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;
import org.mouselift.engine.DType;

/**
 * Matrix product in float32: {@code C = epilogue(alpha * A * B + beta * C)} with A [M, K] and B [K, N] of any row and
 * column strides (so every transposition is only a choice of strides) in F32, F16 or BF16, and C [M, N] row-major F32.
 *
 * <p>Blocked as by K. Goto and R. van de Geijn, "Anatomy of high-performance matrix multiplication" (ACM TOMS 34, 2008):
 * panels of A and B are packed, and a register tile of {@link MicroKernel#MR} x {@link MicroKernel#NR} runs over them.
 * Threads divide rows and columns, never K, at tile boundaries: the result does not depend on the number of threads.
 * C must not overlap A or B.
 */
public final class Gemm {
    private static final VectorSpecies<Float> S = VectorWidth.F32;
    private static final int L = VectorWidth.LANES;
    private static final int MR = MicroKernel.MR;
    private static final int NR = MicroKernel.NR;
    /**
     * Depth of the panels. A tile of C is read and written once per block of this depth, from memory where C is large, and that costs
     * more than fetching both panels from the second cache level: at a depth of 256, whose panel of B fits the first level, products
     * of full-size layers ran at 73 % of the FMA peak, at 1024 they run at 84 %.
     */
    private static final int KC = 1024;
    private static final int MC = 192 / MR * MR;
    private static final int NC = 1536 / NR * NR;
    /** Numbers of a column of B that are multiplied at a time where rows are few: four such columns stay in the first cache. */
    private static final int DOT_DEPTH = 1024;
    private static final int LONGEST_ROW = 1 << 16;
    /** Multiply-adds below which waking the other threads costs more than it brings. */
    private static final long PARALLEL_WORK = 400_000;

    private Gemm() {
    }

    /** A right factor that is not stored as a matrix: packs its rows [k0, k0 + kc) and columns [j, j + nc) as {@link Panels} does. */
    interface RightFactor {
        void pack(long k0, int kc, long j, int nc, float[] dst, Scratch scratch);
    }

    /** {@code columnBlock} columns of C are neighbours; the next ones lie {@code columnBlockStride} further. */
    private record Product(long m, long n, long k, float alpha, Matrix a, Matrix b, RightFactor gathered, float beta, MemorySegment c, long cOffset,
            long cRow, Epilogue epilogue, MemorySegment rowBias, long rowBiasOffset, long columnBlock, long columnBlockStride) {
        Product(long m, long n, long k, float alpha, Matrix a, Matrix b, float beta, MemorySegment c, long cOffset, long cRow, Epilogue epilogue) {
            this(m, n, k, alpha, a, b, null, beta, c, cOffset, cRow, epilogue, null, 0, Math.max(1, n), 0);
        }

        /** Where an element of C lies. */
        long at(long row, long col) {
            return cOffset + row * cRow + col / columnBlock * columnBlockStride + col % columnBlock;
        }

        Product inBatch(long aShift, long bShift, long cShift, long residualShift) {
            Epilogue e = epilogue;
            if (e.residual() != null) {
                e = new Epilogue(e.bias(), e.biasOffset(), e.activation(), e.residual(), e.residualOffset() + residualShift, e.residualRow());
            }
            return new Product(m, n, k, alpha, a.shifted(aShift), b.shifted(bShift), beta, c, cOffset + cShift, cRow, e);
        }
    }

    /** {@code C = A * B} for row-major F32 C with row stride {@code cRow}. */
    public static void multiply(long m, long n, long k, Matrix a, Matrix b, MemorySegment c, long cOffset, long cRow) {
        multiply(m, n, k, 1f, a, b, 0f, c, cOffset, cRow, Epilogue.NONE);
    }

    /**
     * {@code C = epilogue(alpha * A * B + beta * C)}.
     *
     * @param cOffset  first element of C; {@code cRow >= n} is its row stride in elements. With beta = 0, C is not read.
     * @param epilogue bias, activation and residual, see {@link Epilogue}
     */
    public static void multiply(long m, long n, long k, float alpha, Matrix a, Matrix b, float beta, MemorySegment c, long cOffset, long cRow,
            Epilogue epilogue) {
        batched(1, m, n, k, alpha, a, 0, b, 0, beta, c, cOffset, cRow, 0, epilogue, 0);
    }

    /**
     * {@code batch} independent products; operand i starts {@code i * stride} elements after the first (stride 0 shares an
     * operand). Small products run one per thread, large ones use all threads in turn; either way the result is the same.
     */
    public static void batched(long batch, long m, long n, long k, float alpha, Matrix a, long aBatch, Matrix b, long bBatch, float beta,
            MemorySegment c, long cOffset, long cRow, long cBatch, Epilogue epilogue, long residualBatch) {
        check(batch, m, n, k, a, aBatch, b, bBatch, c, cOffset, cRow, cBatch, epilogue, residualBatch);
        if (batch == 0 || m == 0 || n == 0) {
            return;
        }
        Product first = new Product(m, n, k, alpha, a, b, beta, c, cOffset, cRow, epilogue);
        long start = KernelWatch.begin();
        if (batch == 1) {
            parallel(first);
        } else if (batch >= 4L * Workers.count() || work(m, n, k) < 32 * PARALLEL_WORK) {
            if (Workers.count() == 1 || saturated(batch, work(m, n, k)) < PARALLEL_WORK) {
                sequential(first, 0, batch, aBatch, bBatch, cBatch, residualBatch);
            } else {
                Workers.split(batch, 1, (worker, begin, end) -> sequential(first, begin, end, aBatch, bBatch, cBatch, residualBatch));
            }
        } else {
            for (long i = 0; i < batch; i++) {
                parallel(first.inBatch(i * aBatch, i * bBatch, i * cBatch, i * residualBatch));
            }
        }
        KernelWatch.end(start, 2.0 * batch * m * n * k);
    }

    /**
     * {@code C = A * B + beta * C + rowBias[m]} with a computed right factor; arguments are the caller's responsibility.
     *
     * @param rowBias     one number per row of C, or null
     * @param columnBlock C is cut into blocks of this many columns, {@code columnBlockStride} elements apart
     */
    static void gathered(long m, long n, long k, Matrix a, RightFactor b, float beta, MemorySegment c, long cOffset, long cRow, MemorySegment rowBias,
            long rowBiasOffset, long columnBlock, long columnBlockStride) {
        long start = KernelWatch.begin();
        parallel(new Product(m, n, k, 1f, a, null, b, beta, c, cOffset, cRow, Epilogue.NONE, rowBias, rowBiasOffset, columnBlock,
                columnBlockStride));
        KernelWatch.end(start, 2.0 * m * n * k);
    }

    private static void sequential(Product first, long begin, long end, long aBatch, long bBatch, long cBatch, long residualBatch) {
        for (long i = begin; i < end; i++) {
            block(first.inBatch(i * aBatch, i * bBatch, i * cBatch, i * residualBatch), 0, first.m, 0, first.n);
        }
    }

    private static long work(long m, long n, long k) {
        return saturated(saturated(m, n), Math.max(k, 1));
    }

    private static long saturated(long x, long y) {
        return Math.multiplyHigh(x, y) != 0 || x * y < 0 ? Long.MAX_VALUE : x * y;
    }

    /** Divides C into a grid of tile-aligned blocks, one per thread. */
    private static void parallel(Product p) {
        int threads = Workers.count();
        if (threads == 1 || work(p.m, p.n, p.k) < PARALLEL_WORK) {
            block(p, 0, p.m, 0, p.n);
            return;
        }
        long rowTiles = Math.ceilDiv(p.m, MR);
        long colTiles = Math.ceilDiv(p.n, NR);
        int gridRows = 1;
        double best = Double.MAX_VALUE;
        for (int rows = 1; rows <= threads; rows++) {
            int cols = threads / rows;
            double mBlock = Math.ceilDiv(rowTiles, rows) * MR;
            double nBlock = Math.ceilDiv(colTiles, cols) * NR;
            // multiply-adds plus packing (A once per NC columns), in units of one multiply-add of a full tile
            double cost = mBlock * nBlock + 30 * (mBlock * Math.ceil(nBlock / NC) + nBlock);
            if (cost < best * 0.999) {
                best = cost;
                gridRows = rows;
            }
        }
        int rows = gridRows;
        int cols = threads / rows;
        Workers.split((long) rows * cols, 1, (worker, begin, end) -> {
            for (long cell = begin; cell < end; cell++) {
                long r = cell / cols;
                long s = cell % cols;
                block(p, rowTiles * r / rows * MR, Math.min(p.m, rowTiles * (r + 1) / rows * MR), colTiles * s / cols * NR,
                        Math.min(p.n, colTiles * (s + 1) / cols * NR));
            }
        });
    }

    /** Whether the product has so few rows that reading B costs more than multiplying, and B's columns can be read as they lie. */
    private static boolean fewRows(Product p) {
        return !VectorWidth.SCALAR && p.m <= MR && p.gathered == null && p.rowBias == null && p.b.rowStride() == 1 && p.k >= 2L * L && p.k <= LONGEST_ROW;
    }

    /** Columns [n0, n1) of all rows as dot products; a few columns of B are widened to float32 at a time, nothing is interleaved. */
    private static void dots(Product p, long n0, long n1, Scratch scratch) {
        Matrix a = p.a;
        Matrix b = p.b;
        int k = (int) p.k;
        int m = (int) p.m;
        int apart = DotTiles.pitch(k);
        int rows = Math.ceilDiv(m, DotTiles.ROWS) * DotTiles.ROWS;
        float[] left = scratch.floats(Scratch.PACK_A, (long) rows * apart);
        java.util.Arrays.fill(left, 0, rows * apart, 0f);
        for (int i = 0; i < m; i++) {
            Panels.read(a.data(), a.type(), a.offset() + i * a.rowStride(), a.colStride(), k, left, i * apart, scratch);
        }
        float[] right = scratch.floats(Scratch.PACK_B, (long) DotTiles.COLUMNS * DotTiles.pitch(DOT_DEPTH));
        float[] tile = scratch.floats(Scratch.TILE, MR * NR);
        float[] lanes = scratch.floats(Scratch.BLOCK_1, (long) DotTiles.ROWS * DotTiles.COLUMNS * L);
        for (long j = n0; j < n1; j += NR) {
            int width = (int) Math.min(NR, n1 - j);
            for (int col = 0; col < width; col += DotTiles.COLUMNS) {
                int count = Math.min(DotTiles.COLUMNS, width - col);
                for (int from = 0; from < k; from += DOT_DEPTH) {
                    int depth = Math.min(DOT_DEPTH, k - from);
                    int pitch = DotTiles.pitch(depth);
                    java.util.Arrays.fill(right, count * pitch, DotTiles.COLUMNS * pitch, 0f);
                    for (int c = 0; c < count; c++) {
                        Panels.read(b.data(), b.type(), b.offset() + (j + col + c) * b.colStride() + from, 1, depth, right, c * pitch, scratch);
                        java.util.Arrays.fill(right, c * pitch + depth, (c + 1) * pitch, 0f);
                    }
                    for (int i = 0; i < rows; i += DotTiles.ROWS) {
                        DotTiles.tile(left, i * apart + from, apart, right, 0, pitch, tile, i * NR + col, NR, from > 0, lanes);
                    }
                }
            }
            finish(p, tile, p.beta, true, 0, j, m, width, scratch);
        }
    }

    /** Computes rows [m0, m1) and columns [n0, n1) of C on this thread. */
    private static void block(Product p, long m0, long m1, long n0, long n1) {
        if (m0 >= m1 || n0 >= n1) {
            return;
        }
        Scratch scratch = Scratch.local();
        if (fewRows(p)) {
            dots(p, n0, n1, scratch);
            return;
        }
        Matrix a = p.a;
        Matrix b = p.b;
        long blocks = Math.max(1, Math.ceilDiv(p.k, KC));
        int depth = (int) Math.ceilDiv(p.k, blocks);
        int cols = (int) Math.min(n1 - n0, NC);
        int rows = (int) Math.min(m1 - m0, MC);
        float[] packedB = scratch.floats(Scratch.PACK_B, Panels.size(cols, NR, depth) + PaddedPlanes.SLACK);
        float[] packedA = scratch.floats(Scratch.PACK_A, Panels.size(rows, MR, depth));
        float[] tile = scratch.floats(Scratch.TILE, MR * NR);
        boolean plain = p.epilogue.isNone() && p.rowBias == null;
        for (long j = n0; j < n1; j += NC) {
            int nc = (int) Math.min(NC, n1 - j);
            for (long q = 0; q < blocks; q++) {
                long k0 = q * depth;
                int kc = (int) Math.min(depth, p.k - k0);
                float beta = q == 0 ? p.beta : 1f;
                boolean finish = q == blocks - 1 && !plain;
                if (p.gathered != null) {
                    p.gathered.pack(k0, kc, j, nc, packedB, scratch);
                } else {
                    Panels.pack(b.data(), b.type(), b.offset() + k0 * b.rowStride() + j * b.colStride(), b.colStride(), b.rowStride(), nc, kc, NR,
                            packedB, 0, scratch);
                }
                for (long i = m0; i < m1; i += MC) {
                    int mc = (int) Math.min(MC, m1 - i);
                    Panels.pack(a.data(), a.type(), a.offset() + i * a.rowStride() + k0 * a.colStride(), a.rowStride(), a.colStride(), mc, kc, MR,
                            packedA, 0, scratch);
                    tiles(p, packedA, packedB, i, mc, j, nc, kc, tile, beta, finish, scratch);
                }
            }
        }
    }

    private static void tiles(Product p, float[] packedA, float[] packedB, long i, int mc, long j, int nc, int kc, float[] tile, float beta,
            boolean finish, Scratch scratch) {
        for (int jj = 0; jj < nc; jj += NR) {
            int width = Math.min(NR, nc - jj);
            for (int ii = 0; ii < mc; ii += MR) {
                int height = Math.min(MR, mc - ii);
                MicroKernel.panel(packedA, ii * kc, packedB, jj * kc, kc, tile, 0, NR, height, false);
                long at = p.at(i + ii, j + jj);
                boolean whole = width == NR && (j + jj) % p.columnBlock + NR <= p.columnBlock && !VectorWidth.SCALAR;
                if (whole && !finish) {
                    store(tile, p.alpha, beta, p.c, at * 4, p.cRow * 4, height);
                } else if (whole && p.epilogue.activation() == Activation.NONE) {
                    storeSum(p, tile, beta, i + ii, j + jj, at * 4, height);
                } else {
                    finish(p, tile, beta, finish, i + ii, j + jj, height, width, scratch);
                }
            }
        }
    }

    /** C = alpha * tile + beta * C for a tile of full width. */
    private static void store(float[] tile, float alpha, float beta, MemorySegment c, long at, long rowBytes, int height) {
        FloatVector scale = FloatVector.broadcast(S, alpha);
        if (beta == 0f) {
            for (int r = 0; r < height; r++) {
                FloatVector.fromArray(S, tile, r * NR).mul(scale).intoMemorySegment(c, at + r * rowBytes, ByteOrder.LITTLE_ENDIAN);
                FloatVector.fromArray(S, tile, r * NR + L).mul(scale).intoMemorySegment(c, at + r * rowBytes + 4L * L, ByteOrder.LITTLE_ENDIAN);
            }
        } else {
            for (int r = 0; r < height; r++) {
                long to = at + r * rowBytes;
                FloatVector c0 = FloatVector.fromMemorySegment(S, c, to, ByteOrder.LITTLE_ENDIAN).mul(beta);
                FloatVector c1 = FloatVector.fromMemorySegment(S, c, to + 4L * L, ByteOrder.LITTLE_ENDIAN).mul(beta);
                FloatVector.fromArray(S, tile, r * NR).mul(scale).add(c0).intoMemorySegment(c, to, ByteOrder.LITTLE_ENDIAN);
                FloatVector.fromArray(S, tile, r * NR + L).mul(scale).add(c1).intoMemorySegment(c, to + 4L * L, ByteOrder.LITTLE_ENDIAN);
            }
        }
    }

    /** As above, with bias and residual added in the order of {@link #finish}. */
    private static void storeSum(Product p, float[] tile, float beta, long row, long col, long at, int height) {
        Epilogue e = p.epilogue;
        FloatVector scale = FloatVector.broadcast(S, p.alpha);
        FloatVector b0 = FloatVector.zero(S);
        FloatVector b1 = b0;
        if (e.bias() != null) {
            long from = (e.biasOffset() + col) * 4;
            b0 = FloatVector.fromMemorySegment(S, e.bias(), from, ByteOrder.LITTLE_ENDIAN);
            b1 = FloatVector.fromMemorySegment(S, e.bias(), from + 4L * L, ByteOrder.LITTLE_ENDIAN);
        }
        for (int r = 0; r < height; r++) {
            long to = at + r * p.cRow * 4;
            FloatVector c0 = FloatVector.fromArray(S, tile, r * NR).mul(scale);
            FloatVector c1 = FloatVector.fromArray(S, tile, r * NR + L).mul(scale);
            if (beta != 0f) {
                c0 = c0.add(FloatVector.fromMemorySegment(S, p.c, to, ByteOrder.LITTLE_ENDIAN).mul(beta));
                c1 = c1.add(FloatVector.fromMemorySegment(S, p.c, to + 4L * L, ByteOrder.LITTLE_ENDIAN).mul(beta));
            }
            c0 = c0.add(b0);
            c1 = c1.add(b1);
            if (p.rowBias != null) {
                float bias = p.rowBias.get(DType.LE_F32, (p.rowBiasOffset + row + r) * 4);
                c0 = c0.add(bias);
                c1 = c1.add(bias);
            }
            if (e.residual() != null) {
                long from = (e.residualOffset() + (row + r) * e.residualRow() + col) * 4;
                c0 = c0.add(FloatVector.fromMemorySegment(S, e.residual(), from, ByteOrder.LITTLE_ENDIAN));
                c1 = c1.add(FloatVector.fromMemorySegment(S, e.residual(), from + 4L * L, ByteOrder.LITTLE_ENDIAN));
            }
            c0.intoMemorySegment(p.c, to, ByteOrder.LITTLE_ENDIAN);
            c1.intoMemorySegment(p.c, to + 4L * L, ByteOrder.LITTLE_ENDIAN);
        }
    }

    /** The general way out: any width, any epilogue; works on array copies of the rows. */
    private static void finish(Product p, float[] tile, float beta, boolean last, long row, long col, int height, int width, Scratch scratch) {
        Epilogue e = last ? p.epilogue : Epilogue.NONE;
        int n = height * NR;
        float[] other = scratch.floats(Scratch.BLOCK_0, MR * NR);
        if (beta != 0f) {
            for (int r = 0; r < height; r++) {
                for (int done = 0; done < width;) {
                    int run = run(p, col + done, width - done);
                    MemorySegment.copy(p.c, DType.LE_F32, p.at(row + r, col + done) * 4, other, r * NR + done, run);
                    done += run;
                }
            }
            for (int i = 0; i < n; i++) {
                tile[i] = p.alpha * tile[i] + beta * other[i];
            }
        } else if (p.alpha != 1f) {
            for (int i = 0; i < n; i++) {
                tile[i] *= p.alpha;
            }
        }
        if (e.bias() != null) {
            MemorySegment.copy(e.bias(), DType.LE_F32, (e.biasOffset() + col) * 4, other, 0, width);
            for (int r = 0; r < n; r += NR) {
                for (int i = 0; i < NR; i++) {
                    tile[r + i] += other[i];
                }
            }
        }
        if (last && p.rowBias != null) {
            for (int r = 0; r < height; r++) {
                float bias = p.rowBias.get(DType.LE_F32, (p.rowBiasOffset + row + r) * 4);
                for (int i = 0; i < NR; i++) {
                    tile[r * NR + i] += bias;
                }
            }
        }
        switch (e.activation()) {
            case GELU -> MathBlocks.gelu(tile, 0, n);
            case SILU -> MathBlocks.silu(tile, 0, n);
            case NONE -> { }
        }
        if (e.residual() != null) {
            for (int r = 0; r < height; r++) {
                MemorySegment.copy(e.residual(), DType.LE_F32, (e.residualOffset() + (row + r) * e.residualRow() + col) * 4, other, r * NR, width);
            }
            for (int i = 0; i < n; i++) {
                tile[i] += other[i];
            }
        }
        for (int r = 0; r < height; r++) {
            for (int done = 0; done < width;) {
                int run = run(p, col + done, width - done);
                MemorySegment.copy(tile, r * NR + done, p.c, DType.LE_F32, p.at(row + r, col + done) * 4, run);
                done += run;
            }
        }
    }

    /** How many of {@code n} columns from {@code col} on are neighbours in C. */
    private static int run(Product p, long col, int n) {
        return (int) Math.min(n, p.columnBlock - col % p.columnBlock);
    }

    private static void check(long batch, long m, long n, long k, Matrix a, long aBatch, Matrix b, long bBatch, MemorySegment c, long cOffset,
            long cRow, long cBatch, Epilogue e, long residualBatch) {
        String kernel = "gemm f32";
        Bounds.size(kernel, "batch", batch, 0);
        Bounds.size(kernel, "M", m, 0);
        Bounds.size(kernel, "N", n, 0);
        Bounds.size(kernel, "K", k, 0);
        operand(kernel, "A", a);
        operand(kernel, "B", b);
        Bounds.strided(kernel, "A", a.data(), a.type(), a.offset(), batch, aBatch, m, a.rowStride(), k, a.colStride());
        Bounds.strided(kernel, "B", b.data(), b.type(), b.offset(), batch, bBatch, k, b.rowStride(), n, b.colStride());
        if (m > 1 && cRow < n) {
            throw new IllegalArgumentException(kernel + ": row stride of C is " + cRow + ", less than its " + n + " columns");
        }
        Bounds.strided(kernel, "C", c, DType.F32, cOffset, batch, cBatch, m, cRow, n, 1);
        Bounds.writable(kernel, "C", c);
        if (batch > 1 && cBatch < n) {
            throw new IllegalArgumentException(kernel + ": batch stride of C is " + cBatch + ", less than one row of " + n);
        }
        if (e.bias() != null) {
            Bounds.range(kernel, "bias", e.bias(), DType.F32, e.biasOffset(), n);
        }
        if (e.residual() != null) {
            Bounds.strided(kernel, "residual", e.residual(), DType.F32, e.residualOffset(), batch, residualBatch, m, e.residualRow(), n, 1);
            if (k > KC && e.residual().address() + e.residualOffset() * 4 == c.address() + cOffset * 4 && e.residual().isNative() == c.isNative()
                    && e.residual().heapBase().equals(c.heapBase())) {
                throw new IllegalArgumentException(kernel + ": the residual is C itself; use beta = 1 instead");
            }
        }
    }

    private static void operand(String kernel, String name, Matrix x) {
        if (x.type() != DType.F32 && x.type() != DType.F16 && x.type() != DType.BF16) {
            throw new IllegalArgumentException(kernel + ": " + name + " is " + x.type().label() + ", expected f32, f16 or bf16");
        }
    }
}
