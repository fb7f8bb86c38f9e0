package org.mouselift.engine;

import java.util.ArrayList;
import java.util.Collections;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;

/**
 * Records operations for reverse-mode differentiation.
 *
 * <pre>{@code
 * try (Scope s = Scope.open("step"); Tape tape = Tape.open()) {
 *     Tensor loss = …;                       // uses tensors with requiresGrad
 *     Gradients g = tape.backward(loss);     // walks and empties the tape
 *     g.of(weight);
 * }
 * }</pre>
 *
 * Only calls that depend on a tensor with {@link Tensor#requiresGrad()} are recorded. Tapes nest; the innermost records.
 */
public final class Tape implements AutoCloseable {
    private record Node(String name, String path, List<Tensor> inputs, List<Tensor> outputs, int[] writes, Function<Vjp, List<Tensor>> vjp) {
        /** In-place writes to each operand and result so far. */
        static int[] writes(List<Tensor> inputs, List<Tensor> outputs) {
            int[] n = new int[inputs.size() + outputs.size()];
            for (int i = 0; i < n.length; i++) {
                n[i] = (i < inputs.size() ? inputs.get(i) : outputs.get(i - inputs.size())).writes();
            }
            return n;
        }

        /** The gradient rule must see what the forward call saw. */
        void checkUnchanged() {
            int[] now = writes(inputs, outputs);
            for (int i = 0; i < now.length; i++) {
                if (now[i] != writes[i]) {
                    throw new EngineException("gradient of " + name + ": " + (i < inputs.size() ? "operand " + inputs.get(i) : "result "
                            + outputs.get(i - inputs.size())) + " was overwritten in place after the call; update it after the backward pass, "
                            + "or differentiate a copy" + ModulePath.suffix());
                }
            }
        }
    }

    private static final ThreadLocal<Tape> CURRENT = new ThreadLocal<>();
    private static final ThreadLocal<Tape> WALKED = new ThreadLocal<>();

    private final Tape enclosing;
    private Tape guarded;
    private final List<Node> nodes = new ArrayList<>();
    private final Set<Tensor> tracked = Collections.newSetFromMap(new IdentityHashMap<>());

    private Tape(Tape enclosing) {
        this.enclosing = enclosing;
    }

    /** Starts recording on this thread. */
    public static Tape open() {
        Tape tape = new Tape(CURRENT.get());
        CURRENT.set(tape);
        return tape;
    }

    /**
     * A tape for a computation that is repeated during a backward pass. Results that the walked tape tracks may not be
     * used in it: their gradients would be lost.
     */
    static Tape openForRecomputation() {
        Tape tape = open();
        tape.guarded = WALKED.get();
        return tape;
    }

    /** Runs a body without recording. */
    public static <T> T pause(java.util.function.Supplier<T> body) {
        Tape before = CURRENT.get();
        CURRENT.remove();
        try {
            return body.get();
        } finally {
            CURRENT.set(before);
        }
    }

    /** True if a tape is open on this thread that would record a call on these operands. */
    public static boolean records(List<Tensor> inputs) {
        Tape tape = CURRENT.get();
        return tape != null && tape.wants(inputs);
    }

    /** True if a tape is open on this thread. */
    public static boolean isOpen() {
        return CURRENT.get() != null;
    }

    static Tape current() {
        return CURRENT.get();
    }

    /** True if a call on these operands has to be recorded. */
    boolean wants(List<Tensor> inputs) {
        for (Tape t = guarded; t != null; t = t.guarded) {
            for (Tensor x : inputs) {
                if (t.tracked.contains(x)) {
                    throw new EngineException("checkpoint: the body uses " + x + ", which was computed outside of it and depends on parameters; "
                            + "pass it as an input of the checkpoint" + ModulePath.suffix());
                }
            }
        }
        for (Tensor t : inputs) {
            if (t.requiresGrad() || tracked.contains(t)) {
                return true;
            }
        }
        return false;
    }

    void record(String name, List<Tensor> inputs, List<Tensor> outputs, Function<Vjp, List<Tensor>> vjp) {
        nodes.add(new Node(name, ModulePath.current(), inputs, outputs, Node.writes(inputs, outputs), vjp));
        for (Tensor t : outputs) {
            if (t.dtype().isFloat()) {
                tracked.add(t);
            }
        }
    }

    /** Number of recorded calls. */
    public int size() {
        return nodes.size();
    }

    /** Gradients of a loss with one element with respect to all leaves that require one. */
    public Gradients backward(Tensor loss) {
        if (loss.numel() != 1) {
            throw new EngineException("backward: the loss must have one element, this one is " + loss.spec()
                    + "; reduce it, or give a seed gradient");
        }
        return backward(List.of(loss), List.of(Ops.fill(loss.spec(), 1)));
    }

