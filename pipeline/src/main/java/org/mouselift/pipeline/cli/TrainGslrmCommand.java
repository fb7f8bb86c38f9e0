package org.mouselift.pipeline.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.mouselift.data.AtomicFile;
import org.mouselift.data.checkpoint.ArtefactStatus;
import org.mouselift.data.checkpoint.Checkpoint;
import org.mouselift.data.checkpoint.CheckpointException;
import org.mouselift.data.checkpoint.NumberedCheckpoint;
import org.mouselift.data.checkpoint.Provenance;
import org.mouselift.data.checkpoint.TensorNamesException;
import org.mouselift.data.dataset.DatasetLineage;
import org.mouselift.data.dataset.SampleList;
import org.mouselift.data.pickle.PickleException;
import org.mouselift.data.safetensors.SafetensorsException;
import org.mouselift.data.torch.TorchFileException;
import org.mouselift.engine.DType;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.models.gslrm.GsLrm;
import org.mouselift.models.gslrm.GsLrmConfig;
import org.mouselift.models.losses.ReconstructionLoss;
import org.mouselift.pipeline.checkpoint.CheckpointRegistry;
import org.mouselift.pipeline.checkpoint.RunFolder;
import org.mouselift.pipeline.config.ConfigOverride;
import org.mouselift.pipeline.config.GslrmConfig;
import org.mouselift.pipeline.config.GslrmConfigReader;
import org.mouselift.pipeline.config.YamlReader;
import org.mouselift.pipeline.config.YamlText;
import org.mouselift.pipeline.evaluate.LpipsNetwork;
import org.mouselift.pipeline.evaluate.PerceptualNetwork;
import org.mouselift.pipeline.log.MetricCurves;
import org.mouselift.pipeline.log.MetricsLog;
import org.mouselift.pipeline.reconstruct.GsLrmWeights;
import org.mouselift.pipeline.reconstruct.RigProvenance;
import org.mouselift.pipeline.train.GsLrmTrainer;
import org.mouselift.pipeline.train.GslrmSetup;
import org.mouselift.pipeline.train.OriginalResume;
import org.mouselift.pipeline.train.OverfitVerdict;
import org.mouselift.pipeline.train.RunRecorder;
import org.mouselift.pipeline.train.SceneBatch;
import org.mouselift.pipeline.train.SceneSource;
import org.mouselift.pipeline.train.TrainingCheckpoint;
import org.mouselift.pipeline.train.TrainingRun;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code mouselift train gslrm}: training of stage 2. */
@Command(
        name = "gslrm",
        mixinStandardHelpOptions = true,
        description = "Train GS-LRM on folders of posed pictures (sample/opencv_cameras.json, sample/images/*.png).",
        sortOptions = false,
        footer = {"",
            "A run that was interrupted, even killed, continues bit for bit when the same command is given again.",
            "Ctrl-C ends the run after the current pass, with a checkpoint.", "",
            "Examples:",
            "  mouselift train gslrm --config mouse.yaml",
            "  mouselift train gslrm --config mouse.yaml --set training.optimizer.lr 1e-4",
            "  mouselift train gslrm --config mouse.yaml --overfit 4      the gate before a long run",
            "  mouselift train gslrm --config mouse.yaml --load weights/gslrm-mouse-128/model.safetensors"})
final class TrainGslrmCommand implements Callable<Integer> {
    private static final String WEIGHTS = "weights";
    /** Key of the provenance: the state of the original checkpoint that the run goes on from. */
    private static final String CONTINUED = "continued";
    private static final int OVERFIT_EVERY = 100;
    private static final int VALIDATION_SCENES = 32;

    @Option(names = {"-c", "--config"}, required = true, paramLabel = "FILE", description = "Training configuration in the original's YAML layout.")
    private Path config;

    @Option(names = "--load", paramLabel = "PATH", description = "Start from these weights (safetensors, a .pt of the original, or a checkpoint of ours) unless the "
            + "checkpoint folder already has a run. Of a .pt with optimizer state the training goes on, unless training.optimizer.reset_training_state is true.")
    @PathRole(PathRole.Kind.NAMED_BY_COMMAND)
    private Path load;

    @Option(names = "--resume-anyway", description = "Continue the run of the checkpoint folder although it was trained on another list of samples.")
    private boolean resumeAnyway;

    @Option(names = {"-s", "--set"}, arity = "2", paramLabel = "KEY VALUE", hideParamSyntax = true,
            description = "Change a value of the configuration (KEY VALUE, dotted key); repeatable.")
    private List<String> overrides = new ArrayList<>();

