package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.checkpoint.ContentHash;
import org.mouselift.pipeline.evaluate.GslrmEvaluation;
import org.mouselift.pipeline.evaluate.LpipsNetwork;
import org.mouselift.pipeline.evaluate.MultiViewEvaluation;
import org.mouselift.pipeline.evaluate.NearestSample;
import org.mouselift.pipeline.multiview.MultiViewPipeline;
import org.mouselift.pipeline.multiview.PipelineFolder;
import org.mouselift.pipeline.multiview.SamplingOptions;
import org.mouselift.pipeline.multiview.Subject;
import org.mouselift.pipeline.prompts.PromptEmbeddings;
import org.mouselift.pipeline.reconstruct.GsLrmWeights;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** What the evaluations of the multi-view pipeline share. */
abstract class MultiViewEvaluationCommand implements Callable<Integer> {
    @Option(names = "--data", required = true, paramLabel = "LIST|DIR", description = "A list of sample folders, a sample folder, or a folder of sample folders.")
    private Path data;

    @Mixin
    private SamplingArguments sampling;

    @Option(names = "--seeds", split = ",", defaultValue = "42", paramLabel = "N", description = "Seeds, each for every sample: 1,2,3 (default: ${DEFAULT-VALUE}).")
    private List<Long> seeds = new ArrayList<>();

    @Option(names = "--cameras", paramLabel = "RIG", description = "Directions of the slots: a rig or a camera file (default: the rig that the pipeline or its prompts record).")
    @PathRole(PathRole.Kind.RIG)
    private String cameras;

    @Option(names = "--allow", paramLabel = "CODE", description = "Go on although this check fails (of the prompts: see mouselift prompts check; "
            + "MFL-E125: cameras unlike those of the reconstructor's training).")
    private List<String> allowed = new ArrayList<>();

    @Option(names = "--training", paramLabel = "LIST|DIR", description = "Training samples, for the guess of the nearest one.")
    private Path training;

    @Option(names = "--samples", paramLabel = "N", description = "Only the first N samples.")
    private Integer limit;

    @Option(names = "--lpips", split = ",", paramLabel = "FILE", description = "Also measure LPIPS, with these files (safetensors or PyTorch): VGG16 as torchvision "
            + "has it, and the learned factors of the LPIPS package (weights/v0.1/vgg.pth).")
    private List<Path> lpips = new ArrayList<>();

    @Option(names = "--pictures", defaultValue = "4", paramLabel = "N", description = "Samples that get a picture: truth above, generated below (default: ${DEFAULT-VALUE}).")
    private int pictures;

    @Option(names = {"-o", "--output"}, defaultValue = "evaluation_out", paramLabel = "DIR", description = "Folder for the results (default: ${DEFAULT-VALUE}).")
    @PathRole(PathRole.Kind.OUTPUT_FOLDER)
    private Path output;

    @Option(names = "--json", description = "Print evaluation.json instead of a table.")
    private boolean json;

    @ParentCommand
    private EvaluateCommand parent;

    @Spec
    private CommandSpec spec;

    /** Codes that {@code --allow} takes. */
    List<String> allowable() {
        return SamplingArguments.allowable();
    }

    /** Whether the failure of a check is only a warning. */
    final boolean allows(String code) {
        return allowed.contains(code);
    }

    /** The reconstructor; null to evaluate the drawn views alone. */
    abstract GsLrmWeights weights() throws IOException;

    /** Fails where pipeline, cameras and reconstructor do not belong together; the warnings. */
    abstract List<String> check(GsLrmWeights weights, MultiViewPipeline pipeline, CameraRig rig, String name);

    /** {@code run.json}. */
    private record Run(List<String> arguments, String version, String java, Map<String, Object> settings, double seconds) {}

