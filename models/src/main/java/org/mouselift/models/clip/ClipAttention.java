package org.mouselift.models.clip;

import java.util.List;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.nn.Module;
import org.mouselift.engine.trace.Program;
import org.mouselift.models.nn.LinearLayer;
import org.mouselift.models.nn.ParameterSource;

/** Self-attention of a CLIP layer on [N,T,C]; all projections have biases; with a mask, token i sees tokens up to i. */
final class ClipAttention extends Module {
    /** Tap of the softmax probabilities [N,heads,T,T]; they exist only while somebody listens. */
    static final String PROBABILITIES = "probabilities";
    private static final double HIDDEN = -1e30;

    private final int heads;
    private final boolean causal;
    private final LinearLayer q;
    private final LinearLayer k;
    private final LinearLayer v;
    private final LinearLayer out;

    ClipAttention(ParameterSource source, ClipConfig c, boolean causal) {
        this.heads = c.heads();
        this.causal = causal;
        int width = c.hiddenSize();
        k = child("k_proj", new LinearLayer(source.at("k_proj"), width, width, true));
        v = child("v_proj", new LinearLayer(source.at("v_proj"), width, width, true));
        q = child("q_proj", new LinearLayer(source.at("q_proj"), width, width, true));
        out = child("out_proj", new LinearLayer(source.at("out_proj"), width, width, true));
    }

    @Override
    public List<String> taps() {
        return List.of(PROBABILITIES);
    }

    @Override
    protected Tensor forward(Tensor... inputs) {
        Tensor x = inputs[0];
        Tensor qh = split(q.call(x));
        Tensor kh = split(k.call(x));
        Tensor vh = split(v.call(x));
        double scale = 1 / Math.sqrt((double) x.dim(2) / heads);
        Tensor mixed = causal || tapped(PROBABILITIES) ? Ops.matmul(tap(PROBABILITIES, probabilities(qh, kh, scale)), vh) : Ops.attention(qh, kh, vh, scale);
        return out.call(Ops.reshape(Ops.permute(mixed, 0, 2, 1, 3), x.dim(0), x.dim(1), x.dim(2)));
    }

    private Tensor probabilities(Tensor qh, Tensor kh, double scale) {
        Tensor scores = Ops.affine(Ops.matmul(qh, Ops.transpose(kh, 2, 3)), scale, 0);
        if (causal) {
            int n = (int) qh.dim(2);
            float[] mask = new float[n * n];
            for (int i = 0; i < n; i++) {
                for (int j = i + 1; j < n; j++) {
                    mask[i * n + j] = (float) HIDDEN;
                }
            }
            scores = Ops.add(scores, Ops.cast(Program.constant(Tensor.of(mask, n, n)), scores.dtype()));
        }
        return Ops.softmax(scores);
    }

    private Tensor split(Tensor x) {
        return Ops.permute(Ops.reshape(x, x.dim(0), x.dim(1), heads, x.dim(2) / heads), 0, 2, 1, 3);
    }
}