    @Option(names = "--overfit", defaultValue = "0", paramLabel = "N", description = "Learn the first N samples by heart, judge, and write "
            + OverfitVerdict.FILE_NAME + "; exit code 1 if the gate is not passed.")
    private int overfit;

    @Option(names = "--targets-per-pass", defaultValue = "0", paramLabel = "N",
            description = "Supervise N random target views a pass instead of all (default: all).")
    private int targets;

    @Option(names = "--seed", defaultValue = "777", paramLabel = "N", description = "Seed of weights, data order and draws (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(names = "--lpips", split = ",", paramLabel = "FILE", description = "Network of LPIPS, for training.losses.lpips_loss_weight and to measure val/lpips (safetensors or "
            + "PyTorch): VGG16 as torchvision has it, and the learned factors of the LPIPS package (weights/v0.1/vgg.pth).")
    private List<Path> lpips = new ArrayList<>();

    @Option(names = "--vgg19", paramLabel = "FILE", description = "Network of training.losses.perceptual_loss_weight: imagenet-vgg-verydeep-19.mat, the same as conv1.weight ... "
            + "(safetensors or PyTorch), or a checkpoint of the original (default: the checkpoint the run starts from, if it holds one; else the environment variable VGG19_WEIGHTS_PATH).")
    private Path vgg19;

    @Option(names = "--per-camera-distance", description = "Move each camera to mouse.target_camera_distance on its own, as the original does; "
            + "the default scales the rig, which keeps its geometry.")
    private boolean perCamera;

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
        PrintWriter err = spec.commandLine().getErr();
        GslrmConfigReader.Loaded loaded = GslrmConfigReader.read(config, ConfigOverride.pairs(overrides));
        loaded.warnings().forEach(w -> parent.mouselift.note("warning: " + w));
        GslrmConfig c = loaded.config();
        Networks networks = networks(c);
        Path trainList = c.dataset().datasetPath().orElseThrow(() -> CommandException.badInput(config + ": training.dataset.dataset_path is missing",
                "Name the list file with one sample folder a line: --set training.dataset.dataset_path data/data_train.txt"));
        PathCheck.configured(config, "training.dataset.dataset_path", trainList);
        if (overfit == 0 && c.validation().enabled() && c.validation().datasetPath().isPresent()) {
            PathCheck.configured(config, "validation.dataset_path", c.validation().datasetPath().get());
        }
        SceneSource train = GslrmSetup.scenes(c, trainList, overfit == 0, perCamera);
        DatasetLineage.lines(SampleList.read(trainList).samples()).forEach(parent.mouselift::note);
        SceneSource validation = null;
        if (overfit > 0) {
            if (overfit > train.size()) {
                throw CommandException.usage("--overfit " + overfit + ": the list has " + train.size() + " samples", "Choose a smaller number.");
            }
            train = train.first(overfit);
            validation = train;
        } else if (c.validation().enabled()) {
            Path list = c.validation().datasetPath().orElseThrow(() -> CommandException.badInput(
                    config + ": validation.enabled is true, but validation.dataset_path is missing", "Name a list, or --set validation.enabled false"));
            validation = GslrmSetup.scenes(c, list, false, perCamera);
        }
        Path folder = overfit > 0 ? c.checkpointing().checkpointDir().resolve("overfit_" + overfit) : c.checkpointing().checkpointDir();
        RunFolder.requireUsable(folder, RunFolder.Stage.GSLRM);
        requireSameData(folder, trainList);
        Optional<Path> begin = startFile(c, folder);
        Optional<OriginalResume> original = original(c, begin, folder);
        if (original.isPresent() && TrainingCheckpoint.newest(folder).isEmpty()) {
            TrainingRun.requireWork(original.get().passes(), c.schedule().maxPasses());
        }
        GsLrmConfig network = GslrmSetup.network(c);
        try (RunFolder run = RunFolder.claim(folder, RunFolder.Stage.GSLRM); GsLrm model = model(network, begin, folder)) {
            for (Path place : List.of(folder, folder.resolve("pictures"), folder.resolve(WEIGHTS))) {
                AtomicFile.deleteAbandoned(place).forEach(file -> parent.mouselift.note("deleted " + file + ", which a killed process left unfinished"));
            }
            GslrmSetup.freeze(c).apply(model);
            RigProvenance rig = GslrmSetup.rig(train, c.dataset().numInputViews(), seed);
            return train(c, model, networks, train, validation, folder, trainList, rig, original, err);
        }
    }

