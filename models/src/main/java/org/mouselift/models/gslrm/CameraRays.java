package org.mouselift.models.gslrm;

import java.util.Arrays;
import java.util.List;
import org.mouselift.engine.DType;
import org.mouselift.engine.Elements;
import org.mouselift.engine.Kernel;
import org.mouselift.engine.Operation;
import org.mouselift.engine.Ops;
import org.mouselift.engine.ShapeException;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.Vjp;
import org.mouselift.engine.cpu.Workers;

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
