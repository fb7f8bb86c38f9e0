package org.mouselift.pipeline.reconstruct;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.mouselift.data.AtomicFile;
import org.mouselift.data.pickle.OrderedDict;
import org.mouselift.data.safetensors.StoredType;
import org.mouselift.data.torch.TorchValues;
import org.mouselift.data.torch.TorchWriter;
import org.mouselift.models.gslrm.GsLrm;
import org.mouselift.models.gslrm.GsLrmConfig;
import org.mouselift.pipeline.checkpoint.StartValues;

/**
 * A GS-LRM with random start weights in the layout of the original: {@code ckpt_0000000000000000.pt} (GS-LRM specification
 * §6.6, without optimizer state) and {@code config.yaml}. The weights are those of {@link GsLrm#initialised} for the same
 * seed; they are made while they are written, one tensor at a time.
 */
public final class StartCheckpoint {
    /** How large the network is. */
    public enum Size {
        /** That of the published checkpoint: 24 blocks of width 1024, pictures of 512 pixels; 303,565,824 parameters. */
        FULL(GsLrmConfig.published(), 512, 8, 6),
        /** 6 blocks of width 256, pictures of 128 pixels; 5.1 million parameters. */
        SMALL(GsLrmConfig.published().withSize(256, 64, 6), 128, 6, 4),
        /** 2 blocks of width 64, pictures of 64 pixels; runs in a fraction of a second (§9). */
        TINY(GsLrmConfig.tiny(), 64, 6, 4);

        private final GsLrmConfig network;
        private final int imageSize;
        private final int views;
        private final int inputViews;

        Size(GsLrmConfig network, int imageSize, int views, int inputViews) {
            this.network = network;
            this.imageSize = imageSize;
            this.views = views;
            this.inputViews = inputViews;
        }

        public GsLrmConfig network() {
            return network;
        }
    }

    public static final String FILE = "ckpt_0000000000000000.pt";

    private StartCheckpoint() {}

    /** Writes both files into an existing folder. */
    public static void write(Path folder, Size size, long seed) throws IOException {
        OrderedDict model = new OrderedDict();
        List<StartValues> values = StartValues.of(size.network.parameterShapes(), StoredType.F32, (name, tensor, stream) -> GsLrm.initialise(name, tensor, seed, stream));
        values.forEach(v -> model.put(v.name(), TorchValues.of(StoredType.F32, v.shape().dims(), v::copy)));
        Map<Object, Object> root = new LinkedHashMap<>();
        root.put("model", model);
        root.put("fwdbwd_pass_step", 0L);
        root.put("param_update_step", 0L);
        TorchWriter.write(folder.resolve(FILE), root);
        ByteBuffer yaml = ByteBuffer.wrap(configuration(size).getBytes(StandardCharsets.UTF_8));
        AtomicFile.write(folder.resolve(GsLrmWeights.CONFIG), channel -> {
            while (yaml.hasRemaining()) {
                channel.write(yaml);
            }
        });
    }

    private static String configuration(Size size) {
        GsLrmConfig n = size.network;
        return """
                # A GS-LRM with random start weights; keys and meaning are those of the original's configurations.
                model:
                  image_tokenizer: {image_size: %d, patch_size: %d, in_channels: %d}
                  transformer: {d: %d, d_head: %d, n_layer: %d}
                  gaussians: {n_gaussians: %d, sh_degree: %d, upsampler: {upsample_factor: 1}}
                  add_refsrc_marker: false
                  hard_pixelalign: true
                  use_custom_plucker: true
                  clip_xyz: true
                training:
                  runtime: {use_amp: false, grad_accum_steps: 1, grad_clip_norm: 1.0, allowed_gradnorm_factor: 20, grad_checkpoint_every: 1}
                  dataset: {num_views: %d, num_input_views: %d, target_has_input: true, background_color: white}
                  losses: {l2_loss_weight: 1.0, ssim_loss_weight: 0.2, clamp_rendering: true}
                  optimizer: {lr: 0.0004, beta1: 0.9, beta2: 0.95, weight_decay: 0.05}
                  schedule: {max_fwdbwd_passes: 20000, warmup: 500}
                  checkpointing: {checkpoint_every: 500, checkpoint_dir: checkpoints/gslrm, resume_ckpt: ""}
                inference: {enabled: false}
                """.formatted(size.imageSize, n.patchSize(), n.rays().channels(), n.width(), n.headWidth(), n.layers(), n.freeGaussians(), n.shDegree(),
                size.views, size.inputViews);
    }
}
