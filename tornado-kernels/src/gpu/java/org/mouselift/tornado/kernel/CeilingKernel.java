package org.mouselift.tornado.kernel;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;

/** What no kernel can exceed on a device: multiply-adds in registers, and copies. */
public final class CeilingKernel {
    /** Multiply-adds of a work item and turn. */
    public static final int CHAINS = 16;

    private CeilingKernel() {}

    public static void multiplyAdds(KernelContext c, FloatArray x, FloatArray y, int turns) {
        float[] v = new float[CHAINS];
        float a = x.get(0);
        float b = x.get(1);
        for (int i = 0; i < CHAINS; i++) {
            v[i] = (float) (c.globalIdx + i);
        }
        for (int k = 0; k < turns; k++) {
            for (int i = 0; i < CHAINS; i++) {
                v[i] = v[i] * a + b;
            }
        }
        float sum = 0f;
        for (int i = 0; i < CHAINS; i++) {
            sum += v[i];
        }
        y.set(c.globalIdx, sum);
    }

    public static void copy(KernelContext c, FloatArray x, FloatArray y) {
        y.set(c.globalIdx, x.get(c.globalIdx));
    }
}
