package org.mouselift.models.unet;

import static org.mouselift.engine.Ops.add;
import static org.mouselift.engine.Ops.apply;
import static org.mouselift.engine.Ops.mul;
import static org.mouselift.engine.Ops.permute;
import static org.mouselift.engine.Ops.reshape;
import static org.mouselift.engine.Ops.slice;
import static org.mouselift.engine.Ops.sub;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.mouselift.engine.Operation;
import org.mouselift.engine.Ops;
import org.mouselift.engine.ShapeException;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.Vjp;
import org.mouselift.engine.op.Attention;

/**
 * The sparse multi-view rule: every view attends to the reference view of its object and to itself, softmax over both key
 * sequences together (multi-view diffusion specification §1.8). Operands q, k, v [B*V,S,C] with V views in a row; results
 * o [B*V,S,C] and the log-sum-exp of the scores [B,heads,V*S].
 *
 * <p>The doubled key sequence never exists: attention to each source gives an output and a log-sum-exp, from which the joint
 * softmax follows exactly; the reference keys serve all views at once. Backwards, the gradient of each source is that of
 * plain attention with the joint output and log-sum-exp.
 */
record ReferenceAttention(int views, int heads, double scale) implements Operation {
    @Override
    public String name() {
        return "reference_attention";
    }

    @Override
    public List<TensorSpec> infer(List<TensorSpec> in) {
        TensorSpec q = in.getFirst();
        if (in.size() != 3 || q.shape().rank() != 3 || !in.get(1).equals(q) || !in.get(2).equals(q)) {
            throw new ShapeException(name(), in + ", expected three equal [B*V,S,C]");
        }
        if (q.shape().dim(0) % views != 0 || q.shape().dim(2) % heads != 0) {
            throw new ShapeException(name(), q + " does not divide into " + views + " views and " + heads + " heads");
        }
        return List.of(q, TensorSpec.of(q.dtype(), q.shape().dim(0) / views, heads, views * q.shape().dim(1)));
    }

    @Override
    public boolean ownGradient() {
        return true;
    }

    /** [B*V,S,C] as [B,heads,V*S,D]: all tokens of an object. */
    private Tensor object(Tensor x) {
        return permute(reshape(x, x.dim(0) / views, views * x.dim(1), heads, x.dim(2) / heads), 0, 2, 1, 3);
    }

    /** [B*V,S,C] as [B*V,heads,S,D]: tokens of a view. */
    private Tensor view(Tensor x) {
        return permute(reshape(x, x.dim(0), x.dim(1), heads, x.dim(2) / heads), 0, 2, 1, 3);
    }

    /** Tokens of the reference views [B,heads,S,D]. */
    private Tensor reference(Tensor x) {
        return slice(object(x), 2, 0, x.dim(1));
    }

    /** [B,heads,V*S,D] as [B*V,S,C]. */
    private Tensor tokens(Tensor x) {
        long s = x.dim(2) / views;
        return reshape(permute(x, 0, 2, 1, 3), x.dim(0) * views, s, heads * x.dim(3));
    }

    /** [B,heads,V*S] as [B*V,heads,S]. */
    private Tensor perView(Tensor lse) {
        long s = lse.dim(2) / views;
        return reshape(permute(reshape(lse, lse.dim(0), heads, views, s), 0, 2, 1, 3), lse.dim(0) * views, heads, s);
    }

    @Override
    public Optional<List<Tensor>> composed(List<Tensor> in) {
        Tensor q = in.get(0);
        Tensor k = in.get(1);
        Tensor v = in.get(2);
        long objects = q.dim(0) / views;
        long length = q.dim(1);
        List<Tensor> first = apply(new Attention(scale), object(q), reference(k), reference(v));
        List<Tensor> own = apply(new Attention(scale), view(q), view(k), view(v));
        Tensor ownLse = reshape(permute(reshape(own.get(1), objects, views, heads, length), 0, 2, 1, 3), objects, heads, views * length);
        // weight of the reference = e^a / (e^a + e^b) = sigmoid(a - b)
        Tensor weight = Ops.sigmoid(sub(first.get(1), ownLse));
        Tensor a = tokens(first.get(0));
        Tensor b = reshape(permute(own.get(0), 0, 2, 1, 3), q.dim(0), length, q.dim(2));
        Tensor w = reshape(permute(reshape(weight, objects, heads, views, length), 0, 2, 3, 1), q.dim(0), length, heads, 1);
        long width = q.dim(2) / heads;
        Tensor o = add(reshape(b, q.dim(0), length, heads, width), mul(w, sub(reshape(a, q.dim(0), length, heads, width),
                reshape(b, q.dim(0), length, heads, width))));
        // log(e^a + e^b) = a - log(sigmoid(a - b))
        return Optional.of(List.of(reshape(o, q.dim(0), length, q.dim(2)), sub(first.get(1), Ops.log(weight))));
    }

    @Override
    public List<Tensor> vjp(Vjp v) {
        if (v.gradOrNull(1) != null) {
            throw new org.mouselift.engine.EngineException(name() + ": the log-sum-exp has no gradient");
        }
        return apply(new Grad(this), v.input(0), v.input(1), v.input(2), v.output(0), v.output(1), v.grad());
    }

    /** dq, dk, dv from q, k, v, o, lse, do. */
    record Grad(ReferenceAttention of) implements Operation {
        @Override
        public String name() {
            return "reference_attention_grad";
        }

        @Override
        public List<TensorSpec> infer(List<TensorSpec> in) {
            return new ArrayList<>(in.subList(0, 3));
        }

        @Override
        public Optional<List<Tensor>> composed(List<Tensor> in) {
            Tensor q = in.get(0);
            Tensor k = in.get(1);
            Tensor v = in.get(2);
            Tensor o = in.get(3);
            Tensor g = Ops.contiguous(in.get(5));
            Attention.AttentionGrad grad = new Attention.AttentionGrad(of.scale);
            List<Tensor> first = apply(grad, of.object(q), of.reference(k), of.reference(v), of.object(o), in.get(4), of.object(g));
            List<Tensor> own = apply(grad, of.view(q), of.view(k), of.view(v), of.view(o), of.perView(in.get(4)), of.view(g));
            Tensor dq = add(of.tokens(first.get(0)), of.flat(own.get(0)));
            return Optional.of(List.of(dq, of.withReference(of.flat(own.get(1)), first.get(1)), of.withReference(of.flat(own.get(2)), first.get(2))));
        }

        @Override
        public List<Tensor> vjp(Vjp v) {
            throw new org.mouselift.engine.EngineException(name() + ": second derivatives are not defined");
        }
    }

    /** [B*V,heads,S,D] as [B*V,S,C]. */
    private Tensor flat(Tensor x) {
        return reshape(permute(x, 0, 2, 1, 3), x.dim(0), x.dim(2), heads * x.dim(3));
    }

    /** Adds what the reference tokens [B,heads,S,D] received from all views to [B*V,S,C]. */
    private Tensor withReference(Tensor own, Tensor reference) {
        long objects = own.dim(0) / views;
        Tensor split = reshape(own, objects, views, own.dim(1), own.dim(2));
        Tensor front = add(slice(split, 1, 0, 1), reshape(flat(reference), objects, 1, own.dim(1), own.dim(2)));
        Tensor all = views == 1 ? front : Ops.concat(1, front, slice(split, 1, 1, views));
        return reshape(all, own.dim(0), own.dim(1), own.dim(2));
    }
}
