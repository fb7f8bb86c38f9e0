package org.mouselift.models.nn;

import java.util.List;
import org.mouselift.engine.ModulePath;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.nn.Module;
import org.mouselift.engine.op.Linear;

/**
 * Multi-head self-attention without biases, masks or position codes: one projection to q, k, v (rows 0…d-1, d…2d-1,
 * 2d…3d-1; heads are contiguous chunks), softmax(q k^T / sqrt(head width)) v, one projection back. Input and output
 * [B,L,d]. State-dict entries {@code to_qkv.weight} and {@code fc.weight}.
 */
public final class SelfAttention extends Module {
    /** Tap of the softmax probabilities [B,heads,L,L]; they exist only while somebody listens. */
    public static final String PROBABILITIES = "probabilities";

    private final int heads;
    private final LinearLayer qkv;
    private final LinearLayer out;

    public SelfAttention(ParameterSource source, long width, int heads) {
        this.heads = heads;
        qkv = child("to_qkv", new LinearLayer(source.at("to_qkv"), width, 3 * width, false));
        out = child("fc", new LinearLayer(source.at("fc"), width, width, false));
    }

    @Override
    public List<String> taps() {
        return List.of(PROBABILITIES);
    }

    @Override
    protected Tensor forward(Tensor... inputs) {
        return out.fused(mix(inputs[0]), Linear.Activation.NONE, null);
    }

    /** {@code residual + attention(x)}; while a hook listens to this module it sees the attention alone. */
    public Tensor fused(Tensor x, Tensor residual) {
        if (tapped("")) {
            return Ops.add(residual, call(x));
        }
        String before = ModulePath.enter(path());
        try {
            return out.fused(mix(x), Linear.Activation.NONE, residual);
        } finally {
            ModulePath.enter(before);
        }
    }

    private Tensor mix(Tensor x) {
        long batch = x.dim(0);
        long length = x.dim(1);
        long width = x.dim(2);
        // A row of the projection is [q heads, k heads, v heads]: as 3 x heads chunks, q, k and v are slices without a copy.
        Tensor chunks = Ops.permute(Ops.reshape(qkv.call(x), batch, length, 3L * heads, width / heads), 0, 2, 1, 3);
        Tensor q = Ops.slice(chunks, 1, 0, heads);
        Tensor k = Ops.slice(chunks, 1, heads, 2L * heads);
        Tensor v = Ops.slice(chunks, 1, 2L * heads, 3L * heads);
        double scale = 1 / Math.sqrt((double) width / heads);
        Tensor mixed = tapped(PROBABILITIES) ? Ops.matmul(tap(PROBABILITIES, probabilities(q, k, scale)), v) : Ops.attention(q, k, v, scale);
        return Ops.reshape(Ops.permute(mixed, 0, 2, 1, 3), batch, length, width);
    }

    private static Tensor probabilities(Tensor q, Tensor k, double scale) {
        Tensor scores = Ops.affine(Ops.matmul(q, Ops.transpose(k, 2, 3)), scale, 0);
        Tensor e = Ops.exp(Ops.sub(scores, Ops.reduce(org.mouselift.engine.op.Reduce.Kind.MAX, scores, List.of(3))));
        return Ops.div(e, Ops.sum(e, true, 3));
    }
}
