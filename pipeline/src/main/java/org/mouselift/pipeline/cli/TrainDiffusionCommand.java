package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.concurrent.Callable;
import org.mouselift.data.AtomicFile;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.checkpoint.Provenance;
import org.mouselift.data.dataset.DatasetLineage;
import org.mouselift.data.dataset.DiffusionViews;
import org.mouselift.models.diffusion.DiffusionObjective;
import org.mouselift.models.diffusion.DiffusionSampler;
import org.mouselift.models.diffusion.ExponentialMovingAverage;
import org.mouselift.models.diffusion.NoiseSchedule;
import org.mouselift.models.optim.Optimizer;
import org.mouselift.pipeline.checkpoint.RunFolder;
import org.mouselift.pipeline.config.ConfigOverride;
import org.mouselift.pipeline.config.DiffusionConfig;
import org.mouselift.pipeline.config.DiffusionConfigReader;
import org.mouselift.pipeline.config.YamlReader;
import org.mouselift.pipeline.config.YamlText;
import org.mouselift.pipeline.log.MetricCurves;
import org.mouselift.pipeline.log.MetricsLog;
import org.mouselift.pipeline.evaluate.LpipsNetwork;
import org.mouselift.pipeline.multiview.ExpectedSubject;
import org.mouselift.pipeline.multiview.ImageConditions;
import org.mouselift.pipeline.multiview.LatentSpace;
import org.mouselift.pipeline.prompts.ViewDirections;
import org.mouselift.pipeline.train.RunRecorder;
import org.mouselift.pipeline.train.TrainingCheckpoint;
import org.mouselift.pipeline.train.TrainingRun;
import org.mouselift.pipeline.train.diffusion.DiffusionCheckpoint;
import org.mouselift.pipeline.train.diffusion.DiffusionExport;
import org.mouselift.pipeline.train.diffusion.DiffusionModel;
import org.mouselift.pipeline.train.diffusion.DiffusionSetup;
import org.mouselift.pipeline.train.diffusion.DiffusionTrainer;
import org.mouselift.pipeline.train.diffusion.DiffusionValidation;
import org.mouselift.pipeline.train.diffusion.EncodedViews;
import org.mouselift.pipeline.train.diffusion.TrainingPrompts;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code mouselift train diffusion}: training of stage 1. */
@Command(
        name = "diffusion",
        mixinStandardHelpOptions = true,
        description = "Train the multi-view diffusion on folders of views (sample/images/cam_000.png, cam_001.png, …).",
        sortOptions = false,
        footer = {"",
            "A run that was interrupted, even killed, continues bit for bit when the same command is given again",
            "with resume_from_checkpoint: latest. Ctrl-C ends the run after the current pass, with a checkpoint.", "",
            "Examples:",
            "  mouselift train diffusion --config mouse_mvdiffusion.yaml",
            "  mouselift train diffusion --config small.yaml --set max_train_steps 2000 --set learning_rate 2e-4",
            "  mouselift train diffusion --config small.yaml --overfit 1      the gate before a long run"})
final class TrainDiffusionCommand implements Callable<Integer> {
    private static final double GATE = 10;
    private static final int LOG_EVERY = 10;

    @Option(names = {"-c", "--config"}, required = true, paramLabel = "FILE", description = "Training configuration in the original's YAML layout.")
    private Path config;

    @Option(names = {"-s", "--set"}, arity = "2", paramLabel = "KEY VALUE", hideParamSyntax = true,
            description = "Change a value of the configuration (KEY VALUE, dotted key); repeatable.")
    private List<String> overrides = new ArrayList<>();

    @Option(names = "--overfit", defaultValue = "0", paramLabel = "N", description = "Learn the first N samples by heart, on white and unchanged; exit code 1 "
            + "unless the loss at fixed noises falls by a factor of ten.")
    private int overfit;

    @Option(names = "--allow", paramLabel = "CODE", description = "Go on although this check of the prompts fails (see mouselift prompts check).")
    private List<String> allowed = new ArrayList<>();

