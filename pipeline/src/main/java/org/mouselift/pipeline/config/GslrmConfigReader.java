package org.mouselift.pipeline.config;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.mouselift.pipeline.config.ConfigValue.Mapping;
import org.mouselift.pipeline.config.GslrmConfig.Augmentation;
import org.mouselift.pipeline.config.GslrmConfig.Background;
import org.mouselift.pipeline.config.GslrmConfig.RayEncoding;

/** Reads a {@link GslrmConfig} from YAML: every problem and every warning of a file in one go. */
public final class GslrmConfigReader {
    private static final int ANY = Integer.MAX_VALUE;
    private static final double MUCH = Double.MAX_VALUE;
    private static final Set<Object> OFF = Set.of(false, 0L, 0.0);
    private static final List<String> STAGE_ONE = List.of("unet_from_pretrained_kwargs", "n_views", "train_dataset", "pretrained_model_name_or_path");

    /** A configuration and what a careful reader would say about it. */
    public record Loaded(GslrmConfig config, List<String> warnings) {
        public Loaded {
            warnings = List.copyOf(warnings);
        }
    }

    private GslrmConfigReader() {}

    /** Reads a file and applies the overrides in order. */
    public static Loaded read(Path file, List<ConfigOverride> overrides) throws IOException {
        return read(file.toString(), YamlReader.read(file), overrides);
    }

    /** Reads a parsed file; {@code name} stands in messages. */
    public static Loaded read(String name, Mapping yaml, List<ConfigOverride> overrides) throws ConfigException {
        if (!yaml.entries().containsKey("model") && !yaml.entries().containsKey("training")) {
            for (String telltale : STAGE_ONE) {
                if (yaml.entries().containsKey(telltale)) {
                    throw new StageOneConfigException(name, telltale);
                }
            }
        }
        Mapping changed = ConfigOverride.apply(yaml, overrides);
        List<String> problems = new ArrayList<>();
        List<String> warnings = new ArrayList<>();
        ConfigSection root = new ConfigSection(changed, "", problems, warnings);
        GslrmConfig config = config(root);
        root.reportUnknownKeys();
        if (!problems.isEmpty()) {
            throw new ConfigException(name, problems);
        }
        GslrmConfigLinter.check(config, root);
        return new Loaded(config, warnings);
    }

    private static GslrmConfig config(ConfigSection root) {
        root.unread("profile", OFF, "no code reads it");
        root.unread("debug", OFF, "no code reads it");
        ConfigSection training = root.section("training");
        boolean mouse = root.section("mouse").truth("use_mouse_dataset", false);
        GslrmConfig.Model model = model(root.section("model"));
        return new GslrmConfig(model, runtime(training.section("runtime")), freeze(training.section("freeze_layers"), model.layers()),
                dataset(training.section("dataset"), mouse), loader(training.section("dataloader")), losses(training.section("losses")),
                optimizer(training.section("optimizer")), schedule(training.section("schedule")), checkpointing(training.section("checkpointing")),
                logging(training.section("logging")), mouse(root.section("mouse"), mouse), validation(root.section("validation")),
                new GslrmConfig.Inference(root.section("inference").truth("enabled", false), root.section("inference").file("output_dir")),
                new GslrmConfig.Evaluation(root.truth("evaluation", false), root.file("evaluation_out_dir")),
                training.integer("crop_size", 1, 16_384));
    }

    private static GslrmConfig.Model model(ConfigSection model) {
        String network = model.text("class_name", "gslrm.model.gslrm.GSLRM");
        if (!network.equals("gslrm.model.gslrm.GSLRM")) {
            model.wrong("class_name", "gslrm.model.gslrm.GSLRM, the only network");
        }
        ConfigSection tokens = model.section("image_tokenizer");
        ConfigSection transformer = model.section("transformer");
        ConfigSection gaussians = model.section("gaussians");
        if (gaussians.section("upsampler").integer("upsample_factor", 1, 1, ANY) != 1) {
            gaussians.section("upsampler").wrong("upsample_factor", "1: no upsampler exists");
        }
        int patch = tokens.integer("patch_size", 8, 1, 256);
        int size = tokens.integer("image_size", 512, 1, 16_384);
        if (size % patch != 0) {
            tokens.wrong("image_size", "a multiple of patch_size " + patch);
        }
        int width = transformer.integer("d", 1024, 1, 65_536);
        int headWidth = transformer.integer("d_head", 64, 1, 65_536);
        if (width % headWidth != 0) {
            transformer.wrong("d_head", "a divisor of d " + width);
        }
        boolean custom = model.truth("use_custom_plucker", true);
        boolean augmented = model.truth("use_aug_plucker", false);
        RayEncoding rays = custom ? RayEncoding.CUSTOM_PLUCKER : augmented ? RayEncoding.AUGMENTED_PLUCKER : RayEncoding.PLUCKER;
        int channels = rays == RayEncoding.AUGMENTED_PLUCKER ? 12 : 9;
        if (tokens.integer("in_channels", channels, 1, 64) != channels) {
            tokens.wrong("in_channels", channels + ", 3 colours and the ray channels of " + rays);
        }
        return new GslrmConfig.Model(size, patch, channels, width, headWidth, transformer.integer("n_layer", 24, 1, 1024),
                gaussians.integer("n_gaussians", 2, 0, 1 << 20), gaussians.integer("sh_degree", 0, 0, 3),
                model.truth("add_refsrc_marker", false), model.truth("hard_pixelalign", true), rays,
                model.number("depth_preact_bias", 0, -MUCH, MUCH), model.number("depth_min", -1, -1, MUCH), model.number("depth_max", -1, -1, MUCH),
                model.truth("depth_reference_origin", false), model.truth("clip_xyz", true), model.truth("clip_xyz_active", false),
                gaussians.number("scaling_modifier", Double.NaN, 0, MUCH), model.number("half_bbx_size", Double.NaN, 0, MUCH));
    }

