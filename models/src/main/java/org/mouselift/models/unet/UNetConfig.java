package org.mouselift.models.unet;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.mouselift.engine.EngineException;
import org.mouselift.models.nn.ConfigKeys;

/**
 * Architecture of {@link UNetMV2DConditionModel}, by the keys of {@code unet/config.json} (multi-view diffusion specification
 * §1.1).
 *
 * @param sampleSize side of the latents the model was made for, 0 if the file does not say
 * @param inChannels noisy and reference latents together
 * @param outChannels channels of the prediction
 * @param blockOutChannels channels of the levels, finest first
 * @param crossAttentionLevels whether a level has transformers, finest first
 * @param layersPerBlock resnets in a down block; up blocks have one more
 * @param heads attention heads of the levels ({@code attention_head_dim}, misnamed in the original)
 * @param crossAttentionDim width of the prompt tokens
 * @param linearProjection {@code proj_in/out} are linear layers; otherwise 1x1 convolutions of the same meaning
 * @param groups groups of every group norm
 * @param eps of resnet norms and the last norm
 * @param downsamplePadding zeros around a map before it is halved
 * @param classWidth width of the class labels ({@code projection_class_embeddings_input_dim}), 0 without class embedding
 * @param flipSinToCos cosines come first in the timestep embedding
 * @param freqShift of the timestep frequencies
 * @param numViews views of an object
 * @param rule which views a view attends to
 * @param cameraEmbedding how the network is told its cameras ({@code camera_embedding}, ours); empty for not at all
 */
