package org.mouselift.engine.trace;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.mouselift.engine.Checkpoint;
import org.mouselift.engine.DType;
import org.mouselift.engine.GradientCheck;
import org.mouselift.engine.Gradients;
import org.mouselift.engine.MemoryPool;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.op.Linear;

/** A whole training step (forward, backward, AdamW in place) as one program, against the same step run eagerly. */
class TrainingStepTest {
    /** A small transformer block with its optimiser state; everything lives in a detached scope. */
    private static final class Model {
        final Scope scope = Scope.detached("model");
        final List<Tensor> weights = new ArrayList<>();
        final List<Tensor> first = new ArrayList<>();
        final List<Tensor> second = new ArrayList<>();
        final Tensor beta1Power;
        final Tensor beta2Power;
        final DType dtype;
        final boolean checkpointed;

        Model(DType dtype, boolean checkpointed) {
            this.dtype = dtype;
            this.checkpointed = checkpointed;
            long[][] shapes = {{8}, {24, 8}, {8, 8}, {8}, {16, 8}, {16}, {8, 16}};
            for (int i = 0; i < shapes.length; i++) {
                Tensor w = Ops.affine(GradientCheck.random(dtype, 40 + i, shapes[i]), 0.3, shapes[i].length == 1 ? 1 : 0);
                weights.add(w.requiresGrad(true).named("w" + i).moveTo(scope));
                first.add(Ops.fill(w.spec(), 0).moveTo(scope));
                second.add(Ops.fill(w.spec(), 0).moveTo(scope));
            }
            beta1Power = Ops.fill(TensorSpec.of(dtype), 1).moveTo(scope);
            beta2Power = Ops.fill(TensorSpec.of(dtype), 1).moveTo(scope);
        }

        private Tensor attention(Tensor x) {
            Tensor qkv = Ops.reshape(Ops.linear(Ops.layerNorm(x, weights.get(0), null, 1e-5), weights.get(1)), x.dim(0), x.dim(1), 3, 2, 4);
            Tensor[] part = new Tensor[3];
            for (int i = 0; i < 3; i++) {
                part[i] = Ops.permute(Ops.reshape(Ops.slice(qkv, 2, i, i + 1), x.dim(0), x.dim(1), 2, 4), 0, 2, 1, 3);
            }
            Tensor o = Ops.attention(part[0], part[1], part[2], 0.5);
            return Ops.linear(Ops.reshape(Ops.permute(o, 0, 2, 1, 3), x.dim(0), x.dim(1), 8), weights.get(2), null, Linear.Activation.NONE, x);
        }

        Tensor loss(Tensor x, Tensor target) {
            Tensor y = checkpointed ? Checkpoint.run(this::attention, x, weights.subList(0, 3)) : attention(x);
            Tensor h = Ops.linear(Ops.layerNorm(y, weights.get(3), null, 1e-5), weights.get(4), weights.get(5), Linear.Activation.GELU, null);
            Tensor out = Ops.linear(h, weights.get(6), null, Linear.Activation.NONE, y);
            return Ops.mean(Ops.square(Ops.sub(out, target)));
        }

        /** Decoupled weight decay (Loshchilov and Hutter 2019), with the bias corrections as running products. */
        List<Tensor> step(List<Tensor> in) {
            double b1 = 0.9;
            double b2 = 0.99;
            double rate = 1e-2;
            try (Tape tape = Tape.open()) {
                Tensor loss = loss(in.get(0), in.get(1));
                Gradients g = tape.backward(loss);
                return Tape.pause(() -> {
                    Ops.assign(beta1Power, Ops.affine(beta1Power, b1, 0));
                    Ops.assign(beta2Power, Ops.affine(beta2Power, b2, 0));
                    Tensor c1 = Ops.affine(beta1Power, -1, 1);
                    Tensor c2 = Ops.affine(beta2Power, -1, 1);
                    for (int i = 0; i < weights.size(); i++) {
                        Tensor w = weights.get(i);
                        Tensor d = g.of(w);
                        Ops.assign(first.get(i), Ops.add(Ops.affine(first.get(i), b1, 0), Ops.affine(d, 1 - b1, 0)));
                        Ops.assign(second.get(i), Ops.add(Ops.affine(second.get(i), b2, 0), Ops.affine(Ops.square(d), 1 - b2, 0)));
                        Tensor mean = Ops.div(first.get(i), c1);
                        Tensor root = Ops.affine(Ops.sqrt(Ops.div(second.get(i), c2)), 1, 1e-8);
                        Ops.assign(w, Ops.sub(Ops.affine(w, 1 - rate * 0.1, 0), Ops.affine(Ops.div(mean, root), rate, 0)));
                    }
                    return List.of(loss);
                });
            }
        }
    }

    private static void compare(DType dtype, boolean checkpointed, int steps) {
        try (Scope s = Scope.open("test")) {
            Model eager = new Model(dtype, checkpointed);
            Model traced = new Model(dtype, checkpointed);
            TensorSpec spec = TensorSpec.of(dtype, 2, 5, 8);
            try (Program p = Program.define("train").input("x", spec).input("target", spec).weights(traced.scope).trace(traced::step)) {
                assertTrue(p.plan().arenaBytes() < p.plan().localBytes() / 2, p.plan().toString());
                double start = 0;
                double end = 0;
                long created = 0;
                for (int i = 0; i < steps; i++) {
                    try (Scope step = Scope.open("step")) {
                        Tensor x = GradientCheck.random(dtype, 1000 + i % 4, 2, 5, 8);
                        Tensor target = GradientCheck.random(dtype, 2000 + i % 4, 2, 5, 8);
                        double a = eager.step(List.of(x, target)).getFirst().item();
                        double b = p.run(x, target).getFirst().item();
                        assertEquals(Double.doubleToRawLongBits(a), Double.doubleToRawLongBits(b), "loss of step " + i + ": " + a + " and " + b);
                        start = i == 0 ? a : start;
                        end = a;
                    }
                    if (i == 1) {
                        created = MemoryPool.usage().blocksCreated();
                    }
                }
                assertEquals(created, MemoryPool.usage().blocksCreated(), "a step after the second made new blocks");
                assertTrue(end < 0.5 * start, "no learning: " + start + " to " + end);
                for (int i = 0; i < eager.weights.size(); i++) {
                    assertArrayEquals(eager.weights.get(i).toDoubles(), traced.weights.get(i).toDoubles(), "weight " + i);
                    assertArrayEquals(eager.second.get(i).toDoubles(), traced.second.get(i).toDoubles(), "second moment " + i);
                }
            } finally {
                eager.scope.close();
                traced.scope.close();
            }
        }
    }

    @Test
    void hundredStepsOfFloat32EqualEagerBitForBit() {
        compare(DType.F32, false, 100);
    }

    @Test
    void composedFallbacksOfFloat64TakeTheSamePath() {
        compare(DType.F64, false, 12);
    }

    @Test
    void checkpointInsideTheTrace() {
        compare(DType.F32, true, 20);
    }
}
