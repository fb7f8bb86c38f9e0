package org.mouselift.tornado.plan;

import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Set;
import org.mouselift.engine.device.DeviceException;
import org.mouselift.engine.trace.Buffer;

/**
 * What a device does for a program, before anything touches the device.
 *
 * @param inputs where the operands go, row-major
 * @param weights where weights and constants go
 * @param steps launches (and products by a library or steps on the CPU, where allowed) in order
 * @param outputs where the results are, row-major
 * @param blocks all pieces of the device arrays, placed
 * @param floats elements of the float array
 * @param ints elements of the int array
 * @param overflows the watch over factors that do not fit a half float; null where nothing is rounded
 */
public record DevicePlan(String name, List<Operand> inputs, List<Weight> weights, List<Step> steps, List<Operand> outputs, List<Block> blocks, long floats,
        long ints, Overflows overflows) {
    /**
     * A weight or constant.
     *
     * @param first first element of the tensor's memory that is needed; as many as the block has follow
     * @param written the program overwrites it: it goes back to the host after a run
     */
    public record Weight(Block block, Buffer buffer, long first, boolean written) {}

    /** Bytes of both arrays, and of those that a library works on. */
    public long bytes() {
        long[] library = libraryElements();
        return Math.multiplyExact(4, floats + ints + library[0] + library[1] + library[2]);
    }

    /** Elements of the largest A, B and C of all products that go to a library, which share three arrays; 0 if none does. */
    public long[] libraryElements() {
        long[] out = new long[3];
        for (Step s : steps) {
            if (s instanceof LibraryProduct p) {
                out[0] = Math.max(out[0], p.gemm().elementsA());
                out[1] = Math.max(out[1], p.gemm().elementsB());
                out[2] = Math.max(out[2], p.gemm().elementsC());
            }
        }
        return out;
    }

    /** Bytes that weights and constants take. */
    public long weightBytes() {
        return 4 * weights.stream().mapToLong(w -> w.block().elements()).sum();
    }

    /** Numbers of all arguments together, in ints and floats. */
    public long argumentInts() {
        return steps.stream().filter(Launch.class::isInstance).mapToLong(s -> ((Launch) s).arguments().size()).sum();
    }

    /**
     * Checks the plan: every block is written before it is read, blocks that are alive together share no element, arrays stay
     * within what device code can index.
     *
     * @throws DeviceException naming the step or limit
     */
    void check() {
        limit("float", floats);
        limit("int", ints);
        products();
        Set<Block> written = Collections.newSetFromMap(new IdentityHashMap<>());
        inputs.forEach(o -> written.add(o.block()));
        weights.forEach(w -> written.add(w.block()));
        for (int i = 0; i < steps.size(); i++) {
            Step s = steps.get(i);
            for (Block b : s.reads()) {
                if (!written.contains(b) && b.elements() > 0) {
                    throw fail("step " + i + " (" + s.operation() + (s.path().isEmpty() ? "" : " in " + s.path()) + ") reads " + b + ", which nothing has written");
                }
            }
            written.addAll(s.writes());
        }
        for (Operand o : outputs) {
            if (!written.contains(o.block()) && o.block().elements() > 0) {
                throw fail("result " + o.spec() + " is never written");
            }
        }
        disjoint();
    }

    /** The elements that a library reads and writes lie inside of their blocks. */
    private void products() {
        for (Step s : steps) {
            if (s instanceof LibraryProduct p) {
                inside(p, "A", p.a(), p.gemm().elementsA());
                inside(p, "B", p.b(), p.gemm().elementsB());
                inside(p, "C", p.result(), p.gemm().elementsC());
            }
        }
    }

    private void inside(LibraryProduct p, String what, Operand x, long elements) {
        if (x.block().space() != Space.FLOATS || x.offset() < 0 || Math.addExact(x.offset(), elements) > x.block().elements()) {
            throw fail(p.operation() + (p.path().isEmpty() ? "" : " in " + p.path()) + ": " + what + " of " + p.library() + "'s product " + p.gemm() + " is "
                    + elements + " floats from " + x.offset() + " on in " + x.block());
        }
    }

    private void limit(String what, long elements) {
        if (elements > BlockPlacement.MOST_ELEMENTS) {
            throw fail(String.format(Locale.ROOT, "needs %d elements in the %s array, device code can index %d. Use fewer or smaller views, or run on the CPU",
                    elements, what, BlockPlacement.MOST_ELEMENTS));
        }
    }

    private void disjoint() {
        for (Space space : Space.values()) {
            List<Block> live = blocks.stream().filter(b -> b.space() == space && b.elements() > 0 && (b.lasting() || b.last() >= 0))
                    .sorted(java.util.Comparator.comparingLong(Block::offset)).toList();
            for (int i = 0; i < live.size(); i++) {
                Block a = live.get(i);
                for (int j = i + 1; j < live.size() && live.get(j).offset() < a.offset() + a.elements(); j++) {
                    Block b = live.get(j);
                    if (a.lasting() || b.lasting() || a.first() <= b.last() && b.first() <= a.last()) {
                        throw fail(a + " and " + b + " share elements while both are in use");
                    }
                }
            }
        }
    }

    private DeviceException fail(String problem) {
        return new DeviceException("device plan of '" + name + "': " + problem);
    }

    /** The plan in words. */
    public String listing() {
        StringBuilder out = new StringBuilder(String.format(Locale.ROOT, "device plan of '%s': %d steps, %d floats, %d ints, %.1f MiB of which weights %.1f MiB%n", name,
                steps.size(), floats, ints, bytes() / 1048576.0, weightBytes() / 1048576.0));
        for (Segments.Segment s : Segments.of(steps)) {
            out.append("segment ").append(s.name()).append(" (steps ").append(s.first()).append(" to ").append(s.end() - 1).append(")\n");
            for (int i = s.first(); i < s.end(); i++) {
                Step step = steps.get(i);
                out.append("  ").append(step.operation());
                if (step instanceof Launch l) {
                    out.append(": ").append(l.kernel()).append(", ").append(l.grid());
                } else if (step instanceof LibraryProduct p) {
                    out.append(": ").append(p.library()).append(' ').append(p.gemm());
                }
                if (!step.path().isEmpty()) {
                    out.append("; in ").append(step.path());
                }
                out.append('\n');
            }
        }
        return out.toString();
    }
}
