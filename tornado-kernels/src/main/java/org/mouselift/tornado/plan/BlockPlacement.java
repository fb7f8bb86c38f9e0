package org.mouselift.tornado.plan;

import java.util.ArrayList;
import java.util.Collection;
import java.util.Comparator;
import java.util.List;

/**
 * Places the blocks of one device array: lasting ones one after another, the others in the gaps that their lives leave, largest
 * first (greedy by size, as in the engine's own memory plan).
 */
final class BlockPlacement {
    /** Blocks begin at multiples of this many elements (64 bytes). */
    static final long ALIGNMENT = 16;
    /** Device code indexes with ints. */
    static final long MOST_ELEMENTS = Integer.MAX_VALUE - ALIGNMENT;

    private BlockPlacement() {}

    /** Places the blocks of a space and returns the elements that its array needs. */
    static long place(Space space, Collection<Block> blocks) {
        long top = 0;
        List<Block> passing = new ArrayList<>();
        for (Block b : blocks) {
            if (b.space() != space) {
                continue;
            }
            if (b.lasting()) {
                b.place(top);
                top = Math.addExact(top, padded(b));
            } else if (b.last() >= 0) {
                passing.add(b);
            }
        }
        passing.sort(Comparator.comparingLong(Block::elements).reversed().thenComparingInt(Block::first));
        long base = top;
        List<Block> placed = new ArrayList<>();
        for (Block b : passing) {
            long offset = base;
            for (Block q : placed) {
                if (b.first() <= q.last() && q.first() <= b.last()) {
                    if (offset + padded(b) <= q.offset()) {
                        break;
                    }
                    offset = Math.max(offset, q.offset() + padded(q));
                }
            }
            b.place(offset);
            int at = 0;
            while (at < placed.size() && placed.get(at).offset() <= offset) {
                at++;
            }
            placed.add(at, b);
            top = Math.max(top, Math.addExact(offset, padded(b)));
        }
        return top;
    }

    private static long padded(Block b) {
        return Math.ceilDiv(b.elements(), ALIGNMENT) * ALIGNMENT;
    }
}
