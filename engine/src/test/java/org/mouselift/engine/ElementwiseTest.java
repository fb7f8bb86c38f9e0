package org.mouselift.engine;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.Arrays;
import java.util.List;
import java.util.function.DoubleBinaryOperator;
import java.util.function.DoubleUnaryOperator;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.mouselift.engine.op.Binary;
import org.mouselift.engine.op.Compare;
import org.mouselift.engine.op.Unary;

/** Element-by-element operations against float64 loops, at odd sizes, in every layout. */
@Tag("kernel")
class ElementwiseTest {
    private static final int[][] SHAPES = {{}, {1}, {37}, {5, 7, 3}, {2, 1, 67}, {0, 4}};

    private static DoubleUnaryOperator oracle(Unary.Kind kind) {
        return switch (kind) {
            case NEG -> x -> -x;
            case ABS -> Math::abs;
            case SIGN -> Math::signum;
            case SQUARE -> x -> x * x;
            case SQRT -> Math::sqrt;
            case RSQRT -> x -> 1 / Math.sqrt(x);
            case RECIPROCAL -> x -> 1 / x;
            case EXP -> Math::exp;
            case LOG -> Math::log;
            case SIN -> Math::sin;
            case COS -> Math::cos;
            case TANH -> Math::tanh;
            case ERF -> Nd::erf;
            case SIGMOID -> Nd::sigmoid;
            case RELU -> x -> Math.max(x, 0);
            case SILU -> x -> x * Nd.sigmoid(x);
            case SILU_PRIME -> x -> Nd.sigmoid(x) * (1 + x * (1 - Nd.sigmoid(x)));
            case GELU -> Nd::gelu;
            case GELU_PRIME -> x -> 0.5 * (1 + Nd.erf(x / Math.sqrt(2))) + x * Math.exp(-x * x / 2) / Math.sqrt(2 * Math.PI);
        };
    }

    @ParameterizedTest
    @EnumSource(Unary.Kind.class)
    void unary(Unary.Kind kind) {
        boolean positive = kind == Unary.Kind.SQRT || kind == Unary.Kind.RSQRT || kind == Unary.Kind.LOG || kind == Unary.Kind.RECIPROCAL;
        try (Scope s = Scope.open("test")) {
            for (int[] dims : SHAPES) {
                Nd x = Nd.random(dims.length, dims).map(a -> positive ? (float) Math.abs(3 * a) + 0.01f : (float) (3 * a));
                Nd want = x.map(oracle(kind));
                for (int layout = 0; layout < Layouts.COUNT; layout++) {
                    String what = kind + " " + Arrays.toString(dims) + " layout " + layout;
                    want.check(what + " f32", Ops.unary(kind, x.tensor(DType.F32, layout)), 6e-7, 2e-7);
                    want.check(what + " f64", Ops.unary(kind, x.tensor(DType.F64, layout)), 1e-12, 1e-13);
                }
            }
        }
    }

    private static DoubleBinaryOperator oracle(Binary.Kind kind) {
        return switch (kind) {
            case ADD -> Double::sum;
            case SUB -> (a, b) -> a - b;
            case MUL -> (a, b) -> a * b;
            case DIV -> (a, b) -> a / b;
            case MAX -> Math::max;
            case MIN -> Math::min;
            case POW -> Math::pow;
        };
    }

    private static final int[][][] BROADCASTS = {
        {{}, {}, {}}, {{37}, {37}, {37}}, {{4, 37}, {37}, {4, 37}}, {{4, 37}, {4, 1}, {4, 37}}, {{3, 1, 5}, {7, 1}, {3, 7, 5}}, {{}, {3, 5}, {3, 5}},
        {{2, 3, 19}, {2, 3, 19}, {2, 3, 19}}, {{1, 6}, {5, 1}, {5, 6}}, {{0, 3}, {1, 3}, {0, 3}}};