    /**
     * Files of the VGG networks that losses and validation compare pictures with.
     *
     * @param lpips empty for none
     * @param vgg19 null for none
     */
    private record Networks(List<Path> lpips, Path vgg19) {}

    /** Finds the networks that the configuration asks for; what is missing is said before anything is read. */
    private Networks networks(GslrmConfig c) throws IOException {
        boolean validates = overfit > 0 || c.validation().enabled();
        Path start = load != null ? load : c.checkpointing().resumeCheckpoint().orElse(Path.of(""));
        List<Path> files = !lpips.isEmpty() ? lpips : validates ? c.validation().lpips() : List.of();
        if (c.losses().lpips() > 0 && files.isEmpty()) {
            if (!LpipsNetwork.isIn(start)) {
                throw CommandException.badInput(config + ": training.losses.lpips_loss_weight is " + c.losses().lpips() + ", which needs VGG16 and the learned factors of LPIPS",
                        "Name the files with --lpips vgg16.pth,vgg.pth (torchvision's VGG16 and weights/v0.1/vgg.pth of the LPIPS package), or --set"
                                + " training.losses.lpips_loss_weight 0.");
            }
            files = List.of(start);
        }
        if (!lpips.isEmpty() && c.losses().lpips() == 0 && !validates) {
            throw CommandException.usage("--lpips has no effect: training.losses.lpips_loss_weight is 0 and there is no validation", "Set the weight, enable the validation, or leave"
                    + " --lpips out.");
        }
        if (c.losses().perceptual() == 0) {
            if (vgg19 != null) {
                throw CommandException.usage("--vgg19 has no effect: training.losses.perceptual_loss_weight is 0", "Set the weight, or leave --vgg19 out.");
            }
            return new Networks(files, null);
        }
        String variable = System.getenv(PerceptualNetwork.VARIABLE);
        Path found = vgg19 != null ? vgg19 : PerceptualNetwork.isIn(start) ? start : variable != null && !variable.isBlank() ? Path.of(variable) : null;
        if (found == null) {
            throw CommandException.badInput(config + ": training.losses.perceptual_loss_weight is " + c.losses().perceptual() + ", which needs the weights of VGG19",
                    "Name a file with --vgg19 (imagenet-vgg-verydeep-19.mat of MatConvNet, or a checkpoint of the original, which holds them) or in " + PerceptualNetwork.VARIABLE
                            + ", or --set training.losses.perceptual_loss_weight 0.");
        }
        return new Networks(files, found);
    }

