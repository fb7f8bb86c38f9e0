package org.mouselift.pipeline.cli;

import com.fasterxml.jackson.annotation.JsonInclude;
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
import org.mouselift.data.checkpoint.Checkpoint;
import org.mouselift.data.checkpoint.CheckpointDifference;
import org.mouselift.data.checkpoint.ContentHash;
import org.mouselift.data.checkpoint.ForeignFile;
import org.mouselift.data.checkpoint.NumberedCheckpoint;
import org.mouselift.data.checkpoint.StoredTensor;
import org.mouselift.data.checkpoint.TensorStatistics;
import org.mouselift.data.image.Image;
import org.mouselift.data.image.Image16;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.ImageLimits;
import org.mouselift.data.image.Images;
import org.mouselift.data.ply.PlyVertices;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code mouselift inspect}: what is in a file, without loading more of it than is asked for. */
@Command(
        name = "inspect",
        description = "Show what a file holds: tensors of a checkpoint (safetensors, PyTorch, sharded, or a folder of these), properties of a "
                + "PLY file, size of a picture.",
        footer = {"", "Checkpoints are mapped; numbers are read only with --stats, --diff and --hash.",
            "Nothing in a PyTorch file is ever executed.",
            "With --diff the exit code is 1 when the checkpoints differ.", "", "Examples:", "  mouselift inspect model.safetensors --stats --match norm",
            "  mouselift inspect ckpt_0000000000021125.pt", "  mouselift inspect before.pt --diff after.safetensors",
            "  mouselift inspect mouse.ply --stats --json"})
final class InspectCommand implements Callable<Integer> {
    /** A pickle's plain values are listed down to this depth and number. */
    private static final int MAX_SETTINGS = 100;

    @Parameters(paramLabel = "PATH", description = "Checkpoint, PLY, PNG or JPEG file, a folder of components, or the folder of a training (the newest checkpoint by number).")
    private Path file;

    @Option(names = "--stats", description = "Read the numbers: least, largest, mean, standard deviation, how many are not finite.")
    private boolean withStatistics;

    @Option(names = "--diff", paramLabel = "OTHER", description = "Compare with another checkpoint: which tensors changed, and by how much.")
    private Path other;

    @Option(names = "--hash", description = "SHA-256 of the file and of each tensor (type, shape and elements, wherever they are stored).")
    private boolean withHash;

    @Option(names = "--list", description = "List every tensor instead of the tree.")
    private boolean flat;

    @Option(names = "--match", paramLabel = "TEXT", description = "Only tensors or properties whose name contains TEXT.")
    private String match = "";

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @ParentCommand
    private Mouselift mouselift;

    @Spec
    private CommandSpec spec;

    /** One tensor, property or channel. */
    private record Part(String name, String type, long[] shape, TensorStatistics statistics, @JsonInclude(JsonInclude.Include.NON_NULL) String sha256) {}

    private record Content(String file, String format, long bytes, Object details, @JsonInclude(JsonInclude.Include.NON_NULL) Long parameters,
            @JsonInclude(JsonInclude.Include.NON_NULL) String sha256, List<Part> parts) {}

