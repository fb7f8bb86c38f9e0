package org.mouselift.engine.op;

import static org.mouselift.engine.Ops.affine;
import static org.mouselift.engine.Ops.apply;
import static org.mouselift.engine.Ops.div;
import static org.mouselift.engine.Ops.mul;
import static org.mouselift.engine.Ops.square;
import static org.mouselift.engine.Ops.unary;

import java.util.List;
import java.util.Optional;
import org.mouselift.engine.Operation;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.Vjp;

/** y = f(x), element by element; shape and type stay. */
public record Unary(Kind kind) implements Operation {
    /** The function. */
    public enum Kind {
        NEG, ABS, SIGN, SQUARE, SQRT, RSQRT, RECIPROCAL, EXP, LOG, SIN, COS, TANH, ERF,
        /** 1 / (1 + exp(-x)). */
        SIGMOID,
        /** max(x, 0); derivative 0 at 0. */
        RELU,
        /** x sigmoid(x). */
        SILU,
        /** Derivative of {@link #SILU}. */
        SILU_PRIME,
        /** x Phi(x) with the exact normal distribution function, 0.5 x (1 + erf(x / sqrt 2)). */
        GELU,
        /** Derivative of {@link #GELU}: Phi(x) + x phi(x). */
        GELU_PRIME
    }

    @Override
    public String name() {
        return kind.name().toLowerCase(java.util.Locale.ROOT);
    }

    @Override
    public List<TensorSpec> infer(List<TensorSpec> in) {
        Check.count(name(), in, 1);
        Check.compute(name(), in.getFirst());
        return in;
    }

    @Override
    public List<Tensor> vjp(Vjp v) {
        Tensor g = v.grad();
        Tensor x = v.input(0);
        Tensor y = v.output(0);
        return java.util.Collections.singletonList(switch (kind) {
            case NEG -> affine(g, -1, 0);
            case ABS -> mul(g, unary(Kind.SIGN, x));
            case SIGN -> null;
            case SQUARE -> mul(g, affine(x, 2, 0));
            case SQRT -> div(affine(g, 0.5, 0), y);
            case RSQRT -> mul(g, affine(mul(square(y), y), -0.5, 0));
            case RECIPROCAL -> mul(g, affine(square(y), -1, 0));
            case EXP -> mul(g, y);
            case LOG -> div(g, x);
            case SIN -> mul(g, unary(Kind.COS, x));
            case COS -> mul(g, affine(unary(Kind.SIN, x), -1, 0));
            case TANH -> mul(g, affine(square(y), -1, 1));
            case ERF -> mul(g, affine(unary(Kind.EXP, affine(square(x), -1, 0)), 2 / Math.sqrt(Math.PI), 0));
            case SIGMOID -> mul(g, mul(y, affine(y, -1, 1)));
            case RELU -> mul(g, unary(Kind.SIGN, y));
            case SILU, GELU -> apply(new Grad(kind), x, g).getFirst();
            case SILU_PRIME -> siluSecond(g, x);
            case GELU_PRIME -> geluSecond(g, x);
        });
    }

    /** s'(x)(2 + x(1 - 2 s)) with s = sigmoid. */
    private static Tensor siluSecond(Tensor g, Tensor x) {
        Tensor s = unary(Kind.SIGMOID, x);
        Tensor slope = mul(s, affine(s, -1, 1));
        return mul(g, mul(slope, affine(mul(x, affine(s, -2, 1)), 1, 2)));
    }

    /** phi(x)(2 - x^2). */
    private static Tensor geluSecond(Tensor g, Tensor x) {
        Tensor x2 = square(x);
        Tensor phi = affine(unary(Kind.EXP, affine(x2, -0.5, 0)), 1 / Math.sqrt(2 * Math.PI), 0);
        return mul(g, mul(phi, affine(x2, -1, 2)));
    }

    /** dx = dy f'(x) of {@link Kind#SILU} or {@link Kind#GELU} in one pass. Operands x, dy. */
    public record Grad(Kind kind) implements Operation {
        public Grad {
            if (kind != Kind.SILU && kind != Kind.GELU) {
                throw new IllegalArgumentException("the gradient of " + kind + " is no operation of its own, only those of SILU and GELU are");
            }
        }

        @Override
        public String name() {
            return kind.name().toLowerCase(java.util.Locale.ROOT) + "_grad";
        }

        @Override
        public List<TensorSpec> infer(List<TensorSpec> in) {
            Check.count(name(), in, 2);
            Check.compute(name(), in.get(0));
            Check.require(name(), in.get(0).equals(in.get(1)), "x " + in.get(0) + ", dy " + in.get(1));
            return in.subList(0, 1);
        }

        @Override
        public Optional<List<Tensor>> composed(List<Tensor> in) {
            return Optional.of(List.of(mul(in.get(1), unary(kind == Kind.SILU ? Kind.SILU_PRIME : Kind.GELU_PRIME, in.get(0)))));
        }

        @Override
        public List<Tensor> vjp(Vjp v) {
            Tensor x = v.input(0);
            Tensor g = mul(v.grad(), v.input(1));
            return List.of(kind == Kind.SILU ? siluSecond(g, x) : geluSecond(g, x), apply(this, x, v.grad()).getFirst());
        }
    }
}