    private static GslrmConfig.Runtime runtime(ConfigSection runtime) {
        runtime.truth("use_tf32", false);
        runtime.unread("torch_compile", OFF, "no code reads it");
        boolean half = runtime.truth("use_amp", false);
        String type = runtime.choice("amp_dtype", "bf16", "bf16", "fp16");
        return new GslrmConfig.Runtime(half ? type : "off", runtime.integer("grad_accum_steps", 1, 1, 1 << 20),
                runtime.number("grad_clip_norm", 1, 0, MUCH), runtime.number("allowed_gradnorm_factor", 20, 0, MUCH),
                runtime.integer("grad_checkpoint_every", 1, 0, ANY));
    }

    private static GslrmConfig.Freeze freeze(ConfigSection freeze, int layers) {
        return new GslrmConfig.Freeze(freeze.truth("enabled", false), freeze.integer("freeze_transformer_until", Math.min(20, layers), 0, layers),
                freeze.truth("freeze_patch_embedder", true), freeze.truth("freeze_positional_embeddings", false));
    }

    private static GslrmConfig.Dataset dataset(ConfigSection dataset, boolean mouse) {
        dataset.unread("normalize_distance_to", OFF,
                "no code reads it, cameras keep their distance; mouse.target_camera_distance is the setting that works");
        int views = dataset.integer("num_views", mouse ? 6 : 8, 1, 4096);
        int inputs = dataset.integer("num_input_views", mouse ? 1 : 4, 1, 4096);
        if (inputs > views) {
            dataset.wrong("num_input_views", "at most num_views " + views);
        }
        return new GslrmConfig.Dataset(dataset.file("dataset_path"), views, inputs, dataset.truth("target_has_input", true),
                dataset.truth("maximize_view_overlap", false), dataset.truth("random_input_views", false), dataset.truth("remove_alpha", false),
                background(dataset), dataset.words("expect_preprocessing"), dataset.truth("allow_frozen_intrinsics", false));
    }

    private static Background background(ConfigSection dataset) {
        return switch (dataset.any("background_color")) {
            case null -> new Background(Background.Kind.CONSTANT, 1);
            case Number grey when grey.doubleValue() >= 0 && grey.doubleValue() <= 1 -> new Background(Background.Kind.CONSTANT, grey.doubleValue());
            case String name when name.equals("white") -> new Background(Background.Kind.CONSTANT, 1);
            case String name when name.equals("black") -> new Background(Background.Kind.CONSTANT, 0);
            case String name when name.equals("gray") || name.equals("grey") -> new Background(Background.Kind.CONSTANT, 0.5);
            case String name when name.equals("random") -> new Background(Background.Kind.RANDOM, Double.NaN);
            case String name when name.equals("three_choices") -> new Background(Background.Kind.THREE_CHOICES, Double.NaN);
            default -> {
                dataset.wrong("background_color", "white, black, gray, random, three_choices or a number from 0 to 1");
                yield new Background(Background.Kind.CONSTANT, 1);
            }
        };
    }

    private static GslrmConfig.Loader loader(ConfigSection loader) {
        loader.unread("num_threads");
        return new GslrmConfig.Loader(loader.integer("batch_size_per_gpu", 1, 1, 1 << 16), loader.integer("num_workers", 0, 0, 1 << 16),
                loader.integer("prefetch_factor", 2, 1, 1 << 16));
    }

