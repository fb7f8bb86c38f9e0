package org.mouselift.tornado.kernel;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** The optimiser's passes over a parameter; launches and arguments: {@link org.mouselift.tornado.launch.AdamUpdate}. */
public final class AdamUpdateKernel {
    private AdamUpdateKernel() {}

    /** m = beta1 m + (1 - beta1) c g and v = beta2 v + (1 - beta2) (c g)²; a negative c changes nothing. */
    public static void adamMoments(KernelContext c, FloatArray mem, IntArray ints, IntArray p, FloatArray q, IntArray at, int slot) {
        int b = at.get(slot);
        int i = c.globalIdx;
        int n = p.get(b + 1);
        float coefficient = mem.get(p.get(b + 4));
        if (i < n && coefficient >= 0f) {
            int f = p.get(b);
            int first = p.get(b + 2) + i;
            int second = first + n;
            float g = coefficient * mem.get(p.get(b + 3) + i);
            mem.set(first, q.get(f) * mem.get(first) + q.get(f + 1) * g);
            mem.set(second, q.get(f + 2) * mem.get(second) + q.get(f + 3) * g * g);
        }
    }

    /** p = p (1 - lr decay) - (lr / c1) m / (sqrt(v) / sqrt(c2) + eps); a negative lr changes nothing. */
    public static void adamWStep(KernelContext c, FloatArray mem, IntArray ints, IntArray p, FloatArray q, IntArray at, int slot) {
        int b = at.get(slot);
        int i = c.globalIdx;
        int n = p.get(b + 1);
        int numbers = p.get(b + 4);
        float given = mem.get(numbers);
        if (i < n && given >= 0f) {
            int f = p.get(b);
            float rate = given * q.get(f);
            int own = p.get(b + 2) + i;
            int first = p.get(b + 3) + i;
            float root = TornadoMath.sqrt(mem.get(first + n)) / TornadoMath.sqrt(mem.get(numbers + 2));
            float change = rate / mem.get(numbers + 1) * mem.get(first) / (root + q.get(f + 2));
            mem.set(own, mem.get(own) * (1f - rate * q.get(f + 1)) - change);
        }
    }
}
