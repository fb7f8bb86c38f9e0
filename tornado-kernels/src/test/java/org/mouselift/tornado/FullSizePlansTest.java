package org.mouselift.tornado;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.engine.DType;
import org.mouselift.engine.Gradients;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Shape;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.trace.Program;
import org.mouselift.models.gslrm.GaussianBatch;
import org.mouselift.models.gslrm.GsLrm;
import org.mouselift.models.gslrm.GsLrmConfig;
import org.mouselift.models.gslrm.ViewRenderer;
import org.mouselift.models.optim.AdamMoments;
import org.mouselift.models.optim.AdamWStep;
import org.mouselift.models.splat.SplatViews;
import org.mouselift.models.unet.UNetConfig;
import org.mouselift.models.unet.UNetMV2DConditionModel;
import org.mouselift.tornado.plan.Block;
import org.mouselift.tornado.plan.DevicePlan;
import org.mouselift.tornado.plan.Grid;
import org.mouselift.tornado.plan.Launch;
import org.mouselift.tornado.plan.Lowering;
import org.mouselift.tornado.plan.LoweringRules;
import org.mouselift.tornado.plan.Packing;
import org.mouselift.tornado.plan.Segments;

/**
 * Plans of the models at the sizes they were published in, which is what somebody with a large card runs first: they are made and checked
 * without a device and without memory for the weights, which are pages of an empty file that nobody reads.
 */
class FullSizePlansTest {
    private static final long VIEWS = 6;
    private static final long GIB = 1L << 30;
    /** Limits of CUDA: groups along x, and along y and z. */
    private static final long MOST_GROUPS = Integer.MAX_VALUE;
    private static final long MOST_GROUPS_ACROSS = 65_535;

    /** Tensors of given shapes that take no memory. */
    private static Map<String, Tensor> empty(Path folder, Arena arena, Map<String, Shape> shapes) throws IOException {
        Files.createDirectories(folder);
        long bytes = shapes.values().stream().mapToLong(s -> 4 * s.numel()).sum();
        Map<String, Tensor> out = new LinkedHashMap<>();
        try (FileChannel file = FileChannel.open(folder.resolve("weights"), StandardOpenOption.CREATE_NEW, StandardOpenOption.READ, StandardOpenOption.WRITE,
                StandardOpenOption.SPARSE)) {
            MemorySegment all = file.map(FileChannel.MapMode.READ_WRITE, 0, bytes, arena);
            long at = 0;
            for (Map.Entry<String, Shape> e : shapes.entrySet()) {
                long own = 4 * e.getValue().numel();
                out.put(e.getKey(), Tensor.wrap(all.asSlice(at, own), DType.F32, e.getValue().dims()));
                at += own;
            }
        }
        return out;
    }

    private static DevicePlan plan(String name, Map<String, Tensor> weights, Function<List<Tensor>, List<Tensor>> body, TensorSpec... inputs) {
        Program.Definition definition = Program.define(name).weights(weights).kernels(LoweringRules::covers);
        for (int i = 0; i < inputs.length; i++) {
            definition.input("in" + i, inputs[i]);
        }
        try (Program program = definition.trace(body)) {
            return Lowering.of(program, false);
        }
    }

    /** Every number that reaches a device is one it can hold, every grid one it can start. */
    private static void check(DevicePlan plan, double mostGib) {
        Packing packing = Packing.of(plan.steps());
        assertEquals(plan.steps().size(), packing.places().length);
        for (var step : plan.steps()) {
            Grid grid = ((Launch) step).grid();
            assertTrue(grid.x() / grid.localX() <= MOST_GROUPS && grid.y() <= MOST_GROUPS_ACROSS && grid.z() <= MOST_GROUPS_ACROSS && grid.localX() <= 1024,
                    step.operation() + " in " + step.path() + " starts " + grid);
        }
        for (Block b : plan.blocks()) {
            assertTrue(b.elements() < Integer.MAX_VALUE, b.toString());
        }
        String sizes = String.format(Locale.ROOT, "%s: %.2f GiB on the device, of which weights %.2f GiB; %d launches in %d segments", plan.name(), plan.bytes() / (double) GIB,
                plan.weightBytes() / (double) GIB, plan.steps().size(), Segments.of(plan.steps()).size());
        System.out.println(sizes);
        assertTrue(plan.bytes() <= mostGib * GIB, sizes);
        assertTrue(plan.floats() < Integer.MAX_VALUE && plan.ints() < Integer.MAX_VALUE, sizes);
    }

    @Test
    void reconstructorOfSixViews(@TempDir Path folder) throws IOException {
        GsLrmConfig config = GsLrmConfig.published();
        try (Arena arena = Arena.ofConfined(); Scope scope = Scope.open("test");
                GsLrm model = GsLrm.stored(config, empty(folder, arena, config.parameterShapes()), "empty file")) {
            assertEquals(303.5, config.parameterCount() * 1e-6, 0.5);
            DevicePlan plan = plan("GS-LRM", model.stateDict(), in -> {
                GaussianBatch g = model.reconstruct(in.get(0), in.get(1), in.get(2)).gaussians();
                return List.of(g.xyz(), g.features(), g.scaling(), g.rotation(), g.opacity());
            }, TensorSpec.of(DType.F32, 1, VIEWS, 3, 512, 512), TensorSpec.of(DType.F32, 1, VIEWS, 4, 4), TensorSpec.of(DType.F32, 1, VIEWS, 4));
            assertEquals(4 * config.parameterCount(), plan.weightBytes(), 4L << 20);
            check(plan, 4);
        }
    }

