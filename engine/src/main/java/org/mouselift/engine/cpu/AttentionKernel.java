package org.mouselift.engine.cpu;

import java.util.ArrayList;
import java.util.List;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.op.Attention;

/** Attention of tensors through {@link FlashAttention}; operands are read in place when the last axis is contiguous. */
final class AttentionKernel {
    private AttentionKernel() {}

    static void forward(Attention op, List<Tensor> in, List<Tensor> out) {
        Tensor q = rows(in.get(0));
        Tensor o = out.get(0);
        Tensor lse = out.get(1);
        FlashAttention.forward(q.dim(0), q.dim(1), q.dim(2), q.dim(3), (float) op.scale(), heads(q), sources(in, op.sources()), heads(o), lse.segment(),
                lse.offset());
    }

    static void backward(Attention.AttentionGrad op, List<Tensor> in, List<Tensor> out) {
        Tensor q = rows(in.get(0));
        int rest = 1 + 2 * op.sources();
        Tensor o = rows(in.get(rest));
        Tensor lse = MatMulKernel.contiguous(in.get(rest + 1));
        Tensor g = rows(in.get(rest + 2));
        FlashAttentionGradient.backward(q.dim(0), q.dim(1), q.dim(2), q.dim(3), (float) op.scale(), heads(q), sources(in, op.sources()), heads(o), heads(g),
                lse.segment(), lse.offset(), heads(out.get(0)), sources(out, op.sources()));
    }

    /** The sources among operands (or gradients) that begin with q. */
    private static List<KeyValues> sources(List<Tensor> tensors, int count) {
        List<KeyValues> sources = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            Tensor k = rows(tensors.get(1 + 2 * i));
            Tensor v = rows(tensors.get(2 + 2 * i));
            sources.add(new KeyValues(heads(k), heads(v), k.dim(2), k.dim(0) == 0 ? 1 : tensors.getFirst().dim(0) / k.dim(0)));
        }
        return sources;
    }

    private static Tensor rows(Tensor t) {
        return t.stride(3) == 1 || t.dim(3) == 1 ? t : MatMulKernel.contiguous(t);
    }

    private static Heads heads(Tensor t) {
        return new Heads(t.segment(), t.offset(), t.stride(0), t.stride(1), t.stride(2));
    }
}
