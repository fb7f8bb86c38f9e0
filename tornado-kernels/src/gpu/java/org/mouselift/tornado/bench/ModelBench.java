package org.mouselift.tornado.bench;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Function;
import org.mouselift.engine.DType;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.device.Device;
import org.mouselift.engine.device.DeviceProgram;
import org.mouselift.engine.nn.Module;
import org.mouselift.engine.trace.Program;
import org.mouselift.models.gslrm.GaussianBatch;
import org.mouselift.models.gslrm.GsLrm;
import org.mouselift.models.gslrm.GsLrmConfig;
import org.mouselift.models.gslrm.ViewRenderer;
import org.mouselift.models.unet.UNetConfig;
import org.mouselift.models.unet.UNetMV2DConditionModel;

/** Forward passes of the two models as they were published, with random weights: seconds and device memory. */
final class ModelBench {
    private static final long VIEWS = 6;
    private static final int ROUNDS = 3;

    private ModelBench() {}

    /**
     * @param scale what widths, depths and picture sides are divided by
     * @param suffix of the names
     */
    static void print(Device device, int scale, String suffix) {
        try (Scope scope = Scope.open("GS-LRM"); GsLrm model = GsLrm.initialised(GsLrmConfig.published().withSize(1024 / scale, 64, Math.max(1, 24 / scale)), DType.F32, 1)) {
            int side = 512 / scale;
            Tensor pose = Tensor.of(new float[] {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, -2.7f, 0, 0, 0, 1}, 1, 1, 4, 4);
            Tensor lens = Tensor.of(new float[] {1.1f * side, 1.1f * side, side / 2f, side / 2f}, 1, 1, 4);
            List<Tensor> inputs = List.of(half(1, VIEWS, 3, side, side), Ops.contiguous(Ops.expand(pose, 1, VIEWS, 4, 4)), Ops.contiguous(Ops.expand(lens, 1, VIEWS, 4)));
            run(device, "GS-LRM forward" + suffix, 3, scale, model, inputs, in -> {
                GaussianBatch g = model.reconstruct(in.get(0), in.get(1), in.get(2)).gaussians();
                return List.of(corner(g.xyz()), corner(g.opacity()));
            });
            run(device, "GS-LRM forward and pictures" + suffix, 0, scale, model, inputs, in -> List.of(corner(
                    ViewRenderer.render(model.reconstruct(in.get(0), in.get(1), in.get(2)).gaussians(), in.get(1), in.get(2), side, side, 1))));
        }
        int width = Math.max(32, 320 / scale / 32 * 32);
        List<Integer> widths = List.of(width, 2 * width, 4 * width, 4 * width);
        Map<String, Object> keys = new LinkedHashMap<>(Map.of("in_channels", 8, "block_out_channels", widths, "layers_per_block", scale == 1 ? 2 : 1, "cross_attention_dim", 1024 / scale,
                "attention_head_dim", widths.stream().map(w -> Math.max(1, w / 64)).toList(), "use_linear_projection", true, "num_views", (int) VIEWS, "norm_num_groups", 32));
        keys.put("down_block_types", List.of("CrossAttnDownBlockMV2D", "CrossAttnDownBlockMV2D", "CrossAttnDownBlockMV2D", "DownBlock2D"));
        keys.put("up_block_types", List.of("UpBlock2D", "CrossAttnUpBlockMV2D", "CrossAttnUpBlockMV2D", "CrossAttnUpBlockMV2D"));
        try (Scope scope = Scope.open("UNet"); UNetMV2DConditionModel model = UNetMV2DConditionModel.initialised(UNetConfig.of(keys, "bench"), DType.F32, 1)) {
            long images = 2 * VIEWS;
            long side = Math.max(8, 64 / scale);
            run(device, "UNet, 6 views with guidance" + suffix, 0.4, scale, model, List.of(half(images, 8, side, side), half(images, width), half(images, 77, 1024 / scale)), in -> List.of(corner(model.predict(in.get(0), in.get(1), in.get(2), null))));
        }
    }

    private static Tensor half(long... dims) {
        return Ops.fill(TensorSpec.of(DType.F32, dims), 0.5);
    }

    /** One number of a result, so that it is computed and nothing large comes back. */
    private static Tensor corner(Tensor t) {
        Tensor x = t;
        for (int i = 0; i < t.rank(); i++) {
            x = Ops.slice(x, i, 0, 1);
        }
        return Ops.contiguous(x);
    }

    private static void run(Device device, String name, double aim, int scale, Module model, List<Tensor> in, Function<List<Tensor>, List<Tensor>> body) {
        Program.Definition definition = Program.define(name).weights(model.stateDict()).kernels(device::computes);
        for (int i = 0; i < in.size(); i++) {
            definition.input("in" + i, in.get(i).spec());
        }
        try (Program program = definition.trace(body); DeviceProgram onDevice = device.prepare(program)) {
            double first = seconds(onDevice, in);
            double best = Double.MAX_VALUE;
            for (int i = 0; i < ROUNDS; i++) {
                best = Math.min(best, seconds(onDevice, in));
            }
            System.out.printf(Locale.ROOT, "%-34s %10.3f s%s; %.3g GiB; first pass, with weights and compilation, %.1f s%n", name, best,
                    aim > 0 && scale == 1 ? String.format(Locale.ROOT, " (aim %.1f s)", aim) : "", onDevice.deviceBytes() / (double) (1L << 30), first);
        }
    }

    private static double seconds(DeviceProgram program, List<Tensor> in) {
        long start = System.nanoTime();
        try (Scope results = Scope.open("results")) {
            program.run(in);
        }
        return (System.nanoTime() - start) * 1e-9;
    }
}
