package org.mouselift.pipeline.cli;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.concurrent.Callable;
import java.util.regex.Pattern;
import org.mouselift.data.AtomicFile;
import org.mouselift.data.camera.GeometryMode;
import org.mouselift.data.checkpoint.ArtefactStatus;
import org.mouselift.data.checkpoint.Checkpoint;
import org.mouselift.data.checkpoint.Provenance;
import org.mouselift.data.checkpoint.StoredTensor;
import org.mouselift.data.dataset.AutoMask;
import org.mouselift.data.dataset.BackgroundColor;
import org.mouselift.data.dataset.MouseViewDataset;
import org.mouselift.data.dataset.SampleList;
import org.mouselift.data.dataset.ViewAugmentation;
import org.mouselift.engine.DType;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.models.optim.AdamW;
import org.mouselift.models.optim.GradientRules;
import org.mouselift.models.optim.Muon;
import org.mouselift.models.optim.Optimizer;
import org.mouselift.models.optim.Schedule;
import org.mouselift.models.optim.TrainingStep;
import org.mouselift.models.vae.AutoencoderConfig;
import org.mouselift.models.vae.AutoencoderKL;
import org.mouselift.pipeline.checkpoint.RunFolder;
import org.mouselift.pipeline.config.AutoencoderTraining;
import org.mouselift.pipeline.config.ConfigOverride;
import org.mouselift.pipeline.config.YamlReader;
import org.mouselift.pipeline.config.YamlText;
import org.mouselift.pipeline.log.MetricCurves;
import org.mouselift.pipeline.log.MetricsLog;
import org.mouselift.pipeline.multiview.ComponentFolder;
import org.mouselift.pipeline.train.AutoencoderTrainer;
import org.mouselift.pipeline.train.DatasetScenes;
import org.mouselift.pipeline.train.RunRecorder;
import org.mouselift.pipeline.train.SceneSource;
import org.mouselift.pipeline.train.TrainingCheckpoint;
import org.mouselift.pipeline.train.TrainingRun;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code mouselift train autoencoder}: the picture autoencoder that multi-view diffusion works in. */
@Command(
        name = "autoencoder",
        mixinStandardHelpOptions = true,
        description = "Train the autoencoder of stage 1 on folders of posed pictures; leaves vae/ of a pipeline folder.",
        sortOptions = false,
        footer = {"",
            "A run that was interrupted, even killed, continues bit for bit when the same command is given again.", "",
            "Examples:",
            "  mouselift train autoencoder --config conf/autoencoder-mouse-128.yaml",
            "  mouselift train autoencoder --config conf/autoencoder-mouse-128.yaml --set optimizer.lr 1e-4"})
final class TrainAutoencoderCommand implements Callable<Integer> {
    private static final long CACHE_BYTES = 6L << 30;
    private static final int VALIDATION_PICTURES = 24;
    private static final int SCALING_PICTURES = 256;
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final Pattern INSIDE = Pattern.compile("\\.(down|mid|up)_block");

    @Option(names = {"-c", "--config"}, required = true, paramLabel = "FILE", description = "Training configuration.")
    private Path config;

    @Option(names = {"-s", "--set"}, arity = "2", paramLabel = "KEY VALUE", hideParamSyntax = true,
            description = "Change a value of the configuration (KEY VALUE, dotted key); repeatable.")
    private List<String> overrides = new ArrayList<>();

