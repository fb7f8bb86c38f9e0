package org.mouselift.pipeline.reconstruct;

import java.util.List;
import java.util.function.Function;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.ply.GaussianCloud;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.nn.PlacedFunction;
import org.mouselift.engine.nn.Placement;
import org.mouselift.models.gslrm.GaussianBatch;
import org.mouselift.models.gslrm.GsLrm;
import org.mouselift.models.splat.GaussianParameters;
import org.mouselift.models.splat.SplatCamera;
import org.mouselift.models.splat.SplatImage;
import org.mouselift.models.splat.SplatRasterizer;
import org.mouselift.pipeline.render.PlacedScene;
import org.mouselift.pipeline.render.SplatScene;

/** The Gaussians that the reconstructor made of some posed views, before any filter. Not thread-safe. Close it where it may have rendered on a device. */
public final class Reconstruction implements AutoCloseable {
    private static final float[] WHITE = {1, 1, 1};

    private final GaussianCloud cloud;
    private final GaussianParameters parameters;
    private final SplatRasterizer rasterizer = new SplatRasterizer();
    private PlacedScene placed;

    private Reconstruction(GaussianCloud cloud) {
        this.cloud = cloud;
        this.parameters = SplatScene.parameters(cloud);
    }

    /** Runs the network once (GS-LRM specification §1, §7.2 step 5). All views have the same size, a multiple of the patch size. */
    public static Reconstruction of(GsLrmWeights weights, List<PosedView> inputs) {
        int size = inputs.getFirst().picture().width();
        int patch = weights.model().config().patchSize();
        if (size % patch != 0) {
            throw new IllegalArgumentException("pictures of " + size + " pixels: the side must be a multiple of the model's patch size " + patch);
        }
        int plane = 3 * size * size;
        float[] images = new float[Math.multiplyExact(inputs.size(), plane)];
        float[] c2w = new float[16 * inputs.size()];
        float[] intrinsics = new float[4 * inputs.size()];
        for (int v = 0; v < inputs.size(); v++) {
            PosedView view = inputs.get(v);
            System.arraycopy(view.picture().toFloatChw(), 0, images, v * plane, plane);
            double[][] pose = view.camera().pose().c2w();
            for (int i = 0; i < 16; i++) {
                c2w[16 * v + i] = (float) pose[i / 4][i % 4];
            }
            double[] k = view.camera().intrinsics().fxfycxcy();
            for (int i = 0; i < 4; i++) {
                intrinsics[4 * v + i] = (float) k[i];
            }
        }
        return Tape.pause(() -> {
            try (Scope scope = Scope.open("reconstruction")) {
                long n = inputs.size();
                List<Tensor> g = gaussians(weights.model(), List.of(Tensor.of(images, 1, n, 3, size, size), Tensor.of(c2w, 1, n, 4, 4), Tensor.of(intrinsics, 1, n, 4)));
                return new Reconstruction(cloud(new GaussianBatch(g.get(0), g.get(1), g.get(2), g.get(3), g.get(4)), weights.model().config().scalingModifier()));
            }
        });
    }

    /** Rays, network and activations together, as one program where the networks are on a device. */
    private static List<Tensor> gaussians(GsLrm model, List<Tensor> operands) {
        Function<List<Tensor>, List<Tensor>> body = in -> {
            GaussianBatch g = model.reconstruct(in.get(0), in.get(1), in.get(2)).gaussians();
            return List.of(g.xyz(), g.features(), g.scaling(), g.rotation(), g.opacity());
        };
        Placement placement = Placement.current();
        // Hooks see values of calls, not of a program around them.
        if (placement == null || model.isListenedTo()) {
            return body.apply(operands);
        }
        record Key(GsLrm model) {}
        return placement.kept(new Key(model), PlacedFunction.class, () -> new PlacedFunction("reconstruction", model.stateDict(), body)).apply(operands);
    }

    private static GaussianCloud cloud(GaussianBatch g, double scalingModifier) {
        int degree = (int) Math.round(Math.sqrt(g.features().dim(2))) - 1;
        GaussianCloud cloud = new GaussianCloud(Math.toIntExact(g.count()), degree, g.xyz().toFloats(), g.features().toFloats(), g.scaling().toFloats(),
                g.rotation().toFloats(), g.opacity().toFloats());
        return scalingModifier == 1 ? cloud : cloud.withScalingModifier((float) scalingModifier);
    }

    /** All Gaussians, free ones first, then one per input pixel in patch order (§1.12); a scaling modifier is part of the scales. */
    public GaussianCloud cloud() {
        return cloud;
    }

    /** What a camera sees on white: [3,H,W], not clamped; rendered where this thread computes. */
    public float[] render(Camera camera) {
        if (Placement.current() != null) {
            if (placed == null) {
                placed = new PlacedScene(cloud);
            }
            return placed.over(camera, WHITE);
        }
        SplatCamera c = SplatScene.camera(camera);
        SplatImage image = SplatImage.allocate(c.width(), c.height());
        rasterizer.render(parameters, c, WHITE, 1, image);
        return image.rgbArray();
    }

    /** Frees what renderings needed on a device. */
    @Override
    public void close() {
        if (placed != null) {
            placed.close();
            placed = null;
        }
    }
}
