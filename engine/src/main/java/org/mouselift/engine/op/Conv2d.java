package org.mouselift.engine.op;

import static org.mouselift.engine.Ops.add;
import static org.mouselift.engine.Ops.apply;
import static org.mouselift.engine.Ops.concat;
import static org.mouselift.engine.Ops.matmul;
import static org.mouselift.engine.Ops.permute;
import static org.mouselift.engine.Ops.reshape;
import static org.mouselift.engine.Ops.slice;
import static org.mouselift.engine.Ops.sum;
import static org.mouselift.engine.Ops.transpose;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.mouselift.engine.Operation;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.Vjp;

/**
 * Two-dimensional cross-correlation y[n,o,i,j] = sum_{c,p,q} w[o,c,p,q] x[n,c,s i + p - top,s j + q - left] (+ b[o]) with
 * zeros outside of x. Operands x[N,C,H,W], w[O,C,P,Q], then b[O] if {@code bias}. The weight may be stored as f16 or bf16
 * when x is f32.
 */
public record Conv2d(Window window, boolean bias) implements Operation {
    /** Step of the kernel and zero rows and columns around the image; the four sides may differ. */
    public record Window(int stride, int top, int bottom, int left, int right) {
        public Window {
            if (stride < 1 || top < 0 || bottom < 0 || left < 0 || right < 0) {
                throw new org.mouselift.engine.EngineException("conv2d: stride " + stride + " must be 1 or more and padding " + top + ", " + bottom + ", "
                        + left + ", " + right + " (top, bottom, left, right) 0 or more");
            }
        }

        /** The same padding on all sides. */
        public static Window of(int stride, int padding) {
            return new Window(stride, padding, padding, padding, padding);
        }

        /** Output rows for input rows and kernel rows; below 1 if the kernel does not fit. */
        public long rows(long height, long kernel) {
            return Math.floorDiv(height + top + bottom - kernel, stride) + 1;
        }

        /** Output columns for input columns and kernel columns; below 1 if the kernel does not fit. */
        public long columns(long width, long kernel) {
            return Math.floorDiv(width + left + right - kernel, stride) + 1;
        }

        @Override
        public String toString() {
            return "stride " + stride + ", padding " + top + "/" + bottom + "/" + left + "/" + right;
        }
    }

    @Override
    public String name() {
        return "conv2d";
    }

    @Override
    public List<TensorSpec> infer(List<TensorSpec> in) {
        Check.count(name(), in, bias ? 3 : 2);
        TensorSpec x = in.get(0);
        TensorSpec w = in.get(1);
        Check.compute(name(), x);
        Check.weight(name(), x, w);
        Check.require(name(), x.shape().rank() == 4, "x must be [N,C,H,W], it is " + x);
        Check.require(name(), w.shape().rank() == 4 && w.shape().dim(1) == x.shape().dim(1),
                "x " + x + " and weight " + w + " (expected weight [O," + x.shape().dim(1) + ",P,Q])");
        long rows = window.rows(x.shape().dim(2), w.shape().dim(2));
        long columns = window.columns(x.shape().dim(3), w.shape().dim(3));
        Check.require(name(), rows > 0 && columns > 0 && w.shape().dim(2) > 0 && w.shape().dim(3) > 0,
                "weight " + w + " does not fit into x " + x + " (" + window + ")");
        if (bias) {
            TensorSpec b = TensorSpec.of(x.dtype(), w.shape().dim(0));
            Check.require(name(), in.get(2).equals(b), "bias " + in.get(2) + " for weight " + w + " (expected " + b + ")");
        }
        return List.of(TensorSpec.of(x.dtype(), x.shape().dim(0), w.shape().dim(0), rows, columns));
    }

    /** x with the zeros around it. */
    private static Tensor padded(Window k, Tensor x) {
        return Ops.pad(x, new long[] {0, 0, k.top, k.left}, new long[] {0, 0, k.bottom, k.right});
    }

    /** The pixels of a padded image under kernel position (p, q), as [N,C,rows*columns]. */
    private static Tensor under(Window k, Tensor padded, long p, long q, long rows, long columns) {
        Tensor s = slice(slice(padded, 2, p, p + (rows - 1) * k.stride + 1, k.stride), 3, q, q + (columns - 1) * k.stride + 1, k.stride);
        return reshape(s, s.dim(0), s.dim(1), rows * columns);
    }

    /** w[:,:,p,q] as [O,C]. */
    private static Tensor tap(Tensor w, long p, long q) {
        return reshape(slice(slice(w, 2, p, p + 1), 3, q, q + 1), w.dim(0), w.dim(1));
    }

    @Override
    public Optional<List<Tensor>> composed(List<Tensor> in) {
        Tensor x = in.get(0);
        Tensor w = Ops.cast(in.get(1), x.dtype());
        long rows = window.rows(x.dim(2), w.dim(2));
        long columns = window.columns(x.dim(3), w.dim(3));
        Tensor px = padded(window, x);
        Tensor y = null;
        for (long p = 0; p < w.dim(2); p++) {
            for (long q = 0; q < w.dim(3); q++) {
                Tensor part = matmul(tap(w, p, q), under(window, px, p, q, rows, columns));
                y = y == null ? part : add(y, part);
            }
        }
        if (bias) {
            y = add(y, reshape(in.get(2), -1, 1));
        }
        return Optional.of(List.of(reshape(y, x.dim(0), w.dim(0), rows, columns)));
    }

