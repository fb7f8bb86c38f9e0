package org.mouselift.models.splat;

import java.util.Arrays;
import org.mouselift.engine.cpu.Workers;

/**
 * Sorts splats front to back by the bit pattern of their positive float32 view depth; equal depths keep ascending number
 * (GS-LRM specification §2.3). A stable least-significant-digit radix sort with 11-bit digits, parallel over contiguous
 * blocks; its result does not depend on the number of threads.
 */
final class DepthOrder {
    private static final int DIGIT_BITS = 11, BUCKETS = 1 << DIGIT_BITS, BLOCK = 1 << 15;

    private int[] keys = new int[0], otherKeys = new int[0], ids = new int[0], otherIds = new int[0];
    private int[] histogram = new int[0];
    private int[] blockCounts = new int[0];
    private int size;

    /** Memory of the buffers. */
    long bytes() {
        return 4L * (keys.length + otherKeys.length + ids.length + otherIds.length + histogram.length + blockCounts.length);
    }

    /** Number of splats in the order. */
    int size() {
        return size;
    }

    /** Splat numbers front to back; valid up to {@link #size()} until the next sort. */
    int[] ids() {
        return ids;
    }

    /** Orders those of the first {@code count} splats whose depth is positive; others (0 = not visible) are left out. */
    void sort(float[] depths, int count) {
        if (keys.length < count) {
            int capacity = (int) Math.min(Integer.MAX_VALUE - 16, count + (long) count / 4);
            keys = new int[capacity];
            otherKeys = new int[capacity];
            ids = new int[capacity];
            otherIds = new int[capacity];
        }
        collect(depths, count);
        int common = -1, any = 0;
        for (int i = 0; i < size; i++) {
            common &= keys[i];
            any |= keys[i];
        }
        int varying = any ^ common;
        for (int shift = 0; shift < 32 && size > 1; shift += DIGIT_BITS) {
            if ((varying >>> shift & BUCKETS - 1) != 0) {
                pass(shift);
            }
        }
    }

    private void collect(float[] depths, int count) {
        int blocks = Math.ceilDiv(count, BLOCK);
        if (blockCounts.length < blocks + 1) {
            blockCounts = new int[blocks + 1];
        }
        int[] starts = blockCounts;
        Workers.each(blocks, (worker, block) -> {
            int n = 0;
            for (int i = block * BLOCK, end = Math.min(count, i + BLOCK); i < end; i++) {
                n += depths[i] > 0 ? 1 : 0;
            }
            starts[block] = n;
        });
        int total = 0;
        for (int b = 0; b < blocks; b++) {
            int n = starts[b];
            starts[b] = total;
            total += n;
        }
        size = total;
        Workers.each(blocks, (worker, block) -> {
            int at = starts[block];
            for (int i = block * BLOCK, end = Math.min(count, i + BLOCK); i < end; i++) {
                if (depths[i] > 0) {
                    keys[at] = Float.floatToRawIntBits(depths[i]);
                    ids[at++] = i;
                }
            }
        });
    }

    private void pass(int shift) {
        int blocks = Math.ceilDiv(size, BLOCK);
        if (histogram.length < blocks * BUCKETS) {
            histogram = new int[blocks * BUCKETS];
        }
        int[] counts = histogram, from = keys, fromIds = ids, to = otherKeys, toIds = otherIds;
        Workers.each(blocks, (worker, block) -> {
            int base = block * BUCKETS;
            Arrays.fill(counts, base, base + BUCKETS, 0);
            for (int i = block * BLOCK, end = Math.min(size, i + BLOCK); i < end; i++) {
                counts[base + (from[i] >>> shift & BUCKETS - 1)]++;
            }
        });
        int total = 0;
        for (int digit = 0; digit < BUCKETS; digit++) {
            for (int block = 0; block < blocks; block++) {
                int at = block * BUCKETS + digit, n = counts[at];
                counts[at] = total;
                total += n;
            }
        }
        Workers.each(blocks, (worker, block) -> {
            int base = block * BUCKETS;
            for (int i = block * BLOCK, end = Math.min(size, i + BLOCK); i < end; i++) {
                int at = counts[base + (from[i] >>> shift & BUCKETS - 1)]++;
                to[at] = from[i];
                toIds[at] = fromIds[i];
            }
        });
        keys = to;
        otherKeys = from;
        ids = toIds;
        otherIds = fromIds;
    }
}
