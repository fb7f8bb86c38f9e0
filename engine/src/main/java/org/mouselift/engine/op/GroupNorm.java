package org.mouselift.engine.op;

import static org.mouselift.engine.Ops.add;
import static org.mouselift.engine.Ops.affine;
import static org.mouselift.engine.Ops.apply;
import static org.mouselift.engine.Ops.mean;
import static org.mouselift.engine.Ops.mul;
import static org.mouselift.engine.Ops.reshape;
import static org.mouselift.engine.Ops.square;
import static org.mouselift.engine.Ops.sub;
import static org.mouselift.engine.Ops.sum;
import static org.mouselift.engine.Ops.unary;

import java.util.List;
import java.util.Optional;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Operation;
import org.mouselift.engine.Shape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.Vjp;

/**
 * z = (x - mean) / sqrt(var + eps) * w[c] + b[c] with mean and biased variance over the C/groups channels of a group and
 * all positions (Wu and He 2018); y = z, or y = z sigmoid(z) if {@code silu}. Operands: x[N,C,…], w[C], b[C]. Results: y,
 * mean[N,groups] and 1/sqrt(var + eps) [N,groups], the latter two for the gradient.
 */
public record GroupNorm(int groups, double eps, boolean silu) implements Operation {
    @Override
    public String name() {
        return "group_norm";
    }

    @Override
    public List<TensorSpec> infer(List<TensorSpec> in) {
        Check.count(name(), in, 3);
        TensorSpec x = in.getFirst();
        Check.compute(name(), x);
        Check.rankAtLeast(name(), x, 2);
        long c = x.shape().dim(1);
        Check.require(name(), groups > 0 && c % groups == 0, "the " + c + " channels of " + x + " do not divide into " + groups + " groups");
        TensorSpec channel = TensorSpec.of(x.dtype(), c);
        for (TensorSpec p : in.subList(1, 3)) {
            Check.require(name(), p.equals(channel), "weight or bias " + p + " for x " + x + " (expected " + channel + ")");
        }
        TensorSpec stat = TensorSpec.of(x.dtype(), x.shape().dim(0), groups);
        return List.of(x, stat, stat);
    }

    /** x as [N, groups, elements of a group]. */
    private static Tensor grouped(Tensor x, long groups) {
        long n = x.dim(0);
        return reshape(x, n, groups, x.numel() == 0 ? 0 : x.numel() / (n * groups));
    }

    /** x as [N, C, positions]. */
    private static Tensor planes(Tensor x, Shape original) {
        long n = original.dim(0);
        long c = original.dim(1);
        return reshape(x, n, c, x.numel() == 0 ? 0 : x.numel() / (n * c));
    }

    @Override
    public Optional<List<Tensor>> composed(List<Tensor> in) {
        Tensor x = in.getFirst();
        Shape s = x.shape();
        Tensor g = grouped(x, groups);
        Tensor mu = mean(g, true, 2);
        Tensor centred = sub(g, mu);
        Tensor r = unary(Unary.Kind.RSQRT, affine(mean(square(centred), true, 2), 1, eps));
        Tensor z = add(mul(planes(mul(centred, r), s), reshape(in.get(1), -1, 1)), reshape(in.get(2), -1, 1));
        Tensor y = silu ? unary(Unary.Kind.SILU, z) : z;
        return Optional.of(List.of(reshape(y, s.dims()), reshape(mu, s.dim(0), groups), reshape(r, s.dim(0), groups)));
    }

    @Override
    public List<Tensor> vjp(Vjp v) {
        Check.onlyFirst(name(), v, 3);
        return apply(new GroupNormGrad(groups, silu), v.input(0), v.input(1), v.input(2), v.output(1), v.output(2), v.grad());
    }

    /**
     * Gradients of x, w and b: with xh = (x - mean) r, dz = dy (times the derivative of SiLU at z = xh w + b), h = dz w:
     * dx = r (h - mean(h) - xh mean(h xh)) with the means over a group, dw = sum(dz xh), db = sum(dz). Operands x, w, b,
     * mean, r, dy.
     */
    public record GroupNormGrad(int groups, boolean silu) implements Operation {
        @Override
        public String name() {
            return "group_norm_grad";
        }

        @Override
        public List<TensorSpec> infer(List<TensorSpec> in) {
            Check.count(name(), in, 6);
            Check.require(name(), in.get(0).equals(in.get(5)), "x " + in.get(0) + ", dy " + in.get(5));
            return in.subList(0, 3);
        }

        @Override
        public Optional<List<Tensor>> composed(List<Tensor> in) {
            Tensor x = in.get(0);
            Shape s = x.shape();
            Tensor w = reshape(in.get(1), -1, 1);
            Tensor r = reshape(in.get(4), s.dim(0), groups, 1);
            Tensor hat = mul(sub(grouped(x, groups), reshape(in.get(3), s.dim(0), groups, 1)), r);
            Tensor hatPlanes = planes(hat, s);
            Tensor dz = planes(in.get(5), s);
            if (silu) {
                dz = mul(dz, unary(Unary.Kind.SILU_PRIME, add(mul(hatPlanes, w), reshape(in.get(2), -1, 1))));
            }
            Tensor h = grouped(mul(dz, w), groups);
            Tensor dx = mul(r, sub(sub(h, mean(h, true, 2)), mul(hat, mean(mul(h, hat), true, 2))));
            return Optional.of(List.of(reshape(dx, s.dims()), sum(mul(dz, hatPlanes), false, 0, 2), sum(dz, false, 0, 2)));
        }

        @Override
        public List<Tensor> vjp(Vjp v) {
            throw new EngineException("group_norm_grad: second derivatives of the fused group norm are not defined; use the composed form");
        }
    }
}
