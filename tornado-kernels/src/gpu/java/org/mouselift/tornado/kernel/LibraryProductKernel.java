package org.mouselift.tornado.kernel;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** What stands before and after a product that a library computes on arrays of its own; {@code at}: {@link org.mouselift.tornado.plan.LibraryProduct#places()}. */
public final class LibraryProductKernel {
    private LibraryProductKernel() {}

    /** Names the arrays, so that a task graph allocates them; the condition never holds. */
    public static void begin(KernelContext c, FloatArray a, FloatArray b, FloatArray product, IntArray at) {
        if (at.get(0) < 0) {
            a.set(0, 0f);
            b.set(0, 0f);
            product.set(0, 0f);
        }
    }

    /** A factor out of the device array. @param slot where its place and its elements stand */
    public static void factor(KernelContext c, FloatArray mem, IntArray at, FloatArray factor, int slot) {
        int i = c.globalIdx;
        if (i < at.get(slot + 1)) {
            factor.set(i, mem.get(at.get(slot) + i));
        }
    }

    /** The product into the device array: activation(C + bias) + residual. */
    public static void result(KernelContext c, FloatArray mem, IntArray at, FloatArray product) {
        int i = c.globalIdx;
        if (i < at.get(4)) {
            float y = product.get(i);
            int bias = at.get(7);
            int residual = at.get(8);
            int activation = at.get(9);
            if (bias >= 0) {
                y += mem.get(bias + i % at.get(5));
            }
            if (activation == 1) {
                y = ElementwiseKernel.unary(17, y);
            } else if (activation == 2) {
                y = ElementwiseKernel.unary(15, y);
            }
            if (residual >= 0) {
                y += mem.get(residual + i);
            }
            mem.set(at.get(6) + i, y);
        }
    }
}
