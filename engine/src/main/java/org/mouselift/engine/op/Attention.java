package org.mouselift.engine.op;

import static org.mouselift.engine.Ops.add;
import static org.mouselift.engine.Ops.affine;
import static org.mouselift.engine.Ops.apply;
import static org.mouselift.engine.Ops.concat;
import static org.mouselift.engine.Ops.expand;
import static org.mouselift.engine.Ops.matmul;
import static org.mouselift.engine.Ops.mul;
import static org.mouselift.engine.Ops.reduce;
import static org.mouselift.engine.Ops.reshape;
import static org.mouselift.engine.Ops.slice;
import static org.mouselift.engine.Ops.sub;
import static org.mouselift.engine.Ops.sum;
import static org.mouselift.engine.Ops.transpose;
import static org.mouselift.engine.Ops.unary;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.mouselift.engine.Operation;
import org.mouselift.engine.Shape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.Vjp;

/**
 * Scaled dot-product attention o = softmax(scale q k^T) v without storing the scores (Dao et al. 2022, "FlashAttention").
 * Operands q[B,H,Tq,D], then for each of {@code sources} sources its keys k[Bi,H,Ti,D] and values v[Bi,H,Ti,D], all with
 * any strides. The keys of the sources follow one another as if concatenated. Bi divides B: batch row b reads row
 * b / (B/Bi) of the source, so that a source can be shared by consecutive rows (the reference view of a multi-view model).
 * Results o[B,H,Tq,D] and the log-sum-exp of the scaled scores [B,H,Tq].
 */
public record Attention(double scale, int sources) implements Operation {
    /** With one source of keys and values. */
    public Attention(double scale) {
        this(scale, 1);
    }

    @Override
    public String name() {
        return "attention";
    }

    @Override
    public List<TensorSpec> infer(List<TensorSpec> in) {
        Check.require(name(), sources >= 1, sources + " sources of keys and values, expected at least 1");
        Check.count(name(), in, 1 + 2 * sources);
        TensorSpec q = in.get(0);
        Check.compute(name(), q);
        Check.require(name(), q.shape().rank() == 4, "q must be [B,H,T,D], it is " + q);
        Shape s = q.shape();
        long keys = 0;
        for (int i = 0; i < sources; i++) {
            TensorSpec k = in.get(1 + 2 * i);
            TensorSpec v = in.get(2 + 2 * i);
            String which = sources == 1 ? "" : " of source " + i;
            boolean four = k.shape().rank() == 4;
            long rows = four && k.shape().dim(0) > 0 && s.dim(0) % k.shape().dim(0) == 0 ? k.shape().dim(0) : s.dim(0);
            TensorSpec expected = new TensorSpec(q.dtype(), s.with(0, rows).with(2, four ? k.shape().dim(2) : 0));
            Check.require(name(), k.equals(expected) && v.equals(expected), "q " + q + " with k" + which + " " + k + " and v " + v + " (expected both "
                    + expected + ", or fewer batch rows that divide " + s.dim(0) + ")");
            keys += k.shape().dim(2);
        }
        Check.require(name(), keys > 0, "no keys: k is " + in.get(1));
        return List.of(q, TensorSpec.of(q.dtype(), s.dim(0), s.dim(1), s.dim(2)));
    }

    /** A source's rows repeated for every batch row that reads them. */
    private static Tensor repeated(Tensor x, long batch) {
        Shape s = x.shape();
        if (s.dim(0) == batch) {
            return x;
        }
        long times = batch / s.dim(0);
        Tensor wide = expand(reshape(x, s.dim(0), 1, s.dim(1), s.dim(2), s.dim(3)), s.dim(0), times, s.dim(1), s.dim(2), s.dim(3));
        return reshape(wide, batch, s.dim(1), s.dim(2), s.dim(3));
    }

