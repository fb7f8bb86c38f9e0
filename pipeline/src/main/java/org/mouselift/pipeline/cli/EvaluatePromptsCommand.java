package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.checkpoint.ContentHash;
import org.mouselift.pipeline.evaluate.MultiViewEvaluation;
import org.mouselift.pipeline.evaluate.PromptCandidate;
import org.mouselift.pipeline.evaluate.PromptComparison;
import org.mouselift.pipeline.multiview.MultiViewPipeline;
import org.mouselift.pipeline.multiview.PipelineFolder;
import org.mouselift.pipeline.multiview.SamplingOptions;
import org.mouselift.pipeline.multiview.Subject;
import org.mouselift.pipeline.prompts.PromptCheck;
import org.mouselift.pipeline.prompts.PromptEmbeddings;
import org.mouselift.pipeline.prompts.TrainedPrompts;
import org.mouselift.pipeline.report.PromptComparisonReport;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code mouselift evaluate prompts}: words, numbers or cameras for the same photos. */
@Command(
        name = "prompts",
        mixinStandardHelpOptions = true,
        description = "Compare ways to tell a network its views (words, angles as numbers, cameras) on the same photos with the same seeds.",
        sortOptions = false,
        footer = {"", "The others are compared with the first candidate, sample by sample, with 95 %% intervals. Prompts other than",
            "those a network was trained with are refused (MFL-E124): train a network for each set, with the same data,",
            "seed and passes (docs/prompts.md has the recipe).", "",
            "Output: report.md, comparison.json, differences.png, embeddings.png (cosine of every two slots) and",
            "sheet_NAME.png (truth and what every candidate drew).", "",
            "Examples:", "  mouselift evaluate prompts shipped --control --data unseen", "  mouselift evaluate prompts words=words/pipeckpts angles=angles/pipeckpts --data unseen -o ab",
            "  mouselift evaluate prompts a=words.pt b=angles.pt --pipeline pipeckpts --allow MFL-E124 --data unseen"})
final class EvaluatePromptsCommand implements Callable<Integer> {
    private static final String CONTROL = "control";
    private static final Pattern CANDIDATE = Pattern.compile("([A-Za-z0-9_-]+)(?:=(.+))?");

    @Parameters(arity = "1..*", paramLabel = "NAME[=PATH]", description = "Candidates: a pipeline folder with its prompts, or a file of prompt embeddings for --pipeline; a name alone is --pipeline with its own prompts.")
    private List<String> given;

    @Option(names = "--data", required = true, paramLabel = "LIST|DIR", description = "Held-out samples: a list of sample folders, a sample folder, or a folder of sample folders.")
    private Path data;

    @Option(names = "--pipeline", paramLabel = "DIR", description = "Pipeline of candidates that are no folder (default: weights/mvdiffusion-mouse-128 of Mouselift).")
    private Path pipeline;

    @Option(names = "--control", description = "One more candidate: the first one, every slot but the photo's with the prompts of the next one. Shows whether the network heeds its prompts at all.")
    private boolean control;

    @Option(names = "--seeds", split = ",", defaultValue = "42", paramLabel = "N", description = "Seeds, each for every sample: 1,2,3 (default: ${DEFAULT-VALUE}).")
    private List<Long> seeds = new ArrayList<>();

    @Option(names = "--samples", paramLabel = "N", description = "Only the first N samples.")
    private Integer limit;

    @Option(names = "--steps", paramLabel = "N", description = "Sampling steps of all candidates (default: what the first one recommends).")
    private Integer steps;

    @Option(names = "--guidance", paramLabel = "SCALE", description = "Classifier-free guidance of all candidates (default: what the first one recommends).")
    private Double guidance;

    @Option(names = "--cameras", paramLabel = "RIG", description = "Directions of the slots: a rig or a camera file (default: the rig that the pipelines or their prompts record).")
    @PathRole(PathRole.Kind.RIG)
    private String cameras;

    @Option(names = "--allow", paramLabel = "CODE", description = "Go on although this check of the prompts fails; the report says so (see mouselift prompts check).")
    private List<String> allowed = new ArrayList<>();

    @Option(names = "--pictures", defaultValue = "4", paramLabel = "N", description = "Samples that get a contact sheet (default: ${DEFAULT-VALUE}).")
    private int pictures;

    @Option(names = {"-o", "--output"}, defaultValue = "prompts_out", paramLabel = "DIR", description = "Folder for the results (default: ${DEFAULT-VALUE}).")
    @PathRole(PathRole.Kind.OUTPUT_FOLDER)
    private Path output;

    @Option(names = "--json", description = "Print comparison.json instead of the statements.")
    private boolean json;

    @ParentCommand
    private EvaluateCommand parent;

    @Spec
    private CommandSpec spec;

    /** A candidate before its network is loaded. */
    private record Entry(PromptCandidate described, PipelineFolder folder, PromptEmbeddings prompts, CameraRig rig) {}

