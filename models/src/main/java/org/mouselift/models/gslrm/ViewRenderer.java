package org.mouselift.models.gslrm;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.mouselift.engine.Ops;
import org.mouselift.engine.ShapeException;
import org.mouselift.engine.Tensor;
import org.mouselift.models.splat.SplatViews;

/** Pictures of reconstructed scenes on white, differentiable in the Gaussians (GS-LRM specification §2.1, §2.6). */
public final class ViewRenderer {
    private ViewRenderer() {}

    /**
     * Renders every scene from its own V cameras: [B,V,3,H,W], not clamped.
     *
     * @param c2w camera-to-world, OpenCV axes [B,V,4,4]
     * @param intrinsics fx, fy, cx, cy in pixels of the picture [B,V,4]
     * @param scalingModifier factor on the activated scales, 1 for none
     */
    public static Tensor render(GaussianBatch gaussians, Tensor c2w, Tensor intrinsics, int height, int width, double scalingModifier) {
        long batch = gaussians.xyz().dim(0);
        if (c2w.rank() != 4 || intrinsics.rank() != 3 || c2w.dim(0) != batch || intrinsics.dim(0) != batch || c2w.dim(1) != intrinsics.dim(1)) {
            throw new ShapeException("view renderer", "c2w " + c2w.spec() + " and fxfycxcy " + intrinsics.spec() + " for " + batch
                    + " scenes, expected [B,V,4,4] and [B,V,4]");
        }
        long views = c2w.dim(1);
        List<Tensor> images = new ArrayList<>();
        for (int b = 0; b < batch; b++) {
            List<Tensor> scene = List.of(item(gaussians.xyz(), b), item(gaussians.features(), b), item(gaussians.scaling(), b),
                    item(gaussians.rotation(), b), item(gaussians.opacity(), b));
            Tensor rgb = SplatViews.onWhite(width, height, scalingModifier, scene, item(c2w, b), item(intrinsics, b));
            images.add(Ops.reshape(rgb, 1, views, 3, height, width));
        }
        return images.size() == 1 ? images.getFirst() : Ops.concat(0, images);
    }

    /** Entry b of the first axis, without it. */
    private static Tensor item(Tensor t, int b) {
        long[] dims = t.shape().dims();
        return Ops.reshape(Ops.slice(t, 0, b, b + 1), Arrays.copyOfRange(dims, 1, dims.length));
    }
}
