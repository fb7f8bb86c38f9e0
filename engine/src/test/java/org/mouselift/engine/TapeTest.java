package org.mouselift.engine;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.mouselift.engine.op.Linear;

/** A small transformer block in float64: gradients against directional finite differences. */
class TapeTest {
    static Tensor random(DType dtype, long stream, long... dims) {
        Philox rng = new Philox(7, stream);
        Tensor t = Tensor.empty(dtype, dims);
        Elements.forEach(t, (i, at) -> Elements.set(t, at, rng.nextGaussian()));
        return t;
    }

    private static Tensor block(List<Tensor> p) {
        Tensor x = p.get(0);
        Tensor h = Ops.layerNorm(x, p.get(1), null, 1e-5);
        Tensor qkv = Ops.reshape(Ops.linear(h, p.get(2)), 2, 5, 3, 2, 4);
        Tensor[] heads = new Tensor[3];
        for (int i = 0; i < 3; i++) {
            heads[i] = Ops.permute(Ops.reshape(Ops.slice(qkv, 2, i, i + 1), 2, 5, 2, 4), 0, 2, 1, 3);
        }
        Tensor o = Ops.attention(heads[0], heads[1], heads[2], 0.5);
        Tensor y = Ops.linear(Ops.reshape(Ops.permute(o, 0, 2, 1, 3), 2, 5, 8), p.get(3), null, Linear.Activation.NONE, x);
        Tensor z = Ops.linear(y, p.get(4), p.get(5), Linear.Activation.GELU, null);
        return Ops.mean(Ops.square(Ops.add(z, Ops.sigmoid(z))));
    }

    private static List<Tensor> parameters(DType d) {
        return List.of(random(d, 1, 2, 5, 8), random(d, 2, 8), random(d, 3, 24, 8), random(d, 4, 8, 8), random(d, 5, 6, 8), random(d, 6, 6));
    }

    @Test
    void gradientsMatchFiniteDifferences() {
        try (Scope s = Scope.open("test")) {
            List<Tensor> p = parameters(DType.F64);
            p.forEach(t -> t.requiresGrad(true));
            Gradients g;
            try (Tape tape = Tape.open()) {
                g = tape.backward(block(p));
            }
            for (int i = 0; i < p.size(); i++) {
                Tensor t = p.get(i);
                Tensor direction = random(DType.F64, 100 + i, t.shape().dims());
                double analytic = Ops.sum(Ops.mul(g.of(t), direction)).item();
                double h = 1e-6;
                int at = i;
                Function<Double, Double> f = e -> {
                    List<Tensor> q = new java.util.ArrayList<>(p);
                    q.set(at, Ops.add(t, Ops.affine(direction, e, 0)));
                    return block(q).item();
                };
                double numeric = (f.apply(h) - f.apply(-h)) / (2 * h);
                assertEquals(numeric, analytic, 1e-7 * Math.max(1, Math.abs(numeric)), "parameter " + i);
            }
        }
    }

    @Test
    void float32KernelsFollowFloat64() {
        try (Scope s = Scope.open("test")) {
            List<Tensor> narrow = parameters(DType.F32);
            List<Tensor> wide = narrow.stream().map(t -> Ops.cast(t, DType.F64)).toList();
            Gradients[] g = new Gradients[2];
            for (int i = 0; i < 2; i++) {
                List<Tensor> p = i == 0 ? wide : narrow;
                p.forEach(t -> t.requiresGrad(true));
                try (Tape tape = Tape.open()) {
                    g[i] = tape.backward(block(p));
                }
            }
            for (int i = 0; i < wide.size(); i++) {
                double[] a = g[0].of(wide.get(i)).toDoubles();
                double[] b = g[1].of(narrow.get(i)).toDoubles();
                // Sums of up to 100 rounded products: a few dozen float32 ulps of the largest gradient.
                double largest = java.util.Arrays.stream(a).map(Math::abs).max().orElseThrow();
                for (int j = 0; j < a.length; j++) {
                    assertEquals(a[j], b[j], 32 * Math.ulp(1f) * largest, "parameter " + i + " element " + j);
                }
            }
        }
    }

    @Test
    void checkpointEqualsPlainToTheBit() {
        try (Scope s = Scope.open("test")) {
            List<Tensor> p = parameters(DType.F32);
            p.forEach(t -> t.requiresGrad(true));
            Gradients plain;
            Gradients again;
            try (Tape tape = Tape.open()) {
                plain = tape.backward(block(p));
            }
            try (Tape tape = Tape.open()) {
                Tensor loss = Checkpoint.run(in -> List.of(block(List.of(in.get(0), p.get(1), p.get(2), p.get(3), p.get(4), p.get(5)))),
                        List.of(p.get(0)), p.subList(1, 6)).getFirst();
                assertEquals(1, tape.size());
                again = tape.backward(loss);
            }
            for (Tensor t : p) {
                org.junit.jupiter.api.Assertions.assertArrayEquals(plain.of(t).toFloats(), again.of(t).toFloats());
            }
        }
    }

    @Test
    void forgottenCheckpointParameterIsNamed() {
        try (Scope s = Scope.open("test"); Tape tape = Tape.open()) {
            Tensor w = random(DType.F32, 1, 3).requiresGrad(true).named("block.weight");
            Tensor x = random(DType.F32, 2, 3).requiresGrad(true);
            Tensor y = Ops.sum(Checkpoint.run(t -> Ops.mul(t, w), x, List.of()));
            EngineException e = assertThrows(EngineException.class, () -> tape.backward(y));
            assertTrue(e.getMessage().contains("block.weight"), e.getMessage());
        }
    }

    @Test
    void useAfterCloseIsAnError() {
        Tensor t;
        try (Scope s = Scope.open("short")) {
            t = Tensor.zeros(DType.F32, 3);
        }
        Tensor dead = t;
        assertTrue(assertThrows(ClosedTensorException.class, dead::toFloats).getMessage().contains("'short'"));
    }
}
