package org.mouselift.tornado.plan;

import org.mouselift.engine.device.DeviceException;

/**
 * A general matrix product in the words of the BLAS: C = alpha op(A) op(B) + beta C for every member of a strided batch, all
 * matrices column-major, op(X) = X or its transpose. With beta 0 the former C is not read.
 *
 * @param m rows of op(A) and C
 * @param n columns of op(B) and C
 * @param k columns of op(A), rows of op(B)
 * @param lda elements from one column of A to the next, at least its rows (m, or k if transposed)
 * @param strideA elements from one A of the batch to the next; 0 for the same A
 * @param ldb likewise; B has k rows, or n if transposed
 * @param ldc at least m
 * @param strideC at least the elements of a C unless the batch is 1
 */
public record Gemm(boolean transA, boolean transB, int m, int n, int k, float alpha, int lda, long strideA, int ldb, long strideB, float beta, int ldc,
        long strideC, int batch) {
    public Gemm {
        least("m", m, 1);
        least("n", n, 1);
        least("k", k, 1);
        least("batch", batch, 1);
        least("lda", lda, transA ? k : m);
        least("ldb", ldb, transB ? n : k);
        least("ldc", ldc, m);
        least("strideA", strideA, 0);
        least("strideB", strideB, 0);
        least("strideC", strideC, batch == 1 ? 0 : (n - 1L) * ldc + m);
    }

    private static void least(String field, long value, long least) {
        if (value < least) {
            throw new DeviceException("gemm: " + field + " is " + value + ", expected at least " + least);
        }
    }

    /** Elements from the first of A to the last, over the whole batch. */
    public long elementsA() {
        return elements(transA ? k : m, transA ? m : k, lda, strideA);
    }

    /** Elements from the first of B to the last, over the whole batch. */
    public long elementsB() {
        return elements(transB ? n : k, transB ? k : n, ldb, strideB);
    }

    /** Elements from the first of C to the last, over the whole batch. */
    public long elementsC() {
        return elements(m, n, ldc, strideC);
    }

    private long elements(long rows, long columns, long leading, long stride) {
        return Math.addExact(Math.multiplyExact(batch - 1L, stride), Math.addExact(Math.multiplyExact(columns - 1, leading), rows));
    }

    /** Multiplications and additions. */
    public double flops() {
        return 2.0 * m * n * k * batch;
    }

    @Override
    public String toString() {
        return (transA ? "T" : "N") + (transB ? "T" : "N") + " " + m + "x" + n + "x" + k + (batch == 1 ? "" : " times " + batch);
    }
}
