package org.mouselift.engine.cpu;

import static org.mouselift.engine.cpu.MatMulKernel.contiguous;

import java.util.List;
import org.mouselift.engine.Tensor;

/** Convolution of f32 tensors and its gradients through {@link Conv2d}. */
final class Conv2dKernel {
    private Conv2dKernel() {}

    private static Conv2dShape shape(org.mouselift.engine.op.Conv2d.Window k, long n, long c, long h, long w, long o, long p, long q) {
        return new Conv2dShape(n, Math.toIntExact(c), Math.toIntExact(h), Math.toIntExact(w), Math.toIntExact(o), Math.toIntExact(p), Math.toIntExact(q),
                k.stride(), k.stride(), k.top(), k.bottom(), k.left(), k.right());
    }

    static void forward(org.mouselift.engine.op.Conv2d op, List<Tensor> in, List<Tensor> out) {
        Tensor x = contiguous(in.get(0));
        Tensor w = contiguous(in.get(1));
        Tensor b = op.bias() ? contiguous(in.get(2)) : null;
        Tensor y = out.getFirst();
        Conv2d.forward(shape(op.window(), x.dim(0), x.dim(1), x.dim(2), x.dim(3), w.dim(0), w.dim(2), w.dim(3)), x.segment(), x.offset(), w.segment(),
                w.dtype(), w.offset(), b == null ? null : b.segment(), b == null ? 0 : b.offset(), y.segment(), y.offset());
    }

    static void inputGradient(org.mouselift.engine.op.Conv2d.InputGrad op, List<Tensor> in, List<Tensor> out) {
        Tensor g = contiguous(in.get(0));
        Tensor w = contiguous(in.get(1));
        Tensor dx = out.getFirst();
        Conv2d.inputGradient(shape(op.window(), dx.dim(0), dx.dim(1), dx.dim(2), dx.dim(3), w.dim(0), w.dim(2), w.dim(3)), g.segment(), g.offset(),
                w.segment(), w.dtype(), w.offset(), dx.segment(), dx.offset());
    }

    static void weightGradient(org.mouselift.engine.op.Conv2d.WeightGrad op, List<Tensor> in, List<Tensor> out) {
        Tensor x = contiguous(in.get(0));
        Tensor g = contiguous(in.get(1));
        Tensor dw = out.getFirst();
        Conv2d.weightGradient(shape(op.window(), x.dim(0), x.dim(1), x.dim(2), x.dim(3), g.dim(1), op.rows(), op.columns()), x.segment(), x.offset(),
                g.segment(), g.offset(), dw.segment(), dw.offset(), null, 0, false);
    }
}
