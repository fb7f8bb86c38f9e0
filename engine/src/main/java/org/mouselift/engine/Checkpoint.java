package org.mouselift.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;

/**
 * Recomputation instead of storage: a checkpointed body keeps only its inputs and runs again during the backward pass
 * (Chen et al. 2016, "Training deep nets with sublinear memory cost").
 */
public final class Checkpoint {
    private Checkpoint() {}

    /**
     * Runs {@code body(inputs)}; memory made inside is freed at once except for the results.
     *
     * @param parameters every tensor with {@code requiresGrad} that the body uses besides its inputs; a forgotten one is
     *     detected in the backward pass
     */
    public static List<Tensor> run(Function<List<Tensor>, List<Tensor>> body, List<Tensor> inputs, List<Tensor> parameters) {
        Tape tape = Tape.current();
        List<Tensor> all = new ArrayList<>(inputs);
        all.addAll(parameters);
        if (tape == null || !tape.wants(all)) {
            return Scope.keepResults("checkpointed block", () -> body.apply(inputs));
        }
        List<Tensor> results = Tape.pause(() -> Scope.keepResults("checkpointed block", () -> body.apply(inputs)));
        // A body may hand an input through; the tape must see distinct result tensors.
        List<Tensor> outputs = new ArrayList<>();
        for (Tensor r : results) {
            outputs.add(all.contains(r) ? r.view(r.spec(), r.strides(), r.offset()) : r);
        }
        tape.record("checkpoint", all, outputs, v -> recompute(body, inputs, parameters, v));
        return outputs;
    }

    /** Runs a body of one tensor. */
    public static Tensor run(Function<Tensor, Tensor> body, Tensor input, List<Tensor> parameters) {
        return run(in -> List.of(body.apply(in.getFirst())), List.of(input), parameters).getFirst();
    }

    private static List<Tensor> recompute(Function<List<Tensor>, List<Tensor>> body, List<Tensor> inputs, List<Tensor> parameters, Vjp v) {
        return Scope.keepResults("checkpointed block", () -> {
            try (Tape inner = Tape.openForRecomputation()) {
                List<Tensor> leaves = new ArrayList<>();
                for (int i = 0; i < inputs.size(); i++) {
                    Tensor t = inputs.get(i);
                    leaves.add(t.view(t.spec(), t.strides(), t.offset()).requiresGrad(v.needs(i)));
                }
                List<Tensor> results = body.apply(leaves);
                List<Tensor> used = new ArrayList<>();
                List<Tensor> seeds = new ArrayList<>();
                for (int i = 0; i < results.size(); i++) {
                    if (v.gradOrNull(i) != null) {
                        used.add(results.get(i));
                        seeds.add(v.gradOrNull(i));
                    }
                }
                Gradients g = inner.backward(used, seeds);
                leaves.addAll(parameters);
                for (Tensor leaf : g.leaves()) {
                    if (!containsIdentity(leaves, leaf)) {
                        throw new EngineException("checkpoint: the body uses the parameter " + leaf
                                + " that was not listed; pass all parameters of the block" + ModulePath.suffix());
                    }
                }
                List<Tensor> out = new ArrayList<>();
                for (Tensor leaf : leaves) {
                    out.add(g.ofOrNull(leaf));
                }
                return out;
            }
        });
    }

    private static boolean containsIdentity(List<Tensor> list, Tensor t) {
        for (Tensor x : list) {
            if (x == t) {
                return true;
            }
        }
        return false;
    }
}
