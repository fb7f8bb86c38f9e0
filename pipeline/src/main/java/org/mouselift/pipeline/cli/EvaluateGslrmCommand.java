package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.mouselift.data.AtomicFile;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.OpencvCameraFile;
import org.mouselift.data.dataset.DatasetLineage;
import org.mouselift.data.dataset.SampleList;
import org.mouselift.data.ply.SplatPly;
import org.mouselift.pipeline.evaluate.Baseline;
import org.mouselift.pipeline.evaluate.ConstantCloudBaseline;
import org.mouselift.pipeline.evaluate.GslrmEvaluation;
import org.mouselift.pipeline.evaluate.LpipsNetwork;
import org.mouselift.pipeline.evaluate.MeanViewBaseline;
import org.mouselift.pipeline.reconstruct.GsLrmWeights;
import org.mouselift.pipeline.reconstruct.PosedViewReader;
import org.mouselift.pipeline.reconstruct.RigProvenance;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code mouselift evaluate gslrm}: the reconstructor on samples with unseen cameras, beside guesses that see no input. */
@Command(
        name = "gslrm",
        mixinStandardHelpOptions = true,
        description = "Measure a reconstructor on samples with more views than it takes as input.",
        sortOptions = false,
        footer = {"", "The first views of a sample are the inputs, the others unseen cameras. White is the score of an empty",
            "picture. --baseline adds two guesses that never see the inputs, made from the training samples:",
            "meanView, the mean of the 200 training pictures nearest in viewing direction, and constantCloud, the one",
            "cloud of Gaussians that fits all training pictures best.", "",
            "Output: summary.csv, evaluation.json, run.json, and SAMPLE/gt_vs_pred.png for the first samples.", "",
            "Examples:", "  mouselift evaluate gslrm --data data_test/data_train.txt --baseline data_train/data_train.txt -o evaluation",
            "  mouselift evaluate gslrm --data data_test --checkpoint out/ckpt_0000000000002000.safetensors"})
final class EvaluateGslrmCommand implements Callable<Integer> {
    private static final int NEIGHBOURS = 200;
    private static final long SEED = 1;

    @Option(names = "--data", required = true, paramLabel = "LIST|DIR", description = "A list of sample folders, a sample folder, or a folder of sample folders.")
    private Path data;

    @Mixin
    private WeightsArgument weightsArgument;

    @Option(names = "--checkpoint", paramLabel = "FILE", description = "A training checkpoint instead of a folder of weights.")
    @PathRole(code = "MFL-E207")
    private Path checkpoint;

    @Option(names = "--config", paramLabel = "FILE", description = "Configuration of the checkpoint (default: the one stored in it).")
    private Path config;

    @Option(names = "--samples", paramLabel = "N", description = "Only the first N samples.")
    private Integer limit;

    @Option(names = "--baseline", paramLabel = "LIST|DIR", description = "Training samples for the two blind guesses.")
    private Path baseline;

    @Option(names = "--baseline-steps", defaultValue = "3000", paramLabel = "N", description = "Optimisation steps of constantCloud (default: ${DEFAULT-VALUE}).")
    private int baselineSteps;

    @Option(names = "--baseline-views", defaultValue = "600", paramLabel = "N",
            description = "Training pictures for constantCloud, spread over all (default: ${DEFAULT-VALUE}).")
    private int baselineViews;

    @Option(names = "--lpips", split = ",", paramLabel = "FILE", description = "Also measure LPIPS, with these files (safetensors or PyTorch): VGG16 as torchvision "
            + "has it, and the learned factors of the LPIPS package (weights/v0.1/vgg.pth).")
    private List<Path> lpips = new ArrayList<>();

    @Option(names = "--pictures", defaultValue = "4", paramLabel = "N", description = "Samples that get a gt_vs_pred.png (default: ${DEFAULT-VALUE}).")
    private int pictures;

    @Option(names = "--allow", paramLabel = "CODE", description = "Go on although this check fails (" + RigProvenance.CODE
            + ": cameras unlike those of the training; " + DatasetLineage.FROZEN + ": cameras left behind by the pictures).")
    private List<String> allowed = new ArrayList<>();

    @Option(names = {"-o", "--output"}, defaultValue = "evaluation_out", paramLabel = "DIR", description = "Folder for the results (default: ${DEFAULT-VALUE}).")
    @PathRole(PathRole.Kind.OUTPUT_FOLDER)
    private Path output;

    @Option(names = "--json", description = "Print evaluation.json instead of a table.")
    private boolean json;