    @ParameterizedTest
    @EnumSource(Binary.Kind.class)
    void binary(Binary.Kind kind) {
        try (Scope s = Scope.open("test")) {
            for (int[][] c : BROADCASTS) {
                Nd x = Nd.random(1, c[0]).map(a -> kind == Binary.Kind.POW ? (float) Math.abs(a) + 0.1f : a);
                Nd y = Nd.random(2, c[1]);
                Nd want = Nd.zip(oracle(kind), x, y, c[2]);
                for (int layout = 0; layout < Layouts.COUNT; layout++) {
                    String what = kind + " " + Arrays.deepToString(c) + " layout " + layout;
                    int other = (layout + 1) % Layouts.COUNT;
                    want.check(what, Ops.binary(kind, x.tensor(DType.F32, layout), y.tensor(DType.F32, other)), 6e-7, 1e-9);
                    want.check(what, Ops.binary(kind, x.tensor(DType.F64, layout), y.tensor(DType.F64, layout)), 1e-13, 1e-14);
                }
            }
        }
    }

    @ParameterizedTest
    @EnumSource(Compare.Kind.class)
    void compare(Compare.Kind kind) {
        DoubleBinaryOperator f = (a, b) -> switch (kind) {
            case LT -> a < b;
            case LE -> a <= b;
            case GT -> a > b;
            case GE -> a >= b;
            case EQ -> a == b;
            case NE -> a != b;
        } ? 1 : 0;
        try (Scope s = Scope.open("test")) {
            for (int[][] c : BROADCASTS) {
                Nd x = Nd.random(1, c[0]).map(a -> Math.rint(2 * a));
                Nd y = Nd.random(2, c[1]).map(a -> Math.rint(2 * a));
                Nd want = Nd.zip(f, x, y, c[2]);
                for (int layout = 0; layout < Layouts.COUNT; layout++) {
                    for (DType d : List.of(DType.F32, DType.F64, DType.I64, DType.I32, DType.F16)) {
                        want.check(kind + " " + d, Ops.compare(kind, x.tensor(d, layout), y.tensor(d, layout)), 0, 0);
                    }
                }
            }
            Tensor nan = Tensor.of(new float[] {Float.NaN, 1}, 2);
            double expected = kind == Compare.Kind.NE ? 1 : 0;
            assertEquals(expected, Ops.compare(kind, nan, nan).toDoubles()[0], "NaN compared with itself");
        }
    }

    @Test
    void wherePicksByCondition() {
        try (Scope s = Scope.open("test")) {
            Nd c = Nd.random(3, 4, 1).map(a -> a > 0 ? 1 : 0);
            Nd x = Nd.random(1, 5);
            Nd y = Nd.random(2, 4, 5);
            Nd want = Nd.build(i -> c.at(i) != 0 ? x.at(i) : y.at(i), 4, 5);
            for (int layout = 0; layout < Layouts.COUNT; layout++) {
                for (DType d : List.of(DType.F32, DType.F64)) {
                    want.check("where " + layout, Ops.where(c.tensor(DType.BOOL, layout), x.tensor(d, layout), y.tensor(d, layout)), 0, 0);
                }
            }
        }
    }

    @Test
    void affineAndClamp() {
        try (Scope s = Scope.open("test")) {
            for (int[] dims : SHAPES) {
                Nd x = Nd.random(1, dims);
                for (int layout = 0; layout < Layouts.COUNT; layout++) {
                    x.map(a -> 1.5 * a - 0.25).check("affine", Ops.affine(x.tensor(DType.F32, layout), 1.5, -0.25), 2e-7, 1e-7);
                    x.map(a -> Math.clamp(a, -0.5, 0.75)).check("clamp", Ops.clamp(x.tensor(DType.F32, layout), -0.5, 0.75), 0, 0);
                    x.map(a -> Math.max(a, 0.5)).check("clamp", Ops.clamp(x.tensor(DType.F64, layout), 0.5, Double.POSITIVE_INFINITY), 0, 0);
                }
            }
        }
    }

