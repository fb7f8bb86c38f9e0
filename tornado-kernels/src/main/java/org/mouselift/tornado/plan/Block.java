package org.mouselift.tornado.plan;

/** A piece of one of the two device arrays, in elements of four bytes. Its place is known after {@link BlockPlacement}. */
public final class Block {
    private final Space space;
    private final long elements;
    private final String label;
    private final boolean lasting;
    private int first = Integer.MAX_VALUE;
    private int last = -1;
    private long offset = -1;

    /** @param lasting keeps its place for the whole life of the plan (weights, constants, operands, results) */
    Block(Space space, long elements, String label, boolean lasting) {
        this.space = space;
        this.elements = elements;
        this.label = label;
        this.lasting = lasting;
    }

    public Space space() {
        return space;
    }

    public long elements() {
        return elements;
    }

    public boolean lasting() {
        return lasting;
    }

    /** What it is: a weight by its name, an operand, a result. */
    public String label() {
        return label;
    }

    /** Notes that a step of the plan touches the block. */
    void touch(int step) {
        first = Math.min(first, step);
        last = Math.max(last, step);
    }

    /** First step that touches the block; past all steps if none does. */
    int first() {
        return first;
    }

    /** Last step that touches the block, -1 if none does. */
    int last() {
        return last;
    }

    void place(long at) {
        offset = at;
    }

    /** First element in its array. */
    public long offset() {
        if (offset < 0) {
            throw new IllegalStateException(this + " has no place yet");
        }
        return offset;
    }

    @Override
    public String toString() {
        return label + " (" + elements + (space == Space.FLOATS ? " floats" : " ints") + (offset < 0 ? ")" : " at " + offset + ")");
    }
}