    private int train(GslrmConfig c, GsLrm model, Networks networks, SceneSource train, SceneSource validation, Path folder, Path trainList, RigProvenance rig,
            Optional<OriginalResume> original, PrintWriter err) throws IOException {
        SceneBatch.ViewRule views = GslrmSetup.views(c, targets);
        if (overfit == 0) {
            gate(folder);
        }
        int batch = Math.min(c.loader().batchSize(), train.size());
        long total = GslrmSetup.passes(c, Math.max(1, train.size() / batch));
        long done = TrainingCheckpoint.newest(folder).map(f -> f.counters().fwdbwdStep()).orElse(0L);
        ObjectNode known = JsonNodeFactory.instance.objectNode();
        rig.into(known);
        original.ifPresent(o -> known.set(CONTINUED, o.json()));
        Provenance origin = Origin.with(Origin.started(Origin.of(spec, "gslrm"), folder, start(c)), "data", Optional.of(trainList));
        OriginalResume.Plan begin = original.map(o -> o.plan(new OriginalResume.Resets(c.optimizer().resetLr(), c.optimizer().resetWeightDecay(),
                c.optimizer().resetTrainingState()), GslrmSetup.schedule(c), c.optimizer().weightDecay()))
                .orElse(new OriginalResume.Plan(0, 0, 0, GslrmSetup.schedule(c)::rate, c.optimizer().weightDecay(), false));
        String configuration = YamlText.of(ConfigOverride.apply(YamlReader.read(config), ConfigOverride.pairs(overrides)));
        var plan = new GsLrmTrainer.Plan(folder, seed, batch, c.runtime().gradAccumSteps(), total, views,
                overfit > 0 ? 0 : c.checkpointing().checkpointEvery(), c.checkpointing().totalLimit().orElse(0), overfit > 0 ? OVERFIT_EVERY : c.logging().visEvery(),
                overfit > 0 ? OVERFIT_EVERY : validation == null ? 0 : c.validation().every(), overfit > 0 ? overfit : VALIDATION_SCENES, configuration,
                origin.with(known).json(folder).toString());
        try (LpipsNetwork network = networks.lpips.isEmpty() ? null : LpipsNetwork.open(networks.lpips);
                PerceptualNetwork perceptual = networks.vgg19 == null ? null : PerceptualNetwork.open(networks.vgg19);
                RunRecorder recorder = new RunRecorder(folder, done, c.logging().logEvery(), c.logging().printEvery(),
                        parent.mouselift.progress("train", total - done, "passes"), err);
                GsLrmTrainer trainer = new GsLrmTrainer(model, new ReconstructionLoss(GslrmSetup.loss(c), network == null ? null : network.lpips(),
                        perceptual == null ? null : perceptual.distance()), GslrmSetup.optimiser(c, model, begin.weightDecay()), begin.rates(), GslrmSetup.rules(c), train, validation,
                        network, plan, recorder)) {
            if (!trainer.resume() && original.isPresent()) {
                trainer.begin(original.get(), begin);
            }
            Path weights = folder.resolve(WEIGHTS);
            if (trainer.passes() == total && !exported(folder, total)) {
                recorder.note("the run was ended between its last checkpoint and its weights: only these are written");
            } else {
                TrainCommand.run(trainer);
            }
            MetricCurves.write(MetricsLog.read(folder.resolve(MetricsLog.FILE_NAME)), folder);
            GsLrmWeights.save(weights, model, configuration, DType.F16, Origin.with(origin, "checkpoint",
                    Optional.of(folder.resolve(TrainingCheckpoint.fileName(trainer.passes())))).with(provenance(trainer.passes(), trainList, rig, recorder.lastValidation()))
                            .json(weights));
            recorder.note("weights " + weights);
            if (overfit == 0) {
                return ExitCode.OK;
            }
            Map<String, Double> v = recorder.lastValidation();
            OverfitVerdict verdict = OverfitVerdict.of(overfit, trainer.passes(), v.getOrDefault("val/psnr", Double.NaN),
                    v.getOrDefault("val/foreground_psnr", Double.NaN), trainList);
            Path file = verdict.write(folder.getParent());
            recorder.note((verdict.passed() ? "overfit gate passed: " : "overfit gate NOT passed: ") + file);
            return verdict.passed() ? ExitCode.OK : ExitCode.CHECK_FAILED;
        }
    }

    /** Refuses to go on with a run on other data (mouse specification §8.1, K-07, K-13). */
    private void requireSameData(Path folder, Path list) throws IOException {
        Optional<TrainingCheckpoint.Found> newest = TrainingCheckpoint.newest(folder);
        if (newest.isEmpty() || resumeAnyway) {
            return;
        }
        String name = "configuration stored in " + newest.get().file();
        Optional<Path> data = GslrmConfigReader.read(name, YamlReader.parse(name, TrainingCheckpoint.readConfiguration(newest.get().file())), List.of()).config().dataset().datasetPath();
        if (data.isPresent() && !data.get().toAbsolutePath().normalize().equals(list.toAbsolutePath().normalize())) {
            throw CommandException.badInput(folder + " holds a run on " + data.get() + ", the configuration names " + list,
                    "Choose another training.checkpointing.checkpoint_dir, or continue on the other data with --resume-anyway.");
        }
    }

    /** True if the files that a finished run leaves are those of this many passes. */
    private boolean exported(Path folder, long passes) throws IOException {
        boolean weights = GsLrmWeights.readProvenance(folder.resolve(WEIGHTS)).path("passes").asLong(-1) == passes;
        return weights && (overfit == 0 || OverfitVerdict.read(folder.getParent()).map(v -> v.scenes() == overfit && v.passes() == passes).orElse(false));
    }

    private ObjectNode provenance(long passes, Path list, RigProvenance rig, Map<String, Double> validation) {
        ObjectNode node = JsonNodeFactory.instance.objectNode().put("trained_by", "mouselift train gslrm").put("passes", passes).put("seed", seed)
                .put("data", list.toString()).put("targets_per_pass", targets).put("overfit", overfit);
        rig.into(node);
        validation.forEach(node::put);
        return node;
    }

    private void gate(Path folder) throws IOException {
        Optional<OverfitVerdict> verdict = OverfitVerdict.read(folder);
        if (verdict.isEmpty() || !verdict.get().passed()) {
            parent.mouselift.note("warning: " + (verdict.isEmpty() ? "no overfit verdict in " + folder : "the overfit gate was not passed in " + folder)
                    + "; run with --overfit 4 first: it finds broken data and cameras in minutes");
        }
    }

