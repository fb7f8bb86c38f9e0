package org.mouselift.data.recording;

import java.util.ArrayList;
import java.util.List;
import java.util.Random;

/**
 * Which samples are for training and which for validation (mouse specification §2.7). Neighbouring frames are nearly identical, so
 * a random split leaks; {@link Kind#TAIL} and {@link Kind#BLOCKS} keep them apart.
 *
 * @param ratio share of the samples for validation, 0 ≤ ratio < 1, rounded down
 * @param seed  of the random order
 * @param guard samples left out on each side of a validation block (tail and blocks)
 */
public record DatasetSplit(Kind kind, double ratio, long seed, int guard) {
    /** How validation samples are chosen. */
    public enum Kind {
        /** A random permutation; its first part validates. */
        RANDOM,
        /** The last samples validate. */
        TAIL,
        /** Ten contiguous blocks, spread over the recording, validate. */
        BLOCKS,
        /** The last min(100, max(10, 5 %)) samples validate, whatever the ratio, as the original's second converter did. */
        LAST
    }

    private static final int BLOCK_COUNT = 10;

    public DatasetSplit {
        if (!(ratio >= 0 && ratio < 1) || guard < 0) {
            throw new IllegalArgumentException("split: ratio " + ratio + ", guard " + guard + "; expected 0 ≤ ratio < 1 and guard ≥ 0");
        }
    }

    /** Positions (0 … n−1) of the samples; those in neither list are guards. */
    public record Parts(List<Integer> train, List<Integer> validation) {}

    /** Splits {@code n} samples in time order; deterministic. */
    public Parts split(int n) {
        int count = (int) Math.floor(n * ratio + 1e-9);
        return switch (kind) {
            case RANDOM -> random(n, count);
            case TAIL -> blocks(n, count, 1);
            case BLOCKS -> blocks(n, count, Math.min(BLOCK_COUNT, count));
            case LAST -> blocks(n, Math.min(n - 1, Math.min(100, Math.max(10, n / 20))), 1);
        };
    }

    private Parts random(int n, int count) {
        List<Integer> order = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            order.add(i);
        }
        java.util.Collections.shuffle(order, new Random(seed));
        return new Parts(List.copyOf(order.subList(count, n)), List.copyOf(order.subList(0, count)));
    }

    /** Block b ends where (b+1)/blocks of the samples end, so that one block is the tail. */
    private Parts blocks(int n, int count, int blocks) {
        boolean[] validation = new boolean[n];
        for (int b = 0; b < blocks; b++) {
            int size = count / blocks + (b < count % blocks ? 1 : 0);
            int end = (int) ((long) n * (b + 1) / blocks);
            for (int i = end - size; i < end; i++) {
                validation[i] = true;
            }
        }
        List<Integer> train = new ArrayList<>();
        List<Integer> valid = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            if (validation[i]) {
                valid.add(i);
            } else if (!near(validation, i)) {
                train.add(i);
            }
        }
        return new Parts(List.copyOf(train), List.copyOf(valid));
    }

    private boolean near(boolean[] validation, int i) {
        for (int j = Math.max(0, i - guard); j <= Math.min(validation.length - 1, i + guard); j++) {
            if (validation[j]) {
                return true;
            }
        }
        return false;
    }
}
