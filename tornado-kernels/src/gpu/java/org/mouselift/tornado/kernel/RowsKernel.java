package org.mouselift.tornado.kernel;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Rows by index and sums of rows with equal index; launches and arguments: {@link org.mouselift.tornado.launch.Rows}. */
public final class RowsKernel {
    private RowsKernel() {}

    public static void gatherRows(KernelContext c, FloatArray mem, IntArray ints, IntArray p, FloatArray q, IntArray at, int slot) {
        int b = at.get(slot);
        int i = c.globalIdx;
        if (i < p.get(b + 1)) {
            int width = p.get(b + 2);
            int line = i / width;
            int row = ints.get(p.get(b + 5) + line);
            float v = 0f;
            if (row >= 0 && row < p.get(b + 3)) {
                v = mem.get(p.get(b + 4) + row * width + i - line * width);
            } else {
                // NaN, from a number that is negative but no constant: the compiler writes a constant NaN as a word that OpenCL lacks.
                v = TornadoMath.sqrt((float) -p.get(b + 1));
            }
            mem.set(p.get(b + 6) + i, v);
        }
    }

    public static void scatterAddRows(KernelContext c, FloatArray mem, IntArray ints, IntArray p, FloatArray q, IntArray at, int slot) {
        int b = at.get(slot);
        int i = c.globalIdx;
        if (i < p.get(b + 1)) {
            int width = p.get(b + 2);
            int n = p.get(b + 3);
            int row = i / width;
            int column = i - row * width;
            float sum = 0f;
            for (int k = 0; k < n; k++) {
                if (ints.get(p.get(b + 5) + k) == row) {
                    sum += mem.get(p.get(b + 4) + k * width + column);
                }
            }
            mem.set(p.get(b + 6) + i, sum);
        }
    }
}