    @Override
    public Integer call() throws IOException {
        if (limit != null && limit < 1 || pictures < 0) {
            throw CommandException.usage("--samples is at least 1, --pictures at least 0", "");
        }
        SamplingArguments.requireAllowable(allowed, SamplingArguments.allowable());
        List<Subject> subjects = Subject.samples(data);
        subjects = limit == null ? subjects : subjects.subList(0, Math.min(limit, subjects.size()));
        List<Entry> entries = entries();
        SamplingOptions options = options(entries.getFirst().folder);
        PromptComparison comparison = new PromptComparison();
        List<PromptComparisonReport.Sheet> sheets = new ArrayList<>();
        try (Interruption interruption = new Interruption();
                Progress progress = parent.mouselift.progress("evaluate", (long) entries.size() * subjects.size() * seeds.size() * options.steps(), "steps")) {
            int size = 0;
            for (Entry e : entries) {
                try (MultiViewPipeline loaded = MultiViewPipeline.load(e.folder)) {
                    if (e.rig.size() != loaded.views()) {
                        throw CommandException.badInput("MFL-E114: " + e.rig.size() + " cameras (" + e.rig.id() + ") for the " + loaded.views() + " views that " + e.folder.path() + " draws",
                                "Name the rig of the training with --cameras.");
                    }
                    if (size != 0 && size != loaded.pictureSize()) {
                        throw CommandException.badInput(e.folder.path() + " draws views of " + loaded.pictureSize() + " pixels, " + entries.getFirst().folder.path() + " of " + size,
                                "Compare pipelines of one size.");
                    }
                    size = loaded.pictureSize();
                    MultiViewEvaluation evaluation = new MultiViewEvaluation(loaded, e.prompts, options, seeds, e.rig, size, null, null, null);
                    for (int i = 0; i < subjects.size(); i++) {
                        evaluation.add(subjects.get(i), sheet(sheets, i, subjects.get(i).name(), e.described.name()), PhotoBatch.listener(progress, interruption, null));
                    }
                    comparison.add(e.described, evaluation.report());
                }
            }
        }
        PromptComparison.Report report = comparison.report(entries.getFirst().rig.id(), options.steps(), options.guidance(), options.eta(), allowed, control ? CONTROL : null);
        PrintWriter out = spec.commandLine().getOut();
        Files.createDirectories(output);
        PhotoBatch.json(output.resolve("comparison.json"), report);
        List<Path> files = PromptComparisonReport.write(output, report, sheets);
        if (json) {
            out.println(Json.write(report));
        } else {
            report.candidates().forEach(c -> out.println(c.name() + ": " + c.origin() + (c.cameras() ? "; told its cameras" : "")));
            report.statements().forEach(out::println);
            out.println(files.getFirst());
        }
        return ExitCode.OK;
    }

    /** Keeps the pictures of the first samples, of the first seed. */
    private MultiViewEvaluation.Sheet sheet(List<PromptComparisonReport.Sheet> sheets, int index, String sample, String candidate) {
        return (truth, drawn) -> {
            if (index >= pictures) {
                return;
            }
            if (index == sheets.size()) {
                sheets.add(new PromptComparisonReport.Sheet(sample, truth, Map.of()));
            }
            sheets.get(index).drawn().put(candidate, drawn.getFirst());
        };
    }

    private SamplingOptions options(PipelineFolder first) throws IOException {
        SamplingOptions recommended = first.sampling();
        try {
            return new SamplingOptions(steps == null ? recommended.steps() : steps, guidance == null ? recommended.guidance() : guidance, recommended.eta(), recommended.noiseLevel(),
                    recommended.kind());
        } catch (IllegalArgumentException e) {
            throw CommandException.usage(e.getMessage(), "");
        }
    }

    private List<Entry> entries() throws IOException {
        Map<String, Path> places = new LinkedHashMap<>();
        for (String word : given) {
            Matcher m = CANDIDATE.matcher(word);
            if (!m.matches() || m.group(1).equals(CONTROL)) {
                throw CommandException.usage("candidate '" + word + "'", "Expected NAME or NAME=PATH: a name of letters, digits, - and _ (not '" + CONTROL + "'), and a pipeline folder or a file of prompts.");
            }
            if (places.put(m.group(1), m.group(2) == null ? standard() : Path.of(m.group(2))) != null) {
                throw CommandException.usage("two candidates are named " + m.group(1), "Give each a name of its own.");
            }
        }
        if (places.size() < 2 && !control) {
            throw CommandException.usage("one candidate has nothing to be compared with", "Name a second one, or add --control.");
        }
        List<Entry> entries = new ArrayList<>();
        for (Map.Entry<String, Path> place : places.entrySet()) {
            entries.add(entry(place.getKey(), place.getValue()));
        }
        if (control) {
            Entry first = entries.getFirst();
            if (first.prompts.rows() < 3) {
                throw CommandException.usage("--control needs three slots or more to tell one what another should be", "Leave it away.");
            }
            PromptEmbeddings shifted = first.prompts.shifted();
            entries.add(new Entry(PromptCandidate.control(CONTROL, first.described, shifted, first.rig), first.folder, shifted, first.rig));
        }
        return entries;
    }

    private Path standard() {
        return pipeline != null ? pipeline : Path.of(System.getProperty(WeightsArgument.ROOT_PROPERTY, "")).resolve(SamplingArguments.STANDARD);
    }

    private Entry entry(String name, Path path) throws IOException {
        boolean own = Files.isDirectory(path);
        PipelineFolder folder = PipelineFolder.open(own ? path : standard());
        PromptEmbeddings prompts = PromptEmbeddings.read(own ? PromptEmbeddings.of(folder.path(), folder.unet()) : path);
        PromptCheck check = PromptCheck.of(prompts).unet(folder.unetConfig(), folder.unet().toString(), TrainedPrompts.read(folder.unet()));
        CameraRig rig = SlotCameras.checked(cameras, folder, own ? check.ofPipeline() : check, allowed, parent.mouselift);
        return new Entry(PromptCandidate.of(name, folder.path(), ContentHash.ofFile(folder.weightsFile("unet")), prompts, folder.cameraFile().isPresent(), rig), folder, prompts, rig);
    }
}
