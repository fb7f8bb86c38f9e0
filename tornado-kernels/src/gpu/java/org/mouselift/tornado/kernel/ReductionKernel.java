package org.mouselift.tornado.kernel;

import org.mouselift.tornado.launch.Reduction;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Sums, means, maxima and minima over any axes, a group of work items a result; launch and arguments: {@link Reduction}. */
public final class ReductionKernel {
    private ReductionKernel() {}

    /** Of two values the one that the reduction keeps, or their sum. A NaN stays. */
    static float join(int kind, float x, float y) {
        float z = x + y;
        switch (kind) {
            case 2: z = x != x || x >= y ? x : y; break;
            case 3: z = x != x || x <= y ? x : y; break;
            default: break;
        }
        return z;
    }

    /** Place of element {@code index} of a window with {@code axes} axes; sizes at {@code sizes}, steps behind them. */
    static int place(IntArray p, int sizes, int axes, int index) {
        int rest = index;
        int sum = 0;
        for (int d = axes - 1; d >= 0; d--) {
            int size = p.get(sizes + d);
            int next = rest / size;
            sum += (rest - next * size) * p.get(sizes + axes + d);
            rest = next;
        }
        return sum;
    }

    public static void reduce(KernelContext c, FloatArray mem, IntArray ints, IntArray p, FloatArray q, IntArray at, int slot) {
        float[] partial = c.allocateFloatLocalArray(Reduction.LOCAL);
        int b = at.get(slot);
        int t = c.localIdx;
        int kind = p.get(b + 1);
        int n = p.get(b + 2);
        int kept = p.get(b + 3);
        int reduced = p.get(b + 4);
        int inner = b + 7 + 2 * kept;
        int x = p.get(b + 5) + place(p, b + 7, kept, c.groupIdx);
        float neutral = kind == 2 ? -1f / 0f : kind == 3 ? 1f / 0f : 0f;
        float sum = neutral;
        for (int i0 = t; i0 < n; i0 += Reduction.LOCAL * 32) {
            float part = neutral;
            int end = i0 + Reduction.LOCAL * 32 < n ? i0 + Reduction.LOCAL * 32 : n;
            for (int i = i0; i < end; i += Reduction.LOCAL) {
                part = join(kind, part, mem.get(x + place(p, inner, reduced, i)));
            }
            sum = join(kind, sum, part);
        }
        partial[t] = sum;
        for (int half = Reduction.LOCAL / 2; half > 0; half = half / 2) {
            c.localBarrier();
            if (t < half) {
                partial[t] = join(kind, partial[t], partial[t + half]);
            }
        }
        if (t == 0) {
            mem.set(p.get(b + 6) + c.groupIdx, kind == 1 ? partial[0] * q.get(p.get(b)) : partial[0]);
        }
    }
}
