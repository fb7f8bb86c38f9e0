package org.mouselift.pipeline.mousedata;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.LongConsumer;
import java.util.stream.Stream;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.OpencvCameraFile;
import org.mouselift.data.camera.OpencvFrame;
import org.mouselift.data.checkpoint.ArtefactStatus;
import org.mouselift.data.checkpoint.Provenance;
import org.mouselift.data.dataset.SampleList;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.Images;
import org.mouselift.data.preprocess.PreprocessException;
import org.mouselift.data.preprocess.PreprocessMethod;
import org.mouselift.engine.cpu.Workers;

/**
 * One data set becomes another by a {@link PreprocessMethod} (mouse specification §3): samples, lists and lineage. Unknown keys of the
 * camera files are kept; running again with the same settings adds what is missing.
 */
public final class DatasetPreprocessing {
    private static final int MAX_PARTS = 64;

    /**
     * What was done.
     *
     * @param clippedViews views that lost mask pixels
     * @param meanClipped  mean share of mask pixels lost, over all views of the samples written now
     */
    public record Report(int written, int kept, List<Failure> failures, int clippedViews, double meanClipped) {}

    /** A sample that could not be made. */
    public record Failure(String sample, String reason, String message) {}

    private final Path input;
    private final Path output;
    private final PreprocessMethod method;
    private final int limit;
    private final double maxFailures;
    private final List<String> arguments;

    /**
     * @param limit       samples at most, in name order
     * @param maxFailures share of samples that may fail
     */
    public DatasetPreprocessing(Path input, Path output, PreprocessMethod method, int limit, double maxFailures) {
        this(input, output, method, limit, maxFailures, List.of());
    }

    /** @param arguments the command line, for the record */
    public DatasetPreprocessing(Path input, Path output, PreprocessMethod method, int limit, double maxFailures, List<String> arguments) {
        if (limit < 1 || !(maxFailures >= 0 && maxFailures <= 1)) {
            throw new IllegalArgumentException("preprocess: at most " + limit + " samples, share of failures " + maxFailures + "; expected 1 or more, and 0 to 1");
        }
        this.input = input;
        this.output = output;
        this.method = method;
        this.limit = limit;
        this.maxFailures = maxFailures;
        this.arguments = List.copyOf(arguments);
    }

    /** How many samples there are to make. */
    public int samples() throws IOException {
        return Files.isDirectory(input) ? Math.min(limit, SampleFolder.list(input).size()) : 0;
    }

    /** @throws MouseDataException if the folders are the same, the output holds something else, or too many samples fail */
    public Report run(LongConsumer progress) throws IOException {
        if (!Files.isDirectory(input)) {
            throw new MouseDataException(input, "is not a folder", "give a data set folder");
        }
        ArtefactStatus.requireUsable(input);
        Files.createDirectories(output);
        if (Files.isSameFile(input, output)) {
            throw new MouseDataException(output, "is the input itself", "choose another output folder");
        }
        List<Path> samples = SampleFolder.list(input);
        if (samples.isEmpty()) {
            throw new MouseDataException(input, "holds no sample_NNNNNN folders", "give a data set folder");
        }
        samples = samples.subList(0, Math.min(limit, samples.size()));
        ObjectNode provenance = claim();
        SampleFolder.removeUnfinished(output);
        TreeMap<Integer, Failure> failures = new TreeMap<>();
        double[][] clipped = new double[samples.size()][];
        boolean[] kept = new boolean[samples.size()];
        IOException[] broken = new IOException[samples.size()];
        List<Path> all = samples;
        Workers.each(all.size(), (worker, i) -> {
            String name = all.get(i).getFileName().toString();
            clipped[i] = new double[0];
            synchronized (failures) {
                if (failures.size() > maxFailures * all.size()) {
                    return;
                }
            }
            try {
                kept[i] = Files.isDirectory(output.resolve(name));
                if (!kept[i]) {
                    Optional<Failure> failure = sample(all.get(i), name, clipped, i);
                    synchronized (failures) {
                        failure.ifPresent(f -> failures.put(i, f));
                    }
                }
            } catch (IOException e) {
                broken[i] = e;
            }
            progress.accept(1);
        });
        for (IOException e : broken) {
            if (e != null) {
                throw e;
            }
        }
        return finish(provenance, all, kept, clipped, List.copyOf(failures.values()));
    }

    private Report finish(ObjectNode provenance, List<Path> all, boolean[] kept, double[][] clipped, List<Failure> failures) throws IOException {
        Set<String> done = new TreeSet<>();
        for (Path p : all) {
            if (Files.isDirectory(output.resolve(p.getFileName().toString()))) {
                done.add(p.getFileName().toString());
            }
        }
        int lists = lists(done);
        SampleFolder.json(output.resolve(SampleFolder.FAILURES), SampleFolder.MAPPER.valueToTree(failures));
        int count = 0;
        int keptCount = 0;
        double sum = 0;
        int views = 0;
        for (int i = 0; i < clipped.length; i++) {
            keptCount += kept[i] ? 1 : 0;
            for (double c : clipped[i]) {
                count += c > 0 ? 1 : 0;
                sum += c;
                views++;
            }
        }
        provenance.putObject("counts").put("samples", done.size()).put("failed", failures.size()).put("lists", lists);
        provenance.set("views", MaskSummary.means(output, done));
        SampleFolder.json(output.resolve(SampleFolder.PROVENANCE), provenance);
        if (failures.size() > maxFailures * all.size()) {
            throw new MouseDataException(output, failures.size() + " of the first " + (done.size() + failures.size()) + " samples failed, more than "
                    + String.format(java.util.Locale.ROOT, "%.4g %%", 100 * maxFailures) + " of all " + all.size() + "; the first: " + failures.getFirst().sample() + ": "
                    + failures.getFirst().message(), "see " + SampleFolder.FAILURES + "; --max-failures allows more");
        }
        return new Report(done.size() - keptCount, keptCount, failures, count, views == 0 ? 0 : sum / views);
    }

