package org.mouselift.pipeline.config;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.mouselift.models.vae.AutoencoderConfig;

/**
 * Configuration of an autoencoder training, a YAML file of ours: the original ships no training of its autoencoder.
 *
 * @param model architecture
 * @param trainList list file with one sample folder a line
 * @param validationList the same for validation; missing for none
 * @param views pictures of a sample to draw from
 * @param l1 factor of the mean absolute error of pictures in [-1,1]
 * @param l2 factor of the mean squared error
 * @param kl factor of the divergence from the normal distribution, mean over latent elements
 * @param chroma factor of the mean absolute error of the colour differences R-G and G-B, which a plain error leaves for last
 * @param foreground weight of a pixel of the subject, one of the background having 1; other than 1 needs pictures with alpha
 * @param muon Muon for the kernels and matrices between first and last convolution, AdamW for the rest
 * @param muonFactor Muon update relative to an AdamW update at the same learning rate
 * @param decoderOnly leaves the encoder as it is, so that latents and what was trained on them stay valid
 * @param start component folder of an autoencoder of the same architecture to start from; missing for random weights
 * @param batch pictures a pass
 * @param passes length of the run
 * @param warmup passes of linear warm-up; a cosine to zero follows
 */
public record AutoencoderTraining(AutoencoderConfig model, Path trainList, Optional<Path> validationList, int views, double l1, double l2, double kl, double chroma, double foreground,
        int batch, int passes, int warmup, boolean muon, double muonFactor, boolean decoderOnly, Optional<Path> start,
        double rate, double beta1, double beta2, double weightDecay, double clip, Path folder, int checkpointEvery, int keep,
        int printEvery, int logEvery, int validateEvery) {
    private static final int MANY = 1 << 30;

    /** Reads a file; every problem is named by key and line. */
    public static AutoencoderTraining read(Path file, List<ConfigOverride> overrides) throws IOException {
        List<String> problems = new ArrayList<>();
        ConfigSection root = new ConfigSection(ConfigOverride.apply(YamlReader.read(file), overrides), "", problems, new ArrayList<>());
        ConfigSection model = root.section("model");
        ConfigSection data = root.section("data");
        ConfigSection losses = root.section("losses");
        ConfigSection optimizer = root.section("optimizer");
        ConfigSection schedule = root.section("schedule");
        ConfigSection checkpointing = root.section("checkpointing");
        ConfigSection logging = root.section("logging");
        List<Integer> widths = new ArrayList<>();
        for (Object width : model.values("block_out_channels", List.of(32L, 64L, 128L, 128L))) {
            if (width instanceof Long w && w >= 1 && w <= 1 << 16) {
                widths.add(w.intValue());
            } else {
                model.wrong("block_out_channels", "whole numbers from 1 to " + (1 << 16) + ", the finest level first");
            }
        }
        AutoencoderConfig network = new AutoencoderConfig(3, model.integer("latent_channels", 4, 1, 1024), widths,
                model.integer("layers_per_block", 1, 1, 64), model.integer("norm_num_groups", 32, 1, 4096), model.integer("sample_size", 128, 8, 4096), 1);
        Optional<Path> list = data.file("train");
        if (list.isEmpty()) {
            data.wrong("train", "the list file with one sample folder a line");
        }
        AutoencoderTraining config = new AutoencoderTraining(network, list.orElse(Path.of("missing")), data.file("validation"), data.integer("views", 6, 1, 4096),
                losses.number("l1", 1, 0, MANY), losses.number("l2", 0, 0, MANY), losses.number("kl", 1e-6, 0, MANY), losses.number("chroma", 0, 0, MANY), losses.number("foreground", 1, 1e-3, MANY),
                data.integer("batch", 8, 1, 1 << 16),
                schedule.integer("passes", 10_000, 1, MANY), schedule.integer("warmup", 100, 0, MANY),
                optimizer.choice("name", "adamw", "adamw", "muon").equals("muon"), optimizer.number("muon_factor", 1, 1e-6, MANY),
                root.choice("trainable", "all", "all", "decoder").equals("decoder"), root.file("start"), optimizer.number("lr", 1e-4, 0, MANY),
                optimizer.number("beta1", 0.9, 0, 1), optimizer.number("beta2", 0.99, 0, 1), optimizer.number("weight_decay", 0.01, 0, MANY),
                optimizer.number("clip", 1, 1e-9, MANY), checkpointing.file("folder").orElse(Path.of("checkpoints", "autoencoder")),
                checkpointing.integer("every", 500, 1, MANY), checkpointing.integer("keep", 2, 0, MANY), logging.integer("print_every", 20, 1, MANY),
                logging.integer("log_every", 20, 1, MANY), logging.integer("validate_every", 500, 0, MANY));
        if (config.decoderOnly() && config.start().isEmpty()) {
            root.wrong("trainable", "all, or start with the autoencoder whose encoder stays");
        }
        root.reportUnknownKeys();
        if (!problems.isEmpty()) {
            throw new ConfigException(file.toString(), problems);
        }
        return config;
    }
}
