package org.mouselift.tornado.kernel;

import org.mouselift.tornado.launch.RadixSort;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Prefix sums of ints and a stable sort by digits; launches and arguments: {@link RadixSort}. */
public final class RadixSortKernel {
    private RadixSortKernel() {}

    /** A group a range: every work item sums its part, the parts' sums are added up in local memory. */
    public static void prefixSums(KernelContext c, FloatArray mem, IntArray ints, IntArray p, FloatArray q, IntArray at, int slot) {
        int[] scan = c.allocateIntLocalArray(RadixSort.LOCAL);
        int b = at.get(slot);
        int t = c.localIdx;
        int n = p.get(b + 1);
        int part = p.get(b + 2) / RadixSort.LOCAL;
        int begin = c.groupIdx * p.get(b + 2) + t * part;
        int end = begin + part < n ? begin + part : n;
        int x = p.get(b + 3);
        int totals = p.get(b + 4);
        int sum = 0;
        for (int i = begin; i < end; i++) {
            sum += ints.get(x + i);
        }
        scan[t] = sum;
        c.localBarrier();
        for (int h = 1; h < RadixSort.LOCAL; h = h * 2) {
            int more = scan[t];
            if (t >= h) {
                more += scan[t - h];
            }
            c.localBarrier();
            scan[t] = more;
            c.localBarrier();
        }
        int before = scan[t] - sum;
        for (int i = begin; i < end; i++) {
            int own = ints.get(x + i);
            ints.set(x + i, before);
            before += own;
        }
        if (totals >= 0 && t == 0) {
            ints.set(totals + c.groupIdx, scan[RadixSort.LOCAL - 1]);
        }
    }

    /** How many keys of a group have each digit; counts of one digit lie together. */
    public static void radixCount(KernelContext c, FloatArray mem, IntArray ints, IntArray p, FloatArray q, IntArray at, int slot) {
        int[] counts = c.allocateIntLocalArray(RadixSort.DIGITS * RadixSort.LOCAL);
        int b = at.get(slot);
        int t = c.localIdx;
        int n = p.get(b + 1);
        int power = p.get(b + 2);
        int keys = p.get(b + 4);
        int begin = (c.groupIdx * RadixSort.LOCAL + t) * RadixSort.RUN;
        int end = begin + RadixSort.RUN < n ? begin + RadixSort.RUN : n;
        for (int d = 0; d < RadixSort.DIGITS; d++) {
            counts[d * RadixSort.LOCAL + t] = 0;
        }
        for (int i = begin; i < end; i++) {
            int d = ints.get(keys + i) / power % RadixSort.DIGITS;
            counts[d * RadixSort.LOCAL + t] = counts[d * RadixSort.LOCAL + t] + 1;
        }
        c.localBarrier();
        for (int half = RadixSort.LOCAL / 2; half > 0; half = half / 2) {
            if (t < half) {
                for (int d = 0; d < RadixSort.DIGITS; d++) {
                    counts[d * RadixSort.LOCAL + t] = counts[d * RadixSort.LOCAL + t] + counts[d * RadixSort.LOCAL + t + half];
                }
            }
            c.localBarrier();
        }
        if (t < RadixSort.DIGITS) {
            ints.set(p.get(b + 5) + t * p.get(b + 3) + c.groupIdx, counts[t * RadixSort.LOCAL]);
        }
    }

    /** Moves keys and values to the place of their digit and group, in their old order. */
    public static void radixScatter(KernelContext c, FloatArray mem, IntArray ints, IntArray p, FloatArray q, IntArray at, int slot) {
        int[] places = c.allocateIntLocalArray(RadixSort.DIGITS * RadixSort.LOCAL);
        int[] more = new int[RadixSort.DIGITS];
        int b = at.get(slot);
        int t = c.localIdx;
        int n = p.get(b + 1);
        int power = p.get(b + 2);
        int groups = p.get(b + 3);
        int keys = p.get(b + 4);
        int values = p.get(b + 6);
        int toKeys = p.get(b + 7);
        int toValues = p.get(b + 8);
        int begin = (c.groupIdx * RadixSort.LOCAL + t) * RadixSort.RUN;
        int end = begin + RadixSort.RUN < n ? begin + RadixSort.RUN : n;
        for (int d = 0; d < RadixSort.DIGITS; d++) {
            places[d * RadixSort.LOCAL + t] = 0;
        }
        for (int i = begin; i < end; i++) {
            int d = ints.get(keys + i) / power % RadixSort.DIGITS;
            places[d * RadixSort.LOCAL + t] = places[d * RadixSort.LOCAL + t] + 1;
        }
        c.localBarrier();
        // Sums over the work items before, for all digits at once; each work item reads and writes its own column.
        for (int h = 1; h < RadixSort.LOCAL; h = h * 2) {
            for (int d = 0; d < RadixSort.DIGITS; d++) {
                more[d] = t >= h ? places[d * RadixSort.LOCAL + t - h] : 0;
            }
            c.localBarrier();
            for (int d = 0; d < RadixSort.DIGITS; d++) {
                places[d * RadixSort.LOCAL + t] = places[d * RadixSort.LOCAL + t] + more[d];
            }
            c.localBarrier();
        }
        // From the sum with the own keys back to their first place: the run is walked from its end.
        for (int i = end - 1; i >= begin; i--) {
            int key = ints.get(keys + i);
            int d = key / power % RadixSort.DIGITS;
            int rank = places[d * RadixSort.LOCAL + t] - 1;
            places[d * RadixSort.LOCAL + t] = rank;
            int place = ints.get(p.get(b + 5) + d * groups + c.groupIdx) + rank;
            ints.set(toKeys + place, key);
            ints.set(toValues + place, ints.get(values + i));
        }
    }
}