    @Option(names = "--lpips", split = ",", paramLabel = "FILE", description = "Validations measure LPIPS, too, with these files (safetensors or PyTorch): VGG16 as "
            + "torchvision has it, and the learned factors of the LPIPS package (weights/v0.1/vgg.pth).")
    private List<Path> lpips = new ArrayList<>();

    @Option(names = "--print-every", defaultValue = "50", paramLabel = "N", description = "Passes between lines on the terminal (default: ${DEFAULT-VALUE}).")
    private int printEvery;

    @Mixin
    private DeviceArgument device;

    @ParentCommand
    private TrainCommand parent;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        return device.train(parent.mouselift, this::compute);
    }

    private Integer compute() throws IOException {
        SamplingArguments.requireAllowable(allowed, SamplingArguments.allowable());
        DiffusionConfigReader.Loaded loaded = DiffusionConfigReader.read(config, ConfigOverride.pairs(overrides));
        loaded.warnings().forEach(w -> parent.mouselift.note("warning: " + w));
        DiffusionConfig given = loaded.config();
        Path folder = overfit > 0 ? given.output().model().resolve("overfit_" + overfit) : given.output().model();
        RunFolder.requireUsable(folder, RunFolder.Stage.MVDIFFUSION);
        Optional<TrainingCheckpoint.Found> newest = TrainingCheckpoint.newest(folder);
        if (overfit == 0) {
            requireContinuable(given.output(), newest);
        }
        // A seed that was drawn belongs to the run.
        DiffusionConfig c = loaded.seedDrawn() ? given.withSeed(newest.map(f -> f.counters().seed()).orElse(given.seed())) : given;
        if (loaded.seedDrawn()) {
            parent.mouselift.note("seed: null; this run has the seed " + c.seed());
        }
        for (Path list : c.train().lists().keySet()) {
            PathCheck.configured(config, c.train().lists().size() == 1 ? "train_dataset.path" : "train_dataset.mix", list);
        }
        if (overfit == 0 && c.validation().isPresent()) {
            for (Path list : c.validation().get().lists().keySet()) {
                PathCheck.configured(config, c.validation().get().lists().size() == 1 ? "validation_dataset.path" : "validation_dataset.mix", list);
            }
        }
        if (c.source().autoencoder().isPresent()) {
            PathCheck.configured(config, "autoencoder_path", c.source().autoencoder().get());
        }
        if (c.source().pipeline().isPresent()) {
            PathCheck.configured(config, "pretrained_model_name_or_path", c.source().pipeline().get());
        }
        DiffusionViews pictures = DiffusionSetup.data(c, c.train(), overfit > 0);
        if (overfit > pictures.size()) {
            throw CommandException.usage("--overfit " + overfit + ": the list has " + pictures.size() + " samples", "Choose a smaller number.");
        }
        pictures = overfit > 0 ? pictures.first(overfit) : pictures;
        DatasetLineage.lines(java.util.stream.IntStream.range(0, pictures.size()).mapToObj(pictures::sample).toList()).forEach(parent.mouselift::note);
        DiffusionViews validation = overfit > 0 ? pictures : c.validation().isPresent() ? DiffusionSetup.data(c, c.validation().get(), false) : null;
        NoiseSchedule schedule = DiffusionSetup.schedule(c);
        ViewDirections directions = DiffusionSetup.directions(pictures);
        if (!directions.mirrors(pictures.options().mirror())) {
            throw CommandException.badInput("aug_hflip is " + pictures.options().mirror() + ", but by the cameras of " + c.train().list()
                    + " those views are not mirror images of each other", "List for each view the one that stands opposite in the mirror, or set aug_hflip to false.");
        }
        TrainingPrompts prompts = DiffusionSetup.prompts(c, directions, Set.copyOf(allowed), parent.mouselift::note);
        Optional<CameraRig> cameras = DiffusionSetup.cameras(c, pictures);
        if (validation != null) {
            DiffusionSetup.cameras(c, validation);
        }
        try (RunFolder run = RunFolder.claim(folder, RunFolder.Stage.MVDIFFUSION); LpipsNetwork network = lpips.isEmpty() ? null : LpipsNetwork.open(lpips); LatentSpace space = DiffusionSetup.space(c);
                DiffusionModel model = DiffusionSetup.model(c, prompts, cameras); ImageConditions conditions = DiffusionSetup.conditions(c, model.unet().config())) {
            AtomicFile.deleteAbandoned(folder).forEach(file -> parent.mouselift.note("deleted " + file + ", which a killed process left unfinished"));
            return train(c, folder, schedule, space, model, conditions, pictures, validation, network);
        }
    }

    /** Fails unless what the folder holds and {@code resume_from_checkpoint} belong together. */
    private static void requireContinuable(DiffusionConfig.Output output, Optional<TrainingCheckpoint.Found> newest) throws IOException {
        Path folder = output.model();
        if (newest.isPresent() && !output.mayContinue()) {
            throw CommandException.badInput(folder + " already holds a run, and resume_from_checkpoint is not latest",
                    "Continue it with --set resume_from_checkpoint latest, or choose another output_dir.");
        }
        if (!output.mayContinue() || output.resume().equals(DiffusionConfig.Output.LATEST)) {
            return;
        }
        String there = newest.map(f -> "the newest state is " + f.file().getFileName() + " of checkpoint-" + f.counters().updateStep())
                .orElse("it holds no state to continue from (ckpt_....safetensors)");
        if (newest.isEmpty() || !output.resume().equals("checkpoint-" + newest.get().counters().updateStep())) {
            List<String> found = DiffusionCheckpoint.list(folder).stream().map(f -> f.getFileName().toString()).toList();
            throw CommandException.badInput("MFL-E206: Requested resume point " + output.resume() + (found.contains(output.resume()) ? " has weights only: in " + folder
                    : " not found in " + folder + "; found " + (found.isEmpty() ? "none" : String.join(", ", found)) + ";") + " " + there + ". Starting from scratch is not assumed.",
                    "A run continues from its newest state: set it to latest, or move newer states away. To begin a new run with the weights of a checkpoint, name its folder as"
                            + " pretrained_unet_path.");
        }
    }

    private int train(DiffusionConfig c, Path folder, NoiseSchedule schedule, LatentSpace space, DiffusionModel model, ImageConditions conditions,
            DiffusionViews pictures, DiffusionViews held, LpipsNetwork network) throws IOException {
        PrintWriter err = spec.commandLine().getErr();
        List<ConfigOverride> settled = new ArrayList<>(ConfigOverride.pairs(overrides));
        settled.add(new ConfigOverride("seed", Long.toString(c.seed())));
        String configuration = YamlText.of(ConfigOverride.apply(YamlReader.read(config), settled));
        Files.writeString(folder.resolve("config.yaml"), configuration);
        DiffusionObjective objective = DiffusionSetup.objective(c, schedule);
        int batch = Math.min(c.batch(), pictures.size());
        long passes = DiffusionTrainer.windows(pictures.size(), batch, c.accumulation()).passes(c.updates());
        List<Integer> references = overfit > 0 ? List.of(c.references().getFirst()) : c.references();
        Provenance provenance = provenance(c, folder);
        provenance = DiffusionSetup.subject(pictures, references).map(ExpectedSubject::keys).map(provenance::with).orElse(provenance);
        var course = new TrainingRun.Course(folder, c.seed(), c.accumulation(), passes, c.output().checkpointEvery(), c.output().keep(), c.validating().every(),
                configuration, provenance.json(folder).toString());
        var plan = new DiffusionTrainer.Plan(course, batch, references, c.conditions().scaleReference(),
                c.validating().first() || overfit > 0);
        EncodedViews train = new EncodedViews(pictures, space, conditions);
        DiffusionValidation validation = held == null ? null : new DiffusionValidation(new EncodedViews(held, space, conditions), space, conditions, objective,
                new DiffusionValidation.Plan(c.validating().objects(), references.getFirst(), c.validating().guidance(),
                        new DiffusionSampler(schedule, DiffusionSampler.Kind.DDIM, c.validating().eta(), c.validating().steps()), c.conditions().scaleReference(), c.seed(),
                        overfit > 0 ? folder.resolve("val") : c.output().validation()), network);
        long done = TrainingCheckpoint.newest(folder).map(f -> f.counters().fwdbwdStep()).orElse(0L);
        Optimizer optimiser = DiffusionSetup.optimiser(c, model);
        ExponentialMovingAverage average = c.ema() ? new ExponentialMovingAverage(optimiser.parameters(), ExponentialMovingAverage.Options.STANDARD) : null;
        try (RunRecorder recorder = new RunRecorder(folder, done, LOG_EVERY, printEvery, parent.mouselift.progress("train", passes - done, "passes"), err);
                DiffusionTrainer trainer = new DiffusionTrainer(model, objective, space, conditions, train, validation, optimiser, DiffusionSetup.rate(c),
                        DiffusionSetup.rules(c), average, plan, recorder)) {
            recorder.note("loss weight: " + (c.conditions().snrGamma().isPresent() ? objective.weighting().name().toLowerCase(java.util.Locale.ROOT) + ", gamma "
                    + c.conditions().snrGamma().getAsDouble() : "none") + "; " + model.weights().values().stream().mapToLong(t -> t.numel()).sum() + " weights; "
                    + pictures.size() + " samples; views that may be the input: " + references);
            trainer.resume();
            if (trainer.passes() < passes) {
                TrainCommand.run(trainer);
            } else {
                recorder.note("the run had ended; only its results are written");
            }
            MetricCurves.write(MetricsLog.read(folder.resolve(MetricsLog.FILE_NAME)), folder);
            if (trainer.passes() == passes && overfit == 0) {
                recorder.note("pipeline " + DiffusionExport.write(folder.resolve("pipeckpts"), c, model, average,
                        Origin.with(provenance, "checkpoint", Optional.of(folder.resolve(TrainingCheckpoint.fileName(passes))))));
            }
            return overfit == 0 ? ExitCode.OK : verdict(folder, recorder);
        }
    }

    private Provenance provenance(DiffusionConfig c, Path folder) throws IOException {
        Provenance all = Origin.started(Origin.of(spec, "mvdiffusion"), folder, c.unetArchitecture().isEmpty() ? Optional.of(DiffusionSetup.unetFolder(c)) : Optional.empty());
        for (Path list : c.train().lists().keySet()) {
            all = Origin.with(all, "data", Optional.of(list));
        }
        all = Origin.with(all, "prompts", c.source().prompts());
        all = Origin.with(all, "autoencoder", c.source().pixels() ? Optional.empty() : c.source().autoencoder().or(() -> c.source().pipeline().map(p -> p.resolve("vae"))));
        return c.source().pipeline().isPresent() ? all.with(Provenance.Parent.of("pipeline", c.source().pipeline().get())) : all;
    }

    /** The loss at fixed noises after the first update against the last (multi-view diffusion specification, appendix C 12). */
    private int verdict(Path folder, RunRecorder recorder) throws IOException {
        List<Double> losses = MetricsLog.read(folder.resolve(MetricsLog.FILE_NAME)).stream().map(row -> row.values().get("val/loss")).filter(java.util.Objects::nonNull).toList();
        double first = losses.stream().mapToDouble(Double::doubleValue).max().orElse(Double.NaN);
        double last = losses.isEmpty() ? Double.NaN : losses.getLast();
        boolean passed = first >= GATE * last;
        Map<String, Object> verdict = new LinkedHashMap<>();
        verdict.put("passed", passed);
        verdict.put("samples", overfit);
        verdict.put("largest_loss", first);
        verdict.put("last_loss", last);
        verdict.put("required_factor", GATE);
        Files.writeString(folder.resolve("overfit_verdict.json"), Json.write(verdict));
        recorder.note(String.format(java.util.Locale.ROOT, "overfit gate %s: loss at fixed noises %.4f, then %.4f (a factor of %.1f; %.0f is needed)",
                passed ? "passed" : "NOT passed", first, last, first / last, GATE));
        return passed ? ExitCode.OK : ExitCode.CHECK_FAILED;
    }
}
