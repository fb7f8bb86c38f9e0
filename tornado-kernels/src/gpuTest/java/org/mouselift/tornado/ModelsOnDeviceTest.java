package org.mouselift.tornado;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.mouselift.engine.DType;
import org.mouselift.engine.Gradients;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.device.Device;
import org.mouselift.engine.device.DeviceProgram;
import org.mouselift.engine.nn.Module;
import org.mouselift.engine.nn.Placement;
import org.mouselift.engine.trace.Program;
import org.mouselift.models.gslrm.GsLrm;
import org.mouselift.models.gslrm.GsLrmConfig;
import org.mouselift.models.unet.UNetConfig;
import org.mouselift.models.unet.UNetMV2DConditionModel;
import org.mouselift.models.vae.AutoencoderConfig;
import org.mouselift.models.vae.AutoencoderKL;

/** Small models of the real architectures: forward passes placed on a device, and gradients of the networks as one program. */
class ModelsOnDeviceTest {
    private static final int VIEWS = 2;

    private static GsLrm reconstructor() {
        GsLrm model = GsLrm.initialised(GsLrmConfig.published().withSize(32, 16, 2), DType.F32, 3);
        // Start weights are so small that the blocks would hardly matter.
        Tape.pause(() -> {
            model.stateDict().forEach((name, p) -> Ops.assign(p, Ops.affine(p, p.rank() == 1 ? 1 : 5, 0)));
            return null;
        });
        return model;
    }

    private static UNetMV2DConditionModel unet() {
        Map<String, Object> keys = new LinkedHashMap<>(Map.of("in_channels", 8, "block_out_channels", List.of(8, 16), "layers_per_block", 1, "norm_num_groups", 4,
                "cross_attention_dim", 6, "attention_head_dim", List.of(1, 2), "use_linear_projection", true, "num_views", VIEWS, "down_block_types",
                List.of("CrossAttnDownBlockMV2D", "DownBlock2D"), "up_block_types", List.of("UpBlock2D", "CrossAttnUpBlockMV2D")));
        keys.putAll(Map.of("class_embed_type", "projection", "projection_class_embeddings_input_dim", 5));
        return UNetMV2DConditionModel.initialised(UNetConfig.of(keys, "small"), DType.F32, 11);
    }

    private static Tensor random(long seed, long... dims) {
        return DeviceUnderTest.random(DType.F32, seed, dims);
    }

    /** The same computation here and on the device, twice there. */
    private static void same(Module model, double tolerance, Supplier<Tensor> body) {
        try (Device device = DeviceUnderTest.open(); Placement placement = new Placement(device)) {
            Tensor here = Tape.pause(body);
            for (int i = 0; i < 2; i++) {
                Tensor there = placement.during(() -> Tape.pause(body));
                DeviceUnderTest.compare("pass " + i, here, there, tolerance);
            }
            assertTrue(placement.calls() >= 2, placement.calls() + " calls on the device");
            model.place(null);
        }
    }

    @Test
    void gaussiansOfTheReconstructor() {
        try (Scope scope = Scope.open("test"); GsLrm model = reconstructor()) {
            Tensor image = Ops.sigmoid(random(1, 1, VIEWS, 3, 16, 24));
            float[] pose = {1, 0, 0, 0.1f, 0, 0, -1, -2.7f, 0, 1, 0, 0.2f, 0, 0, 0, 1, 0, 0, 1, 2.7f, 0, 1, 0, 0.1f, -1, 0, 0, 0.2f, 0, 0, 0, 1};
            Tensor c2w = Tensor.of(pose, 1, VIEWS, 4, 4);
            Tensor lenses = Tensor.of(new float[] {20, 21, 12, 8, 20, 21, 12, 8}, 1, VIEWS, 4);
            same(model, 1e-4, () -> {
                var g = model.reconstruct(image, c2w, lenses).gaussians();
                return Ops.concat(2, g.xyz(), Ops.reshape(g.features(), 1, g.count(), -1), g.scaling(), g.rotation(), g.opacity());
            });
        }
    }

    @Test
    void predictionOfTheUNet() {
        try (Scope scope = Scope.open("test"); UNetMV2DConditionModel model = unet()) {
            Tensor sample = random(1, 2 * VIEWS, 8, 6, 10);
            Tensor prompts = random(2, 2 * VIEWS, 7, 6);
            Tensor labels = random(3, 2 * VIEWS, 5);
            same(model, 1e-4, () -> model.predict(sample, new long[] {401}, prompts, labels));
        }
    }