    /** Makes one sample; what cannot be read, or not be prepared, is its own failure. */
    private Optional<Failure> sample(Path sample, String name, double[][] clipped, int index) throws IOException {
        OpencvCameraFile file;
        PreprocessMethod.Outcome out;
        try {
            file = OpencvCameraFile.read(sample.resolve(OpencvCameraFile.FILE_NAME), OpencvCameraFile.Options.SAMPLE);
            List<Image8> views = new ArrayList<>();
            for (OpencvFrame f : file.frames()) {
                Path picture = sample.resolve(f.filePath().orElseThrow());
                Image8 image = Images.read(picture);
                if (image.width() != f.camera().intrinsics().width() || image.height() != f.camera().intrinsics().height()) {
                    throw new MouseDataException(picture, "is " + image.width() + "x" + image.height() + ", its camera says "
                            + f.camera().intrinsics().width() + "x" + f.camera().intrinsics().height() + " (MFL-D02)", "correct the camera file");
                }
                views.add(image);
            }
            out = method.apply(views, file.rig(name));
        } catch (PreprocessException e) {
            return Optional.of(new Failure(name, e.reason(), e.getMessage()));
        } catch (IOException e) {
            return Optional.of(new Failure(name, "unreadable", e.getMessage()));
        }
        ObjectNode block = out.block();
        block.set("clipped", SampleFolder.MAPPER.valueToTree(out.clipped()));
        clipped[index] = out.clipped();
        SampleFolder.write(output, name, file.withCameras(out.cameras()).with(out.blockName(), block).with(MaskSummary.KEY, MaskSummary.of(out.images())), out.images());
        return Optional.empty();
    }

    /** Rewrites every list of the input with the samples that exist; entries are matched by their folder, not by text. */
    private int lists(Set<String> done) throws IOException {
        List<Path> lists;
        try (Stream<Path> files = Files.list(input)) {
            lists = files.filter(f -> f.getFileName().toString().endsWith(".txt")).sorted().toList();
        }
        int written = 0;
        for (Path list : lists) {
            if (Files.size(list) == 0) {
                SampleFolder.text(output.resolve(list.getFileName().toString()), "");
                written++;
                continue;
            }
            StringBuilder text = new StringBuilder();
            for (Path p : SampleList.read(list).samples()) {
                String name = p.getFileName().toString();
                if (done.contains(name) && Files.isSameFile(p.toAbsolutePath().getParent(), input)) {
                    text.append(name).append('\n');
                }
            }
            SampleFolder.text(output.resolve(list.getFileName().toString()), text.toString());
            written++;
        }
        return written;
    }

    private ObjectNode claim() throws IOException {
        Path parent = input.resolve(SampleFolder.PROVENANCE);
        ObjectNode made = JsonNodeFactory.instance.objectNode().put("method", method.id()).put("settings", method.toString())
                .put("intrinsics", method.contract().id()).put("parent", input.toAbsolutePath().normalize().getFileName().toString());
        JsonNode origin = Files.exists(parent) ? SampleFolder.read(parent) : JsonNodeFactory.instance.objectNode();
        // How the parent was made, not how many samples it had: it may have been finished since.
        made.put("parent_settings_sha256", SampleFolder.sha256(origin.path("prepare").toString() + origin.path("preprocess") + origin.path("chain")));
        Path file = output.resolve(SampleFolder.PROVENANCE);
        String created = SampleFolder.claim(output, "preprocess", made);
        ObjectNode root = origin instanceof ObjectNode before ? before.deepCopy() : JsonNodeFactory.instance.objectNode();
        root.remove(List.of("counts", "preprocess", "views"));
        root.put("kind", "mouse-preprocessed").put("created", created).put("tool", SampleFolder.tool());
        root.set("arguments", SampleFolder.MAPPER.valueToTree(arguments));
        root.set("preprocess", made);
        if (Files.exists(parent)) {
            root.put("parent_sha256", SampleFolder.sha256(parent));
        }
        if (Optional.ofNullable(root.get("chain")).map(JsonNode::size).orElse(0) > MAX_PARTS) {
            throw new MouseDataException(parent, "has a chain of more than " + MAX_PARTS + " steps", "start again from the recording");
        }
        root.withArray("chain").addObject().put("step", method.id()).put("intrinsics", method.contract().id());
        // Whoever invalidates the parent invalidates this set with it.
        new Provenance(JsonNodeFactory.instance.objectNode().put("command", "data preprocess"), List.of(new Provenance.Parent("data", input, Optional.empty())), List.of())
                .writeRecord(output);
        SampleFolder.json(file, root);
        return root;
    }
}
