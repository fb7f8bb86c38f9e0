package org.mouselift.engine.cpu;

import java.util.List;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.op.Attention;

/** Attention of tensors through {@link FlashAttention}; operands are read in place when the last axis is contiguous. */
final class AttentionKernel {
    private AttentionKernel() {}

    static void forward(Attention op, List<Tensor> in, List<Tensor> out) {
        Tensor q = rows(in.get(0));
        Tensor k = rows(in.get(1));
        Tensor v = rows(in.get(2));
        Tensor o = out.get(0);
        Tensor lse = out.get(1);
        FlashAttention.forward(q.dim(0), q.dim(1), q.dim(2), k.dim(2), q.dim(3), (float) op.scale(), heads(q), heads(k), heads(v), heads(o),
                lse.segment(), lse.offset());
    }

    static void backward(Attention.AttentionGrad op, List<Tensor> in, List<Tensor> out) {
        Tensor q = rows(in.get(0));
        Tensor k = rows(in.get(1));
        Tensor v = rows(in.get(2));
        Tensor o = rows(in.get(3));
        Tensor lse = MatMulKernel.contiguous(in.get(4));
        Tensor g = rows(in.get(5));
        FlashAttentionGradient.backward(q.dim(0), q.dim(1), q.dim(2), k.dim(2), q.dim(3), (float) op.scale(), heads(q), heads(k), heads(v), heads(o),
                heads(g), lse.segment(), lse.offset(), heads(out.get(0)), heads(out.get(1)), heads(out.get(2)));
    }

    private static Tensor rows(Tensor t) {
        return t.stride(3) == 1 || t.dim(3) == 1 ? t : MatMulKernel.contiguous(t);
    }

    private static Heads heads(Tensor t) {
        return new Heads(t.segment(), t.offset(), t.stride(0), t.stride(1), t.stride(2));
    }
}