    @Test
    void bothHalvesOfTheAutoencoder() {
        AutoencoderConfig config = new AutoencoderConfig(3, 4, List.of(8, 16), 1, 4, 16, AutoencoderConfig.DEFAULT_SCALING);
        try (Scope scope = Scope.open("test"); AutoencoderKL model = AutoencoderKL.initialised(config, DType.F32, 7)) {
            Tensor image = random(1, 1, 3, 16, 24);
            same(model, 1e-4, () -> model.decode(model.encode(image).mode()));
        }
    }

    /** Loss and gradients of all parameters, traced for the device, against eager gradients on the CPU. */
    private static void gradients(Module model, double tolerance, Tensor... operands) {
        List<Tensor> parameters = model.trainable();
        List<Tensor> here = new ArrayList<>();
        try (Tape tape = Tape.open()) {
            Tensor loss = Ops.mean(Ops.square(model.call(operands)));
            Gradients g = tape.backward(loss);
            here.add(loss);
            parameters.forEach(p -> here.add(g.of(p)));
        }
        try (Device device = DeviceUnderTest.open()) {
            Program.Definition definition = Program.define("gradients").weights(model.stateDict()).kernels(device::computes);
            for (int i = 0; i < operands.length; i++) {
                definition.input("in" + i, operands[i].spec());
            }
            try (Program program = definition.trace(in -> {
                try (Tape tape = Tape.open()) {
                    Tensor loss = Ops.mean(Ops.square(model.call(in.toArray(Tensor[]::new))));
                    Gradients g = tape.backward(loss);
                    List<Tensor> out = new ArrayList<>(List.of(loss));
                    parameters.forEach(p -> out.add(g.of(p)));
                    return out;
                }
            }); DeviceProgram onDevice = device.prepare(program)) {
                List<Tensor> there = onDevice.run(List.of(operands));
                assertEquals(here.size(), there.size());
                for (int i = 0; i < here.size(); i++) {
                    double[] a = Ops.contiguous(here.get(i)).toDoubles();
                    double[] b = there.get(i).toDoubles();
                    double size = 0;
                    double difference = 0;
                    for (int k = 0; k < a.length; k++) {
                        size = Math.max(size, Math.abs(a[k]));
                        difference = Math.max(difference, Math.abs(a[k] - b[k]));
                    }
                    String name = i == 0 ? "loss" : parameters.get(i - 1).toString();
                    assertTrue(difference <= tolerance * size + 1e-9, name + ": differs by " + difference + " where the largest number is " + size);
                }
            }
        }
    }

    @Test
    void gradientsOfTheReconstructor() {
        try (Scope scope = Scope.open("test"); GsLrm model = reconstructor()) {
            // The decoders are no part of this call; the transformer and what comes before it are.
            Tensor posed = random(1, 1, VIEWS, 9, 16, 16);
            gradients(new Network(model), 2e-4, posed);
        }
    }

    /** The reconstructor up to its last token, with the parameters that take part. */
    private static final class Network extends Module {
        private final GsLrm model;

        Network(GsLrm model) {
            this.model = model;
            model.stateDict().forEach((name, p) -> {
                if (!name.startsWith("gaussian_upsampler") && !name.startsWith("pixel_gaussian_decoder")) {
                    parameter(name, p);
                }
            });
        }

        @Override
        protected Tensor forward(Tensor... inputs) {
            return model.call(inputs);
        }
    }

    @Test
    void gradientsOfTheUNet() {
        try (Scope scope = Scope.open("test"); UNetMV2DConditionModel model = unet()) {
            gradients(new Denoiser(model), 5e-4, random(1, VIEWS, 8, 6, 10), random(2, VIEWS, 32), random(3, VIEWS, 7, 6));
        }
    }

    /** The UNet behind its embeddings. */
    private static final class Denoiser extends Module {
        private final UNetMV2DConditionModel model;

        Denoiser(UNetMV2DConditionModel model) {
            this.model = model;
            model.stateDict().forEach((name, p) -> {
                if (!name.startsWith("time_embedding") && !name.startsWith("class_embedding")) {
                    parameter(name, p);
                }
            });
        }

        @Override
        protected Tensor forward(Tensor... inputs) {
            return model.call(inputs);
        }
    }
}
