package org.mouselift.engine.trace;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.stream.IntStream;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.IntRange;
import org.junit.jupiter.api.Test;
import org.mouselift.engine.DType;
import org.mouselift.engine.Operation;
import org.mouselift.engine.Philox;
import org.mouselift.engine.Scope;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.op.Affine;
import org.mouselift.engine.op.Assign;
import org.mouselift.engine.op.Binary;
import org.mouselift.engine.op.Slice;

/** Broken programs, put together by hand, are refused; random ones get sound memory plans. */
class VerifierTest {
    private final Object trace = new Object();
    private final List<Buffer> buffers = new ArrayList<>();
    private final Operation twice = new Affine(2, 0);

    private Value value(Buffer.Kind kind, long... dims) {
        TensorSpec spec = TensorSpec.of(DType.F32, dims);
        Buffer b = new Buffer(trace, buffers.size(), kind, kind == Buffer.Kind.LOCAL ? null : "x" + buffers.size(), spec, null);
        buffers.add(b);
        return new Value(b, spec, spec.shape().contiguousStrides(), 0);
    }

    private static Node node(Operation op, List<Value> in, List<Value> out) {
        return new Node(op, in, out, "");
    }

    private Program program(Value input, List<Node> nodes, Value output) {
        return new Program("broken", List.of(input), nodes, List.of(output), buffers, Scope.detached("none"));
    }

    private void refused(String part, Value input, List<Node> nodes, Value output) {
        TraceException e = assertThrows(TraceException.class, () -> program(input, nodes, output));
        assertTrue(e.getMessage().contains(part), e.getMessage());
    }

    @Test
    void useBeforeDefinition() {
        Value x = value(Buffer.Kind.INPUT, 3);
        Value a = value(Buffer.Kind.LOCAL, 3);
        Value b = value(Buffer.Kind.LOCAL, 3);
        refused("used before it is defined", x, List.of(node(twice, List.of(b), List.of(a)), node(twice, List.of(x), List.of(b))), a);
        refused("used before it is defined", x, List.of(), a);
    }

    @Test
    void doubleDefinition() {
        Value x = value(Buffer.Kind.INPUT, 3);
        Value a = value(Buffer.Kind.LOCAL, 3);
        refused("defined twice", x, List.of(node(twice, List.of(x), List.of(a)), node(twice, List.of(x), List.of(a))), a);
    }

    @Test
    void wrongSpecs() {
        Value x = value(Buffer.Kind.INPUT, 3);
        Value a = value(Buffer.Kind.LOCAL, 4);
        refused("infers [f32[3]]", x, List.of(node(twice, List.of(x), List.of(a))), a);
        refused("operands do not fit", x, List.of(node(new Binary(Binary.Kind.ADD), List.of(x), List.of(a))), a);
    }

    @Test
    void viewsMustBeWhatTheOperationMakes() {
        Value x = value(Buffer.Kind.INPUT, 4);
        TensorSpec two = TensorSpec.of(DType.F32, 2);
        Value wrong = new Value(x.buffer(), two, new long[] {1}, 0);
        refused("not the view", x, List.of(node(new Slice(0, 1, 3, 1), List.of(x), List.of(wrong))), wrong);
        Value right = new Value(x.buffer(), two, new long[] {1}, 1);
        assertEquals(1, program(x, List.of(node(new Slice(0, 1, 3, 1), List.of(x), List.of(right))), right).nodes().size());
        Value outside = new Value(x.buffer(), two, new long[] {1}, 3);
        Window window = new Window(two, List.of(1L), 3);
        refused("reaches byte 20", x, List.of(node(window, List.of(x), List.of(outside))), outside);
    }

    @Test
    void overlappingAssignment() {
        Value x = value(Buffer.Kind.INPUT, 4);
        TensorSpec three = TensorSpec.of(DType.F32, 3);
        Value low = new Value(x.buffer(), three, new long[] {1}, 0);
        Value high = new Value(x.buffer(), three, new long[] {1}, 1);
        refused("in-place hazard", x, List.of(node(new Slice(0, 0, 3, 1), List.of(x), List.of(low)),
                node(new Slice(0, 1, 4, 1), List.of(x), List.of(high)), node(new Assign(), List.of(low, high), List.of())), x);
    }

    /** Random graphs: no two buffers that live together overlap (the verifier's own check), and the bounds hold. */
    @Property(tries = 200)
    void plansAreSound(@ForAll @IntRange(min = 1, max = 60) int nodes, @ForAll @IntRange(min = 0, max = 100_000) int seed) {
        Philox rng = new Philox(seed, 0);
        buffers.clear();
        List<Value> values = new ArrayList<>();
        Value x = value(Buffer.Kind.INPUT, 7);
        values.add(x);
        List<Node> list = new ArrayList<>();
        for (int i = 0; i < nodes; i++) {
            int count = 1 + rng.below(3);
            List<Value> in = IntStream.range(0, count).mapToObj(k -> values.get(rng.below(values.size()))).toList();
            Value out = value(Buffer.Kind.LOCAL, in.stream().mapToLong(v -> v.spec().numel()).sum() % 500 + rng.below(40));
            TensorSpec spec = out.spec();
            list.add(node(new AnyShape(spec), in, List.of(out)));
            values.add(out);
        }
        Value result = values.get(rng.below(values.size()));
        MemoryPlan plan = program(x, list, result).plan();
        assertTrue(plan.peakLiveBytes() <= plan.arenaBytes(), plan.toString());
        assertTrue(plan.arenaBytes() <= plan.localBytes() + 64L * nodes, plan.toString());
        List<MemoryPlan.Placement> all = plan.placements().stream().filter(p -> p.offset() >= 0).toList();
        for (MemoryPlan.Placement p : all) {
            for (MemoryPlan.Placement q : all) {
                boolean together = p.first() <= q.last() && q.first() <= p.last();
                boolean apart = p.offset() + p.bytes() <= q.offset() || q.offset() + q.bytes() <= p.offset();
                assertTrue(p == q || !together || apart || p.bytes() == 0 || q.bytes() == 0, p + " and " + q);
            }
        }
    }

    /** Any operands, one result. */
    private record AnyShape(TensorSpec spec) implements Operation {
        @Override
        public String name() {
            return "any";
        }

        @Override
        public List<TensorSpec> infer(List<TensorSpec> in) {
            return List.of(spec);
        }

        @Override
        public List<org.mouselift.engine.Tensor> vjp(org.mouselift.engine.Vjp v) {
            throw new UnsupportedOperationException("not differentiated here");
        }
    }
}