    @Override
    public Integer call() throws IOException {
        if (other != null) {
            return difference();
        }
        String format = format();
        if (format.equals("checkpoint") && !json && !flat && !withStatistics && !withHash && match.isEmpty()) {
            tree();
            return ExitCode.OK;
        }
        Content content = switch (format) {
            case "checkpoint" -> checkpoint();
            case "ply" -> ply();
            default -> picture();
        };
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            out.println(Json.write(content));
        } else {
            print(content, out);
        }
        return ExitCode.OK;
    }

    /** By content, so that a wrong file name does not matter. */
    private String format() throws IOException {
        if (Files.isDirectory(file)) {
            return "checkpoint";
        }
        byte[] head;
        try (var in = Files.newInputStream(file)) {
            head = in.readNBytes(16);
        }
        if (startsWith(head, 'p', 'l', 'y')) {
            return "ply";
        }
        if (startsWith(head, 0x89, 'P', 'N', 'G') || startsWith(head, 0xff, 0xd8)) {
            return "picture";
        }
        if (Checkpoint.formatOf(head).isPresent()) {
            return "checkpoint";
        }
        throw CommandException.badInput(file + ": neither a checkpoint (safetensors, PyTorch) nor PLY, PNG or JPEG by its first bytes (" + ForeignFile.hint(file) + ")", "");
    }

    private static boolean startsWith(byte[] head, int... bytes) {
        for (int i = 0; i < bytes.length; i++) {
            if (i >= head.length || (head[i] & 255) != bytes[i]) {
                return false;
            }
        }
        return true;
    }

    /** Says which checkpoint of a training's folder is shown. */
    private Checkpoint open(Path path) throws IOException {
        Checkpoint stored = Checkpoint.open(path);
        NumberedCheckpoint.of(stored.path()).filter(newest -> !stored.path().equals(path)).ifPresent(newest ->
                mouselift.note(path + ": the newest checkpoint by number is " + newest.path().getFileName() + " (step " + newest.step() + ")"));
        return stored;
    }

    private Content checkpoint() throws IOException {
        try (Checkpoint stored = open(file)) {
            List<Part> parts = new ArrayList<>();
            for (StoredTensor tensor : stored.tensors().values()) {
                if (tensor.name().contains(match)) {
                    parts.add(new Part(tensor.name(), tensor.type().name(), tensor.shape(), withStatistics ? TensorStatistics.of(tensor) : null,
                            withHash ? tensor.sha256() : null));
                }
            }
            return new Content(stored.path().toString(), stored.format().label(), size(stored), details(stored), parameters(stored),
                    withHash && Files.isRegularFile(stored.path()) ? ContentHash.ofFile(stored.path()) : null, parts);
        }
    }

    private void tree() throws IOException {
        try (Checkpoint stored = open(file)) {
            PrintWriter out = spec.commandLine().getOut();
            out.printf(Locale.ROOT, "%s: %s, %,d bytes, %s, %s%n", stored.path(), stored.format().label(), size(stored), Printable.count(stored.tensors().size(), "tensor"),
                    Printable.count(parameters(stored), "parameter"));
            details(stored).forEach((name, value) -> out.println("  " + Printable.line(name) + ": " + Printable.value(value)));
            TensorTree.of(stored.tensors().values()).print(out);
        }
    }

    private static long parameters(Checkpoint stored) {
        long sum = 0;
        for (StoredTensor tensor : stored.tensors().values()) {
            // Views may repeat their elements without end.
            sum = sum + tensor.elements() < 0 ? Long.MAX_VALUE : sum + tensor.elements();
        }
        return sum;
    }

    private static long size(Checkpoint stored) throws IOException {
        long bytes = stored.tensors().isEmpty() && Files.isRegularFile(stored.path()) ? Files.size(stored.path()) : 0;
        for (Path part : stored.tensors().values().stream().map(StoredTensor::file).distinct().toList()) {
            bytes += Files.size(part);
        }
        return bytes;
    }

    /** What the file says beside its tensors: metadata strings, or the counters and settings of a PyTorch file. */
    private static Map<String, Object> details(Checkpoint stored) {
        Map<String, Object> details = new LinkedHashMap<>(stored.metadata());
        stored.root().ifPresent(root -> settings("", root, 0, details));
        return details;
    }

    private static void settings(String name, Object value, int depth, Map<String, Object> into) {
        if (into.size() >= MAX_SETTINGS || depth > 4) {
            return;
        }
        switch (value) {
            case Map<?, ?> map -> map.forEach((key, v) -> settings(name.isEmpty() ? String.valueOf(key) : name + "." + key, v, depth + 1, into));
            case List<?> list when list.stream().allMatch(v -> v instanceof Number) -> into.put(name, list);
            case List<?> list -> {
                for (int i = 0; i < list.size() && into.size() < MAX_SETTINGS; i++) {
                    settings(name + "." + i, list.get(i), depth + 1, into);
                }
            }
            case Number n -> into.put(name, n);
            case Boolean b -> into.put(name, b);
            case String s -> into.put(name, s);
            case null, default -> { }
        }
    }

    private int difference() throws IOException {
        try (Checkpoint first = open(file); Checkpoint second = open(other)) {
            CheckpointDifference difference = CheckpointDifference.of(first, second, match);
            PrintWriter out = spec.commandLine().getOut();
            if (json) {
                out.println(Json.write(difference));
            } else {
                out.printf(Locale.ROOT, "%s and %s: %s equal, %,d changed, %,d only in the first, %,d only in the second%n", first.path(), second.path(),
                        Printable.count(difference.equal(), "tensor"), difference.changed().size(), difference.onlyInFirst().size(), difference.onlyInSecond().size());
                difference.onlyInFirst().forEach(name -> Printable.println(out, "  only in the first   " + name));
                difference.onlyInSecond().forEach(name -> Printable.println(out, "  only in the second  " + name));
                for (CheckpointDifference.Change c : difference.changed()) {
                    out.printf(Locale.ROOT, "  %-70s %s%n", Printable.line(c.name()), c.elements() == 0 ? "another shape: " + c.first() + " and " + c.second()
                            : String.format(Locale.ROOT, "%s%s: %,d elements, largest %.3g, rms %.3g, relative %.3g", c.first(),
                                    c.first().equals(c.second()) ? "" : " and " + c.second(), c.elements(), c.largest(), c.rootMeanSquare(), c.relative()));
                }
            }
            return difference.same() ? ExitCode.OK : ExitCode.CHECK_FAILED;
        }
    }

    private Content ply() throws IOException {
        try (PlyVertices vertices = PlyVertices.open(file)) {
            List<Part> parts = new ArrayList<>();
            for (String property : vertices.properties()) {
                if (property.contains(match)) {
                    parts.add(new Part(property, "vertex property", new long[] {vertices.count()},
                            withStatistics ? statistics(vertices.column(property)) : null, null));
                }
            }
            boolean splats = vertices.has("f_dc_0") && vertices.has("opacity");
            return new Content(file.toString(), splats ? "PLY, Gaussian splats" : "PLY", Files.size(file), vertices.count() + " vertices", null, null, parts);
        }
    }

    private Content picture() throws IOException {
        Image image = Images.readStored(file, ImageLimits.DEFAULT);
        String[] names = switch (image.channels()) {
            case 1 -> new String[] {"grey"};
            case 2 -> new String[] {"grey", "alpha"};
            case 3 -> new String[] {"red", "green", "blue"};
            default -> new String[] {"red", "green", "blue", "alpha"};
        };
        List<Part> parts = new ArrayList<>();
        for (int c = 0; c < names.length; c++) {
            if (names[c].contains(match)) {
                parts.add(new Part(names[c], image instanceof Image16 ? "U16" : "U8", new long[] {image.height(), image.width()},
                        withStatistics ? statistics(channel(image, c)) : null, null));
            }
        }
        return new Content(file.toString(), "picture", Files.size(file), image.width() + "x" + image.height(), null, null, parts);
    }

    private static float[] channel(Image image, int c) {
        float[] values = new float[image.width() * image.height()];
        for (int i = 0; i < values.length; i++) {
            int at = i * image.channels() + c;
            values[i] = switch (image) {
                case Image8 eight -> eight.data()[at] & 255;
                case Image16 sixteen -> sixteen.data()[at] & 65_535;
            };
        }
        return values;
    }

    private static TensorStatistics statistics(float[] values) {
        double[] wide = new double[values.length];
        for (int i = 0; i < wide.length; i++) {
            wide[i] = values[i];
        }
        return TensorStatistics.of(wide);
    }

    private static void print(Content content, PrintWriter out) {
        out.printf(Locale.ROOT, "%s: %s, %,d bytes%s%n", content.file, content.format, content.bytes,
                content.parameters == null ? "" : ", " + Printable.count(content.parameters, "parameter"));
        if (content.sha256 != null) {
            out.println("  SHA-256 " + content.sha256);
        }
        switch (content.details) {
            case Map<?, ?> map -> map.forEach((name, value) -> out.println("  " + Printable.line(String.valueOf(name)) + ": " + Printable.value(value)));
            default -> out.println("  " + content.details);
        }
        for (Part part : content.parts) {
            StringBuilder shape = new StringBuilder();
            for (long side : part.shape) {
                shape.append(shape.isEmpty() ? "" : ",").append(side);
            }
            out.printf("  %-60s %-8s [%s]%n", Printable.line(part.name), part.type, shape);
            if (part.statistics != null) {
                out.println("      " + part.statistics);
            }
            if (part.sha256 != null) {
                out.println("      SHA-256 " + part.sha256);
            }
        }
        List<Part> measured = content.parts.stream().filter(p -> p.statistics != null).toList();
        if (!measured.isEmpty()) {
            long bad = measured.stream().filter(p -> p.statistics.notFinite() > 0).count();
            out.println(bad == 0 ? "  all numbers are finite" : String.format(Locale.ROOT, "  NOT FINITE: %,d NaN and %,d infinite numbers, in %d of %s",
                    measured.stream().mapToLong(p -> p.statistics.nan()).sum(), measured.stream().mapToLong(p -> p.statistics.infinite()).sum(), bad,
                    Printable.count(measured.size(), "part")));
        }
    }
}
