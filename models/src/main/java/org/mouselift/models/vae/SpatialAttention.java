package org.mouselift.models.vae;

import java.util.List;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.nn.Module;
import org.mouselift.models.nn.GroupNormLayer;
import org.mouselift.models.nn.LinearLayer;
import org.mouselift.models.nn.ParameterSource;

/** Attention with one head over all pixels of a map [N,C,h,w], with residual; all projections have biases (multi-view diffusion specification §2.4). */
final class SpatialAttention extends Module {
    /** Tap of the softmax probabilities [N,1,S,S]; they exist only while somebody listens. */
    static final String PROBABILITIES = "probabilities";

    private final GroupNormLayer norm;
    private final LinearLayer toQ;
    private final LinearLayer toK;
    private final LinearLayer toV;
    private final LinearLayer out;

    SpatialAttention(ParameterSource source, int channels, int groups, double eps) {
        norm = child("group_norm", new GroupNormLayer(source.at("group_norm"), channels, groups, eps));
        toQ = child("to_q", new LinearLayer(source.at("to_q"), channels, channels, true));
        toK = child("to_k", new LinearLayer(source.at("to_k"), channels, channels, true));
        toV = child("to_v", new LinearLayer(source.at("to_v"), channels, channels, true));
        out = child("to_out.0", new LinearLayer(source.at("to_out.0"), channels, channels, true));
    }

    @Override
    public List<String> taps() {
        return List.of(PROBABILITIES);
    }

    @Override
    protected Tensor forward(Tensor... inputs) {
        Tensor x = inputs[0];
        long n = x.dim(0);
        long channels = x.dim(1);
        long pixels = x.dim(2) * x.dim(3);
        Tensor tokens = Ops.contiguous(Ops.permute(Ops.reshape(norm.call(x), n, channels, pixels), 0, 2, 1));
        Tensor q = Ops.reshape(toQ.call(tokens), n, 1, pixels, channels);
        Tensor k = Ops.reshape(toK.call(tokens), n, 1, pixels, channels);
        Tensor v = Ops.reshape(toV.call(tokens), n, 1, pixels, channels);
        double scale = 1 / Math.sqrt(channels);
        Tensor mixed = tapped(PROBABILITIES) ? Ops.matmul(tap(PROBABILITIES, Ops.softmax(Ops.affine(Ops.matmul(q, Ops.transpose(k, 2, 3)), scale, 0))), v)
                : Ops.attention(q, k, v, scale);
        Tensor y = out.call(Ops.reshape(mixed, n, pixels, channels));
        return Ops.add(Ops.reshape(Ops.permute(y, 0, 2, 1), n, channels, x.dim(2), x.dim(3)), x);
    }
}