    /** The keys (first = 1) or values (first = 2) of all sources as one sequence. */
    private static Tensor sequence(List<Tensor> in, int first, int sources) {
        long batch = in.getFirst().dim(0);
        if (sources == 1) {
            return repeated(in.get(first), batch);
        }
        List<Tensor> parts = new ArrayList<>();
        for (int i = 0; i < sources; i++) {
            parts.add(repeated(in.get(first + 2 * i), batch));
        }
        return concat(2, parts);
    }

    @Override
    public Optional<List<Tensor>> composed(List<Tensor> in) {
        Tensor scores = affine(matmul(in.get(0), transpose(sequence(in, 1, sources), -1, -2)), scale, 0);
        Tensor max = reduce(Reduce.Kind.MAX, scores, List.of(3));
        Tensor e = unary(Unary.Kind.EXP, sub(scores, max));
        Tensor total = sum(e, true, -1);
        Tensor o = org.mouselift.engine.Ops.div(matmul(e, sequence(in, 2, sources)), total);
        Shape q = in.getFirst().shape();
        Tensor lse = add(unary(Unary.Kind.LOG, total), max);
        return Optional.of(List.of(o, reshape(lse, q.dim(0), q.dim(1), q.dim(2))));
    }

    @Override
    public List<Tensor> vjp(Vjp v) {
        Check.onlyFirst(name(), v, 2);
        List<Tensor> in = new ArrayList<>(v.inputs());
        in.add(v.output(0));
        in.add(v.output(1));
        in.add(v.grad());
        return apply(new AttentionGrad(scale, sources), in);
    }

    /**
     * dq and dk, dv of every source from q, k, v (of every source), o, lse and do by recomputing the probabilities tile by
     * tile: P = exp(scale q k^T - lse), dv = P^T do, dS = P (do v^T - rowsum(do o)) scale, dq = dS k, dk = dS^T q. The
     * gradient of a shared source sums over the batch rows that read it.
     */
    public record AttentionGrad(double scale, int sources) implements Operation {
        public AttentionGrad(double scale) {
            this(scale, 1);
        }

        @Override
        public String name() {
            return "attention_grad";
        }

        @Override
        public List<TensorSpec> infer(List<TensorSpec> in) {
            Check.count(name(), in, 4 + 2 * sources);
            return in.subList(0, 1 + 2 * sources);
        }

        @Override
        public Optional<List<Tensor>> composed(List<Tensor> in) {
            Tensor q = in.get(0);
            Tensor k = sequence(in, 1, sources);
            Tensor g = in.getLast();
            Shape s = q.shape();
            Tensor lse = reshape(in.get(in.size() - 2), s.dim(0), s.dim(1), s.dim(2), 1);
            Tensor p = unary(Unary.Kind.EXP, sub(affine(matmul(q, transpose(k, -1, -2)), scale, 0), lse));
            Tensor delta = sum(mul(g, in.get(in.size() - 3)), true, -1);
            Tensor ds = affine(mul(p, sub(matmul(g, transpose(sequence(in, 2, sources), -1, -2)), delta)), scale, 0);
            Tensor dk = matmul(transpose(ds, -1, -2), q);
            Tensor dv = matmul(transpose(p, -1, -2), g);
            List<Tensor> out = new ArrayList<>(List.of(matmul(ds, k)));
            long first = 0;
            for (int i = 0; i < sources; i++) {
                Shape source = in.get(1 + 2 * i).shape();
                out.add(part(dk, first, source));
                out.add(part(dv, first, source));
                first += source.dim(2);
            }
            return Optional.of(out);
        }

        /** The gradient of one source within that of the whole sequence. */
        private static Tensor part(Tensor g, long first, Shape source) {
            Tensor own = slice(g, 2, first, first + source.dim(2));
            long times = g.dim(0) / source.dim(0);
            if (times == 1) {
                return org.mouselift.engine.Ops.contiguous(own);
            }
            return sum(reshape(own, source.dim(0), times, source.dim(1), source.dim(2), source.dim(3)), false, 1);
        }

        @Override
        public List<Tensor> vjp(Vjp v) {
            throw new org.mouselift.engine.EngineException("attention_grad: second derivatives of the fused attention are not defined; use the composed form");
        }
    }
}
