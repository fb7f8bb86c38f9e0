package org.mouselift.pipeline.render;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.ply.GaussianCloud;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.nn.PlacedFunction;
import org.mouselift.models.splat.SplatCamera;
import org.mouselift.models.splat.SplatViews;

/**
 * Gaussians on the device where this thread computes: they go there once, and every picture is a run of a program whose operands are
 * the camera's. Pictures differ from the CPU's by float32 rounding, at an edge of a Gaussian by up to 1/255 of a pixel's colour. Not
 * thread-safe.
 */
public final class PlacedScene implements AutoCloseable {
    private final Scope memory = Scope.detached("Gaussians of a scene");
    private final Map<String, Tensor> gaussians = new LinkedHashMap<>();
    /** By width and height of the picture. */
    private final Map<List<Integer>, PlacedFunction> programs = new LinkedHashMap<>();
    private final int count;

    /** @throws org.mouselift.models.splat.NonFiniteGaussianException if a parameter is NaN or infinite */
    public PlacedScene(GaussianCloud cloud) {
        count = cloud.count();
        SplatScene.parameters(cloud).requireFinite();
        long k = (cloud.degree() + 1L) * (cloud.degree() + 1);
        add("centres", cloud.xyz(), count, 3);
        add("features", cloud.features(), count, k, 3);
        add("scales", cloud.scaling(), count, 3);
        add("rotations", cloud.rotation(), count, 4);
        add("opacities", cloud.opacity(), count, 1);
    }

    private void add(String name, float[] values, long... dims) {
        gaussians.put(name, memory.run(() -> Tensor.of(values, dims)));
    }

    /** What a camera sees over a plain background (red, green, blue in [0,1]): [3,H,W], not clamped. */
    public float[] over(Camera camera, float[] background) {
        SplatCamera c = SplatScene.camera(camera);
        int pixels = Math.multiplyExact(c.width(), c.height());
        float[] out = new float[Math.multiplyExact(3, pixels)];
        float[] alpha = new float[pixels];
        if (count > 0) {
            float[] pose = new float[16];
            for (int i = 0; i < 16; i++) {
                pose[i] = (float) camera.pose().c2w()[i / 4][i % 4];
            }
            PlacedFunction program = programs.computeIfAbsent(List.of(c.width(), c.height()), this::program);
            Tape.pause(() -> {
                try (Scope scope = Scope.open("picture of a scene")) {
                    List<Tensor> seen = program.apply(List.of(Tensor.of(pose, 1, 4, 4),
                            Tensor.of(new float[] {(float) c.fx(), (float) c.fy(), (float) c.cx(), (float) c.cy()}, 1, 4)));
                    System.arraycopy(seen.get(0).toFloats(), 0, out, 0, out.length);
                    System.arraycopy(seen.get(1).toFloats(), 0, alpha, 0, pixels);
                }
                return null;
            });
        }
        for (int i = 0; i < out.length; i++) {
            out[i] = Math.fma(1 - alpha[i % pixels], background[i / pixels], out[i]);
        }
        return out;
    }

    private PlacedFunction program(List<Integer> size) {
        return new PlacedFunction("pictures of " + size.get(0) + " x " + size.get(1), gaussians, in -> {
            List<Tensor> all = new ArrayList<>(gaussians.values());
            all.addAll(in);
            return Ops.apply(new SplatViews(size.get(0), size.get(1), 0, 0, 0, 1), all);
        });
    }

    /** Frees the device's memory. */
    @Override
    public void close() {
        programs.values().forEach(PlacedFunction::close);
        programs.clear();
        memory.close();
    }
}
