package org.mouselift.models.unet;

import java.util.List;
import org.mouselift.engine.DType;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.nn.Module;
import org.mouselift.engine.op.Linear;
import org.mouselift.models.nn.LinearLayer;

/**
 * Multi-head attention of the UNet (multi-view diffusion specification §1.8): within an object by the {@link AttentionRule}, or
 * from image tokens to prompt tokens. Queries [N,S,C], context [N,T,Cc]; {@code to_q}, {@code to_k}, {@code to_v} without bias,
 * {@code to_out.0} with one; scale 1/sqrt(head width).
 */
public final class UNetAttention extends Module {
    /** Tap of the softmax probabilities [N,heads,S,keys]; they exist only while somebody listens. Sparse rule: reference keys first. */
    public static final String PROBABILITIES = "probabilities";

    private final int heads;
    private final int views;
    private final AttentionRule rule;
    private final LinearLayer toQ;
    private final LinearLayer toK;
    private final LinearLayer toV;
    private final LinearLayer out;

    /** @param context width of the keys' tokens; {@code width} and a rule for self-attention, or the prompt's width and PLAIN */
    UNetAttention(DType dtype, int width, int context, int heads, int views, AttentionRule rule) {
        this.heads = heads;
        this.views = views;
        this.rule = rule;
        toQ = child("to_q", new LinearLayer(dtype, width, width, false));
        toK = child("to_k", new LinearLayer(dtype, context, width, false));
        toV = child("to_v", new LinearLayer(dtype, context, width, false));
        out = child("to_out.0", new LinearLayer(dtype, width, width, true));
    }

    @Override
    public List<String> taps() {
        return List.of(PROBABILITIES);
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
        if (rule == AttentionRule.SPARSE && !tapped(PROBABILITIES)) {
            return Ops.apply(new ReferenceAttention(views, heads, scale), q, k, v).getFirst();
        }
        if (rule == AttentionRule.SPARSE) {
            k = twoSources(k);
            v = twoSources(v);
        }
        int group = rule == AttentionRule.DENSE ? views : 1;
        Tensor qh = split(q, group);
        Tensor kh = split(k, group);
        Tensor vh = split(v, group);
        Tensor mixed = tapped(PROBABILITIES) ? Ops.matmul(tap(PROBABILITIES, Ops.softmax(Ops.affine(Ops.matmul(qh, Ops.transpose(kh, 2, 3)), scale, 0))), vh)
                : Ops.attention(qh, kh, vh, scale);
        return Ops.reshape(Ops.permute(mixed, 0, 2, 1, 3), x.dim(0), x.dim(1), x.dim(2));
    }

    /** [N,S,C] as [N/group, heads, group*S, D]. */
    private Tensor split(Tensor x, int group) {
        return Ops.permute(Ops.reshape(x, x.dim(0) / group, group * x.dim(1), heads, x.dim(2) / heads), 0, 2, 1, 3);
    }

    /** [B*V,S,C] as [B*V,2S,C]: reference view, then own view. Only for captured probabilities. */
    private Tensor twoSources(Tensor x) {
        long objects = x.dim(0) / views;
        Tensor split = Ops.reshape(x, objects, views, x.dim(1), x.dim(2));
        Tensor reference = Ops.expand(Ops.slice(split, 1, 0, 1), objects, views, x.dim(1), x.dim(2));
        return Ops.reshape(Ops.concat(2, reference, split), x.dim(0), 2 * x.dim(1), x.dim(2));
    }
}
