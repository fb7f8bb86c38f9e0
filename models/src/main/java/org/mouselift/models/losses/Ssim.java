package org.mouselift.models.losses;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import java.util.function.UnaryOperator;
import org.mouselift.engine.DType;
import org.mouselift.engine.Eager;
import org.mouselift.engine.Elements;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Executor;
import org.mouselift.engine.Kernel;
import org.mouselift.engine.Operation;
import org.mouselift.engine.Ops;
import org.mouselift.engine.ShapeException;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.Vjp;
import org.mouselift.engine.cpu.Workers;
import org.mouselift.engine.trace.Program;
import org.mouselift.models.metrics.SsimWindow;

/**
 * Mean structural similarity of two image batches [N,C,H,W], rank 0: Gaussian window of 11 pixels, sigma 1.5, valid borders,
 * data range 1 (GS-LRM specification §3.5, {@link SsimWindow}). Computes in double for f32 and f64 operands.
 */
public record Ssim() implements Operation {
    @Override
    public String name() {
        return "ssim";
    }

    @Override
    public List<TensorSpec> infer(List<TensorSpec> in) {
        check(name(), in, 2);
        return List.of(TensorSpec.of(in.getFirst().dtype()));
    }

    private static void check(String name, List<TensorSpec> in, int count) {
        if (in.size() != count || in.get(0).shape().rank() != 4 || !in.get(0).equals(in.get(1)) || in.get(0).numel() == 0
                || (in.get(0).dtype() != DType.F32 && in.get(0).dtype() != DType.F64)) {
            throw new ShapeException(name, "operands " + in + ", expected two non-empty image batches [N,C,H,W] of one float type");
        }
    }

    /** Mean similarity; differentiable in both arguments. */
    public static Tensor of(Tensor x, Tensor y) {
        return Ops.apply(new Ssim(), x, y).getFirst();
    }

    @Override
    public List<Tensor> vjp(Vjp v) {
        // The measure is symmetric, so that the same kernel serves both operands.
        return Arrays.asList(v.needs(0) ? Ops.apply(new SsimGrad(), v.input(0), v.input(1), v.grad()).getFirst() : null,
                v.needs(1) ? Ops.apply(new SsimGrad(), v.input(1), v.input(0), v.grad()).getFirst() : null);
    }

    /** Moments by two matrix products with the window's weights; in the operands' type, where a variance is a difference of larger numbers. */
    @Override
    public Optional<List<Tensor>> composed(List<Tensor> in) {
        Tensor x = in.get(0);
        Tensor y = in.get(1);
        int height = Math.toIntExact(x.dim(2));
        int width = Math.toIntExact(x.dim(3));
        Tensor rows = bands(height, x.dtype());
        Tensor columns = Ops.contiguous(Ops.transpose(bands(width, x.dtype()), 0, 1));
        UnaryOperator<Tensor> blur = t -> Ops.matmul(rows, Ops.matmul(t, columns));
        Tensor mx = blur.apply(x);
        Tensor my = blur.apply(y);
        Tensor xx = Ops.square(mx);
        Tensor yy = Ops.square(my);
        Tensor xy = Ops.mul(mx, my);
        Tensor spread = Ops.sub(Ops.add(blur.apply(Ops.square(x)), blur.apply(Ops.square(y))), Ops.add(xx, yy));
        Tensor shared = Ops.sub(blur.apply(Ops.mul(x, y)), xy);
        Tensor means = Ops.div(Ops.affine(xy, 2, SsimWindow.C1), Ops.affine(Ops.add(xx, yy), 1, SsimWindow.C1));
        Tensor structure = Ops.div(Ops.affine(shared, 2, SsimWindow.C2), Ops.affine(spread, 1, SsimWindow.C2));
        return Optional.of(List.of(Ops.mean(Ops.mul(means, structure))));
    }

    /** The window at every valid position: [positions,side]. */
    private static Tensor bands(int side, DType dtype) {
        double[] weights = SsimWindow.weights(side);
        int positions = side - weights.length + 1;
        double[] out = new double[positions * side];
        for (int i = 0; i < positions; i++) {
            System.arraycopy(weights, 0, out, i * side + i, weights.length);
        }
        return Program.constant(Executor.with(Eager.INSTANCE, () -> Ops.cast(Tensor.of(out, positions, side), dtype)));
    }

    /** Gradient of {@link Ssim} with respect to its first operand. Operands x, y and the gradient of the mean (rank 0). */
    record SsimGrad() implements Operation {
        @Override
        public String name() {
            return "ssim_grad";
        }

        @Override
        public List<TensorSpec> infer(List<TensorSpec> in) {
            check(name(), in, 3);
            return List.of(in.getFirst());
        }

        @Override
        public List<Tensor> vjp(Vjp v) {
            throw new EngineException("ssim_grad: second derivatives of SSIM are not defined");
        }

        static final Kernel<SsimGrad> KERNEL = (op, in, out) -> {
            Planes planes = new Planes(in.get(0), in.get(1));
            double factor = in.get(2).item() / ((double) planes.count * planes.window(0).positions());
            Tensor result = out.getFirst();
            Workers.each(planes.count, (worker, task) -> {
                double[] x = planes.read(worker, 0, task);
                double[] y = planes.read(worker, 1, task);
                double[] gradient = planes.buffer(worker, 2);
                planes.window(worker).gradient(x, y, factor, gradient);
                long at = (long) task * gradient.length;
                for (int i = 0; i < gradient.length; i++) {
                    Elements.set(result, at + i, gradient[i]);
                }
            });
        };
    }

    static final Kernel<Ssim> KERNEL = (op, in, out) -> {
        Planes planes = new Planes(in.get(0), in.get(1));
        double[] sums = new double[planes.count];
        Workers.each(planes.count, (worker, task) ->
                sums[task] = planes.window(worker).sum(planes.read(worker, 0, task), planes.read(worker, 1, task), 1));
        double total = 0;
        for (double s : sums) {
            total += s;
        }
        Elements.set(out.getFirst(), 0, total / ((double) planes.count * planes.window(0).positions()));
    };

    /** The planes of two batches, with buffers and a window per worker. */
    private static final class Planes {
        final int count;
        private final Tensor[] batches;
        private final int height;
        private final int width;
        private final SsimWindow[] windows = new SsimWindow[Workers.count()];
        private final double[][][] buffers = new double[Workers.count()][3][];

        Planes(Tensor x, Tensor y) {
            batches = new Tensor[] {x, y};
            count = Math.toIntExact(x.dim(0) * x.dim(1));
            height = Math.toIntExact(x.dim(2));
            width = Math.toIntExact(x.dim(3));
        }

        SsimWindow window(int worker) {
            if (windows[worker] == null) {
                windows[worker] = new SsimWindow(height, width);
            }
            return windows[worker];
        }

        double[] buffer(int worker, int which) {
            if (buffers[worker][which] == null) {
                buffers[worker][which] = new double[Math.multiplyExact(height, width)];
            }
            return buffers[worker][which];
        }

        double[] read(int worker, int which, int plane) {
            double[] to = buffer(worker, which);
            Tensor t = batches[which];
            long channels = t.dim(1);
            long base = t.offset() + plane / channels * t.stride(0) + plane % channels * t.stride(1);
            for (int y = 0; y < height; y++) {
                for (int x = 0; x < width; x++) {
                    to[y * width + x] = Elements.get(t, base + y * t.stride(2) + x * t.stride(3));
                }
            }
            return to;
        }
    }
}