    private static GslrmConfig.Losses losses(ConfigSection losses) {
        losses.unread("distill_loss_weight", OFF, "no code reads it");
        return new GslrmConfig.Losses(losses.number("l2_loss_weight", 1, 0, MUCH), losses.number("lpips_loss_weight", 0, 0, MUCH),
                losses.number("perceptual_loss_weight", 0, 0, MUCH), losses.number("ssim_loss_weight", 0, 0, MUCH),
                losses.number("pixelalign_loss_weight", 0, 0, MUCH), losses.number("pointsdist_loss_weight", 0, 0, MUCH),
                losses.number("background_loss_weight", 0, 0, MUCH), losses.number("depth_loss_weight", 0, 0, MUCH),
                losses.truth("masked_l2_loss", false), losses.truth("masked_ssim_loss", false),
                losses.truth("masked_pixelalign_loss", false), losses.truth("warmup_pointsdist", false),
                losses.integer("warmup_pointsdist_steps", 1000, 0, ANY), losses.truth("clamp_rendering", true),
                losses.number("mask_iou_threshold", 0.1, 0, 1), losses.numbers("background_color_target", new double[] {1, 1, 1}, 0, 1));
    }

    private static GslrmConfig.Optimizer optimizer(ConfigSection optimizer) {
        GslrmConfig.Optimizer.Kind kind = optimizer.choice("name", "adamw", "adamw", "muon").equals("muon") ? GslrmConfig.Optimizer.Kind.MUON
                : GslrmConfig.Optimizer.Kind.ADAMW;
        return new GslrmConfig.Optimizer(kind, optimizer.number("lr", 1e-4, 0, MUCH), optimizer.number("beta1", 0.9, 0, 1),
                optimizer.number("beta2", 0.95, 0, 1), optimizer.number("weight_decay", 0.05, 0, MUCH), optimizer.number("muon_factor", 1, 1e-6, MUCH),
                optimizer.truth("reset_lr", false),
                optimizer.truth("reset_weight_decay", false), optimizer.truth("reset_training_state", false));
    }

    private static GslrmConfig.Schedule schedule(ConfigSection schedule) {
        return new GslrmConfig.Schedule(schedule.integer("num_epochs", 100_000, 1, ANY), schedule.integer("early_stop_after_epochs", 1, ANY),
                schedule.integer("early_stop_after", 1, ANY), schedule.integer("max_fwdbwd_passes", 20_000, 1, ANY),
                schedule.integer("warmup", 500, 0, ANY), schedule.integer("l2_warmup_steps", 0, 0, ANY));
    }

    private static GslrmConfig.Checkpointing checkpointing(ConfigSection checkpointing) {
        return new GslrmConfig.Checkpointing(checkpointing.file("checkpoint_dir").orElse(Path.of("checkpoints", "gslrm")),
                checkpointing.integer("checkpoint_every", 500, 1, ANY), checkpointing.file("resume_ckpt"),
                checkpointing.truth("force_resume_ckpt", false), checkpointing.integer("checkpoints_total_limit", 1, ANY));
    }

    private static GslrmConfig.Logging logging(ConfigSection logging) {
        ConfigSection tracker = logging.section("wandb");
        tracker.truth("offline", true);
        return new GslrmConfig.Logging(logging.integer("print_every", 20, 1, ANY), logging.integer("vis_every", 250, 1, ANY),
                tracker.integer("log_every", 50, 1, ANY), tracker.text("project", ""), tracker.text("group", ""), tracker.text("job_type", ""),
                tracker.text("exp_name", ""));
    }

    private static GslrmConfig.Mouse mouse(ConfigSection mouse, boolean used) {
        // Read by no code; the camera block even repeats what dataset and rig say.
        mouse.section("camera").integer("num_views", 6, 1, 4096);
        mouse.section("camera").number("camera_distance", 2.7, 0, MUCH);
        for (String key : List.of("use_face_detection", "auto_crop", "background_removal")) {
            mouse.section("preprocessing").truth(key, false);
        }
        ConfigSection augmentation = mouse.section("augmentation");
        augmentation.unread("hflip", OFF, "no code reads it; the key is horizontal_flip");
        double[] one = {1, 1};
        return new GslrmConfig.Mouse(used, mouse.truth("normalize_cameras", true), mouse.truth("normalize_to_z_up", true),
                mouse.number("target_camera_distance", 2.7, -MUCH, MUCH), mouse.truth("auto_generate_mask", true),
                mouse.integer("mask_threshold", 250, 0, 255),
                new Augmentation(augmentation.truth("enabled", false), augmentation.truth("horizontal_flip", false),
                        augmentation.number("rotation_range", 0, 0, 180), augmentation.numbers("brightness_range", one, 0, 100),
                        augmentation.numbers("contrast_range", one, 0, 100), PictureDegradationKeys.read(augmentation, true)));
    }

    private static GslrmConfig.Validation validation(ConfigSection validation) {
        return new GslrmConfig.Validation(validation.truth("enabled", false), validation.file("dataset_path"), validation.file("output_dir"),
                validation.integer("val_every", 500, 1, ANY), validation.words("lpips").stream().map(Path::of).toList());
    }
}