    /** Loss, gradients with every block computed again, clipping and AdamW: weights, gradients and moments are four numbers a parameter. */
    @Test
    void trainingStepOfTheReconstructor(@TempDir Path folder) throws IOException {
        GsLrmConfig config = GsLrmConfig.published().withCheckpointEvery(1);
        try (Arena arena = Arena.ofConfined(); Scope scope = Scope.open("test");
                GsLrm model = GsLrm.stored(config, empty(folder.resolve("w"), arena, config.parameterShapes()), "empty file")) {
            Map<String, Tensor> weights = new LinkedHashMap<>(model.stateDict());
            Map<String, Shape> twice = new LinkedHashMap<>();
            model.stateDict().forEach((name, p) -> {
                p.requiresGrad(true);
                twice.put(name, Shape.of(java.util.stream.LongStream.concat(java.util.stream.LongStream.of(2), java.util.Arrays.stream(p.shape().dims())).toArray()));
            });
            Map<String, Tensor> moments = empty(folder.resolve("m"), arena, twice);
            moments.forEach((name, m) -> weights.put("moments." + name, m));
            TensorSpec images = TensorSpec.of(DType.F32, 1, VIEWS, 3, 512, 512);
            TensorSpec poses = TensorSpec.of(DType.F32, 1, VIEWS, 4, 4);
            TensorSpec lenses = TensorSpec.of(DType.F32, 1, VIEWS, 4);
            DevicePlan plan = plan("GS-LRM training", weights, in -> {
                try (Tape tape = Tape.open()) {
                    GaussianBatch g = model.reconstruct(in.get(0), in.get(1), in.get(2)).gaussians();
                    Tensor loss = Ops.mean(Ops.square(Ops.sub(ViewRenderer.render(g, in.get(3), in.get(4), 512, 512, 1), in.get(5))));
                    Gradients gradients = tape.backward(loss);
                    return Tape.pause(() -> {
                        Tensor norm = null;
                        for (Tensor p : model.stateDict().values()) {
                            Tensor own = Ops.sum(Ops.square(gradients.of(p)));
                            norm = norm == null ? own : Ops.add(norm, own);
                        }
                        Tensor coefficient = Ops.div(Ops.constantLike(norm, 1), Ops.sqrt(norm));
                        model.stateDict().forEach((name, p) -> {
                            Ops.apply(new AdamMoments(0.9, 0.95), moments.get(name), Ops.contiguous(gradients.of(p)), coefficient);
                            Ops.apply(new AdamWStep(0.05, 1e-8, 1), p, moments.get(name), in.get(6));
                        });
                        return List.of(loss);
                    });
                }
            }, images, poses, lenses, poses, lenses, images, TensorSpec.of(DType.F32, 3));
            // The float array alone is at 94 % of what device code can index.
            check(plan, 8.25);
        }
    }

    @Test
    void denoiserOfSixViewsWithGuidance(@TempDir Path folder) throws IOException {
        Map<String, Object> keys = new LinkedHashMap<>(Map.of("in_channels", 8, "block_out_channels", List.of(320, 640, 1280, 1280), "layers_per_block", 2, "cross_attention_dim", 1024,
                "attention_head_dim", List.of(5, 10, 20, 20), "use_linear_projection", true, "num_views", (int) VIEWS, "class_embed_type", "projection",
                "projection_class_embeddings_input_dim", 2048, "norm_num_groups", 32));
        keys.put("down_block_types", List.of("CrossAttnDownBlockMV2D", "CrossAttnDownBlockMV2D", "CrossAttnDownBlockMV2D", "DownBlock2D"));
        keys.put("up_block_types", List.of("UpBlock2D", "CrossAttnUpBlockMV2D", "CrossAttnUpBlockMV2D", "CrossAttnUpBlockMV2D"));
        UNetConfig config = UNetConfig.of(keys, "as published");
        Map<String, Shape> shapes = UNetMV2DConditionModel.parameterShapes(config);
        try (Arena arena = Arena.ofConfined(); Scope scope = Scope.open("test");
                UNetMV2DConditionModel model = UNetMV2DConditionModel.stored(config, empty(folder, arena, shapes), "empty file")) {
            long parameters = shapes.values().stream().mapToLong(Shape::numel).sum();
            assertEquals(870, parameters * 1e-6, 5);
            long images = 2 * VIEWS;
            DevicePlan plan = plan("UNet", model.stateDict(), in -> List.of(model.predict(in.get(0), in.get(1), in.get(2), in.get(3))), TensorSpec.of(DType.F32, images, 8, 64, 64),
                    TensorSpec.of(DType.F32, images, 320), TensorSpec.of(DType.F32, images, 77, 1024), TensorSpec.of(DType.F32, images, 2048));
            assertEquals(4 * parameters, plan.weightBytes(), 4L << 20);
            check(plan, 8);
        }
    }

    /** 1.57 million Gaussians, one view of 512 x 512, forward and backward. */
    @Test
    void rendererOfAllGaussians() {
        long n = VIEWS * 512 * 512 + 2;
        TensorSpec[] scene = {TensorSpec.of(DType.F32, n, 3), TensorSpec.of(DType.F32, n, 1, 3), TensorSpec.of(DType.F32, n, 3), TensorSpec.of(DType.F32, n, 4),
            TensorSpec.of(DType.F32, n, 1), TensorSpec.of(DType.F32, 1, 4, 4), TensorSpec.of(DType.F32, 1, 4), TensorSpec.of(DType.F32, 1, 3, 512, 512)};
        SplatViews views = new SplatViews(512, 512, 1, 1, 1, 1);
        try (Scope scope = Scope.open("test")) {
            check(plan("renderer", Map.of(), in -> Ops.apply(views, in), java.util.Arrays.copyOf(scene, 7)), 1);
            check(plan("renderer and gradients", Map.of(), in -> Ops.apply(new SplatViews.Gradient(views, false), in), scene), 4);
        }
    }
}
