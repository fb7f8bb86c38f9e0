package org.mouselift.models.unet;

import java.util.List;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.nn.Module;
import org.mouselift.engine.op.Linear;
import org.mouselift.models.nn.LinearLayer;
import org.mouselift.models.nn.ParameterSource;

/**
 * Multi-head attention of the UNet (multi-view diffusion specification §1.8): within an object by the {@link AttentionRule}, or
 * from image tokens to prompt tokens. With the sparse rule the keys of the reference view are a second source of the fused
 * attention, shared by all views of the object; the doubled key sequence exists only for hooks. Queries [N,S,C], context [N,T,Cc]; {@code to_q}, {@code to_k}, {@code to_v} without bias,
 * {@code to_out.0} with one; scale 1/sqrt(head width).
 */
public final class UNetAttention extends Module {
    /** Tap of the softmax probabilities [N,heads,S,keys]; they exist only while somebody listens. Sparse rule: reference keys first. */
    public static final String PROBABILITIES = "probabilities";
    /** Taps of the projected queries [G,heads,T,D] and keys [G,heads,Tk,D]; G is N, or with the dense rule the number of objects. */
    public static final String QUERIES = "queries";
    public static final String KEYS = "keys";

    private final int heads;
    private final int views;
    private final AttentionRule rule;
    private final LinearLayer toQ;
    private final LinearLayer toK;
    private final LinearLayer toV;
    private final LinearLayer out;

    /** @param context width of the keys' tokens; {@code width} and a rule for self-attention, or the prompt's width and PLAIN */
    UNetAttention(ParameterSource source, int width, int context, int heads, int views, AttentionRule rule) {
        this.heads = heads;
        this.views = views;
        this.rule = rule;
        toQ = child("to_q", new LinearLayer(source.at("to_q"), width, width, false));
        toK = child("to_k", new LinearLayer(source.at("to_k"), context, width, false));
        toV = child("to_v", new LinearLayer(source.at("to_v"), context, width, false));
        out = child("to_out.0", new LinearLayer(source.at("to_out.0"), width, width, true));
    }

    @Override
    public List<String> taps() {
        return List.of(QUERIES, KEYS, PROBABILITIES);
    }

    /** Inputs: queries and, for cross-attention, context. */
    @Override
    protected Tensor forward(Tensor... inputs) {
        return out.call(mix(inputs));
    }

    /** {@code residual + attention}; while a hook listens to this module it sees the attention alone. */
    Tensor fused(Tensor residual, Tensor... inputs) {
        if (tapped("")) {
            return Ops.add(residual, call(inputs));
        }
        String before = org.mouselift.engine.ModulePath.enter(path());
        try {
            return out.fused(mix(inputs), Linear.Activation.NONE, residual);
        } finally {
            org.mouselift.engine.ModulePath.enter(before);
        }
    }

    private Tensor mix(Tensor... inputs) {
        Tensor x = inputs[0];
        Tensor context = inputs.length > 1 ? inputs[1] : x;
        Tensor q = toQ.call(x);
        Tensor k = toK.call(context);
        Tensor v = toV.call(context);
        double scale = 1 / Math.sqrt((double) x.dim(2) / heads);
        int group = rule == AttentionRule.DENSE ? views : 1;
        Tensor qh = tap(QUERIES, split(q, group));
        Tensor kh = tap(KEYS, split(k, group));
        Tensor vh = split(v, group);
        Tensor mixed;
        if (tapped(PROBABILITIES)) {
            mixed = Ops.matmul(tap(PROBABILITIES, probabilities(qh, sequence(kh))), sequence(vh));
        } else if (rule == AttentionRule.SPARSE) {
            mixed = Ops.attention(qh, reference(kh), reference(vh), kh, vh, scale);
        } else {
            mixed = Ops.attention(qh, kh, vh, scale);
        }
        return Ops.reshape(Ops.permute(mixed, 0, 2, 1, 3), x.dim(0), x.dim(1), x.dim(2));
    }

    /** Softmax of the scaled scores [G,heads,Q,keys] of queries [G,heads,Q,D] and keys [G,heads,keys,D]. */
    static Tensor probabilities(Tensor queries, Tensor keys) {
        return Ops.softmax(Ops.affine(Ops.matmul(queries, Ops.transpose(keys, 2, 3)), 1 / Math.sqrt(queries.dim(3)), 0));
    }

    /** [N,S,C] as [N/group, heads, group*S, D]. */
    private Tensor split(Tensor x, int group) {
        return Ops.permute(Ops.reshape(x, x.dim(0) / group, group * x.dim(1), heads, x.dim(2) / heads), 0, 2, 1, 3);
    }

    /** Keys or values of the reference views [B,heads,S,D], a view of those of all views [B*V,heads,S,D]. */
    private Tensor reference(Tensor x) {
        return Ops.slice(x, 0, 0, x.dim(0), views);
    }

    /** The keys or values in the order of the probabilities, for those who look inside; sparse rule: reference view, then own view. */
    Tensor sequence(Tensor x) {
        if (rule != AttentionRule.SPARSE) {
            return x;
        }
        long objects = x.dim(0) / views;
        Tensor shared = Ops.expand(Ops.reshape(reference(x), objects, 1, heads, x.dim(2), x.dim(3)), objects, views, heads, x.dim(2), x.dim(3));
        return Ops.concat(2, Ops.reshape(shared, x.dim(0), heads, x.dim(2), x.dim(3)), x);
    }
}