    @Override
    public final Integer call() throws IOException {
        if (limit != null && limit < 1 || pictures < 0) {
            throw CommandException.usage("--samples is at least 1, --pictures at least 0", "");
        }
        long start = System.nanoTime();
        List<Subject> subjects = Subject.samples(data);
        subjects = limit == null ? subjects : subjects.subList(0, Math.min(limit, subjects.size()));
        SamplingArguments.requireAllowable(allowed, allowable());
        PipelineFolder folder = sampling.folder(parent.mouselift);
        SamplingOptions options = sampling.options(folder);
        PromptEmbeddings prompts = sampling.prompts(folder);
        CameraRig rig = SlotCameras.checked(cameras, folder, sampling.promptCheck(folder, prompts), allowed, parent.mouselift);
        try (LpipsNetwork network = lpips.isEmpty() ? null : LpipsNetwork.open(lpips); GsLrmWeights weights = weights(); MultiViewPipeline pipeline = MultiViewPipeline.load(folder); Interruption interruption = new Interruption()) {
            check(weights, pipeline, rig, rig.id()).forEach(w -> parent.mouselift.note("warning: " + w));
            int size = sampling.size(pipeline);
            NearestSample nearest = training == null ? null
                    : new NearestSample(Subject.samples(training).stream().map(s -> s.sample().orElseThrow()).toList(), size);
            MultiViewEvaluation evaluation = new MultiViewEvaluation(pipeline, prompts, options, seeds, rig, size, nearest, weights, network);
            Files.createDirectories(output);
            try (Progress progress = parent.mouselift.progress("evaluate", (long) subjects.size() * seeds.size() * options.steps(), "steps")) {
                for (int i = 0; i < subjects.size(); i++) {
                    Subject subject = subjects.get(i);
                    evaluation.add(subject, i < pictures ? output.resolve(subject.name() + ".png") : null, PhotoBatch.listener(progress, interruption, null));
                }
            }
            MultiViewEvaluation.Report report = evaluation.report();
            PhotoBatch.json(output.resolve("evaluation.json"), report);
            Map<String, Object> settings = new LinkedHashMap<>(sampling.settings(folder, prompts, options, size, seeds.getFirst()));
            settings.put("seeds", seeds);
            settings.put("rig", rig.id());
            if (weights != null) {
                settings.put("reconstructor", weights.folder().toString());
                settings.put("reconstructorSha256", ContentHash.ofFile(weights.file()));
            }
            Map<String, Path> files = SamplingArguments.weights(folder);
            if (weights != null) {
                files.put("gslrm", weights.file());
            }
            RunRecord.weights(output, files);
            String version = Mouselift.class.getPackage().getImplementationVersion();
            PhotoBatch.json(output.resolve(RunRecord.FILE), new Run(spec.root().commandLine().getParseResult().originalArgs(),
                    version == null ? "unpackaged" : version, Runtime.version().toString(), settings, (System.nanoTime() - start) * 1e-9));
            print(report);
        }
        return ExitCode.OK;
    }

    private void print(MultiViewEvaluation.Report report) {
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            out.println(Json.write(report));
            return;
        }
        out.printf("%d samples, %d seeds; means (medians)%n", report.samples(), report.seeds().size());
        table(out, "views of the slots", report.views());
        out.printf(Locale.ROOT, "directions        %.3f of the views are nearest to their own slot (by chance %.3f)%n", report.directions(), report.chance());
        if (report.diversity() != null) {
            out.printf(Locale.ROOT, "diversity         %.4f root mean squared difference between seeds%n", report.diversity());
        }
        out.printf("%-18s %18s %18s %18s %18s%s %18s %18s%n", "generated slot", "PSNR dB", "SSIM", "foreground PSNR dB", "mask IoU", lpips.isEmpty() ? "" : String.format(" %18s", "LPIPS"),
                "own direction", "diversity");
        for (MultiViewEvaluation.SlotResult slot : report.slots()) {
            Map<String, Double> mean = slot.mean();
            out.printf("%-18s %18s %18s %18s %18s%s %18s %18s%n", slot.slot() + " " + slot.direction(), number(mean.get("psnr"), 2), number(mean.get("ssim"), 4),
                    number(mean.get("foregroundPsnr"), 2), number(mean.get("maskIou"), 3), lpips.isEmpty() ? "" : String.format(" %18s", number(mean.get("lpips"), 4)),
                    number(slot.directions(), 3), number(slot.diversity(), 4));
        }
        if (!report.novel().isEmpty()) {
            table(out, "novel views from", report.novel());
        }
        out.println(output.resolve("evaluation.json"));
    }

    private void table(PrintWriter out, String title, Map<String, GslrmEvaluation.Numbers> scores) {
        out.printf("%-18s %18s %18s %18s %18s%s%n", title, "PSNR dB", "SSIM", "foreground PSNR dB", "mask IoU", lpips.isEmpty() ? "" : String.format(" %18s", "LPIPS"));
        scores.forEach((what, n) -> out.printf("%-18s %18s %18s %18s %18s%s%n", what, pair(n, "psnr", 2), pair(n, "ssim", 4), pair(n, "foregroundPsnr", 2),
                pair(n, "maskIou", 3), lpips.isEmpty() ? "" : String.format(" %18s", pair(n, "lpips", 4))));
    }

    private static String pair(GslrmEvaluation.Numbers numbers, String which, int digits) {
        return number(numbers.mean().get(which), digits) + " (" + number(numbers.median().get(which), digits) + ")";
    }

    private static String number(Double value, int digits) {
        return value == null ? "-" : String.format(Locale.ROOT, "%." + digits + "f", value);
    }
}
