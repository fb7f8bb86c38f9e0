package org.mouselift.engine;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Collections;
import java.util.HashMap;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Off-heap blocks for tensors, 64-byte aligned, reused by size class, so that a training loop allocates nothing new
 * after its second step. Freed blocks keep their contents; tensors are therefore uninitialised unless filled.
 *
 * <p>The pool is shared by all threads.
 */
public final class MemoryPool {
    /** Bytes in use, highest bytes in use since {@link #resetPeak()}, and bytes held for reuse. */
    public record Usage(long liveBytes, long peakBytes, long pooledBytes, long blocksCreated) {}

    private static final Map<Long, ArrayDeque<MemorySegment>> FREE = new HashMap<>();
    private static final Map<Long, Arena> ARENAS = new HashMap<>();
    private static long live;
    private static long peak;
    private static long pooled;
    private static long created;
    private static Set<Storage> watched;

    private MemoryPool() {}

    static synchronized Storage acquire(long bytes, String origin) {
        long size = sizeClass(bytes);
        ArrayDeque<MemorySegment> free = FREE.get(size);
        MemorySegment block;
        if (free != null && !free.isEmpty()) {
            block = free.pop();
            pooled -= size;
        } else {
            Arena arena = Arena.ofShared();
            try {
                block = arena.allocate(size, 64);
            } catch (OutOfMemoryError e) {
                arena.close();
                throw new EngineException("out of memory: " + bytes + " bytes for " + origin + " (live " + live + ", pooled "
                        + pooled + "); close scopes earlier, use smaller inputs, or trim the pool", e);
            }
            ARENAS.put(block.address(), arena);
            created++;
        }
        live += size;
        peak = Math.max(peak, live);
        Storage storage = new Storage(block, origin, true);
        if (watched != null) {
            watched.add(storage);
        }
        return storage;
    }

    static synchronized void release(Storage storage, MemorySegment block) {
        long size = block.byteSize();
        live -= size;
        pooled += size;
        FREE.computeIfAbsent(size, k -> new ArrayDeque<>()).push(block);
        if (watched != null) {
            watched.remove(storage);
        }
    }

    /** Rounds up to one of eight classes per power of two: at most 12.5 % of a block is unused. */
    private static long sizeClass(long bytes) {
        long n = Math.max(64, bytes);
        if (n <= 512) {
            return Math.ceilDiv(n, 64) * 64;
        }
        int shift = 63 - Long.numberOfLeadingZeros(n) - 3;
        long unit = 1L << shift;
        return Math.ceilDiv(n, unit) * unit;
    }

    /** Current counters. */
    public static synchronized Usage usage() {
        return new Usage(live, peak, pooled, created);
    }

    /** Starts a new peak measurement at the present live size. */
    public static synchronized void resetPeak() {
        peak = live;
    }

    /** Returns all unused blocks to the operating system. */
    public static synchronized void trim() {
        for (ArrayDeque<MemorySegment> blocks : FREE.values()) {
            for (MemorySegment block : blocks) {
                ARENAS.remove(block.address()).close();
            }
        }
        FREE.clear();
        pooled = 0;
    }

    /** Starts (or restarts) the leak watch: from now on every new block is remembered until it is freed. */
    public static synchronized void watchLeaks() {
        watched = Collections.newSetFromMap(new IdentityHashMap<>());
    }

    /** Where the blocks came from that were made since {@link #watchLeaks()} and are still alive. */
    public static synchronized List<String> leaks() {
        if (watched == null) {
            throw new IllegalStateException("the leak watch is off: call MemoryPool.watchLeaks() first");
        }
        List<String> out = new ArrayList<>();
        for (Storage s : watched) {
            out.add(s.origin() + ", " + s.segment().byteSize() + " bytes"
                    + (s.owner() == null ? "" : ", scope '" + s.owner().name() + "'"));
        }
        Collections.sort(out);
        return out;
    }
}
