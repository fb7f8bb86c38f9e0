package org.mouselift.pipeline.cli;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.mouselift.data.AtomicFile;
import org.mouselift.data.checkpoint.ContentHash;
import org.mouselift.engine.Tensor;
import org.mouselift.pipeline.multiview.GeneratedViews;
import org.mouselift.pipeline.multiview.MultiViewPipeline;
import org.mouselift.pipeline.multiview.StepPictures;
import org.mouselift.pipeline.multiview.Subject;
import picocli.CommandLine.Model.CommandSpec;

/**
 * Works through photos, each into a folder of its own with a {@code run.json} that is written last: a folder with one is
 * complete. A photo that fails does not keep the others from being done.
 */
final class PhotoBatch {
    private static final ObjectMapper JSON = new ObjectMapper();

    private final Mouselift mouselift;
    private final CommandSpec spec;
    private final Path output;
    private final boolean resume;
    private final JsonNode settings;
    private final Map<String, Path> weights;

    /** {@code run.json}: how to get the same again (mouse specification §7). */
    record Run(List<String> arguments, String version, String java, String input, String inputSha256, JsonNode settings,
            @JsonInclude(JsonInclude.Include.NON_NULL) DeviceUse device, double seconds) {}

    /** What happens to a photo. */
    interface Work {
        void on(Subject subject, Path folder) throws IOException;
    }

    /**
     * @param settings what decides the results besides the photo
     * @param weights files of weights by what they are for; their hashes lie beside the results
     */
    PhotoBatch(Mouselift mouselift, CommandSpec spec, Path output, boolean resume, Map<String, Object> settings, Map<String, Path> weights) {
        this.weights = weights;
        this.mouselift = mouselift;
        this.spec = spec;
        this.output = output;
        this.resume = resume;
        this.settings = JSON.valueToTree(settings);
    }

    /** The exit code: 0 if all photos were done or were there, otherwise that of bad input. A single photo's problem is thrown. */
    int all(List<Subject> subjects, Work work) throws IOException {
        List<String> failed = new ArrayList<>();
        int kept = 0;
        int done = 0;
        for (Subject subject : subjects) {
            Path folder = output.resolve(subject.name());
            try {
                String hash = ContentHash.ofFile(subject.photo());
                if (resume && there(folder, hash)) {
                    kept++;
                    continue;
                }
                long start = System.nanoTime();
                work.on(subject, folder);
                if (done++ == 0) {
                    RunRecord.weights(output, weights);
                }
                record(subject, folder, hash, start);
                spec.commandLine().getOut().println(folder);
            } catch (IOException | IllegalArgumentException e) {
                if (subjects.size() == 1) {
                    throw e;
                }
                ErrorReport report = ErrorReport.of(e, false);
                failed.add(subject.photo() + ": " + report.message());
                mouselift.note("failed: " + failed.getLast());
            }
        }
        if (subjects.size() > 1) {
            mouselift.note(subjects.size() - kept - failed.size() + " photos done, " + kept + " were there, " + failed.size() + " failed");
        }
        if (!failed.isEmpty()) {
            throw CommandException.badInput(failed.size() + " of " + subjects.size() + " photos failed, the first: " + failed.getFirst(),
                    "The others are done; --resume leaves them as they are.");
        }
        return ExitCode.OK;
    }

    /** Says something to the person at the terminal. */
    void note(String text) {
        mouselift.note(text);
    }

    private boolean there(Path folder, String hash) throws IOException {
        Path file = folder.resolve(RunRecord.FILE);
        if (!Files.isRegularFile(file)) {
            return false;
        }
        JsonNode run = JSON.readTree(file.toFile());
        if (!run.path("settings").equals(normal(settings)) || !run.path("inputSha256").asText().equals(hash)) {
            throw new IllegalArgumentException(folder + " holds results of another photo or other settings (" + RunRecord.FILE
                    + "): take another output folder, or leave --resume away to replace them");
        }
        return true;
    }

    /** As it reads back from a file: numbers in their stored form. */
    private static JsonNode normal(JsonNode node) throws IOException {
        return JSON.readTree(JSON.writeValueAsBytes(node));
    }

    private void record(Subject subject, Path folder, String hash, long start) throws IOException {
        String version = Mouselift.class.getPackage().getImplementationVersion();
        json(folder.resolve(RunRecord.FILE), new Run(spec.root().commandLine().getParseResult().originalArgs(), version == null ? "unpackaged" : version,
                Runtime.version().toString(), subject.photo().toString(), hash, settings, DeviceUse.now(), (System.nanoTime() - start) * 1e-9));
    }

    /** Writes a record as a file. */
    static void json(Path file, Object content) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap((Json.write(content) + "\n").getBytes(StandardCharsets.UTF_8));
        AtomicFile.write(file, channel -> {
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        });
    }

    /** The listener of a sampling: progress, Ctrl-C, and pictures of the steps where they are wanted. */
    static MultiViewPipeline.Listener listener(Progress progress, Interruption interruption, StepPictures pictures) {
        return listener(progress, interruption, pictures, stage -> {});
    }

    private static MultiViewPipeline.Listener listener(Progress progress, Interruption interruption, StepPictures pictures, Consumer<String> stages) {
        return new MultiViewPipeline.Listener() {
            @Override
            public void stage(String name) {
                stages.accept(name);
            }

            @Override
            public void step(int index, int steps, int timestep, Tensor prediction, Tensor latents) {
                if (pictures != null) {
                    pictures.step(index, steps, latents);
                }
                progress.advance(1);
            }

            @Override
            public boolean readsSteps() {
                return pictures != null;
            }

            @Override
            public boolean cancelled() {
                return interruption.requested();
            }
        };
    }

    /** A sampling of one photo with everything around it. */
    interface Sampling {
        GeneratedViews run(MultiViewPipeline.Listener listener) throws IOException;
    }

    /** Runs a sampling with progress and Ctrl-C; the pictures of an unfinished sampling are deleted. */
    GeneratedViews sample(Subject subject, int steps, StepPictures pictures, Sampling sampling, Consumer<String> stages) throws IOException {
        try (Interruption interruption = new Interruption();
                Progress progress = mouselift.progress(subject.name(), steps, "steps");
                StepPictures own = pictures) {
            return sampling.run(listener(progress, interruption, own, stages));
        }
    }
}
