package org.mouselift.engine.trace;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;

/**
 * Where the local buffers of a program lie. Buffers that are whole results get memory of their own; the others share
 * one arena, two of them the same bytes only if their lives (from the node that makes them to the last node that touches
 * any window on them, both included) do not meet. Largest first, lowest free offset (Pisarchyk and Lee 2020, "Efficient
 * memory management for deep neural net inference", greedy by size).
 */
public final class MemoryPlan {
    /** Arena offsets are multiples of this. */
    public static final long ALIGNMENT = 64;

    /** Life of a buffer in node indices, both ends included, and its place; offset -1 outside the arena. */
    public record Placement(Buffer buffer, int first, int last, long bytes, long offset) {
        boolean meets(Placement other) {
            return first <= other.last && other.first <= last;
        }
    }

    private final Map<Buffer, Placement> placements = new IdentityHashMap<>();
    private long arenaBytes;
    private long localBytes;
    private long peakLiveBytes;
    private long resultBytes;

    private MemoryPlan() {}

    static MemoryPlan of(List<Node> nodes, List<Value> outputs) {
        Map<Buffer, int[]> lives = new IdentityHashMap<>();
        List<Buffer> order = new ArrayList<>();
        for (int i = 0; i < nodes.size(); i++) {
            Node n = nodes.get(i);
            if (n.isView()) {
                continue;
            }
            for (Value v : n.outputs()) {
                touch(v.buffer(), i, lives, order);
            }
            for (Value v : n.inputs()) {
                touch(v.buffer(), i, lives, order);
            }
        }
        Map<Buffer, Boolean> results = new IdentityHashMap<>();
        for (Value v : outputs) {
            if (v.buffer().kind() == Buffer.Kind.LOCAL) {
                touch(v.buffer(), nodes.size(), lives, order);
                if (v.coversBuffer()) {
                    results.put(v.buffer(), true);
                }
            }
        }
        MemoryPlan plan = new MemoryPlan();
        List<Placement> open = new ArrayList<>();
        for (Buffer b : order) {
            int[] life = lives.get(b);
            long bytes = b.spec().bytes();
            plan.localBytes += bytes;
            if (results.containsKey(b)) {
                plan.resultBytes += bytes;
                plan.placements.put(b, new Placement(b, life[0], life[1], bytes, -1));
            } else {
                open.add(new Placement(b, life[0], life[1], Math.ceilDiv(bytes, ALIGNMENT) * ALIGNMENT, -1));
            }
        }
        plan.place(open);
        plan.peakLiveBytes = peak(open, nodes.size());
        return plan;
    }

    private static void touch(Buffer b, int node, Map<Buffer, int[]> lives, List<Buffer> order) {
        if (b.kind() != Buffer.Kind.LOCAL) {
            return;
        }
        int[] life = lives.get(b);
        if (life == null) {
            lives.put(b, new int[] {node, node});
            order.add(b);
        } else {
            life[1] = node;
        }
    }

    private void place(List<Placement> open) {
        List<Placement> bySize = new ArrayList<>(open);
        bySize.sort(Comparator.comparingLong(Placement::bytes).reversed().thenComparingInt(Placement::first)
                .thenComparingInt(p -> p.buffer().index()));
        List<Placement> placed = new ArrayList<>();
        for (Placement p : bySize) {
            long offset = 0;
            // Placed ones are kept in order of offset: take the first gap among those that live at the same time.
            for (Placement q : placed) {
                if (q.meets(p)) {
                    if (offset + p.bytes() <= q.offset()) {
                        break;
                    }
                    offset = Math.max(offset, q.offset() + q.bytes());
                }
            }
            Placement done = new Placement(p.buffer(), p.first(), p.last(), p.bytes(), offset);
            int at = 0;
            while (at < placed.size() && placed.get(at).offset() <= offset) {
                at++;
            }
            placed.add(at, done);
            placements.put(p.buffer(), done);
            arenaBytes = Math.max(arenaBytes, offset + p.bytes());
        }
    }

    private static long peak(List<Placement> all, int nodes) {
        long[] change = new long[nodes + 2];
        for (Placement p : all) {
            change[p.first()] += p.bytes();
            change[p.last() + 1] -= p.bytes();
        }
        long live = 0;
        long peak = 0;
        for (long c : change) {
            live += c;
            peak = Math.max(peak, live);
        }
        return peak;
    }

    /** Place of a local buffer; null if no node touches it. */
    public Placement of(Buffer buffer) {
        return placements.get(buffer);
    }

    /** Bytes of the arena that a run takes from the pool. */
    public long arenaBytes() {
        return arenaBytes;
    }

    /** Bytes that all local buffers together would take without sharing. */
    public long localBytes() {
        return localBytes;
    }

    /** Bytes of local buffers that are results and have memory of their own. */
    public long resultBytes() {
        return resultBytes;
    }

    /** Lower bound of any arena: the most bytes that are alive at one node. */
    public long peakLiveBytes() {
        return peakLiveBytes;
    }

    /** All placements, in no particular order. */
    public List<Placement> placements() {
        return List.copyOf(placements.values());
    }

    @Override
    public String toString() {
        return "arena " + arenaBytes + " bytes (at least " + peakLiveBytes + " are alive at once), results " + resultBytes
                + " bytes, all locals without reuse " + localBytes + " bytes";
    }
}