    /** The weights to start from, if any are named. */
    private Optional<Path> start(GslrmConfig c) {
        return load != null ? Optional.of(load) : c.checkpointing().resumeCheckpoint().filter(p -> !p.toString().isEmpty());
    }

    /**
     * The training state that the run began with: of a run that continues what its checkpoint says, else what comes with the weights
     * to start from, if they are a checkpoint of the original and the configuration does not reset it.
     */
    private Optional<OriginalResume> original(GslrmConfig c, Optional<Path> begin, Path folder) throws IOException {
        Optional<TrainingCheckpoint.Found> newest = TrainingCheckpoint.newest(folder);
        if (newest.isPresent()) {
            Optional<JsonNode> continued = Origin.stored(newest.get().file()).keys().optional(CONTINUED);
            return continued.map(OriginalResume::of);
        }
        if (begin.isEmpty() || overfit > 0 || c.optimizer().resetTrainingState()) {
            return Optional.empty();
        }
        try {
            return OriginalResume.read(begin.get());
        } catch (SafetensorsException | TorchFileException | PickleException | CheckpointException e) {
            throw CommandException.badInput("MFL-E202: Checkpoint " + begin.get() + " is incomplete or damaged: " + e.getMessage(), "Copy it again, or start from another one.");
        }
    }

    /**
     * The file of the weights to start from; empty for random ones, or where the run of the folder continues. Of a folder the newest
     * checkpoint by number that can be read, else its weights.
     */
    private Optional<Path> startFile(GslrmConfig c, Path folder) throws IOException {
        Optional<TrainingCheckpoint.Found> newest = TrainingCheckpoint.newest(folder);
        if (newest.isPresent()) {
            if (load != null) {
                parent.mouselift.note("--load is not used: " + folder + " already has a run, which continues from " + newest.get().file().getFileName());
            }
            return Optional.empty();
        }
        Path source = start(c).orElse(null);
        if (source == null) {
            return Optional.empty();
        }
        if (!Files.exists(source)) {
            throw CommandException.badInput("MFL-E207: the weights to start from do not exist: " + source + "; " + CheckpointRegistry.near(source),
                    "Correct --load or training.checkpointing.resume_ckpt; set it to \"\" to start from random weights on purpose.");
        }
        if (!Files.isDirectory(source)) {
            return Optional.of(source);
        }
        for (NumberedCheckpoint numbered : NumberedCheckpoint.list(source)) {
            if (numbered.kind() != NumberedCheckpoint.Kind.FOLDER) {
                try (Checkpoint readable = Checkpoint.open(numbered.path())) {
                    parent.mouselift.note(source + ": the newest readable checkpoint by number is " + readable.path().getFileName() + " (step " + numbered.step() + ")");
                    return Optional.of(numbered.path());
                } catch (IOException e) {
                    parent.mouselift.note("passed over: " + e.getMessage());
                }
            }
        }
        return Optional.of(Checkpoint.weightsIn(source).orElseThrow(() -> CommandException.badInput("MFL-E207: " + source + " has no readable ckpt_*.pt or ckpt_*.safetensors and no"
                + " model.safetensors", "Name a file, or a folder that holds one of these.")));
    }

    private GsLrm model(GsLrmConfig network, Optional<Path> begin, Path folder) throws IOException {
        if (begin.isEmpty()) {
            return GsLrm.initialised(network, DType.F32, seed);
        }
        Path file = begin.get();
        ArtefactStatus.requireUsable(file);
        try (Scope s = Scope.open("load"); Checkpoint stored = Checkpoint.open(file)) {
            parent.mouselift.note("starting from the weights of " + file);
            if (stored.metadata().containsKey("counters")) {
                return GsLrm.load(network, DType.F32, TrainingCheckpoint.readModel(file), file.toString());
            }
            return GsLrm.load(network, DType.F32, GsLrmWeights.state(stored), file.toString());
        } catch (TensorNamesException e) {
            throw CommandException.badInput("MFL-E203: " + e.getMessage(), "Strict loading is mandatory.");
        } catch (SafetensorsException | TorchFileException | PickleException | CheckpointException e) {
            throw CommandException.badInput("MFL-E202: Checkpoint " + file + " is incomplete or damaged: " + e.getMessage(), "Copy it again, or start from another one.");
        } catch (EngineException e) {
            throw CommandException.badInput("MFL-E203: " + e.getMessage(), "Strict loading is mandatory: set the configuration that the weights were trained with.");
        }
    }
}
