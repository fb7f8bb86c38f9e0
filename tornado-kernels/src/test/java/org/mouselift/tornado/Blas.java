package org.mouselift.tornado;

import org.mouselift.tornado.plan.Gemm;

/** The matrix product of the BLAS, written down from its definition (Dongarra et al. 1990, xGEMM; cuBLAS's strided batches) in f64. */
final class Blas {
    private Blas() {}

    /** C = alpha op(A) op(B) + beta C, where the first elements of A, B and C lie at the given places of their arrays. */
    static void gemm(Gemm g, float[] a, int aAt, float[] b, int bAt, float[] c, int cAt) {
        for (int batch = 0; batch < g.batch(); batch++) {
            long a0 = aAt + batch * g.strideA();
            long b0 = bAt + batch * g.strideB();
            long c0 = cAt + batch * g.strideC();
            for (int j = 0; j < g.n(); j++) {
                for (int i = 0; i < g.m(); i++) {
                    double sum = 0;
                    for (int l = 0; l < g.k(); l++) {
                        // Column-major: element (row, column) lies at row + column * leading.
                        long x = g.transA() ? l + (long) i * g.lda() : i + (long) l * g.lda();
                        long y = g.transB() ? j + (long) l * g.ldb() : l + (long) j * g.ldb();
                        sum += (double) a[Math.toIntExact(a0 + x)] * b[Math.toIntExact(b0 + y)];
                    }
                    int at = Math.toIntExact(c0 + i + (long) j * g.ldc());
                    c[at] = (float) (g.alpha() * sum + (g.beta() == 0 ? 0 : (double) g.beta() * c[at]));
                }
            }
        }
    }
}
