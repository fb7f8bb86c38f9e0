package org.mouselift.tornado.launch;

import org.mouselift.engine.op.Linear;
import org.mouselift.engine.op.MatMul;
import org.mouselift.tornado.plan.Emission;
import org.mouselift.tornado.plan.Gemm;
import org.mouselift.tornado.plan.Operand;
import org.mouselift.tornado.plan.ProductLibrary;

/**
 * Row-major products as those of the BLAS, whose matrices are column-major: the memory of a row-major X [R,S] is that of a
 * column-major X^T [S,R], so that C = A B row-major is C^T = B^T A^T there, with the factors changed about. A factor whose rows have
 * step 1 instead of its columns lies transposed, which is the BLAS's {@code T}.
 */
final class LibraryMatmul {
    private LibraryMatmul() {}

    /** How X^T of a row-major X lies: as it is or transposed, and the elements from one column to the next. */
    private record Layout(boolean transposed, long leading) {
        /** Null if neither axis has step 1, or rows or columns share elements. */
        static Layout of(Operand x) {
            long rows = x.dim(-2);
            long columns = x.dim(-1);
            if (columns == 1 || x.stride(-1) == 1) {
                long leading = rows == 1 ? columns : x.stride(-2);
                return leading >= columns ? new Layout(false, leading) : null;
            }
            if (rows == 1 || x.stride(-2) == 1) {
                return x.stride(-1) >= rows ? new Layout(true, x.stride(-1)) : null;
            }
            return null;
        }
    }

    /** Leaves a product to the library; false if it does not take it: several batch axes, gaps along both axes, too little work. */
    static boolean emit(MatMul operation, Emission to) {
        if (to.productLibrary() == null) {
            return false;
        }
        Operand left = to.in(0);
        Operand right = to.in(1);
        Operand c = to.out(0);
        Layout a = Layout.of(left);
        Layout b = Layout.of(right);
        Axes batch = Matmul.batch(c, left, right);
        if (a == null || b == null || batch.sizes().length > 1 || !c.isContiguous()) {
            return false;
        }
        long m = c.dim(-2);
        long n = c.dim(-1);
        long count = batch.sizes()[0];
        long leftStride = batch.steps().get(0)[0];
        long rightStride = batch.steps().get(1)[0];
        if (count > 1 && rightStride == 0 && !a.transposed && leftStride == m * a.leading) {
            // One right factor for rows that follow each other: one product.
            m *= count;
            count = 1;
            leftStride = 0;
        }
        Gemm gemm = gemm(to.productLibrary(), m, n, left.dim(-1), b, rightStride, a, leftStride, count);
        if (gemm == null) {
            return false;
        }
        to.product(gemm, right, left, c, null, 0, null);
        return true;
    }

    /** The same for x W^T with bias, activation and residual, of which those with gaps are copied. */
    static boolean emit(Linear operation, Emission to) {
        if (to.productLibrary() == null || !to.out(0).isContiguous()) {
            return false;
        }
        Operand w = to.in(1);
        Operand y = to.out(0);
        long k = w.dim(1);
        // W^T [K,N] seen row-major has step 1 along its rows.
        Gemm gemm = gemm(to.productLibrary(), y.shape().numel() / w.dim(0), w.dim(0), k, new Layout(true, k), 0, new Layout(false, k), 0, 1);
        if (gemm == null) {
            return false;
        }
        int next = 2;
        Operand bias = operation.bias() ? to.packed(next++) : null;
        Operand residual = operation.residual() ? to.packed(next) : null;
        to.product(gemm, to.packed(1), to.packed(0), y, bias, operation.activation().ordinal(), residual);
        return true;
    }

    /** C [m,n] row-major as C^T [n,m]: {@code a} is the right factor's transpose, {@code b} the left one's. Null if it is not for the library. */
    private static Gemm gemm(ProductLibrary library, long m, long n, long k, Layout a, long strideA, Layout b, long strideB, long batch) {
        long largest = Math.max(Math.max(Math.max(m, n), Math.max(k, batch)), Math.max(a.leading, b.leading));
        if (largest > Integer.MAX_VALUE || strideA < 0 || strideB < 0 || k == 0) {
            return null;
        }
        Gemm gemm = new Gemm(a.transposed, b.transposed, (int) n, (int) m, (int) k, 1, (int) a.leading, batch == 1 ? 0 : strideA, (int) b.leading,
                batch == 1 ? 0 : strideB, 0, (int) n, batch == 1 ? 0 : Math.multiplyExact(m, n), (int) batch);
        return library.takes(gemm) ? gemm : null;
    }
}
