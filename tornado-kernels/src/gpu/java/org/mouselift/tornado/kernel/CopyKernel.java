package org.mouselift.tornado.kernel;

import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Copies of ints, and the transfers between device and staging arrays; launch of the copies: {@link org.mouselift.tornado.launch.Copy}. */
public final class CopyKernel {
    private CopyKernel() {}

    public static void copyInts(KernelContext c, FloatArray mem, IntArray ints, IntArray p, FloatArray q, IntArray at, int slot) {
        int b = at.get(slot);
        int i = c.globalIdx;
        if (i < p.get(b + 1)) {
            int rank = p.get(b + 2);
            int from = p.get(b + 3);
            int to = p.get(b + 4);
            int rest = i;
            for (int d = rank - 1; d >= 0; d--) {
                int size = p.get(b + 5 + d);
                int next = rest / size;
                int x = rest - next * size;
                rest = next;
                from += x * p.get(b + 5 + rank + d);
                to += x * p.get(b + 5 + 2 * rank + d);
            }
            ints.set(to, ints.get(from));
        }
    }

    /** Names all arrays, so that a task graph allocates them; the condition never holds. */
    public static void begin(KernelContext c, FloatArray mem, IntArray ints, IntArray p, FloatArray q, IntArray range, FloatArray unused) {
        if (range.get(0) < 0) {
            mem.set(0, q.get(0));
            ints.set(0, p.get(0));
        }
    }

    /** Staging to device: {@code range} holds the first element of the target and the number of elements. */
    public static void floatsIn(KernelContext c, FloatArray mem, IntArray ints, IntArray p, FloatArray q, IntArray range, FloatArray staging) {
        int i = c.globalIdx;
        if (i < range.get(1)) {
            mem.set(range.get(0) + i, staging.get(i));
        }
    }

    public static void intsIn(KernelContext c, FloatArray mem, IntArray ints, IntArray p, FloatArray q, IntArray range, IntArray staging) {
        int i = c.globalIdx;
        if (i < range.get(1)) {
            ints.set(range.get(0) + i, staging.get(i));
        }
    }

    /** Device to staging. */
    public static void floatsOut(KernelContext c, FloatArray mem, IntArray ints, IntArray p, FloatArray q, IntArray range, FloatArray staging) {
        int i = c.globalIdx;
        if (i < range.get(1)) {
            staging.set(i, mem.get(range.get(0) + i));
        }
    }

    public static void intsOut(KernelContext c, FloatArray mem, IntArray ints, IntArray p, FloatArray q, IntArray range, IntArray staging) {
        int i = c.globalIdx;
        if (i < range.get(1)) {
            staging.set(i, ints.get(range.get(0) + i));
        }
    }
}
