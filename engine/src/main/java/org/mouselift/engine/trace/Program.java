package org.mouselift.engine.trace;

import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiPredicate;
import java.util.function.Function;
import org.mouselift.engine.DType;
import org.mouselift.engine.Executor;
import org.mouselift.engine.ModulePath;
import org.mouselift.engine.Operation;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;

/**
 * A function of tensors as a straight list of typed nodes with static shapes: made by tracing, then printed, verified,
 * memory-planned and run any number of times.
 *
 * <pre>{@code
 * Program step = Program.define("step").input("images", spec).weights(model.stateDict()).trace(in -> List.of(model.call(in.get(0))));
 * List<Tensor> out = step.run(images);
 * }</pre>
 *
 * <p>While tracing, tensors are symbolic. A tensor with memory may be used only if it is a weight: it requires a gradient,
 * was declared with {@link Definition#weights} or {@link #weight}, or belongs to a declared scope. A run sees weights as
 * they are at that time and updates them where the function did. Everything else is an error, unless its contents are
 * frozen on purpose with {@link #constant}.
 */
public final class Program implements AutoCloseable {
    private final String name;
    private final List<Value> inputs;
    private final List<Node> nodes;
    private final List<Value> outputs;
    private final List<Buffer> buffers;
    private final Scope constants;
    private final Set<Buffer> written = Collections.newSetFromMap(new IdentityHashMap<>());
    private final MemoryPlan plan;

    Program(String name, List<Value> inputs, List<Node> nodes, List<Value> outputs, List<Buffer> allBuffers, Scope constants) {
        this.name = name;
        this.inputs = List.copyOf(inputs);
        this.nodes = List.copyOf(nodes);
        this.outputs = List.copyOf(outputs);
        this.constants = constants;
        this.buffers = List.copyOf(allBuffers);
        for (Node n : nodes) {
            if (n.overwritten() != null) {
                written.add(n.overwritten().buffer());
            }
        }
        number();
        plan = MemoryPlan.of(this.nodes, this.outputs);
        verify();
    }

    private void number() {
        int id = 0;
        for (Value v : inputs) {
            v.number(id++);
        }
        for (Node n : nodes) {
            for (Value v : n.outputs()) {
                v.number(id++);
            }
        }
    }

    // ---- tracing -------------------------------------------------------------------------------------------------

    /** What a trace needs to know beforehand. */
    public static final class Definition {
        private final String name;
        private final Map<String, TensorSpec> inputs = new LinkedHashMap<>();
        private final List<Scope> scopes = new ArrayList<>();
        private final Map<Tensor, String> weights = new IdentityHashMap<>();
        private BiPredicate<Operation, DType> kernels;

        private Definition(String name) {
            this.name = name;
        }

        /** Adds an input; the order of calls is the order of operands. */
        public Definition input(String inputName, TensorSpec spec) {
            if (inputs.putIfAbsent(inputName, spec) != null) {
                throw new TraceException("program '" + name + "' has two inputs named '" + inputName + "'");
            }
            return this;
        }

        /** Allows all tensors that a (detached) scope owns to be used as weights. */
        public Definition weights(Scope owner) {
            scopes.add(owner);
            return this;
        }

        /** Allows named tensors, such as a module's state dict, to be used as weights. */
        public Definition weights(Map<String, Tensor> named) {
            named.forEach((label, t) -> weights.put(t, label));
            return this;
        }

        /**
         * Says which operations have kernels where the program will run; the others are taken apart with
         * {@link Operation#composed}. The default is what the CPU can do.
         */
        public Definition kernels(BiPredicate<Operation, DType> computes) {
            kernels = computes;
            return this;
        }

