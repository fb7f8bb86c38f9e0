package org.mouselift.models.diffusion;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.mouselift.engine.EngineException;
import org.mouselift.models.clip.ClipConfig;
import org.mouselift.models.unet.AttentionRule;
import org.mouselift.models.unet.UNetConfig;
import org.mouselift.models.vae.AutoencoderConfig;

/** Configurations of components: what is not built is refused by its key. */
class ComponentConfigTest {
    private static Map<String, Object> with(Map<String, ?> base, String key, Object value) {
        Map<String, Object> out = new HashMap<>(base);
        out.put(key, value);
        return out;
    }

    private static String refusal(Runnable body) {
        return assertThrows(EngineException.class, body::run).getMessage();
    }

    @Test
    void unetDefaultsAreThoseOfTheSpecification() {
        UNetConfig c = UNetConfig.of(Map.of("_class_name", "X", "decay", 0.9999), "config.json");
        assertEquals(List.of(320, 640, 1280, 1280), c.blockOutChannels());
        assertEquals(List.of(true, true, true, false), c.crossAttentionLevels());
        assertEquals(List.of(8, 8, 8, 8), c.heads());
        assertEquals(4, c.inChannels());
        assertEquals(1280, c.crossAttentionDim());
        assertEquals(1, c.numViews());
        assertEquals(0, c.classWidth());
        assertEquals(AttentionRule.DENSE, c.rule());
        assertEquals(AttentionRule.SPARSE, UNetConfig.of(Map.of("sparse_mv_attention", true), "c").rule());
        assertEquals(AttentionRule.PLAIN, UNetConfig.of(Map.of("sparse_mv_attention", true, "multiview_attention", false), "c").rule());
    }

    @Test
    void unetFeaturesThatAreNotBuiltAreRefusedByName() {
        Map<String, Object> wrong = Map.of("cd_attention_mid", true, "time_embedding_type", "fourier", "addition_embed_type", "text", "num_attention_heads", 8,
                "mid_block_type", "UNetMidBlock2D", "selfattn_block", "rowwise", "class_embed_type", "timestep", "transformer_layers_per_block", 2,
                "act_fn", "gelu", "in_channels", 4.5);
        wrong.forEach((key, value) -> assertTrue(refusal(() -> UNetConfig.of(with(Map.of(), key, value), "u.json")).contains(key), key));
        assertTrue(refusal(() -> UNetConfig.of(Map.of("num_vews", 6), "u.json")).contains("num_views"), "an unknown key comes with the nearest known");
        assertTrue(refusal(() -> UNetConfig.of(Map.of("down_block_types", List.of("DownBlock2D", "AttnDownBlock2D")), "u")).contains("AttnDownBlock2D"));
        assertTrue(refusal(() -> UNetConfig.of(Map.of("norm_num_groups", 7), "u")).contains("norm_num_groups"));
    }

    @Test
    void autoencoderAndClipRefuseByName() {
        assertEquals(0.18215, AutoencoderConfig.of(Map.of(), "v").scalingFactor());
        assertTrue(refusal(() -> AutoencoderConfig.of(Map.of("latents_mean", List.of(1)), "v")).contains("latents_mean"));
        assertTrue(refusal(() -> AutoencoderConfig.of(Map.of("scaling_factor", 0), "v")).contains("scaling_factor"));
        assertTrue(refusal(() -> ClipConfig.vision(Map.of(), "c")).contains("hidden_act"), "a missing activation would be the one of other CLIPs");
        assertTrue(refusal(() -> ClipConfig.vision(Map.of("hidden_act", "gelu", "image_size", 30), "c")).contains("patch_size"));
    }

    @Test
    void schedulesRefuseByName() {
        Map<String, Object> good = Map.of("beta_schedule", "scaled_linear", "clip_sample", false);
        assertEquals(1000, NoiseSchedule.of(good, false, "s").length());
        assertEquals(1f, NoiseSchedule.of(good, false, "s").finalAlpha());
        for (Map.Entry<String, Object> e : Map.<String, Object>of("beta_schedule", "sigmoid", "prediction_type", "flow", "timestep_spacing", "karras",
                "thresholding", true, "rescale_betas_zero_snr", true, "trained_betas", List.of(0.1), "clip_sample", true, "beta_end", 2).entrySet()) {
            assertTrue(refusal(() -> NoiseSchedule.of(with(good, e.getKey(), e.getValue()), false, "s")).contains(e.getKey()), e.getKey());
        }
        assertTrue(refusal(() -> NoiseSchedule.standard().alphaCumprod(1000)).contains("1000"));
        assertTrue(refusal(() -> new DiffusionSampler(NoiseSchedule.standard(), DiffusionSampler.Kind.DDIM, 1.5, 10)).contains("eta"));
        assertTrue(refusal(() -> new DiffusionSampler(NoiseSchedule.standard(), DiffusionSampler.Kind.DDIM, 1, 1000)).contains("step 1000, the last is 999"));
        assertTrue(refusal(() -> LearningRate.of("piecewise_constant", 1, 0, 10, 1, 1, "1:x,2")).contains("1:x,2"));
        assertTrue(refusal(() -> LearningRate.of("exponential", 1, 0, 10, 1, 1, "")).contains("exponential"));
    }

    /** Ancestral DDPM and DDIM with eta 1 agree when every training step is visited (multi-view diffusion specification §3.3). */
    @Test
    void implicitSamplingWithFullNoiseIsAncestral() {
        NoiseSchedule s = NoiseSchedule.of(Map.of("num_train_timesteps", 50, "beta_schedule", "scaled_linear", "clip_sample", false, "prediction_type", "v_prediction"),
                false, "s");
        try (org.mouselift.engine.Scope scope = org.mouselift.engine.Scope.open("steps")) {
            var x = org.mouselift.engine.Tensor.of(new double[] {0.3, -1.2, 2}, 1, 3);
            var v = org.mouselift.engine.Tensor.of(new double[] {0.9, 0.1, -0.4}, 1, 3);
            var z = org.mouselift.engine.Tensor.of(new double[] {-1, 0.5, 0.25}, 1, 3);
            for (int t = 1; t < 50; t++) {
                double[] a = new DiffusionSampler(s, DiffusionSampler.Kind.DDIM, 1, 50).step(v, t, x, z).latents().toDoubles();
                double[] b = new DiffusionSampler(s, DiffusionSampler.Kind.DDPM, 0, 50).step(v, t, x, z).latents().toDoubles();
                org.junit.jupiter.api.Assertions.assertArrayEquals(b, a, 1e-6, "step " + t);
            }
        }
    }
}
