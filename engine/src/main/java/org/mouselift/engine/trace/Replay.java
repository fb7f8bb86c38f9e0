package org.mouselift.engine.trace;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.mouselift.engine.DType;
import org.mouselift.engine.Eager;
import org.mouselift.engine.Executor;
import org.mouselift.engine.ModulePath;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.op.Contiguous;

/** One run of a program on the CPU. */
final class Replay {
    private final Program program;
    private final List<Tensor> operands;
    private final Tensor[] memory;
    private final Map<Value, Tensor> tensors = new IdentityHashMap<>();

    Replay(Program program, List<Tensor> operands) {
        this.program = program;
        this.operands = List.copyOf(operands);
        this.memory = new Tensor[program.buffers().size()];
    }

    List<Tensor> run() {
        check();
        // Results first: they belong to the caller's scope, everything else to the run's.
        for (Buffer b : program.buffers()) {
            MemoryPlan.Placement p = program.plan().of(b);
            if (p != null && p.offset() < 0) {
                memory[b.index()] = Tensor.empty(b.spec(), "program " + program.name());
            }
        }
        List<Tensor> copies = new ArrayList<>();
        Map<Buffer, Boolean> handedOut = new IdentityHashMap<>();
        for (Value v : program.outputs()) {
            MemoryPlan.Placement p = program.plan().of(v.buffer());
            boolean own = p != null && p.offset() < 0 && v.coversBuffer() && handedOut.putIfAbsent(v.buffer(), true) == null;
            copies.add(own ? null : Tensor.empty(v.spec(), "program " + program.name()));
        }
        for (Buffer b : program.buffers()) {
            if (program.writes(b) && b.tensor() != null) {
                b.tensor().noteWrite();
            }
        }
        for (int i = 0; i < operands.size(); i++) {
            if (program.writes(program.inputs().get(i).buffer())) {
                operands.get(i).noteWrite();
            }
        }
        String path = ModulePath.current();
        try (Scope scratch = Scope.open("run of program " + program.name())) {
            bind();
            for (Node n : program.nodes()) {
                if (!n.isView()) {
                    ModulePath.enter(n.path());
                    Eager.INSTANCE.compute(n.operation(), all(n.inputs()), all(n.outputs()));
                }
            }
            List<Tensor> results = new ArrayList<>();
            for (int i = 0; i < copies.size(); i++) {
                Tensor value = tensor(program.outputs().get(i));
                Tensor copy = copies.get(i);
                if (copy != null) {
                    Eager.INSTANCE.compute(new Contiguous(), List.of(value), List.of(copy));
                }
                results.add(copy == null ? value : copy);
            }
            return results;
        } finally {
            ModulePath.enter(path);
        }
    }

    private void bind() {
        for (int i = 0; i < operands.size(); i++) {
            Tensor t = operands.get(i);
            if (!t.isContiguous()) {
                Tensor packed = Tensor.empty(t.spec(), "input of program " + program.name());
                Eager.INSTANCE.compute(new Contiguous(), List.of(t), List.of(packed));
                t = packed;
            }
            memory[program.inputs().get(i).buffer().index()] = t;
        }
        long bytes = program.plan().arenaBytes();
        Tensor arena = bytes == 0 ? null : Tensor.empty(DType.U8, bytes);
        for (Buffer b : program.buffers()) {
            MemoryPlan.Placement p = program.plan().of(b);
            if (p != null && p.offset() >= 0) {
                // A slice for each buffer: a kernel that leaves its buffer fails instead of harming a neighbour.
                MemorySegment place = b.spec().bytes() == 0 ? MemorySegment.NULL : arena.segment().asSlice(p.offset(), b.spec().bytes());
                memory[b.index()] = Tensor.wrap(place, b.spec().dtype(), b.spec().shape().dims());
            } else if (b.tensor() != null) {
                memory[b.index()] = b.tensor();
            }
        }
    }

    private Tensor tensor(Value v) {
        return tensors.computeIfAbsent(v, key -> {
            Tensor base = memory[v.buffer().index()];
            // Weights are described by their place in their own block, inputs from where the given tensor begins.
            long origin = v.buffer().kind() == Buffer.Kind.INPUT ? base.offset() : 0;
            return base.view(v.spec(), v.strides(), origin + v.offset());
        });
    }

    private List<Tensor> all(List<Value> values) {
        List<Tensor> out = new ArrayList<>(values.size());
        for (Value v : values) {
            out.add(tensor(v));
        }
        return out;
    }

    private void check() {
        String who = "program '" + program.name() + "'";
        if (Executor.current() != Eager.INSTANCE) {
            throw new TraceException(who + " cannot be run while another program is traced: call the traced function itself");
        }
        if (operands.size() != program.inputs().size()) {
            throw new TraceException(who + " takes " + program.inputs().size() + " inputs, got " + operands.size());
        }
        List<Tensor> gradients = new ArrayList<>(operands);
        for (Buffer b : program.buffers()) {
            if (b.tensor() != null) {
                b.tensor().segment();
                gradients.add(b.tensor());
            }
        }
        for (int i = 0; i < operands.size(); i++) {
            operand(who, i, operands.get(i));
        }
        if (Tape.records(gradients)) {
            throw new TraceException(who + " would be run under a tape, which does not see inside it: trace the backward pass as "
                    + "part of the program, or run it in Tape.pause");
        }
    }

    private void operand(String who, int i, Tensor t) {
        Value v = program.inputs().get(i);
        String input = who + ", input '" + v.buffer().name() + "'";
        if (t.isSymbolic()) {
            throw new TraceException(input + ": " + t + " is a symbolic tensor of a trace");
        }
        if (!t.spec().equals(v.spec())) {
            throw new TraceException(input + ": traced for " + v.spec() + ", given " + t.spec() + "; trace the function again for this spec");
        }
        t.segment();
        boolean written = program.writes(v.buffer());
        if (written && !t.isContiguous()) {
            throw new TraceException(input + " is overwritten by the program and must be contiguous, given " + t);
        }
        for (int j = 0; j < i; j++) {
            Buffer other = program.inputs().get(j).buffer();
            if (t.sharesMemory(operands.get(j)) && (written || program.writes(other))) {
                throw new TraceException(input + " shares memory with input '" + other.name() + "' and the program overwrites '"
                        + (written ? v.buffer().name() : other.name()) + "'; pass copies");
            }
        }
        for (Buffer b : program.buffers()) {
            if (b.kind() == Buffer.Kind.WEIGHT && t.sharesMemory(b.tensor()) && (written || program.writes(b))) {
                throw new TraceException(input + " shares memory with weight '" + b.name() + "' and the program overwrites one of them; pass a copy");
            }
        }
    }
}
