package org.mouselift.engine.trace;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collection;
import java.util.HashMap;
import java.util.HashSet;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.BiPredicate;
import org.mouselift.engine.DType;
import org.mouselift.engine.Eager;
import org.mouselift.engine.Executor;
import org.mouselift.engine.ModulePath;
import org.mouselift.engine.Operation;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.ViewOperation;

/** Records operations into the nodes of a {@link Program} instead of computing them. */
final class Tracer implements Executor {
    private record Layout(int buffer, TensorSpec spec, List<Long> strides, long offset) {}

    private final String name;
    private final List<Scope> weightScopes;
    private final Map<Object, String> declared = new IdentityHashMap<>();
    private final Map<Object, Buffer> weights = new IdentityHashMap<>();
    private final Map<Tensor, Tensor> constants = new IdentityHashMap<>();
    private final Set<String> names = new HashSet<>();
    private final List<Buffer> buffers = new ArrayList<>();
    private final Map<Layout, Value> values = new HashMap<>();
    private final List<Node> nodes = new ArrayList<>();
    private final Scope owned;
    private final BiPredicate<Operation, DType> kernels;
    private boolean ended;

    /** @param kernels which operations are recorded whole; null for those that the CPU has kernels for */
    Tracer(String name, List<Scope> weightScopes, Map<Tensor, String> declaredWeights, BiPredicate<Operation, DType> kernels) {
        this.name = name;
        this.kernels = kernels;
        this.weightScopes = weightScopes;
        this.owned = Scope.detached("constants of program " + name);
        declaredWeights.forEach(this::declare);
    }

    /** Allows a tensor (and its views) to be captured. */
    void declare(Tensor weight, String label) {
        if (!weight.isSymbolic()) {
            declared.putIfAbsent(weight.memoryKey(), label == null ? "" : label);
        }
    }

    Tensor input(String inputName, TensorSpec spec) {
        Buffer b = buffer(Buffer.Kind.INPUT, inputName, spec, null);
        Value v = value(b, spec, spec.shape().contiguousStrides(), 0);
        return Tensor.symbolic(spec, v.strides(), 0, b).named(b.name());
    }

    /** A symbolic tensor for a copy of the present contents of a tensor. */
    Tensor constant(Tensor t) {
        if (t.isSymbolic()) {
            return t;
        }
        return constants.computeIfAbsent(t, key -> {
            Tensor copy = owned.run(() -> Executor.with(Eager.INSTANCE, () -> Tape.pause(() -> Ops.copy(t))));
            Buffer b = buffer(Buffer.Kind.CONSTANT, t.name() == null ? "constant" : t.name(), t.spec(), copy);
            value(b, t.spec(), copy.strides(), copy.offset());
            return Tensor.symbolic(t.spec(), copy.strides(), copy.offset(), b).named(b.name());
        });
    }

    @Override
    public boolean computes(Operation operation, DType dtype) {
        return kernels == null ? Executor.super.computes(operation, dtype) : kernels.test(operation, dtype);
    }

    @Override
    public List<Tensor> execute(Operation operation, List<Tensor> inputs, List<TensorSpec> specs) {
        if (ended) {
            throw new TraceException(operation.name() + ": the trace of '" + name + "' has ended");
        }
        List<Value> operands = new ArrayList<>(inputs.size());
        for (Tensor t : inputs) {
            operands.add(operand(operation.name(), t));
        }
        if (operation instanceof ViewOperation view) {
            return List.of(window(view, inputs.getFirst(), operands.getFirst()));
        }
        List<Value> results = new ArrayList<>(specs.size());
        List<Tensor> out = new ArrayList<>(specs.size());
        for (TensorSpec spec : specs) {
            Buffer b = buffer(Buffer.Kind.LOCAL, null, spec, null);
            long[] strides = spec.shape().contiguousStrides();
            results.add(value(b, spec, strides, 0));
            out.add(Tensor.symbolic(spec, strides, 0, b));
        }
        nodes.add(new Node(operation, operands, results, ModulePath.current()));
        return out;
    }

    private Tensor window(ViewOperation view, Tensor input, Value operand) {
        Tensor v = view.view(input);
        Buffer b = operand.buffer();
        if (find(b, v.spec(), v.strides(), v.offset()) == null) {
            Value result = value(b, v.spec(), v.strides(), v.offset());
            nodes.add(new Node(view, List.of(operand), List.of(result), ModulePath.current()));
        }
        return Tensor.symbolic(v.spec(), v.strides(), v.offset(), b);
    }