        /** Runs a function once with symbolic tensors and keeps what it did. */
        public Program trace(Function<List<Tensor>, List<Tensor>> body) {
            if (Executor.current() instanceof Tracer) {
                throw new TraceException("program '" + name + "' would be traced inside another trace; trace it before, "
                        + "or call the function itself");
            }
            Tracer tracer = new Tracer(name, scopes, weights, kernels);
            String path = ModulePath.current();
            boolean failed = true;
            try {
                List<Tensor> operands = new ArrayList<>();
                inputs.forEach((n, spec) -> operands.add(tracer.input(n, spec)));
                List<Value> values = tracer.inputValues();
                Program p = Tape.pause(() -> Executor.with(tracer, () -> tracer.finish(values, body.apply(operands))));
                failed = false;
                return p;
            } finally {
                ModulePath.enter(path);
                tracer.end(failed);
            }
        }
    }

    /** Starts the definition of a program with named inputs. */
    public static Definition define(String name) {
        return new Definition(name);
    }

    /** Traces a function of inputs named {@code in0, in1, …}. */
    public static Program trace(String name, List<TensorSpec> specs, Function<List<Tensor>, List<Tensor>> body) {
        Definition d = define(name);
        for (int i = 0; i < specs.size(); i++) {
            d.input("in" + i, specs.get(i));
        }
        return d.trace(body);
    }

    /** While tracing, declares a tensor as a weight: runs read and update it in place. Without a trace it does nothing. */
    public static Tensor weight(Tensor t) {
        if (Executor.current() instanceof Tracer tracer) {
            tracer.declare(t, t.name());
        }
        return t;
    }

    /** While tracing, freezes a copy of a tensor's present contents into the program. Without a trace it returns t. */
    public static Tensor constant(Tensor t) {
        return Executor.current() instanceof Tracer tracer ? tracer.constant(t) : t;
    }

    /** True while this thread traces a program. */
    public static boolean isTracing() {
        return Executor.current() instanceof Tracer;
    }

    // ---- description ---------------------------------------------------------------------------------------------

    public String name() {
        return name;
    }

    public List<Value> inputs() {
        return inputs;
    }

    /** Steps in order of execution. */
    public List<Node> nodes() {
        return nodes;
    }

    public List<Value> outputs() {
        return outputs;
    }

    /** All blocks of memory the trace has seen, by {@link Buffer#index()}. */
    public List<Buffer> buffers() {
        return buffers;
    }

    public MemoryPlan plan() {
        return plan;
    }

    /** True if a run overwrites (part of) a buffer in place. */
    public boolean writes(Buffer buffer) {
        return written.contains(buffer);
    }

    /** Checks the program's rules; done once when it is made. */
    public void verify() {
        Verifier.check(this);
    }

    /** The readable listing: inputs, weights, one line a node, results, memory plan. */
    @Override
    public String toString() {
        return Listing.of(this);
    }

    // ---- execution -----------------------------------------------------------------------------------------------

    /**
     * Computes the program on the CPU with the kernels that eager execution uses, bit for bit the same.
     *
     * @param operands one tensor an input, of exactly its spec; those that the program overwrites are overwritten
     * @return the results: fresh tensors of the current scope that share memory with nothing
     */
    public List<Tensor> run(List<Tensor> operands) {
        return new Replay(this, operands).run();
    }

    /** As {@link #run(List)}. */
    public List<Tensor> run(Tensor... operands) {
        return run(List.of(operands));
    }

    /** As {@link #run(List)} with operands by input name. */
    public List<Tensor> run(Map<String, Tensor> operands) {
        List<Tensor> list = new ArrayList<>();
        for (Value v : inputs) {
            Tensor t = operands.get(v.buffer().name());
            if (t == null) {
                throw new TraceException("program '" + name + "' needs input '" + v.buffer().name() + "'; given are " + operands.keySet());
            }
            list.add(t);
        }
        if (operands.size() != list.size()) {
            throw new TraceException("program '" + name + "' has inputs " + inputs.stream().map(v -> v.buffer().name()).toList()
                    + "; given are " + operands.keySet());
        }
        return run(list);
    }

    /** Frees the frozen constants. Weights belong to others and stay. */
    @Override
    public void close() {
        constants.close();
    }
}
