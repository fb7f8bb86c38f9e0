package org.mouselift.pipeline.config;

import java.io.IOException;
import java.nio.file.Path;
import java.security.SecureRandom;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.IntStream;
import org.mouselift.data.dataset.DiffusionViews;
import org.mouselift.data.dataset.PictureDegradation;
import org.mouselift.models.unet.CameraEmbedding;
import org.mouselift.pipeline.config.ConfigValue.Mapping;
import org.mouselift.pipeline.config.ConfigValue.Scalar;
import org.mouselift.pipeline.config.ConfigValue.Sequence;

/** Reads a {@link DiffusionConfig} from YAML: every problem and every warning of a file in one go. */
public final class DiffusionConfigReader {
    private static final int ANY = Integer.MAX_VALUE;
    private static final double MUCH = Double.MAX_VALUE;
    private static final double[] UNCHANGED = {1, 1};
    /** Where the original looks for prompt embeddings when the configuration does not say. */
    private static final Path ORIGINAL_PROMPTS = Path.of("mvdiffusion", "data", "fixed_prompt_embeds_6view", "clr_embeds.pt");
    private static final Pattern REFERENCE = Pattern.compile("\\$\\{([A-Za-z_][\\w.]*)}");
    private static final Pattern CHECKPOINT = Pattern.compile("checkpoint-\\d{1,18}");
    private static final List<String> TRACKING = List.of("report_to", "tracker_project_name", "wandb_exp_name", "wandb_group", "wandb_job_type", "wandb_run_id",
            "logging_dir", "vis_dir", "local_rank", "revision", "allow_tf32", "dataloader_num_workers", "validation_grid_nrow", "prediction_type",
            "enable_xformers_memory_efficient_attention");

    /**
     * A configuration and what a careful reader would say about it.
     *
     * @param seedDrawn the file says {@code seed: null}: the seed was drawn now
     */
    public record Loaded(DiffusionConfig config, List<String> warnings, boolean seedDrawn) {
        public Loaded {
            warnings = List.copyOf(warnings);
        }
    }

    private DiffusionConfigReader() {}

    /** Reads a file and applies the overrides in order. */
    public static Loaded read(Path file, List<ConfigOverride> overrides) throws IOException {
        return read(file.toString(), YamlReader.read(file), overrides);
    }

    /** Reads a parsed file; {@code name} stands in messages. */
    public static Loaded read(String name, Mapping yaml, List<ConfigOverride> overrides) throws ConfigException {
        Mapping changed = ConfigOverride.apply(yaml, overrides);
        List<String> problems = new ArrayList<>();
        List<String> warnings = new ArrayList<>();
        ConfigSection root = new ConfigSection((Mapping) resolved(changed, changed, problems), "", problems, warnings);
        DiffusionConfig config = config(root);
        root.reportUnknownKeys();
        if (!problems.isEmpty()) {
            throw new ConfigException(name, problems);
        }
        return new Loaded(config, warnings, root.isNull("seed"));
    }

    /** Replaces <code>${key}</code> by the value of a top-level key. */
    private static ConfigValue resolved(ConfigValue value, Mapping root, List<String> problems) {
        return switch (value) {
            case Mapping m -> {
                Map<String, ConfigValue> out = new LinkedHashMap<>();
                m.entries().forEach((k, v) -> out.put(k, resolved(v, root, problems)));
                yield new Mapping(out, m.where());
            }
            case Sequence s -> new Sequence(s.values().stream().map(v -> resolved(v, root, problems)).toList(), s.where());
            case Scalar s -> {
                Matcher m = s.text() == null ? null : REFERENCE.matcher(s.text());
                if (m == null || !m.matches()) {
                    yield s;
                }
                if (!(root.entries().get(m.group(1)) instanceof Scalar target) || target.text() != null && REFERENCE.matcher(target.text()).matches()) {
                    problems.add(s.where() + ": " + s.text() + " refers to no top-level value");
                    yield s;
                }
                yield new Scalar(target.value(), target.text(), s.where());
            }
        };
    }