    /** Gradients from given gradients of several results. The tape is empty afterwards. */
    public Gradients backward(List<Tensor> results, List<Tensor> seeds) {
        for (int i = 0; i < results.size(); i++) {
            if (!results.get(i).shape().equals(seeds.get(i).shape())) {
                throw new ShapeException("backward", "seed " + seeds.get(i).spec() + " for result " + results.get(i).spec());
            }
        }
        Tape before = CURRENT.get();
        Tape walkedBefore = WALKED.get();
        CURRENT.remove();
        WALKED.set(this);
        String path = ModulePath.current();
        try {
            Accumulator sums = new Accumulator();
            for (int i = 0; i < results.size(); i++) {
                sums.protect(seeds.get(i));
                sums.add(results.get(i), seeds.get(i));
            }
            for (Node node : nodes) {
                node.inputs.forEach(sums::protect);
                node.outputs.forEach(sums::protect);
            }
            for (int n = nodes.size() - 1; n >= 0; n--) {
                Node node = nodes.remove(n);
                ModulePath.enter(node.path);
                step(node, sums);
            }
            return new Gradients(sums.leaves());
        } finally {
            ModulePath.enter(path);
            tracked.clear();
            CURRENT.set(before);
            WALKED.set(walkedBefore);
        }
    }

    private void step(Node node, Accumulator sums) {
        Tensor[] grads = new Tensor[node.outputs.size()];
        boolean any = false;
        for (int i = 0; i < grads.length; i++) {
            grads[i] = sums.take(node.outputs.get(i));
            any |= grads[i] != null;
        }
        if (!any) {
            return;
        }
        node.checkUnchanged();
        boolean[] needed = new boolean[node.inputs.size()];
        for (int i = 0; i < needed.length; i++) {
            Tensor t = node.inputs.get(i);
            needed[i] = t.requiresGrad() || tracked.contains(t);
        }
        List<Tensor> result = Scope.keepResults("gradient", () -> node.vjp.apply(new Vjp(node.inputs, node.outputs, grads, needed)));
        if (result.size() != needed.length) {
            throw new EngineException("gradient of " + node.name + " returned " + result.size() + " tensors for " + needed.length + " inputs");
        }
        for (int i = 0; i < needed.length; i++) {
            Tensor g = result.get(i);
            if (g == null || !needed[i]) {
                continue;
            }
            Tensor input = node.inputs.get(i);
            if (!g.shape().equals(input.shape()) || g.dtype() != input.dtype()) {
                throw new EngineException("gradient of " + node.name + " for input " + i + " is " + g.spec() + ", the input is " + input.spec());
            }
            sums.add(input, g);
        }
        sums.releaseUnless(grads);
    }

    @Override
    public void close() {
        nodes.clear();
        tracked.clear();
        if (CURRENT.get() == this) {
            CURRENT.set(enclosing);
        }
    }

    /** Sums gradients in place where it owns the memory, and frees what nobody needs any more. */
    private static final class Accumulator {
        private final Map<Tensor, Tensor> sums = new IdentityHashMap<>();
        private final Set<Tensor> owned = Collections.newSetFromMap(new IdentityHashMap<>());
        private final Set<Tensor> leaves = Collections.newSetFromMap(new IdentityHashMap<>());
        private final Set<Object> foreign = new HashSet<>();

        private static Object memory(Tensor t) {
            return t.isSymbolic() ? t.symbol() : t.memoryKey();
        }

        void protect(Tensor t) {
            foreign.add(memory(t));
        }

        void add(Tensor target, Tensor g) {
            if (target.requiresGrad()) {
                leaves.add(target);
            }
            Tensor sum = sums.get(target);
            if (sum == null) {
                sums.put(target, g);
            } else if (owned.contains(sum)) {
                Ops.addInto(sum, g);
            } else {
                Tensor fresh = Ops.add(sum, g);
                owned.add(fresh);
                sums.put(target, fresh);
            }
        }

        /** The finished gradient of a result. It is never added to again: gradient rules may hand it on to several inputs. */
        Tensor take(Tensor output) {
            Tensor sum = leaves.contains(output) ? sums.get(output) : sums.remove(output);
            owned.remove(sum);
            return sum;
        }

        /** Frees consumed gradients whose memory no pending gradient shares. */
        void releaseUnless(Tensor[] consumed) {
            for (Tensor g : consumed) {
                if (g == null || g.isSymbolic() || foreign.contains(memory(g))) {
                    continue;
                }
                boolean shared = false;
                for (Tensor pending : sums.values()) {
                    if (pending.sharesMemory(g)) {
                        shared = true;
                        break;
                    }
                }
                if (!shared) {
                    g.free();
                }
            }
        }

        Map<Tensor, Tensor> leaves() {
            Map<Tensor, Tensor> out = new IdentityHashMap<>();
            for (Tensor t : leaves) {
                out.put(t, sums.get(t));
            }
            return out;
        }
    }
}