public record UNetConfig(int sampleSize, int inChannels, int outChannels, List<Integer> blockOutChannels, List<Boolean> crossAttentionLevels,
        int layersPerBlock, List<Integer> heads, int crossAttentionDim, boolean linearProjection, int groups, double eps, int downsamplePadding,
        int classWidth, boolean flipSinToCos, double freqShift, int numViews, AttentionRule rule,
        List<CameraEmbedding.Encoding> cameraEmbedding) {
    /** Key of {@code config.json}: a list with any of spherical, extrinsic and plucker. */
    public static final String CAMERA_EMBEDDING = "camera_embedding";
    private static final Set<String> IGNORED = Set.of("decay", "min_decay", "optimization_step", "update_after_step", "use_ema_warmup", "inv_gamma", "power",
            "upcast_attention", "addition_embed_type_num_heads", "addition_channels");
    /** Keys that only one value is supported for. */
    private static final Map<String, String> FIXED = fixed();

    public UNetConfig {
        blockOutChannels = List.copyOf(blockOutChannels);
        crossAttentionLevels = List.copyOf(crossAttentionLevels);
        heads = List.copyOf(heads);
        cameraEmbedding = List.copyOf(cameraEmbedding);
        int levels = blockOutChannels.size();
        if (levels < 1 || crossAttentionLevels.size() != levels || heads.size() != levels) {
            throw new EngineException("UNet: block_out_channels " + blockOutChannels + ", block types and attention_head_dim " + heads + " differ in length");
        }
        if (inChannels < 1 || outChannels < 1 || layersPerBlock < 1 || crossAttentionDim < 1 || numViews < 1 || groups < 1 || classWidth < 0) {
            throw new EngineException("UNet: in_channels " + inChannels + ", out_channels " + outChannels + ", layers_per_block " + layersPerBlock
                    + ", cross_attention_dim " + crossAttentionDim + ", num_views " + numViews + ", norm_num_groups " + groups + " must be positive");
        }
        for (int i = 0; i < levels; i++) {
            int c = blockOutChannels.get(i);
            if (c < 1 || c % groups != 0 || heads.get(i) < 1 || c % heads.get(i) != 0) {
                throw new EngineException("UNet: level " + i + " has " + c + " channels, which norm_num_groups " + groups + " and attention_head_dim "
                        + heads.get(i) + " (a number of heads) must divide");
            }
        }
        if (blockOutChannels.getFirst() % 2 != 0) {
            throw new EngineException("UNet: block_out_channels[0] is " + blockOutChannels.getFirst() + "; the timestep embedding needs an even width");
        }
    }

    /** Width of the time embedding. */
    public int embeddingWidth() {
        return 4 * blockOutChannels.getFirst();
    }

    /** Numbers that the network reads of one camera; 0 if it is not told its cameras. */
    public int cameraNumbers() {
        return cameraEmbedding.stream().mapToInt(CameraEmbedding.Encoding::numbers).sum();
    }

    private static List<CameraEmbedding.Encoding> cameras(ConfigKeys r) {
        List<CameraEmbedding.Encoding> out = new ArrayList<>();
        List<String> words = r.words(CAMERA_EMBEDDING, List.of());
        for (CameraEmbedding.Encoding e : CameraEmbedding.Encoding.values()) {
            if (words.contains(e.word())) {
                out.add(e);
            }
        }
        if (out.size() != words.size()) {
            throw r.refuse(CAMERA_EMBEDDING, words, "a list with any of spherical, extrinsic and plucker, each once");
        }
        return out;
    }

    /** The same network with another attention rule. */
    public UNetConfig withRule(AttentionRule other) {
        return new UNetConfig(sampleSize, inChannels, outChannels, blockOutChannels, crossAttentionLevels, layersPerBlock, heads, crossAttentionDim,
                linearProjection, groups, eps, downsamplePadding, classWidth, flipSinToCos, freqShift, numViews, other, cameraEmbedding);
    }

    /** Arguments of an adapting load that become keys of the configuration, with their values where none is given. */
    private static Map<String, Object> adaptationDefaults() {
        Map<String, Object> all = new TreeMap<>();
        all.put("in_channels", 8);
        all.put("out_channels", 4);
        all.put("num_views", 1);
        all.put("cd_attention_last", false);
        all.put("cd_attention_mid", false);
        all.put("multiview_attention", true);
        all.put("sparse_mv_attention", false);
        all.put("selfattn_block", "custom");
        all.put("addition_downsample", false);
        return all;
    }

    /**
     * The keys of the {@code config.json} that an adapting load makes of its source's (§1.2): the blocks get their multi-view
     * names, the arguments replace the values of their keys, everything else stays, and what is missing has its default.
     * {@link #of} checks the result.
     *
     * @param source keys of the source, stock or multi-view
     * @param arguments {@code unet_from_pretrained_kwargs} of the training configuration; {@code sample_size} is needed, the others
     *     have defaults. {@code unclip}, {@code init_mvattn_with_selfattn} and {@code zero_init_conv_in} leave no key.
     * @throws EngineException for an argument that is unknown or missing, or a block without a multi-view form
     */
    public static Map<String, Object> adapted(Map<String, ?> source, Map<String, ?> arguments, String label) {
        Map<String, Object> out = new TreeMap<>(source);
        out.put("_class_name", "UNetMV2DConditionModel");
        out.put("addition_channels", source.get("addition_channels") == null ? List.of(1280, 1280, 1280) : source.get("addition_channels"));
        for (String key : List.of("down_block_types", "up_block_types")) {
            if (source.get(key) instanceof List<?> blocks) {
                out.put(key, blocks.stream().map(b -> multiView(label, key, b)).toList());
            } else if (source.get(key) != null) {
                throw new EngineException(label + ": " + key + " is " + source.get(key) + ", expected a list of block names");
            }
        }
        if (source.get("mid_block_type") != null) {
            out.put("mid_block_type", multiView(label, "mid_block_type", source.get("mid_block_type")));
        }
        out.putAll(adaptationDefaults());
        if (!arguments.containsKey("sample_size")) {
            throw new EngineException(label + ": the adapting load needs the argument sample_size (side of the latents)");
        }
        arguments.forEach((key, value) -> {
            if (key.equals("sample_size") || adaptationDefaults().containsKey(key)) {
                out.put(key, value);
            } else if (!key.equals("unclip") && !key.equals("init_mvattn_with_selfattn") && !key.equals("zero_init_conv_in")) {
                throw new EngineException(label + ": the adapting load has no argument '" + key + "'; it has sample_size, "
                        + String.join(", ", adaptationDefaults().keySet()));
            }
        });
        return out;
    }

    private static String multiView(String label, String key, Object block) {
        return switch (String.valueOf(block)) {
            case "CrossAttnDownBlock2D", "CrossAttnDownBlockMV2D" -> "CrossAttnDownBlockMV2D";
            case "CrossAttnUpBlock2D", "CrossAttnUpBlockMV2D" -> "CrossAttnUpBlockMV2D";
            case "UNetMidBlock2DCrossAttn", "UNetMidBlockMV2DCrossAttn" -> "UNetMidBlockMV2DCrossAttn";
            case "DownBlock2D" -> "DownBlock2D";
            case "UpBlock2D" -> "UpBlock2D";
            default -> throw new EngineException(label + ": " + key + " has the block " + block + ", which has no multi-view form");
        };
    }

    private static Map<String, String> fixed() {
        Map<String, String> all = new TreeMap<>();
        for (String absent : List.of("num_attention_heads", "num_class_embeds", "time_embedding_dim", "time_embedding_act_fn", "timestep_post_act",
                "time_cond_proj_dim", "encoder_hid_dim", "encoder_hid_dim_type", "addition_embed_type", "addition_time_embed_dim", "cross_attention_norm",
                "mid_block_only_cross_attention", "reverse_transformer_layers_per_block")) {
            all.put(absent, "null");
        }
        for (String off : List.of("center_input_sample", "dual_cross_attention", "only_cross_attention", "class_embeddings_concat", "resnet_skip_time_act",
                "cd_attention_last", "cd_attention_mid", "addition_downsample")) {
            all.put(off, "false");
        }
        all.put("mid_block_type", "UNetMidBlockMV2DCrossAttn");
        all.put("act_fn", "silu");
        all.put("resnet_time_scale_shift", "default");
        all.put("time_embedding_type", "positional");
        all.put("selfattn_block", "custom");
        all.put("attention_type", "default");
        all.put("dropout", "0.0");
        all.put("mid_block_scale_factor", "1.0");
        all.put("resnet_out_scale_factor", "1.0");
        all.put("transformer_layers_per_block", "1.0");
        all.put("conv_in_kernel", "3.0");
        all.put("conv_out_kernel", "3.0");
        return all;
    }

    /**
     * Reads {@code config.json}. Missing keys have the defaults of the class in the original; a value that asks for something
     * not built, and an unknown key, are refused by name.
     *
     * @param json the parsed object: numbers, strings, booleans, lists and nulls
     * @param source label for messages
     */
    public static UNetConfig of(Map<String, ?> json, String source) {
        ConfigKeys r = new ConfigKeys(json, source, IGNORED);
        List<String> down = r.words("down_block_types", List.of("CrossAttnDownBlockMV2D", "CrossAttnDownBlockMV2D", "CrossAttnDownBlockMV2D", "DownBlock2D"));
        List<String> up = r.words("up_block_types", List.of("UpBlock2D", "CrossAttnUpBlockMV2D", "CrossAttnUpBlockMV2D", "CrossAttnUpBlockMV2D"));
        List<Integer> channels = r.integers("block_out_channels", List.of(320, 640, 1280, 1280), 0);
        List<Boolean> attention = new ArrayList<>();
        for (int i = 0; i < down.size(); i++) {
            boolean crossing = r.oneOf("down_block_types", down.get(i), "CrossAttnDownBlockMV2D", "DownBlock2D");
            String mirrored = i < up.size() ? up.get(up.size() - 1 - i) : "nothing";
            if (r.oneOf("up_block_types", mirrored, "CrossAttnUpBlockMV2D", "UpBlock2D") != crossing || up.size() != down.size()) {
                throw r.refuse("up_block_types", up, "the mirror image of down_block_types " + down);
            }
            attention.add(crossing);
        }
        String classes = r.text("class_embed_type", "null");
        int classWidth = switch (classes) {
            case "null" -> 0;
            case "projection" -> r.integer("projection_class_embeddings_input_dim", 0);
            default -> throw r.refuse("class_embed_type", classes, "'projection' or null");
        };
        if (classes.equals("projection") && classWidth < 1) {
            throw r.refuse("projection_class_embeddings_input_dim", json.get("projection_class_embeddings_input_dim"), "the width of the class labels");
        }
        boolean multiview = r.truth("multiview_attention", true);
        boolean sparse = r.truth("sparse_mv_attention", false);
        UNetConfig config = new UNetConfig(r.integer("sample_size", 0), r.integer("in_channels", 4), r.integer("out_channels", 4), channels, attention,
                r.integer("layers_per_block", 2), r.integers("attention_head_dim", List.of(8), channels.size()), r.integer("cross_attention_dim", 1280),
                r.truth("use_linear_projection", false), r.integer("norm_num_groups", 32), r.number("norm_eps", 1e-5), r.integer("downsample_padding", 1),
                classWidth, r.truth("flip_sin_to_cos", true), r.number("freq_shift", 0), r.integer("num_views", 1),
                !multiview ? AttentionRule.PLAIN : sparse ? AttentionRule.SPARSE : AttentionRule.DENSE, cameras(r));
        FIXED.forEach(r::only);
        r.finish();
        return config;
    }
}
