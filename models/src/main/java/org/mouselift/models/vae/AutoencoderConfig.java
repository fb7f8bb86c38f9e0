package org.mouselift.models.vae;

import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.mouselift.engine.EngineException;
import org.mouselift.models.nn.ConfigKeys;

/**
 * Architecture of {@link AutoencoderKL}, by the keys of {@code vae/config.json} (multi-view diffusion specification §2.4).
 *
 * @param inChannels channels of a picture
 * @param latentChannels channels of a latent
 * @param blockOutChannels channels of the levels, finest first
 * @param layersPerBlock resnets of an encoder level; the decoder has one more
 * @param groups groups of every group norm
 * @param sampleSize side of the pictures the model was made for
 * @param scalingFactor a latent times this has about unit variance
 */
public record AutoencoderConfig(int inChannels, int latentChannels, List<Integer> blockOutChannels, int layersPerBlock, int groups, int sampleSize,
        double scalingFactor) {
    /** Of Stable Diffusion, where the file does not say. */
    public static final double DEFAULT_SCALING = 0.18215;

    public AutoencoderConfig {
        blockOutChannels = List.copyOf(blockOutChannels);
        if (inChannels < 1 || latentChannels < 1 || layersPerBlock < 1 || groups < 1 || blockOutChannels.isEmpty()
                || !(scalingFactor > 0 && scalingFactor < Double.POSITIVE_INFINITY)) {
            throw new EngineException("autoencoder: in_channels " + inChannels + ", latent_channels " + latentChannels + ", layers_per_block " + layersPerBlock
                    + ", norm_num_groups " + groups + ", scaling_factor " + scalingFactor + " must be positive");
        }
        for (int c : blockOutChannels) {
            if (c < 1 || c % groups != 0) {
                throw new EngineException("autoencoder: block_out_channels " + blockOutChannels + " must be multiples of norm_num_groups " + groups);
            }
        }
    }

    /** Picture pixels per latent pixel along a side. */
    public int factor() {
        return 1 << blockOutChannels.size() - 1;
    }

    /** Reads {@code config.json}; what is not built is refused by name. */
    public static AutoencoderConfig of(Map<String, ?> json, String source) {
        ConfigKeys keys = new ConfigKeys(json, source, Set.of("force_upcast"));
        List<Integer> channels = keys.integers("block_out_channels", List.of(64), 0);
        List<String> down = keys.words("down_block_types", Collections.nCopies(channels.size(), "DownEncoderBlock2D"));
        List<String> up = keys.words("up_block_types", Collections.nCopies(channels.size(), "UpDecoderBlock2D"));
        if (!down.equals(Collections.nCopies(channels.size(), "DownEncoderBlock2D"))) {
            throw keys.refuse("down_block_types", down, channels.size() + " times DownEncoderBlock2D; nothing else is built");
        }
        if (!up.equals(Collections.nCopies(channels.size(), "UpDecoderBlock2D"))) {
            throw keys.refuse("up_block_types", up, channels.size() + " times UpDecoderBlock2D; nothing else is built");
        }
        int in = keys.integer("in_channels", 3);
        int out = keys.integer("out_channels", 3);
        if (in != out) {
            throw keys.refuse("out_channels", out, "in_channels " + in);
        }
        AutoencoderConfig config = new AutoencoderConfig(in, keys.integer("latent_channels", 4), channels, keys.integer("layers_per_block", 1),
                keys.integer("norm_num_groups", 32), keys.integer("sample_size", 32), keys.number("scaling_factor", DEFAULT_SCALING));
        keys.only("act_fn", "silu");
        for (String absent : List.of("shift_factor", "latents_mean", "latents_std")) {
            keys.only(absent, "null");
        }
        for (String on : List.of("use_quant_conv", "use_post_quant_conv", "mid_block_add_attention")) {
            keys.only(on, "true");
        }
        keys.finish();
        return config;
    }
}
