package org.mouselift.engine.cpu;

import java.lang.foreign.MemorySegment;
import org.mouselift.engine.DType;

/**
 * Matrix product in float64 for gradient checks and oracles: {@code C = epilogue(alpha * A * B + beta * C)}, operands and
 * strides as in {@link Gemm}, everything F64. Each element is one sum over k in ascending order.
 */
public final class GemmF64 {
    private static final int NC = 128;

    private GemmF64() {
    }

    /** {@code C = A * B}. */
    public static void multiply(long m, long n, long k, Matrix a, Matrix b, MemorySegment c, long cOffset, long cRow) {
        multiply(m, n, k, 1, a, b, 0, c, cOffset, cRow, Epilogue.NONE);
    }

    /** See {@link Gemm#multiply(long, long, long, float, Matrix, Matrix, float, MemorySegment, long, long, Epilogue)}. */
    public static void multiply(long m, long n, long k, double alpha, Matrix a, Matrix b, double beta, MemorySegment c, long cOffset, long cRow,
            Epilogue epilogue) {
        batched(1, m, n, k, alpha, a, 0, b, 0, beta, c, cOffset, cRow, 0, epilogue, 0);
    }

    /** {@code batch} independent products with element strides between them. */
    public static void batched(long batch, long m, long n, long k, double alpha, Matrix a, long aBatch, Matrix b, long bBatch, double beta,
            MemorySegment c, long cOffset, long cRow, long cBatch, Epilogue e, long residualBatch) {
        String kernel = "gemm f64";
        Bounds.size(kernel, "batch", batch, 0);
        if (a.type() != DType.F64 || b.type() != DType.F64) {
            throw new IllegalArgumentException(kernel + ": A is " + a.type().label() + " and B is " + b.type().label() + ", expected f64");
        }
        Bounds.strided(kernel, "A", a.data(), DType.F64, a.offset(), batch, aBatch, m, a.rowStride(), k, a.colStride());
        Bounds.strided(kernel, "B", b.data(), DType.F64, b.offset(), batch, bBatch, k, b.rowStride(), n, b.colStride());
        Bounds.strided(kernel, "C", c, DType.F64, cOffset, batch, cBatch, m, cRow, n, 1);
        Bounds.writable(kernel, "C", c);
        if (e.bias() != null) {
            Bounds.range(kernel, "bias", e.bias(), DType.F64, e.biasOffset(), n);
        }
        if (e.residual() != null) {
            Bounds.strided(kernel, "residual", e.residual(), DType.F64, e.residualOffset(), batch, residualBatch, m, e.residualRow(), n, 1);
        }
        long rows = Math.multiplyExact(batch, m);
        if (rows == 0 || n == 0) {
            return;
        }
        long grain = Math.max(1, 100_000 / Math.max(1, n * Math.max(1, k)));
        Workers.split(rows, grain, (worker, begin, end) -> {
            double[] acc = new double[NC];
            long row = begin;
            while (row < end) {
                long i = row / m;
                long last = Math.min(end, (i + 1) * m);
                for (long j = 0; j < n; j += NC) {
                    int nc = (int) Math.min(NC, n - j);
                    for (long r = row; r < last; r++) {
                        long ri = r - i * m;
                        java.util.Arrays.fill(acc, 0, nc, 0.0);
                        accumulate(k, a, a.offset() + i * aBatch + ri * a.rowStride(), b, b.offset() + i * bBatch + j * b.colStride(), nc, acc);
                        finish(alpha, acc, beta, c, cOffset + i * cBatch + ri * cRow + j, e, i * residualBatch + ri * e.residualRow() + j, j, nc);
                    }
                }
                row = last;
            }
        });
    }

    private static void accumulate(long k, Matrix a, long aAt, Matrix b, long bAt, int nc, double[] acc) {
        for (long p = 0; p < k; p++) {
            double x = a.data().get(DType.LE_F64, (aAt + p * a.colStride()) * 8);
            long at = bAt + p * b.rowStride();
            for (int jj = 0; jj < nc; jj++) {
                acc[jj] += x * b.data().get(DType.LE_F64, (at + jj * b.colStride()) * 8);
            }
        }
    }

    private static void finish(double alpha, double[] acc, double beta, MemorySegment c, long at, Epilogue e, long residualAt, long col, int nc) {
        for (int jj = 0; jj < nc; jj++) {
            double v = alpha * acc[jj];
            if (beta != 0) {
                v += beta * c.get(DType.LE_F64, (at + jj) * 8);
            }
            if (e.bias() != null) {
                v += e.bias().get(DType.LE_F64, (e.biasOffset() + col + jj) * 8);
            }
            v = switch (e.activation()) {
                case NONE -> v;
                case GELU -> ErrorFunction.gelu(v);
                case SILU -> v / (1 + Math.exp(-v));
            };
            if (e.residual() != null) {
                v += e.residual().get(DType.LE_F64, (e.residualOffset() + residualAt + jj) * 8);
            }
            c.set(DType.LE_F64, (at + jj) * 8, v);
        }
    }
}