    @Option(names = "--seed", defaultValue = "777", paramLabel = "N", description = "Seed of weights, data order and draws (default: ${DEFAULT-VALUE}).")
    private long seed;

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
        AutoencoderTraining c = AutoencoderTraining.read(config, ConfigOverride.pairs(overrides));
        int size = c.model().sampleSize();
        if (size % c.model().factor() != 0) {
            throw CommandException.badInput(config + ": model.sample_size " + size + " is not a multiple of " + c.model().factor(),
                    "Every level but the last halves the picture.");
        }
        PathCheck.configured(config, "data.train", c.trainList());
        if (c.validationList().isPresent()) {
            PathCheck.configured(config, "data.validation", c.validationList().get());
        }
        if (c.start().isPresent()) {
            PathCheck.configured(config, "start", c.start().get());
        }
        SceneSource train = scenes(c, c.trainList());
        SceneSource validation = c.validationList().isPresent() ? scenes(c, c.validationList().get()) : null;
        try (RunFolder run = RunFolder.claim(c.folder(), RunFolder.Stage.AUTOENCODER)) {
            return train(c, train, validation);
        }
    }

    private int train(AutoencoderTraining c, SceneSource train, SceneSource validation) throws IOException {
        for (Path place : List.of(c.folder(), c.folder().resolve("pictures"))) {
            AtomicFile.deleteAbandoned(place).forEach(file -> parent.mouselift.note("deleted " + file + ", which a killed process left unfinished"));
        }
        String configuration = YamlText.of(ConfigOverride.apply(YamlReader.read(config), ConfigOverride.pairs(overrides)));
        Provenance provenance = Origin.with(Origin.started(Origin.of(spec, "autoencoder"), c.folder(), c.start()), "data", Optional.of(c.trainList()));
        var course = new TrainingRun.Course(c.folder(), seed, 1, c.passes(), c.checkpointEvery(), c.keep(), validation == null ? 0 : c.validateEvery(),
                configuration, provenance.json(c.folder()).toString());
        var plan = new AutoencoderTrainer.Plan(course, train, validation, c.batch(), c.l1(), c.l2(), c.kl(), c.chroma(), c.foreground(), VALIDATION_PICTURES);
        long done = TrainingCheckpoint.newest(c.folder()).map(f -> f.counters().fwdbwdStep()).orElse(0L);
        PrintWriter err = spec.commandLine().getErr();
        try (AutoencoderKL model = start(c);
                RunRecorder recorder = new RunRecorder(c.folder(), done, c.logEvery(), c.printEvery(),
                        parent.mouselift.progress("train", c.passes() - done, "passes"), err)) {
            if (c.decoderOnly()) {
                model.stateDict().forEach((name, p) -> p.requiresGrad(name.startsWith("decoder.") || name.startsWith("post_quant_conv.")));
            }
            AdamW.Options adamw = new AdamW.Options(c.beta1(), c.beta2(), 1e-8, c.weightDecay());
            Optimizer optimiser = !c.muon() ? new AdamW(model.stateDict(), adamw)
                    : new Muon(model.stateDict(), name -> INSIDE.matcher(name).find(), name -> 1, Muon.Options.STANDARD.factor(c.muonFactor()), rest -> new AdamW(rest, adamw));
            TrainingStep step = new TrainingStep(optimiser, new Schedule(Schedule.Kind.COSINE, c.rate(), c.warmup(), c.passes()),
                    new GradientRules(c.clip(), Double.POSITIVE_INFINITY, true, true), 1);
            try (AutoencoderTrainer trainer = new AutoencoderTrainer(model, optimiser, step, plan, recorder)) {
                trainer.resume();
                if (trainer.passes() < c.passes()) {
                    TrainCommand.run(trainer);
                } else {
                    recorder.note("the run had ended; only its results are written");
                }
                MetricCurves.write(MetricsLog.read(c.folder().resolve(MetricsLog.FILE_NAME)), c.folder());
                Path vae = export(c, model, c.decoderOnly() ? model.config().scalingFactor() : trainer.scalingFactor(SCALING_PICTURES));
                Origin.with(provenance, "checkpoint", Optional.of(c.folder().resolve(TrainingCheckpoint.fileName(c.passes())))).write(vae);
                recorder.note("weights " + vae);
            }
        }
        return ExitCode.OK;
    }

    private AutoencoderKL start(AutoencoderTraining c) throws IOException {
        if (c.start().isEmpty()) {
            return AutoencoderKL.initialised(c.model(), DType.F32, seed);
        }
        Path folder = c.start().get();
        Path json = folder.resolve("config.json");
        if (!Files.isRegularFile(json)) {
            throw CommandException.badInput("start: " + json + " does not exist", "Name the component folder of an autoencoder: config.json and its weights.");
        }
        AutoencoderConfig stored = AutoencoderConfig.of(JSON.readValue(json.toFile(), new TypeReference<LinkedHashMap<String, Object>>() {}), json.toString());
        AutoencoderConfig asked = c.model();
        if (!new AutoencoderConfig(stored.inChannels(), stored.latentChannels(), stored.blockOutChannels(), stored.layersPerBlock(), stored.groups(), stored.sampleSize(),
                asked.scalingFactor()).equals(asked)) {
            throw CommandException.badInput(json + " is " + stored + ", the configuration says " + asked, "Start from an autoencoder of the same architecture.");
        }
        ArtefactStatus.requireUsable(folder);
        try (Checkpoint file = Checkpoint.open(folder); Scope scope = Scope.open("autoencoder to start from")) {
            Map<String, Tensor> state = new LinkedHashMap<>();
            for (Map.Entry<String, StoredTensor> e : file.stateDict().entrySet()) {
                state.put(e.getKey(), Tensor.of(e.getValue().floats(), e.getValue().shape()));
            }
            return AutoencoderKL.load(stored, DType.F32, state, folder.toString());
        }
    }

    private static SceneSource scenes(AutoencoderTraining c, Path list) throws IOException {
        boolean alpha = c.foreground() != 1;
        var options = new MouseViewDataset.Options(c.model().sampleSize(), c.views(), BackgroundColor.WHITE, !alpha, AutoMask.OFF, 250, alpha, false, false, GeometryMode.NONE, 0,
                ViewAugmentation.NONE);
        return new DatasetScenes(new MouseViewDataset(SampleList.read(list), options, 0), CACHE_BYTES);
    }

    /** Writes the component folder of a pipeline: f16 weights and the configuration with the measured scaling factor. */
    private static Path export(AutoencoderTraining c, AutoencoderKL model, double scalingFactor) throws IOException {
        Path folder = c.folder().resolve("vae");
        AutoencoderConfig a = c.model();
        ObjectNode json = JsonNodeFactory.instance.objectNode().put("_class_name", "AutoencoderKL").put("act_fn", "silu").put("in_channels", a.inChannels())
                .put("out_channels", a.inChannels()).put("latent_channels", a.latentChannels()).put("layers_per_block", a.layersPerBlock())
                .put("norm_num_groups", a.groups()).put("sample_size", a.sampleSize()).put("scaling_factor", scalingFactor);
        ArrayNode widths = json.putArray("block_out_channels");
        ArrayNode down = json.putArray("down_block_types");
        ArrayNode up = json.putArray("up_block_types");
        a.blockOutChannels().forEach(w -> {
            widths.add(w);
            down.add("DownEncoderBlock2D");
            up.add("UpDecoderBlock2D");
        });
        ComponentFolder.write(folder, "diffusion_pytorch_model.safetensors", json, model.stateDict(), DType.F16);
        return folder;
    }
}