    private static DiffusionConfig config(ConfigSection root) {
        TRACKING.forEach(root::unread);
        root.unread("use_8bit_adam", Set.of(false), "moments are kept in float32");
        String precision = root.choice("mixed_precision", "no", "no", "fp16", "bf16");
        if (!precision.equals("no")) {
            root.warn("mixed_precision", "this version computes in float32");
        }
        root.choice("dataset_type", "mouse", "mouse", "original");
        int views = root.integer("n_views", 6, 1, 64);
        int size = root.integer("img_wh", 512, 1, 8192);
        ConfigSection pipe = root.section("pipe_kwargs");
        if (pipe.integer("num_views", views, 1, 64) != views) {
            pipe.wrong("num_views", "n_views " + views + " (MFL-E112)");
        }
        int batch = root.integer("train_batch_size", 4, 1, ANY);
        int accumulation = root.integer("gradient_accumulation_steps", 1, 1, ANY);
        Map<String, Object> architecture = root.plain("unet_config");
        DiffusionConfig.Source source = source(root, views, architecture.isEmpty());
        root.integer("validation_batch_size", 1, 1, ANY);
        double rate = root.number("learning_rate", 1e-4, 0, MUCH) * (root.truth("scale_lr", false) ? (double) accumulation * batch : 1);
        return new DiffusionConfig(views, size, references(root, views), source, architecture, data(root.section("train_dataset"), views, true),
                root.has("validation_dataset") ? Optional.of(data(root.section("validation_dataset"), views, false)) : Optional.empty(), output(root), export(root.section("export")),
                root.integer("seed", root.isNull("seed") ? new SecureRandom().nextInt(ANY) : 42, 0, ANY), batch, accumulation, root.integer("max_train_steps", 20_000, 1, ANY), root.truth("gradient_checkpointing", false),
                optimizer(root, rate), root.truth("use_ema", true), conditions(root), validation(root), root.words("trainable_modules"));
    }

    private static List<Integer> references(ConfigSection root, int views) {
        List<Object> all = root.values("reference_view_idx", List.of(0L));
        if (all.equals(List.of("random"))) {
            return IntStream.range(0, views).boxed().toList();
        }
        if (all.isEmpty() || !all.stream().allMatch(v -> v instanceof Long r && r >= 0 && r < views)) {
            root.wrong("reference_view_idx", "random, a view from 0 to " + (views - 1) + ", or a list of such views");
            return List.of(0);
        }
        return all.stream().map(v -> ((Long) v).intValue()).toList();
    }

    private static DiffusionConfig.Source source(ConfigSection root, int views, boolean stored) {
        boolean pixels = root.choice("latent_space", "vae", "vae", "pixels").equals("pixels");
        Optional<Path> pipeline = root.file("pretrained_model_name_or_path");
        Optional<Path> unet = root.file("pretrained_unet_path");
        Optional<Path> autoencoder = root.file("autoencoder_path");
        Optional<Path> prompts = root.file("prompt_embed_path");
        int learned = root.integer("learned_prompt_tokens", 0, 0, 77);
        if (prompts.isPresent() && learned > 0) {
            root.wrong("prompt_embed_path", "either a file with prompt embeddings or learned_prompt_tokens, not both");
        }
        if (prompts.isEmpty() && learned == 0) {
            prompts = Optional.of(ORIGINAL_PROMPTS);
        }
        if (stored && pipeline.isEmpty() && unet.isEmpty()) {
            root.wrong("pretrained_model_name_or_path", "a pipeline folder, or unet_config for a network from random start values");
        }
        if (!pixels && pipeline.isEmpty() && autoencoder.isEmpty()) {
            root.wrong("autoencoder_path", "a folder with an autoencoder, or latent_space: pixels");
        }
        ConfigSection kwargs = root.section("unet_from_pretrained_kwargs");
        for (String name : List.of("unclip", "init_mvattn_with_selfattn", "in_channels", "out_channels")) {
            kwargs.unread(name);
        }
        Map<String, Object> overrides = new LinkedHashMap<>();
        overrides.put("num_views", kwargs.integer("num_views", views, 1, 64));
        kwargs.integer("sample_size", 1, ANY).ifPresent(s -> overrides.put("sample_size", s));
        overrides.put("multiview_attention", kwargs.truth("multiview_attention", true));
        overrides.put("sparse_mv_attention", kwargs.truth("sparse_mv_attention", true));
        for (String off : List.of("cd_attention_last", "cd_attention_mid", "addition_downsample")) {
            if (kwargs.truth(off, false)) {
                kwargs.wrong(off, "false: this part of the network is not built");
            }
        }
        kwargs.choice("selfattn_block", "custom", "custom");
        if (!overrides.get("num_views").equals(views)) {
            kwargs.wrong("num_views", "n_views " + views + " (MFL-E111)");
        }
        return new DiffusionConfig.Source(pipeline, unet, autoencoder, pixels, prompts, learned, kwargs.truth("zero_init_conv_in", true),
                kwargs.truth("zero_init_conv_in_always", false), overrides, root.plain("scheduler_config"), cameraEmbedding(root));
    }

