package org.mouselift.pipeline.mousedata;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.Set;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import java.util.stream.Collectors;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.OpencvCameraFile;
import org.mouselift.data.checkpoint.Provenance;
import org.mouselift.data.image.Image8;
import org.mouselift.data.preprocess.AddAlpha;
import org.mouselift.data.preprocess.PreprocessException;
import org.mouselift.data.recording.DatasetSplit;
import org.mouselift.pipeline.evaluate.ViewGate;
import org.mouselift.pipeline.multiview.GeneratedViews;

/**
 * A data set of drawn views (mouse specification §7.5): one sample for each reference picture, masks from the white background, the cameras that the slots
 * stand for. The first {@value #GATED} samples must pass the gate of §3.11 before any further one is drawn: that human faces were drawn for mice was once
 * found out only after a training on them.
 */
public final class GeneratedDataset {
    public static final int GATED = 5;
    public static final String TRAIN_LIST = "data_train.txt";
    public static final String VALIDATION_LIST = "data_val.txt";
    /** What is white and connected to the border is not the subject. */
    private static final AddAlpha MASKS = new AddAlpha(false, AddAlpha.WHITE_THRESHOLD, true, false);
    private static final String GATE = "gate";

    /** A reference picture and the name of what it is part of. */
    public record Source(String name, Path reference) {}

    /** Draws the views of one reference picture. */
    @FunctionalInterface
    public interface Artist {
        /** @param index of the source, which decides the seed */
        GeneratedViews draw(Source source, int index) throws IOException;
    }

    /** What the gate said of one sample. */
    public record Judged(String sample, boolean rejected, String decision, String findings) {}

    /** A sample of which a view was drawn empty, or full. */
    public record Failure(String sample, String reason) {}

    /** @param gate verdicts of the first samples */
    public record Report(int written, int kept, List<Failure> failures, List<Judged> gate, int train, int validation) {}

    private final Path output;
    private final CameraRig rig;
    private final ObjectNode settings;
    private final List<Provenance.Parent> parents;
    private final List<String> arguments;

    /**
     * @param rig       cameras of the slots, whatever their picture size
     * @param settings  what decides the pictures; a folder made with others is refused
     * @param parents   whose invalidation invalidates this set, too
     * @param arguments the command line, for the record
     */
    public GeneratedDataset(Path output, CameraRig rig, ObjectNode settings, List<Provenance.Parent> parents, List<String> arguments) {
        this.output = output;
        this.rig = rig;
        this.settings = settings;
        this.parents = List.copyOf(parents);
        this.arguments = List.copyOf(arguments);
    }

    /**
     * Draws what is not there yet.
     *
     * @param ignoreGate go on although the gate rejects the first samples; recorded
     * @param judged     told each verdict of the gate
     * @throws MouseDataException if the gate rejects most of the first samples: what was drawn stays to be looked at, without lists
     */
    public Report run(List<Source> sources, Artist artist, DatasetSplit split, boolean ignoreGate, Consumer<Judged> judged, LongConsumer progress) throws IOException {
        Set<String> names = new HashSet<>();
        for (int i = 0; i < sources.size(); i++) {
            if (!names.add(name(sources.get(i), i))) {
                throw new MouseDataException(sources.get(i).reference, "would be written as " + name(sources.get(i), i) + ", as another one", "generate them into different folders");
            }
        }
        Files.createDirectories(output);
        String created = SampleFolder.claim(output, "generate", settings);
        ObjectNode provenance = provenance(created, ignoreGate);
        SampleFolder.removeUnfinished(output);
        List<Judged> gate = new ArrayList<>();
        List<String> done = new ArrayList<>();
        List<Failure> failures = new ArrayList<>();
        int kept = 0;
        for (int i = 0; i < sources.size(); i++) {
            String name = name(sources.get(i), i);
            Optional<String> failure = Optional.empty();
            if (Files.isDirectory(output.resolve(name))) {
                kept++;
            } else {
                failure = sample(name, artist.draw(sources.get(i), i));
            }
            if (failure.isPresent()) {
                failures.add(new Failure(name, failure.get()));
            } else {
                done.add(name);
            }
            if (i < GATED) {
                gate.add(failure.isPresent() ? new Judged(name, true, "not drawn", failure.get()) : read(name));
                judged.accept(gate.getLast());
            }
            progress.accept(1);
            if (i == Math.min(GATED, sources.size()) - 1 && !ignoreGate) {
                require(gate);
            }
        }
        SampleFolder.json(output.resolve(SampleFolder.FAILURES), SampleFolder.MAPPER.valueToTree(failures));
        DatasetSplit.Parts parts = split.split(done.size());
        SampleFolder.text(output.resolve(TRAIN_LIST), lines(done, parts.train()));
        SampleFolder.text(output.resolve(VALIDATION_LIST), lines(done, parts.validation()));
        provenance.putObject("counts").put("samples", done.size()).put("views", rig.size()).put("failed", failures.size()).put("train", parts.train().size()).put("validation", parts.validation().size());
        provenance.putObject(GATE).put("samples", gate.size()).put("rejected", gate.stream().filter(Judged::rejected).count()).put("ignored", ignoreGate);
        provenance.set("views", MaskSummary.means(output, done));
        SampleFolder.json(output.resolve(SampleFolder.PROVENANCE), provenance);
        return new Report(done.size() - kept, kept, List.copyOf(failures), List.copyOf(gate), parts.train().size(), parts.validation().size());
    }

