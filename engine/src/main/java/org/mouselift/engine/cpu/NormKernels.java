package org.mouselift.engine.cpu;

import static org.mouselift.engine.cpu.MatMulKernel.contiguous;

import java.lang.foreign.MemorySegment;
import java.util.List;
import org.mouselift.engine.DType;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.op.GroupNorm;
import org.mouselift.engine.op.LayerNorm;
import org.mouselift.engine.op.Softmax;

/** Softmax, layer norm and group norm of f32 tensors through the row and plane kernels. */
final class NormKernels {
    private NormKernels() {}

    static void softmax(Softmax op, List<Tensor> in, List<Tensor> out) {
        Tensor x = contiguous(in.getFirst());
        Tensor y = out.getFirst();
        long n = x.dim(-1);
        if (op.logarithm()) {
            SoftmaxRows.logarithm(x.numel() / n, n, x.segment(), x.offset(), y.segment(), y.offset());
        } else {
            SoftmaxRows.forward(x.numel() / n, n, x.segment(), x.offset(), n, y.segment(), y.offset(), n);
        }
    }

    static void softmaxGradient(Softmax.Grad op, List<Tensor> in, List<Tensor> out) {
        Tensor y = contiguous(in.get(0));
        Tensor g = contiguous(in.get(1));
        Tensor dx = out.getFirst();
        long n = y.dim(-1);
        SoftmaxRows.backward(y.numel() / n, n, y.segment(), y.offset(), n, g.segment(), g.offset(), n, dx.segment(), dx.offset(), n);
    }

    static void layerNorm(LayerNorm op, List<Tensor> in, List<Tensor> out) {
        Tensor x = contiguous(in.get(0));
        Tensor w = contiguous(in.get(1));
        Tensor b = op.bias() ? contiguous(in.get(2)) : null;
        Tensor y = out.get(0);
        Tensor mean = out.get(1);
        Tensor r = out.get(2);
        LayerNormRows.forward(mean.numel(), x.dim(-1), op.eps(), x.segment(), x.offset(), w.segment(), w.offset(), b == null ? null : b.segment(),
                b == null ? 0 : b.offset(), y.segment(), y.offset(), mean.segment(), mean.offset(), r.segment(), r.offset());
    }

    static void layerNormGradient(LayerNorm.LayerNormGrad op, List<Tensor> in, List<Tensor> out) {
        Tensor x = contiguous(in.get(0));
        Tensor w = contiguous(in.get(1));
        Tensor mean = contiguous(in.get(2));
        Tensor r = contiguous(in.get(3));
        Tensor g = contiguous(in.get(4));
        Tensor dx = out.get(0);
        Tensor dw = out.get(1);
        Tensor db = op.bias() ? out.get(2) : null;
        LayerNormRows.backward(mean.numel(), x.dim(-1), x.segment(), x.offset(), w.segment(), w.offset(), mean.segment(), mean.offset(), r.segment(),
                r.offset(), g.segment(), g.offset(), dx.segment(), dx.offset(), dw.segment(), dw.offset(),
                db == null ? null : db.segment(), db == null ? 0 : db.offset());
    }

    private static long plane(Tensor x) {
        long n = 1;
        for (int i = 2; i < x.rank(); i++) {
            n *= x.dim(i);
        }
        return n;
    }

    static void groupNorm(GroupNorm op, List<Tensor> in, List<Tensor> out) {
        Tensor x = contiguous(in.get(0));
        Tensor w = contiguous(in.get(1));
        Tensor b = contiguous(in.get(2));
        Tensor y = out.get(0);
        Tensor mean = out.get(1);
        Tensor r = out.get(2);
        GroupNormPlanes.forward(x.dim(0), x.dim(1), plane(x), op.groups(), op.eps(), op.silu(), x.segment(), x.offset(), w.segment(), w.offset(), b.segment(),
                b.offset(), y.segment(), y.offset(), mean.segment(), mean.offset(), r.segment(), r.offset());
    }

    static void groupNormGradient(GroupNorm.GroupNormGrad op, List<Tensor> in, List<Tensor> out) {
        Tensor x = contiguous(in.get(0));
        Tensor w = contiguous(in.get(1));
        Tensor b = contiguous(in.get(2));
        Tensor mean = contiguous(in.get(3));
        Tensor r = contiguous(in.get(4));
        Tensor g = contiguous(in.get(5));
        Tensor dx = out.get(0);
        Tensor dw = out.get(1);
        Tensor db = out.get(2);
        GroupNormPlanes.backward(x.dim(0), x.dim(1), plane(x), op.groups(), op.silu(), x.segment(), x.offset(), w.segment(), w.offset(), b.segment(),
                b.offset(), mean.segment(), mean.offset(), r.segment(), r.offset(), g.segment(), g.offset(), dx.segment(), dx.offset(), dw.segment(),
                dw.offset(), db.segment(), db.offset());
    }
}
