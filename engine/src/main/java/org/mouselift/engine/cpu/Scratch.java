package org.mouselift.engine.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;

/**
 * Reused working memory of the kernels: each thread keeps a few numbered {@code float[]} buffers that only grow. A kernel
 * owns the slots it names until it returns; two kernels that call one another must use different slots.
 */
final class Scratch {
    static final int PACK_A = 0;
    static final int PACK_B = 1;
    static final int TILE = 2;
    static final int ROWS = 3;
    static final int BLOCK_0 = 4;
    static final int BLOCK_1 = 5;
    static final int BLOCK_2 = 6;
    static final int BLOCK_3 = 7;
    static final int ATTENTION = 8;
    static final int CONV = 24;
    private static final int SLOTS = 32;

    private static final ThreadLocal<Scratch> LOCAL = ThreadLocal.withInitial(Scratch::new);

    /** Bytes of an edge: one vector of the largest width. */
    private static final int EDGE = 64;
    private static final int EDGES = 4;

    private final float[][] buffers = new float[SLOTS][];
    private short[] halves = new short[0];
    private MemorySegment edges;
    private final MemorySegment[] memory = new MemorySegment[SLOTS];

    private Scratch() {
    }

    static Scratch local() {
        return LOCAL.get();
    }

    /** The buffer of a slot with at least {@code length} elements; its contents are whatever the last user left. */
    float[] floats(int slot, long length) {
        float[] buffer = buffers[slot];
        if (buffer == null || buffer.length < length) {
            if (length > Integer.MAX_VALUE - 64) {
                throw new IllegalArgumentException("a working buffer of " + length + " floats is over the limit of " + (Integer.MAX_VALUE - 64)
                        + " (2^31 elements); split the operation");
            }
            buffer = new float[(int) Math.max(length, 1024)];
            buffers[slot] = buffer;
        }
        return buffer;
    }

    /**
     * Room for the elements at the end of a range that do not fill a vector, so that they go through the same loop as the
     * others: one vector of memory (not of the heap, whose segments are another class, which would slow the loops down).
     */
    MemorySegment edge(int slot) {
        if (edges == null) {
            edges = Arena.ofAuto().allocate(EDGE * EDGES, EDGE);
        }
        return edges.asSlice((long) slot * EDGE, EDGE);
    }

    /** Memory outside of the heap, aligned to vectors, with at least {@code bytes} bytes; else as {@link #floats}, slots apart. */
    MemorySegment memory(int slot, long bytes) {
        MemorySegment buffer = memory[slot];
        if (buffer == null || buffer.byteSize() < bytes) {
            buffer = Arena.ofAuto().allocate(Math.max(bytes, 4096), EDGE);
            memory[slot] = buffer;
        }
        return buffer;
    }

    short[] halves(int length) {
        if (halves.length < length) {
            halves = new short[Math.max(length, 1024)];
        }
        return halves;
    }
}
