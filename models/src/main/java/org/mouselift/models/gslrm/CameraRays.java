package org.mouselift.models.gslrm;

import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.mouselift.engine.DType;
import org.mouselift.engine.Eager;
import org.mouselift.engine.Elements;
import org.mouselift.engine.Executor;
import org.mouselift.engine.Kernel;
import org.mouselift.engine.Operation;
import org.mouselift.engine.Ops;
import org.mouselift.engine.ShapeException;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.Vjp;
import org.mouselift.engine.cpu.Workers;
import org.mouselift.engine.op.Unary;
import org.mouselift.engine.trace.Program;

/**
 * Unit ray directions in world space, [B,V,3,H,W], from c2w [B,V,4,4] and fxfycxcy [B,V,4] (pixels): d = normalize(R
 * normalize((x + 0.5 - cx)/fx, (y + 0.5 - cy)/fy, 1)) (GS-LRM specification §1.4). No gradient flows to cameras.
 */
public record CameraRays(long height, long width) implements Operation {
    @Override
    public String name() {
        return "camera_rays";
    }

    @Override
    public List<TensorSpec> infer(List<TensorSpec> in) {
        if (in.size() != 2) {
            throw new ShapeException(name(), "expected c2w and fxfycxcy, got " + in.size() + " operands");
        }
        TensorSpec c2w = in.get(0);
        TensorSpec intrinsics = in.get(1);
        boolean ok = c2w.shape().rank() == 4 && c2w.shape().dim(2) == 4 && c2w.shape().dim(3) == 4 && intrinsics.dtype() == c2w.dtype()
                && intrinsics.shape().equals(org.mouselift.engine.Shape.of(c2w.shape().dim(0), c2w.shape().dim(1), 4));
        if (!ok || (c2w.dtype() != DType.F32 && c2w.dtype() != DType.F64)) {
            throw new ShapeException(name(), "c2w " + c2w + " and fxfycxcy " + intrinsics + ", expected [B,V,4,4] and [B,V,4] of one float type");
        }
        return List.of(TensorSpec.of(c2w.dtype(), c2w.shape().dim(0), c2w.shape().dim(1), 3, height, width));
    }

    @Override
    public List<Tensor> vjp(Vjp v) {
        return Arrays.asList(null, null);
    }

    @Override
    public Optional<List<Tensor>> composed(List<Tensor> in) {
        Tensor c2w = in.get(0);
        long b = c2w.dim(0);
        long v = c2w.dim(1);
        Tensor lenses = Ops.reshape(in.get(1), b, v, 4, 1, 1);
        Tensor x = Ops.reshape(centres(width, c2w.dtype()), 1, 1, 1, 1, width);
        Tensor y = Ops.reshape(centres(height, c2w.dtype()), 1, 1, 1, height, 1);
        Tensor across = Ops.div(Ops.sub(x, Ops.slice(lenses, 2, 2, 3)), Ops.slice(lenses, 2, 0, 1));
        Tensor down = Ops.div(Ops.sub(y, Ops.slice(lenses, 2, 3, 4)), Ops.slice(lenses, 2, 1, 2));
        Tensor d = Ops.add(Ops.add(Ops.mul(column(c2w, 0), across), Ops.mul(column(c2w, 1), down)), column(c2w, 2));
        return Optional.of(List.of(Ops.mul(d, Ops.unary(Unary.Kind.RSQRT, Ops.sum(Ops.square(d), true, 2)))));
    }

    /** Centres 0.5, 1.5, … of n pixels. */
    private static Tensor centres(long n, DType dtype) {
        double[] at = new double[Math.toIntExact(n)];
        Arrays.setAll(at, i -> i + 0.5);
        return Program.constant(Executor.with(Eager.INSTANCE, () -> Ops.cast(Tensor.of(at, n), dtype)));
    }

    private static Tensor column(Tensor c2w, int i) {
        return Ops.reshape(Ops.slice(Ops.slice(c2w, 2, 0, 3), 3, i, i + 1), c2w.dim(0), c2w.dim(1), 3, 1, 1);
    }

    /** Directions for a batch of cameras. */
    public static Tensor of(Tensor c2w, Tensor intrinsics, long height, long width) {
        return Ops.apply(new CameraRays(height, width), c2w, intrinsics).getFirst();
    }

    static final Kernel<CameraRays> KERNEL = (op, in, out) -> {
        double[] poses = in.get(0).toDoubles();
        double[] intrinsics = in.get(1).toDoubles();
        Tensor result = out.getFirst();
        long plane = op.height * op.width;
        Workers.split(intrinsics.length / 4 * op.height, 1, (worker, begin, end) -> {
            for (long row = begin; row < end; row++) {
                int view = (int) (row / op.height);
                long y = row % op.height;
                double fx = intrinsics[view * 4];
                double fy = intrinsics[view * 4 + 1];
                double cx = intrinsics[view * 4 + 2];
                double cy = intrinsics[view * 4 + 3];
                int m = view * 16;
                for (long x = 0; x < op.width; x++) {
                    double u = (x + 0.5 - cx) / fx;
                    double v = (y + 0.5 - cy) / fy;
                    double dx = poses[m] * u + poses[m + 1] * v + poses[m + 2];
                    double dy = poses[m + 4] * u + poses[m + 5] * v + poses[m + 6];
                    double dz = poses[m + 8] * u + poses[m + 9] * v + poses[m + 10];
                    // Normalising once is the same as normalising before and after the rotation.
                    double r = 1 / Math.sqrt(dx * dx + dy * dy + dz * dz);
                    long at = view * 3L * plane + y * op.width + x;
                    Elements.set(result, at, dx * r);
                    Elements.set(result, at + plane, dy * r);
                    Elements.set(result, at + 2 * plane, dz * r);
                }
            }
        });
    };
}
