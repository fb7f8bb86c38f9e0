package org.mouselift.tornado.plan;

import java.util.List;

/**
 * The watch over numbers that are rounded to half floats: a kernel that meets one beyond the largest half float writes the number of
 * its rounding, from 1 on, to a word on the device, which is read after every run.
 *
 * @param word one int, 0 while all is well
 * @param places what was rounded where, in the order of the numbers
 */
public record Overflows(Block word, List<String> places) {
    /** The number of the rounding that was added last. */
    public int latest() {
        return places.size();
    }

    /** The word as an operand. */
    public Operand operand() {
        return Operand.whole(word, org.mouselift.engine.TensorSpec.of(org.mouselift.engine.DType.I32, 1));
    }
}
