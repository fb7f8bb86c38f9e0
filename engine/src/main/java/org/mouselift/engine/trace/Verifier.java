package org.mouselift.engine.trace;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Set;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.ViewOperation;

/**
 * Checks a program: values are defined once and before use, specs and views are what the operations infer, windows lie
 * inside their buffers, in-place operations are free of hazards, and buffers that live together do not share memory.
 */
final class Verifier {
    private final Program program;
    private final Set<Value> defined = Collections.newSetFromMap(new IdentityHashMap<>());

    private Verifier(Program program) {
        this.program = program;
    }

    static void check(Program program) {
        new Verifier(program).run();
    }

    private void run() {
        for (Value v : program.inputs()) {
            define(v, "the inputs");
        }
        for (int i = 0; i < program.nodes().size(); i++) {
            node(i, program.nodes().get(i));
        }
        for (Value v : program.outputs()) {
            used(v, "the results");
        }
        plan();
    }

    private void node(int index, Node n) {
        String at = "node " + index + " " + Listing.node(n);
        for (Value v : n.inputs()) {
            used(v, at);
        }
        List<TensorSpec> specs = n.inputs().stream().map(Value::spec).toList();
        List<TensorSpec> expected;
        try {
            expected = n.operation().infer(specs);
        } catch (EngineException e) {
            throw fail(at, "operands do not fit: " + e.getMessage());
        }
        List<TensorSpec> actual = n.outputs().stream().map(Value::spec).toList();
        if (!expected.equals(actual)) {
            throw fail(at, "results are " + actual + ", the operation infers " + expected);
        }
        Value target = n.overwritten();
        if (target != null) {
            overwrite(at, n, target);
        }
        for (Value v : n.outputs()) {
            define(v, at);
            if (n.operation() instanceof ViewOperation view) {
                window(at, view, n.inputs().getFirst(), v);
            } else if (v.buffer().kind() != Buffer.Kind.LOCAL || !v.coversBuffer()) {
                throw fail(at, v + " must be a whole local buffer");
            }
        }
    }

    private void window(String at, ViewOperation view, Value source, Value result) {
        Tensor seen = view.view(Tensor.symbolic(source.spec(), source.strides(), source.offset(), source.buffer()));
        if (result.buffer() != source.buffer() || seen.offset() != result.offset() || !Arrays.equals(seen.strides(), result.strides())) {
            throw fail(at, "the result is not the view that the operation makes");
        }
        if (result.buffer().tensor() == null && result.lastByte() > result.buffer().spec().bytes()) {
            throw fail(at, "the view reaches byte " + result.lastByte() + " of a buffer of " + result.buffer().spec().bytes());
        }
    }

    private void overwrite(String at, Node n, Value target) {
        if (target.buffer().kind() == Buffer.Kind.CONSTANT) {
            throw fail(at, "constant " + target + " would change between runs: declare it as a weight");
        }
        if (target.repeatsElements()) {
            throw fail(at, target + " is an expanded view: one element would be written several times");
        }
        for (int i = 0; i < n.inputs().size(); i++) {
            Value v = n.inputs().get(i);
            if (i != n.operation().overwrites() && v.garbles(target)) {
                throw fail(at, "in-place hazard: operand " + v + " overlaps the overwritten " + target + " at other indices; copy it first");
            }
        }
    }

    private void define(Value v, String by) {
        if (!defined.add(v)) {
            throw fail(by, v + " is defined twice");
        }
    }

    private void used(Value v, String by) {
        if (!defined.contains(v) && v.buffer().tensor() == null) {
            throw fail(by, v + " is used before it is defined");
        }
    }

    private void plan() {
        List<MemoryPlan.Placement> byBirth = new ArrayList<>(program.plan().placements());
        byBirth.removeIf(p -> p.offset() < 0);
        byBirth.sort(java.util.Comparator.comparingInt(MemoryPlan.Placement::first));
        List<MemoryPlan.Placement> alive = new ArrayList<>();
        for (MemoryPlan.Placement p : byBirth) {
            alive.removeIf(q -> q.last() < p.first());
            for (MemoryPlan.Placement q : alive) {
                if (p.offset() < q.offset() + q.bytes() && q.offset() < p.offset() + p.bytes()) {
                    throw fail("the memory plan", p + " and " + q + " share bytes");
                }
            }
            alive.add(p);
        }
    }

    private TraceException fail(String at, String problem) {
        return new TraceException("program '" + program.name() + "', " + at + ": " + problem);
    }
}