    private static String name(Source source, int index) {
        return SampleFolder.isName(source.name) ? source.name : SampleFolder.name(index);
    }

    private static String lines(List<String> names, List<Integer> which) {
        return which.stream().map(i -> names.get(i) + "\n").collect(Collectors.joining());
    }

    private ObjectNode provenance(String created, boolean ignoreGate) throws IOException {
        ObjectNode root = JsonNodeFactory.instance.objectNode().put("kind", "mouse-generated").put("created", created).put("tool", SampleFolder.tool());
        root.set("arguments", SampleFolder.MAPPER.valueToTree(arguments));
        root.set("generate", settings);
        root.putArray("chain").addObject().put("step", "generate" + (ignoreGate ? " (gate ignored)" : "")).put("intrinsics", "exact");
        root.put("rig_id", rig.id());
        new Provenance(JsonNodeFactory.instance.objectNode().put("command", "data generate"), parents, List.of()).writeRecord(output);
        SampleFolder.json(output.resolve(SampleFolder.PROVENANCE), root);
        return root;
    }

    /** Returns why the sample could not be made, empty when it was. */
    private Optional<String> sample(String name, GeneratedViews drawn) throws IOException {
        if (drawn.views().size() != rig.size()) {
            throw new MouseDataException(output, "MFL-E114: " + rig.size() + " cameras for " + drawn.views().size() + " drawn views", "name the rig of the pipeline's slots");
        }
        List<Image8> views;
        Image8 reference;
        try {
            views = MASKS.apply(drawn.views(), rig).images();
            reference = MASKS.apply(List.of(drawn.reference()), rig).images().getFirst();
        } catch (PreprocessException e) {
            return Optional.of(e.getMessage());
        }
        List<Camera> cameras = new ArrayList<>();
        for (int i = 0; i < views.size(); i++) {
            cameras.add(rig.get(i).withIntrinsics(rig.get(i).intrinsics().resize(views.get(i).width(), views.get(i).height())));
        }
        CameraRig posed = new CameraRig(name, cameras);
        ViewGate.Verdict v = ViewGate.judge(reference, views, Optional.of(posed), Optional.empty());
        ObjectNode block = JsonNodeFactory.instance.objectNode().put("decision", v.decision().id()).put("rejected", v.rejected());
        ObjectNode findings = block.putObject("findings");
        v.findings().forEach(f -> findings.putObject(f.metric().name().toLowerCase(Locale.ROOT)).put("value", f.value()).put("level", f.level().name().toLowerCase(Locale.ROOT)));
        SampleFolder.write(output, name, OpencvCameraFile.ofRig(posed).with(GATE, block).with(MaskSummary.KEY, MaskSummary.of(views)), views);
        return Optional.empty();
    }

    /** The verdict that was stored with a sample. */
    private Judged read(String name) throws IOException {
        JsonNode g = SampleFolder.read(output.resolve(name).resolve(OpencvCameraFile.FILE_NAME)).path(GATE);
        List<String> findings = new ArrayList<>();
        g.path("findings").properties().forEach(f -> findings.add(String.format(Locale.ROOT, "%s %.3g (%s)", f.getKey(), f.getValue().path("value").asDouble(Double.POSITIVE_INFINITY),
                f.getValue().path("level").asText())));
        return new Judged(name, g.path("rejected").asBoolean(true), g.path("decision").asText(), String.join(", ", findings));
    }

    private void require(List<Judged> gate) throws MouseDataException {
        long rejected = gate.stream().filter(Judged::rejected).count();
        if (2 * rejected > gate.size()) {
            Judged first = gate.stream().filter(Judged::rejected).findFirst().orElseThrow();
            throw new MouseDataException(output, rejected + " of the first " + gate.size() + " samples do not show what they were made from; " + first.sample + ": " + first.findings,
                    "look at the pictures and at the pipeline; --ignore-gate draws the rest all the same");
        }
    }
}