    @Test
    void castsRoundToNearestEvenAndSaturate() {
        try (Scope s = Scope.open("test")) {
            double[] v = {0, -0.0, 1, 1.5, 2.5, -2.7, 65504, 65520, 1e10, -1e10, 1e-8, 300, 0.1, Double.NaN, Double.POSITIVE_INFINITY};
            for (int layout = 0; layout < Layouts.COUNT; layout++) {
                Tensor x = Layouts.of(layout, DType.F64, v, v.length);
                assertArrayEquals(Arrays.stream(v).map(a -> (float) a).toArray(), Ops.cast(x, DType.F32).toDoubles());
                assertArrayEquals(Arrays.stream(v).map(a -> Float.float16ToFloat(Float.floatToFloat16((float) a))).toArray(), Ops.cast(x, DType.F16).toDoubles());
                assertArrayEquals(Arrays.stream(v).mapToLong(a -> (long) a).toArray(), Ops.cast(x, DType.I64).toLongs());
                assertArrayEquals(Arrays.stream(v).mapToLong(a -> (int) a).toArray(), Ops.cast(x, DType.I32).toLongs());
                assertArrayEquals(Arrays.stream(v).mapToLong(a -> Math.clamp((long) a, 0, 255)).toArray(), Ops.cast(x, DType.U8).toLongs());
                assertArrayEquals(Arrays.stream(v).mapToLong(a -> a == 0 ? 0 : 1).toArray(), Ops.cast(x, DType.BOOL).toLongs());
            }
            Tensor half = Layouts.of(3, DType.F16, new double[] {1.5, -2, 0.333251953125}, 3);
            assertArrayEquals(new double[] {1.5, -2, 0.333251953125}, Ops.cast(half, DType.F32).toDoubles());
            Tensor brain = Layouts.of(3, DType.BF16, new double[] {1.5, -2, 0.33203125}, 3);
            assertArrayEquals(new double[] {1.5, -2, 0.33203125}, Ops.cast(brain, DType.F32).toDoubles());
        }
    }

    @Test
    void inPlaceOperationsReachOnlyTheirElements() {
        try (Scope s = Scope.open("test")) {
            for (int layout = 0; layout < Layouts.COUNT; layout++) {
                Nd x = Nd.random(1, 3, 5);
                Nd y = Nd.random(2, 3, 5);
                Tensor target = x.tensor(DType.F32, layout);
                Ops.assign(target, y.tensor(DType.F32, (layout + 2) % Layouts.COUNT));
                y.check("assign", target, 0, 0);
                Ops.addInto(target, x.tensor(DType.F32, layout));
                Nd.zip(Double::sum, x, y, 3, 5).check("add_into", target, 1e-7, 1e-7);
            }
            Tensor big = Ops.fill(TensorSpec.of(DType.F32, 4, 4), 7);
            Ops.assign(Ops.slice(Ops.slice(big, 0, 1, 4, 2), 1, 0, 2), Ops.fill(TensorSpec.of(DType.F32, 2, 2), 1));
            assertArrayEquals(new float[] {7, 7, 7, 7, 1, 1, 7, 7, 7, 7, 7, 7, 1, 1, 7, 7}, big.toFloats());
        }
    }

    @Test
    void fillAllTypes() {
        try (Scope s = Scope.open("test")) {
            for (DType d : DType.values()) {
                for (double value : new double[] {0, 1, d.isFloat() ? -0.5 : 1}) {
                    double[] got = Ops.fill(TensorSpec.of(d, 3, 5), value).toDoubles();
                    assertTrue(Arrays.stream(got).allMatch(a -> a == value), d + " " + value + " " + Arrays.toString(got));
                }
            }
            assertEquals(Double.NEGATIVE_INFINITY, 1 / Ops.fill(TensorSpec.of(DType.F32), -0.0).item(), "the sign of zero");
        }
    }

    @Test
    void messagesNameOperandsAndExpectation() {
        try (Scope s = Scope.open("test")) {
            ShapeException e = assertThrows(ShapeException.class, () -> Ops.add(Tensor.zeros(DType.F32, 2, 3), Tensor.zeros(DType.F32, 4)));
            assertEquals("add", e.operation());
            assertTrue(e.getMessage().contains("[2,3] and [4] do not broadcast (sizes 3 and 4 at axis -1)"), e.getMessage());
            assertThrows(ShapeException.class, () -> Ops.add(Tensor.zeros(DType.F32, 2), Tensor.zeros(DType.F64, 2)));
            assertThrows(ShapeException.class, () -> Ops.exp(Tensor.zeros(DType.F16, 2)));
            assertThrows(ShapeException.class, () -> Ops.assign(Tensor.zeros(DType.F32, 2), Tensor.zeros(DType.F32, 3)));
        }
    }
}
