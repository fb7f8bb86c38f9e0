package org.mouselift.engine.cpu;

import java.util.List;
import org.mouselift.engine.DType;
import org.mouselift.engine.Kernel;
import org.mouselift.engine.Shape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.op.Linear;
import org.mouselift.engine.op.MatMul;

/** Matrix products of tensors through {@link Gemm} and {@link GemmF64}; any strides, no copies. */
final class MatMulKernel {
    private MatMulKernel() {}

    /** Batched product; the last leading axis is the batch of the raw kernel, further ones are looped over. */
    static final class Batched implements Kernel<MatMul> {
        @Override
        public void run(MatMul op, List<Tensor> in, List<Tensor> out) {
            Tensor a = in.get(0);
            Tensor b = in.get(1);
            Tensor c = out.getFirst();
            Shape lead = MatMul.lead(c.shape());
            int axes = lead.rank();
            long batch = axes == 0 ? 1 : lead.dim(-1);
            long outer = batch == 0 ? 0 : lead.numel() / batch;
            long[] sa = leadStrides(a, lead);
            long[] sb = leadStrides(b, lead);
            long m = c.dim(-2);
            long n = c.dim(-1);
            long k = a.dim(-1);
            for (long o = 0; o < outer; o++) {
                long at = a.offset();
                long bt = b.offset();
                long rest = o;
                for (int x = axes - 2; x >= 0; x--) {
                    long i = rest % lead.dim(x);
                    rest /= lead.dim(x);
                    at += i * sa[x];
                    bt += i * sb[x];
                }
                Matrix ma = new Matrix(a.segment(), a.dtype(), at, a.stride(-2), a.stride(-1));
                Matrix mb = new Matrix(b.segment(), b.dtype(), bt, b.stride(-2), b.stride(-1));
                long aBatch = axes == 0 ? 0 : sa[axes - 1];
                long bBatch = axes == 0 ? 0 : sb[axes - 1];
                long ct = c.offset() + o * batch * m * n;
                if (a.dtype() == DType.F64) {
                    GemmF64.batched(batch, m, n, k, 1, ma, aBatch, mb, bBatch, 0, c.segment(), ct, n, m * n, Epilogue.NONE, 0);
                } else {
                    Gemm.batched(batch, m, n, k, 1, ma, aBatch, mb, bBatch, 0, c.segment(), ct, n, m * n, Epilogue.NONE, 0);
                }
            }
        }

        private static long[] leadStrides(Tensor t, Shape lead) {
            long[] s = new long[lead.rank()];
            int shift = lead.rank() - (t.rank() - 2);
            for (int i = shift; i < s.length; i++) {
                s[i] = t.dim(i - shift) == 1 ? 0 : t.stride(i - shift);
            }
            return s;
        }
    }

    /** {@code activation(x W^T + b) + r}; x and r are read in place when their rows lie evenly, else copied first. */
    static final class Fused implements Kernel<Linear> {
        @Override
        public void run(Linear op, List<Tensor> in, List<Tensor> out) {
            Tensor x = rows(in.get(0));
            Tensor w = in.get(1);
            Tensor y = out.getFirst();
            long n = y.dim(-1);
            long k = w.dim(1);
            long m = n == 0 ? 0 : y.numel() / n;
            Tensor bias = op.bias() ? contiguous(in.get(2)) : null;
            Tensor residual = op.residual() ? contiguous(in.getLast()) : null;
            Epilogue e = new Epilogue(bias == null ? null : bias.segment(), bias == null ? 0 : bias.offset(),
                    Activation.valueOf(op.activation().name()), residual == null ? null : residual.segment(),
                    residual == null ? 0 : residual.offset(), n);
            Matrix mx = new Matrix(x.segment(), x.dtype(), x.offset(), x.rank() < 2 ? k : x.stride(-2), x.stride(-1));
            Matrix mw = new Matrix(w.segment(), w.dtype(), w.offset(), w.stride(1), w.stride(0));
            if (x.dtype() == DType.F64) {
                GemmF64.multiply(m, n, k, 1, mx, mw, 0, y.segment(), y.offset(), n, e);
            } else {
                Gemm.multiply(m, n, k, 1, mx, mw, 0, y.segment(), y.offset(), n, e);
            }
        }

        /** The tensor itself if all axes but the last merge into one, else a contiguous copy. */
        private static Tensor rows(Tensor t) {
            for (int a = 0; a < t.rank() - 2; a++) {
                if (t.dim(a) != 1 && t.stride(a) != t.stride(a + 1) * t.dim(a + 1)) {
                    return contiguous(t);
                }
            }
            return t;
        }
    }

    static Tensor contiguous(Tensor t) {
        if (t.isContiguous()) {
            return t;
        }
        Tensor copy = Tensor.empty(t.spec(), "contiguous");
        CopyKernels.copy(t, copy);
        return copy;
    }
}