    /** {@code camera_embedding}: a list, or words with commas between them, as the command line has them. */
    private static List<String> cameraEmbedding(ConfigSection root) {
        List<String> words = root.has("camera_embedding") ? root.values("camera_embedding", List.of()).stream().flatMap(v -> Arrays.stream(String.valueOf(v).split(",\\s*"))).toList() : List.of();
        List<String> known = Arrays.stream(CameraEmbedding.Encoding.values()).map(CameraEmbedding.Encoding::word).toList();
        if (!known.containsAll(words) || Set.copyOf(words).size() != words.size()) {
            root.wrong("camera_embedding", "any of " + String.join(", ", known) + ", each once");
        }
        return words;
    }

    private static DiffusionConfig.Data data(ConfigSection data, int views, boolean training) {
        Map<Path, Double> lists = lists(data);
        boolean augment = data.truth("augmentation", false);
        double[] brightness = data.numbers("aug_brightness", new double[] {0.9, 1.1}, 0, MUCH);
        double[] contrast = data.numbers("aug_contrast", new double[] {0.9, 1.1}, 0, MUCH);
        PictureDegradation degradation = PictureDegradationKeys.read(data, false);
        if (!training && degradation.changes()) {
            data.wrong("path", "pictures as they are: validation has none of gain_range, blur_range, noise_range, jpeg_range and mask_shift");
        }
        if (!augment && degradation.changes()) {
            data.warn("augmentation", "is off: gain_range, blur_range, noise_range, jpeg_range and mask_shift change nothing");
        }
        return new DiffusionConfig.Data(lists, data.text("bg_color", training ? "three_choices" : "white"), augment ? brightness : UNCHANGED,
                augment ? contrast : UNCHANGED, data.truth("augment_background", false), mirror(data, views, training),
                augment ? degradation : PictureDegradation.NONE, data.words("expect_preprocessing"));
    }

    /** {@code path}, or our {@code mix}: list files with the shares of their samples. */
    private static Map<Path, Double> lists(ConfigSection data) {
        Optional<Path> list = data.file("path");
        Map<Path, Double> lists = new LinkedHashMap<>();
        data.plain("mix").forEach((file, share) -> {
            if (share instanceof Number n && n.doubleValue() > 0) {
                lists.put(Path.of(file), n.doubleValue());
            } else {
                data.wrong("mix", "list files with their shares, each more than 0: {synthetic.txt: 0.7, real.txt: 0.3}; " + file + " has " + share);
            }
        });
        if (list.isPresent() != lists.isEmpty() || lists.size() == 1) {
            data.wrong(list.isPresent() || lists.isEmpty() ? "path" : "mix", "a list file with one sample folder a line, or instead two lists or more with their shares in mix");
        }
        list.ifPresent(file -> lists.put(file, 1.0));
        return lists.isEmpty() ? Map.of(Path.of(""), 1.0) : lists;
    }

    /** {@code aug_hflip}: the original reads a truth and ignores it; a list says how the views of a mirrored object are ordered. */
    private static List<Integer> mirror(ConfigSection data, int views, boolean training) {
        List<Object> said = data.values("aug_hflip", List.of(false));
        if (said.equals(List.of(false))) {
            return List.of();
        }
        if (said.equals(List.of(true))) {
            data.warn("aug_hflip", "a mirrored object has its views in another order, and the original ignores the key, too; to mirror, list for each view the one whose"
                    + " picture it shows mirrored: [0, 5, 4, 3, 2, 1] for human6");
            return List.of();
        }
        List<Integer> order = said.stream().map(v -> v instanceof Long l && l >= 0 && l < views ? l.intValue() : -1).toList();
        if (!DiffusionViews.Options.pairs(order, views)) {
            data.wrong("aug_hflip", "false, or for each of the " + views + " views the one whose picture it shows mirrored: [0, 5, 4, 3, 2, 1] for human6");
            return List.of();
        }
        if (!training) {
            data.wrong("aug_hflip", "false: validation measures the pictures as they are");
            return List.of();
        }
        return order;
    }