    @ParentCommand
    private EvaluateCommand parent;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        if (limit != null && limit < 1 || baselineSteps < 1 || baselineViews < 1 || pictures < 0) {
            throw CommandException.usage("--samples, --baseline-steps and --baseline-views are at least 1, --pictures at least 0", "");
        }
        if (checkpoint == null && config != null) {
            throw CommandException.usage("--config belongs to --checkpoint", "A folder of weights has its own config.yaml.");
        }
        if (checkpoint != null && weightsArgument.given()) {
            throw CommandException.usage("--weights and --checkpoint exclude each other", "Name one of them.");
        }
        for (String code : allowed) {
            if (!List.of(RigProvenance.CODE, DatasetLineage.FROZEN).contains(code)) {
                throw CommandException.usage("--allow " + code + ": only " + RigProvenance.CODE + " and " + DatasetLineage.FROZEN + " can be allowed here", "");
            }
        }
        long start = System.nanoTime();
        List<Path> samples = samples(data);
        samples = limit == null ? samples : samples.subList(0, Math.min(limit, samples.size()));
        if (!allowed.contains(DatasetLineage.FROZEN)) {
            DatasetLineage.requireCameras(samples);
        }
        try (GsLrmWeights weights = checkpoint == null ? weightsArgument.open() : GsLrmWeights.ofCheckpoint(checkpoint, config);
                LpipsNetwork distance = lpips.isEmpty() ? null : LpipsNetwork.open(lpips)) {
            requireRig(weights, samples);
            Files.createDirectories(output);
            GslrmEvaluation evaluation = new GslrmEvaluation(weights, weights.imageSize(), baselines(weights.imageSize()), distance);
            try (Progress progress = parent.mouselift.progress("evaluate", samples.size(), "samples")) {
                for (int i = 0; i < samples.size(); i++) {
                    Path sample = samples.get(i);
                    Path picture = i < pictures ? Files.createDirectories(output.resolve(sample.getFileName().toString())).resolve("gt_vs_pred.png") : null;
                    evaluation.add(sample, picture);
                    progress.advance(1);
                }
            }
            GslrmEvaluation.Report report = evaluation.report();
            String document = Json.write(report);
            text("summary.csv", GslrmEvaluation.summary(report));
            text("evaluation.json", document + "\n");
            RunRecord.write(output, spec, weights, start);
            if (json) {
                spec.commandLine().getOut().println(document);
            } else {
                print(report);
            }
        }
        return ExitCode.OK;
    }

    /** Checks the input cameras of all samples before the first is evaluated; the first problem is told. */
    private void requireRig(GsLrmWeights weights, List<Path> samples) throws IOException {
        String told = null;
        for (Path sample : samples) {
            List<Camera> cameras = PosedViewReader.index(sample).stream().limit(weights.inputViews()).map(PosedViewReader.PictureFile::camera).toList();
            String problem = RigMatch.require(weights, sample.toString(), cameras, allowed.contains(RigProvenance.CODE),
                    "Evaluate on samples with the cameras of the training, or go on with --allow " + RigProvenance.CODE + ".").orElse(null);
            if (problem != null && told == null) {
                parent.mouselift.note("warning: " + problem);
                told = problem;
            }
        }
    }

    /** The blind guesses, if training samples were named. */
    private List<Baseline> baselines(int size) throws IOException {
        List<Baseline> baselines = new ArrayList<>();
        if (baseline != null) {
            List<Path> training = samples(baseline);
            baselines.add(new MeanViewBaseline(training, NEIGHBOURS, size));
            try (Progress progress = parent.mouselift.progress("constant cloud", baselineSteps, "steps")) {
                ConstantCloudBaseline cloud = new ConstantCloudBaseline(training, size, baselineViews, baselineSteps, SEED,
                        (step, loss, psnr, gaussians) -> progress.advance(1));
                SplatPly.write(output.resolve("constant_cloud.ply"), cloud.cloud(), SplatPly.Padding.VIEWER);
                baselines.add(cloud);
            }
        }
        return baselines;
    }

    private static List<Path> samples(Path place) throws IOException {
        if (!Files.isDirectory(place)) {
            return SampleList.read(place).samples();
        }
        if (Files.exists(place.resolve(OpencvCameraFile.FILE_NAME))) {
            return List.of(place);
        }
        try (Stream<Path> folders = Files.list(place)) {
            List<Path> samples = folders.filter(f -> Files.exists(f.resolve(OpencvCameraFile.FILE_NAME))).sorted().toList();
            if (samples.isEmpty()) {
                throw CommandException.badInput(place + ": holds no sample folders", "A sample folder holds " + OpencvCameraFile.FILE_NAME + ".");
            }
            return samples;
        }
    }

    private void text(String name, String content) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(content.getBytes(StandardCharsets.UTF_8));
        AtomicFile.write(output.resolve(name), channel -> {
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        });
    }

    private void print(GslrmEvaluation.Report report) {
        PrintWriter out = spec.commandLine().getOut();
        out.printf("%d samples%n%-16s %18s %18s %18s %18s%s%n", report.samples(), "mean (median)", "PSNR dB", "SSIM", "foreground PSNR dB", "mask IoU",
                lpips.isEmpty() ? "" : String.format(" %18s", "LPIPS"));
        report.scores().forEach((what, numbers) -> out.printf("%-16s %18s %18s %18s %18s%s%n", what, pair(numbers, "psnr", 2), pair(numbers, "ssim", 4),
                pair(numbers, "foregroundPsnr", 2), pair(numbers, "maskIou", 3), lpips.isEmpty() ? "" : String.format(" %18s", pair(numbers, "lpips", 4))));
        for (String file : List.of("summary.csv", "evaluation.json")) {
            out.println(output.resolve(file));
        }
    }

    private static String pair(GslrmEvaluation.Numbers numbers, String which, int digits) {
        return number(numbers.mean(), which, digits) + " (" + number(numbers.median(), which, digits) + ")";
    }

    private static String number(Map<String, Double> values, String which, int digits) {
        return values.get(which) == null ? "-" : String.format(Locale.ROOT, "%." + digits + "f", values.get(which));
    }
}
