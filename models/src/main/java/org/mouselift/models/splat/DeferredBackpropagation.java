package org.mouselift.models.splat;

import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * Many views of the same Gaussians with the memory of one: all views are rendered and only the images kept; in the backward
 * pass each view is rendered again and its gradient added to shared sums (GS-LRM specification §2.6). The result equals
 * direct back-propagation; views are processed in list order.
 */
public final class DeferredBackpropagation {
    private final SplatRasterizer rasterizer;
    private SplatImage scratch;
    private GaussianParameters gaussians;
    private List<SplatCamera> cameras = List.of();
    private float[] background;
    private double scalingModifier;

    public DeferredBackpropagation(SplatRasterizer rasterizer) {
        this.rasterizer = rasterizer;
    }

    /** Renders view i into {@code images.get(i)} and remembers what the backward pass needs: the parameters themselves, not a copy. */
    public void render(GaussianParameters gaussians, List<SplatCamera> cameras, float[] background, double scalingModifier, List<SplatImage> images) {
        if (images.size() != cameras.size()) {
            throw new IllegalArgumentException(cameras.size() + " cameras but " + images.size() + " images");
        }
        this.gaussians = gaussians;
        this.cameras = List.copyOf(cameras);
        this.background = background.clone();
        this.scalingModifier = scalingModifier;
        for (int i = 0; i < cameras.size(); i++) {
            rasterizer.render(gaussians, cameras.get(i), background, scalingModifier, images.get(i));
        }
    }

    /** Adds the gradients of all views to {@code gradients}; {@code gradRgb.get(i)} is dL/drgb of view i, [3,H,W]. */
    public void backward(List<MemorySegment> gradRgb, GaussianParameters gradients) {
        if (gradRgb.size() != cameras.size()) {
            throw new IllegalArgumentException(cameras.size() + " views were rendered, got gradients for " + gradRgb.size());
        }
        for (int i = 0; i < cameras.size(); i++) {
            SplatCamera camera = cameras.get(i);
            if (scratch == null || scratch.width() != camera.width() || scratch.height() != camera.height()) {
                scratch = SplatImage.allocate(camera.width(), camera.height());
            }
            rasterizer.render(gaussians, camera, background, scalingModifier, scratch);
            rasterizer.backward(gradRgb.get(i), null, null, gradients, null);
        }
    }
}