    private static DiffusionConfig.Output output(ConfigSection root) {
        Path folder = root.file("output_dir").orElse(Path.of("experiments", "train", "mvdiffusion"));
        Path model = root.file("checkpoint_prefix").map(p -> p.resolve(folder)).orElse(folder);
        String resume = root.text("resume_from_checkpoint", "");
        // The original takes the last name of a path.
        resume = resume.substring(resume.replaceAll("/+$", "").lastIndexOf('/') + 1).replace("/", "");
        if (!resume.isEmpty() && !resume.equals(DiffusionConfig.Output.LATEST) && !CHECKPOINT.matcher(resume).matches()) {
            root.wrong("resume_from_checkpoint", "latest, null, or a checkpoint by its name, such as checkpoint-2000");
        }
        return new DiffusionConfig.Output(model, root.file("val_out_dir").orElse(model.resolve("val")), root.integer("checkpointing_steps", 1000, 1, ANY),
                root.integer("checkpoints_total_limit", 0, 0, ANY), resume);
    }

    private static DiffusionConfig.Export export(ConfigSection export) {
        boolean half = export.choice("dtype", "float32", "float32", "float16").equals("float16");
        ConfigSection said = export.section("sampling");
        Map<String, Number> sampling = new LinkedHashMap<>();
        if (said.has("steps")) {
            sampling.put("steps", said.integer("steps", 50, 1, 1000));
        }
        if (said.has("guidance")) {
            sampling.put("guidance", said.number("guidance", 3, 0, MUCH));
        }
        if (said.has("eta")) {
            sampling.put("eta", said.number("eta", 1, 0, 1));
        }
        return new DiffusionConfig.Export(half, sampling);
    }

    private static DiffusionConfig.Optimizer optimizer(ConfigSection root, double rate) {
        String schedule = root.choice("lr_scheduler", "constant", "constant", "constant_with_warmup", "linear", "cosine", "cosine_with_restarts", "polynomial",
                "piecewise_constant");
        long warmup = root.integer("lr_warmup_steps", 0, 0, ANY);
        if (warmup > 0 && (schedule.equals("constant") || schedule.equals("piecewise_constant"))) {
            root.warn("lr_warmup_steps", "lr_scheduler " + schedule + " has no warm-up");
        }
        return new DiffusionConfig.Optimizer(root.choice("optimizer", "adamw", "adamw", "muon").equals("muon"), root.number("muon_factor", 1, 1e-6, MUCH), rate, schedule, root.text("step_rules", "1"), warmup, root.number("adam_beta1", 0.9, 0, 1),
                root.number("adam_beta2", 0.999, 0, 1), root.number("adam_weight_decay", 1e-2, 0, MUCH), root.number("adam_epsilon", 1e-8, 0, MUCH),
                root.number("max_grad_norm", 0, 0, MUCH), root.number("camera_embedding_lr_mult", 1, 0, MUCH));
    }

    private static DiffusionConfig.Conditions conditions(ConfigSection root) {
        double gamma = root.number("snr_gamma", 0, 0, MUCH);
        boolean guided = root.truth("use_classifier_free_guidance", true);
        double rate = root.number("condition_drop_rate", 0.05, 0, 1.0 / 3);
        return new DiffusionConfig.Conditions(gamma > 0 ? OptionalDouble.of(gamma) : OptionalDouble.empty(),
                root.choice("min_snr_mode", "fork", "fork", "paper").equals("paper"), guided ? rate : 0,
                root.choice("drop_type", "drop_as_a_whole", "drop_as_a_whole", "drop_independent").equals("drop_independent"),
                root.truth("scale_input_latents", true));
    }

    private static DiffusionConfig.Validation validation(ConfigSection root) {
        ConfigSection sampling = root.section("pipe_validation_kwargs");
        List<Double> scales = new ArrayList<>();
        for (Object scale : root.values("validation_guidance_scales", List.of(1.0, 3.0))) {
            if (scale instanceof Number n) {
                scales.add(n.doubleValue());
            } else {
                root.wrong("validation_guidance_scales", "numbers");
            }
        }
        return new DiffusionConfig.Validation(root.integer("validation_steps", 1000, 0, ANY), root.truth("validation_sanity_check", false),
                root.integer("validation_max_objects", 4, 1, ANY), scales, sampling.integer("num_inference_steps", 20, 1, 1000), sampling.number("eta", 1, 0, 1));
    }
}
