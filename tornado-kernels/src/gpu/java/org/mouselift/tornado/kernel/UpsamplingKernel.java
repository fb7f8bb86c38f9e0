package org.mouselift.tornado.kernel;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Nearest-neighbour resizing and its gradient; launches and arguments: {@link org.mouselift.tornado.launch.Upsampling}. */
public final class UpsamplingKernel {
    private UpsamplingKernel() {}

    public static void upsampleNearest(KernelContext c, FloatArray mem, IntArray ints, IntArray p, FloatArray q, IntArray at, int slot) {
        int b = at.get(slot);
        int i = c.globalIdx;
        if (i < p.get(b + 1)) {
            int h = p.get(b + 2);
            int w = p.get(b + 3);
            int height = p.get(b + 4);
            int width = p.get(b + 5);
            int plane = i / (height * width);
            int pixel = i - plane * height * width;
            int y = (int) ((long) (pixel / width) * h / height);
            int x = (int) ((long) (pixel % width) * w / width);
            mem.set(p.get(b + 7) + i, mem.get(p.get(b + 6) + (plane * h + y) * w + x));
        }
    }

    /** The operand is the gradient of the large image [h,w], the result that of the small one. */
    public static void upsampleNearestGrad(KernelContext c, FloatArray mem, IntArray ints, IntArray p, FloatArray q, IntArray at, int slot) {
        int b = at.get(slot);
        int i = c.globalIdx;
        if (i < p.get(b + 1)) {
            int h = p.get(b + 2);
            int w = p.get(b + 3);
            int height = p.get(b + 4);
            int width = p.get(b + 5);
            int plane = i / (height * width);
            int pixel = i - plane * height * width;
            int y = pixel / width;
            int x = pixel % width;
            // Rows j of the large image with floor(j height / h) = y are those from ceil(y h / height) on.
            int y0 = (int) (((long) y * h + height - 1) / height);
            int y1 = (int) (((long) (y + 1) * h + height - 1) / height);
            int x0 = (int) (((long) x * w + width - 1) / width);
            int x1 = (int) (((long) (x + 1) * w + width - 1) / width);
            float sum = 0f;
            for (int j = y0; j < y1; j++) {
                for (int k = x0; k < x1; k++) {
                    sum += mem.get(p.get(b + 6) + (plane * h + j) * w + k);
                }
            }
            mem.set(p.get(b + 7) + i, sum);
        }
    }
}