    @Override
    public List<Tensor> vjp(Vjp v) {
        Tensor x = v.input(0);
        Tensor w = v.input(1);
        List<Tensor> out = new ArrayList<>();
        out.add(v.needs(0) ? apply(new InputGrad(window, x.dim(2), x.dim(3)), v.grad(), w).getFirst() : null);
        out.add(v.needs(1) ? apply(new WeightGrad(window, w.dim(2), w.dim(3)), x, v.grad()).getFirst() : null);
        if (bias) {
            out.add(v.needs(2) ? sum(v.grad(), false, 0, 2, 3) : null);
        }
        return out;
    }

    /** dx[N,C,height,width] from dy[N,O,rows,columns] and w[O,C,P,Q]: the transposed convolution. */
    public record InputGrad(Window window, long height, long width) implements Operation {
        @Override
        public String name() {
            return "conv2d_input_grad";
        }

        @Override
        public List<TensorSpec> infer(List<TensorSpec> in) {
            Check.count(name(), in, 2);
            TensorSpec g = in.get(0);
            TensorSpec w = in.get(1);
            Check.compute(name(), g);
            Check.weight(name(), g, w);
            Check.require(name(), g.shape().rank() == 4 && w.shape().rank() == 4, "dy " + g + " and weight " + w + " must have 4 axes");
            TensorSpec expected = TensorSpec.of(g.dtype(), g.shape().dim(0), w.shape().dim(0), window.rows(height, w.shape().dim(2)),
                    window.columns(width, w.shape().dim(3)));
            Check.require(name(), g.equals(expected), "dy " + g + " for weight " + w + " and an image of " + height + " x " + width + " (expected "
                    + expected + ")");
            return List.of(TensorSpec.of(g.dtype(), g.shape().dim(0), w.shape().dim(1), height, width));
        }

        @Override
        public Optional<List<Tensor>> composed(List<Tensor> in) {
            Tensor g = in.get(0);
            Tensor w = Ops.cast(in.get(1), g.dtype());
            long rows = g.dim(2);
            long columns = g.dim(3);
            Tensor flat = reshape(g, g.dim(0), g.dim(1), rows * columns);
            long h = height + window.top + window.bottom;
            long wide = width + window.left + window.right;
            Tensor sum = null;
            for (long p = 0; p < w.dim(2); p++) {
                for (long q = 0; q < w.dim(3); q++) {
                    Tensor part = reshape(matmul(transpose(tap(w, p, q), 0, 1), flat), g.dim(0), w.dim(1), rows, columns);
                    part = apply(new SliceScatter(3, q, window.stride, wide), apply(new SliceScatter(2, p, window.stride, h), part)).getFirst();
                    sum = sum == null ? part : add(sum, part);
                }
            }
            return Optional.of(List.of(Ops.contiguous(slice(slice(sum, 2, window.top, window.top + height), 3, window.left, window.left + width))));
        }

        @Override
        public List<Tensor> vjp(Vjp v) {
            Tensor w = v.input(1);
            return Arrays.asList(
                    v.needs(0) ? apply(new Conv2d(window, false), v.grad(), w).getFirst() : null,
                    v.needs(1) ? apply(new WeightGrad(window, w.dim(2), w.dim(3)), v.grad(), v.input(0)).getFirst() : null);
        }
    }

    /** dw[O,C,rows,columns] from x[N,C,H,W] and dy[N,O,…]; rows and columns are those of the kernel. */
    public record WeightGrad(Window window, long rows, long columns) implements Operation {
        @Override
        public String name() {
            return "conv2d_weight_grad";
        }

        @Override
        public List<TensorSpec> infer(List<TensorSpec> in) {
            Check.count(name(), in, 2);
            TensorSpec x = in.get(0);
            TensorSpec g = in.get(1);
            Check.compute(name(), x);
            Check.same(name(), x, g);
            Check.require(name(), x.shape().rank() == 4 && g.shape().rank() == 4, "x " + x + " and dy " + g + " must have 4 axes");
            TensorSpec expected = TensorSpec.of(x.dtype(), x.shape().dim(0), g.shape().dim(1), window.rows(x.shape().dim(2), rows),
                    window.columns(x.shape().dim(3), columns));
            Check.require(name(), g.equals(expected), "dy " + g + " for x " + x + " and a kernel of " + rows + " x " + columns + " (expected " + expected + ")");
            return List.of(TensorSpec.of(x.dtype(), g.shape().dim(1), x.shape().dim(1), rows, columns));
        }

        @Override
        public Optional<List<Tensor>> composed(List<Tensor> in) {
            Tensor g = in.get(1);
            Tensor px = padded(window, in.get(0));
            Tensor flat = reshape(g, g.dim(0), g.dim(1), g.dim(2) * g.dim(3));
            List<Tensor> taps = new ArrayList<>();
            for (long p = 0; p < rows; p++) {
                for (long q = 0; q < columns; q++) {
                    Tensor part = matmul(flat, transpose(under(window, px, p, q, g.dim(2), g.dim(3)), 1, 2));
                    taps.add(sum(part, true, 0));
                }
            }
            long c = px.dim(1);
            return Optional.of(List.of(reshape(permute(concat(0, taps), 1, 2, 0), g.dim(1), c, rows, columns)));
        }

        @Override
        public List<Tensor> vjp(Vjp v) {
            Tensor x = v.input(0);
            return Arrays.asList(
                    v.needs(0) ? apply(new InputGrad(window, x.dim(2), x.dim(3)), v.input(1), v.grad()).getFirst() : null,
                    v.needs(1) ? apply(new Conv2d(window, false), x, v.grad()).getFirst() : null);
        }
    }
}