    /** The value behind a tensor; captures weights, refuses anything else that is not of this trace. */
    Value operand(String user, Tensor t) {
        if (t.isSymbolic()) {
            if (!(t.symbol() instanceof Buffer b) || b.trace() != this) {
                throw new TraceException(user + ": " + t + " belongs to another trace than '" + name + "'" + where());
            }
            Value v = find(b, t.spec(), t.strides(), t.offset());
            if (v == null) {
                v = value(b, t.spec(), t.strides(), t.offset());
                Value base = firstOf(b);
                nodes.add(new Node(new Window(t.spec(), Arrays.stream(t.strides()).boxed().toList(), t.offset()), List.of(base),
                        List.of(v), ModulePath.current()));
            }
            return v;
        }
        Tensor constant = constants.get(t);
        if (constant != null) {
            return operand(user, constant);
        }
        Buffer b = weights.get(t.memoryKey());
        if (b == null) {
            if (!isWeight(t)) {
                throw new TraceException(user + ": " + t + " (made by " + t.origin() + ") comes from outside the trace of '" + name
                        + "'; its contents would be frozen into the program. Pass it as an input; declare it with weights(…) or "
                        + "Program.weight(t) if it lives as long as the program; make it inside the trace with Ops.fill; or freeze "
                        + "its present contents with Program.constant(t)" + where());
            }
            String label = t.name() != null ? t.name() : declared.getOrDefault(t.memoryKey(), "");
            b = buffer(Buffer.Kind.WEIGHT, label.isEmpty() ? "weight" : label, t.spec(), t);
            weights.put(t.memoryKey(), b);
        }
        Value v = find(b, t.spec(), t.strides(), t.offset());
        return v != null ? v : value(b, t.spec(), t.strides(), t.offset());
    }

    private boolean isWeight(Tensor t) {
        if (t.requiresGrad() || declared.containsKey(t.memoryKey())) {
            return true;
        }
        for (Scope s : weightScopes) {
            if (t.ownedBy(s)) {
                return true;
            }
        }
        return false;
    }

    private static String where() {
        String path = ModulePath.current();
        return path.isEmpty() ? "" : "; in " + path;
    }

    private Buffer buffer(Buffer.Kind kind, String label, TensorSpec spec, Tensor tensor) {
        String unique = label;
        for (int i = 2; unique != null && !names.add(unique); i++) {
            unique = label + "#" + i;
        }
        Buffer b = new Buffer(this, buffers.size(), kind, unique, spec, tensor);
        buffers.add(b);
        return b;
    }

    private static Layout layout(Buffer b, TensorSpec spec, long[] strides, long offset) {
        return new Layout(b.index(), spec, Arrays.stream(strides).boxed().toList(), offset);
    }

    private Value find(Buffer b, TensorSpec spec, long[] strides, long offset) {
        return values.get(layout(b, spec, strides, offset));
    }

    private Value value(Buffer b, TensorSpec spec, long[] strides, long offset) {
        Value v = new Value(b, spec, strides, offset);
        values.put(layout(b, spec, strides, offset), v);
        return v;
    }

    private Value firstOf(Buffer b) {
        for (Node n : nodes) {
            for (Value v : n.outputs()) {
                if (v.buffer() == b) {
                    return v;
                }
            }
        }
        for (Value v : values.values()) {
            if (v.buffer() == b && v.coversBuffer()) {
                return v;
            }
        }
        throw new TraceException("no value of " + b + " was defined before it was viewed");
    }

    /** Ends the trace and hands over what was recorded. */
    Program finish(List<Value> inputs, Collection<Tensor> results) {
        List<Value> outputs = new ArrayList<>();
        int i = 0;
        for (Tensor t : results) {
            if (t == null) {
                throw new TraceException("trace '" + name + "': result " + i + " is null");
            }
            outputs.add(operand("result " + i++ + " of '" + name + "'", t));
        }
        ended = true;
        return new Program(name, inputs, Pruning.live(nodes, outputs), outputs, buffers, owned);
    }

    List<Value> inputValues() {
        List<Value> in = new ArrayList<>();
        for (Buffer b : buffers) {
            if (b.kind() == Buffer.Kind.INPUT) {
                in.add(find(b, b.spec(), b.spec().shape().contiguousStrides(), 0));
            }
        }
        return in;
    }

    /** Makes every later use of the trace an error; frees constants if no program took them over. */
    void end(boolean failed) {
        ended = true;
        if (failed) {
            owned.close();
        }
    }
}
