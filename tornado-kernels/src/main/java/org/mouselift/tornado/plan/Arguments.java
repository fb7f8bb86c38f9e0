package org.mouselift.tornado.plan;

import java.util.ArrayList;
import java.util.List;

/**
 * What a kernel is told: a row of ints, some of them places in the device arrays, and a row of floats. Kernels read them from
 * device memory, so that one compiled kernel serves all shapes; the first int is where the floats begin.
 */
public final class Arguments {
    private record Entry(long value, Block block) {}

    private final List<Entry> ints = new ArrayList<>();
    private final List<Float> floats = new ArrayList<>();

    /** Adds a number. */
    public Arguments add(long value) {
        ints.add(new Entry(value, null));
        return this;
    }

    /** Adds numbers. */
    public Arguments add(long[] values) {
        for (long v : values) {
            add(v);
        }
        return this;
    }

    /** Adds the place of an operand's first element. */
    public Arguments place(Operand operand) {
        ints.add(new Entry(operand.offset(), operand.block()));
        return this;
    }

    /** Adds a float and returns its index among the floats. */
    public int constant(double value) {
        floats.add((float) value);
        return floats.size() - 1;
    }

    /** Number of ints, the leading place of the floats included. */
    int size() {
        return ints.size() + 1;
    }

    List<Float> floats() {
        return floats;
    }

    /** The ints once all blocks have their places. */
    int[] resolve(int floatsAt) {
        int[] out = new int[ints.size() + 1];
        out[0] = floatsAt;
        for (int i = 0; i < ints.size(); i++) {
            Entry e = ints.get(i);
            out[i + 1] = Math.toIntExact(e.block == null ? e.value : Math.addExact(e.block.offset(), e.value));
        }
        return out;
    }
}
