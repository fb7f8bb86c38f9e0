package org.mouselift.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.mouselift.engine.op.Attention;

/** Attention whose keys come from several places: against one sequence that holds them all, in float64. */
@Tag("kernel")
class AttentionSourcesTest {
    private static List<Tensor> widened(List<Tensor> narrow) {
        return narrow.stream().map(t -> Ops.cast(t, DType.F64)).toList();
    }

    /** Result and gradients for a fixed gradient of the result. */
    private static List<double[]> run(List<Tensor> operands, Function<List<Tensor>, Tensor> f) {
        try (Tape tape = Tape.open()) {
            operands.forEach(t -> t.requiresGrad(true));
            Tensor y = f.apply(operands);
            Gradients g = tape.backward(List.of(y), List.of(Ops.cast(GradientCheck.random(DType.F32, 77, y.shape().dims()), y.dtype())));
            List<double[]> out = new ArrayList<>(List.of(y.toDoubles()));
            operands.forEach(t -> out.add(g.of(t).toDoubles()));
            return out;
        }
    }

    private static Tensor repeat(Tensor x, long times) {
        Shape s = x.shape();
        Tensor wide = Ops.expand(Ops.reshape(x, s.dim(0), 1, s.dim(1), s.dim(2), s.dim(3)), s.dim(0), times, s.dim(1), s.dim(2), s.dim(3));
        return Ops.reshape(wide, s.dim(0) * times, s.dim(1), s.dim(2), s.dim(3));
    }

    /** Sizes around the kernel's panels and blocks of keys; 1 and 2 objects; with an odd number of heads all threads share a head. */
    @ParameterizedTest
    @CsvSource({"1, 6, 2, 16, 16, 16, 8", "2, 3, 1, 7, 13, 25, 20", "1, 4, 3, 50, 200, 11, 32", "2, 2, 1, 33, 1, 250, 16", "3, 1, 2, 12, 24, 36, 40"})
    void sharedAndOwnKeysEqualTheirConcatenation(int objects, int views, int heads, int queries, int shared, int own, int width) {
        try (Scope s = Scope.open("test")) {
            int n = objects * views;
            List<Tensor> narrow = List.of(GradientCheck.random(DType.F32, 1, n, heads, queries, width),
                    GradientCheck.random(DType.F32, 2, objects, heads, shared, width), GradientCheck.random(DType.F32, 3, objects, heads, shared, width),
                    GradientCheck.random(DType.F32, 4, n, heads, own, width), GradientCheck.random(DType.F32, 5, n, heads, own, width));
            double scale = 1 / Math.sqrt(width);
            List<double[]> want = run(widened(narrow), p -> Ops.attention(p.get(0), Ops.concat(2, repeat(p.get(1), views), p.get(3)),
                    Ops.concat(2, repeat(p.get(2), views), p.get(4)), scale));
            List<double[]> got = run(narrow, p -> Ops.attention(p.get(0), p.get(1), p.get(2), p.get(3), p.get(4), scale));
            List<double[]> wide = run(widened(narrow), p -> Ops.attention(p.get(0), p.get(1), p.get(2), p.get(3), p.get(4), scale));
            for (int i = 0; i < want.size(); i++) {
                double size = Arrays.stream(want.get(i)).map(Math::abs).max().orElse(0);
                String what = i == 0 ? "result" : "gradient of operand " + (i - 1);
                assertArrayEquals(want.get(i), wide.get(i), 1e-12 * size, what + " in float64");
                assertArrayEquals(want.get(i), got.get(i), 3e-6 * size, what + " in float32");
            }
        }
    }

    /** The keys of a view inside a batch of views, as the reference view of a model is used: no copy of them is needed. */
    @Test
    void aViewOfTheFirstRowServesAsASource() {
        try (Scope s = Scope.open("test")) {
            Tensor k = GradientCheck.random(DType.F32, 2, 6, 9, 2, 8);
            Tensor rows = Ops.permute(k, 0, 2, 1, 3);
            Tensor front = Ops.slice(rows, 0, 0, 6, 3);
            Tensor q = GradientCheck.random(DType.F32, 1, 6, 2, 5, 8);
            double[] strided = Ops.attention(q, front, front, rows, rows, 0.3).toDoubles();
            Tensor packed = Ops.copy(front);
            assertArrayEquals(Ops.attention(q, packed, packed, Ops.copy(rows), Ops.copy(rows), 0.3).toDoubles(), strided);
        }
    }

    @Test
    void unfitSourcesAreRefused() {
        try (Scope s = Scope.open("test")) {
            Tensor q = Tensor.zeros(DType.F32, 6, 1, 2, 4);
            Tensor own = Tensor.zeros(DType.F32, 6, 1, 3, 4);
            Tensor four = Tensor.zeros(DType.F32, 4, 1, 3, 4);
            ShapeException rows = assertThrows(ShapeException.class, () -> Ops.attention(q, four, four, own, own, 1));
            assertTrue(rows.getMessage().contains("source 0") && rows.getMessage().contains("divide 6"), rows.getMessage());
            Tensor narrow = Tensor.zeros(DType.F32, 2, 1, 3, 3);
            assertThrows(ShapeException.class, () -> Ops.attention(q, narrow, narrow, own, own, 1));
            assertThrows(ShapeException.class, () -> Ops.apply(new Attention(1, 2), q, own, own));
            assertThrows(ShapeException.class, () -> Ops.apply(new Attention(1, 0), q));
        }
    }
}
