package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.mouselift.data.image.Image;
import org.mouselift.data.image.Image16;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.ImageLimits;
import org.mouselift.data.image.Images;
import org.mouselift.data.ply.PlyVertices;
import org.mouselift.data.safetensors.SafetensorsEntry;
import org.mouselift.data.safetensors.SafetensorsFile;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code mouselift inspect}: what is in a file, without loading more of it than is asked for. */
@Command(
        name = "inspect",
        description = "Show what a file holds: tensors of a safetensors file, properties of a PLY file, size of a picture.",
        footer = {"", "Files are mapped; numbers are read only with --stats.", "", "Examples:", "  mouselift inspect model.safetensors --stats --match norm",
            "  mouselift inspect mouse.ply --stats --json"})
final class InspectCommand implements Callable<Integer> {
    /** Elements of a tensor that are read at once. */
    private static final int PART = 1 << 20;

    @Parameters(paramLabel = "FILE", description = "safetensors, PLY, PNG or JPEG file.")
    private Path file;

    @Option(names = "--stats", description = "Read the numbers: least, largest, mean, standard deviation, how many are not finite.")
    private boolean withStatistics;

    @Option(names = "--match", paramLabel = "TEXT", description = "Only tensors or properties whose name contains TEXT.")
    private String match = "";

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Spec
    private CommandSpec spec;

    /** One tensor, property or channel. */
    private record Part(String name, String type, long[] shape, Statistics statistics) {}

    private record Content(String file, String format, long bytes, Object details, List<Part> parts) {}

    @Override
    public Integer call() throws IOException {
        Content content = switch (format()) {
            case "safetensors" -> safetensors();
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
        if (head.length > 8 && head[8] == '{') {
            return "safetensors";
        }
        throw CommandException.badInput(file + ": neither safetensors nor PLY, PNG or JPEG (by its first bytes)",
                startsWith(head, 'P', 'K') ? "It is a zip archive; PyTorch checkpoints (.pt) are not shown by this command." : "");
    }

    private static boolean startsWith(byte[] head, int... bytes) {
        for (int i = 0; i < bytes.length; i++) {
            if (i >= head.length || (head[i] & 255) != bytes[i]) {
                return false;
            }
        }
        return true;
    }

    private Content safetensors() throws IOException {
        try (SafetensorsFile tensors = SafetensorsFile.open(file)) {
            List<Part> parts = new ArrayList<>();
            for (SafetensorsEntry entry : tensors.entries().values()) {
                if (entry.name().contains(match)) {
                    parts.add(new Part(entry.name(), entry.type().name(), entry.shape(), withStatistics ? statistics(entry) : null));
                }
            }
            return new Content(file.toString(), "safetensors", Files.size(file), tensors.metadata(), parts);
        }
    }

    private Content ply() throws IOException {
        try (PlyVertices vertices = PlyVertices.open(file)) {
            List<Part> parts = new ArrayList<>();
            for (String property : vertices.properties()) {
                if (property.contains(match)) {
                    parts.add(new Part(property, "vertex property", new long[] {vertices.count()},
                            withStatistics ? statistics(vertices.column(property)) : null));
                }
            }
            boolean splats = vertices.has("f_dc_0") && vertices.has("opacity");
            return new Content(file.toString(), splats ? "PLY, Gaussian splats" : "PLY", Files.size(file), vertices.count() + " vertices", parts);
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
                        withStatistics ? statistics(channel(image, c)) : null));
            }
        }
        return new Content(file.toString(), "picture", Files.size(file), image.width() + "x" + image.height(), parts);
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

    private static void print(Content content, PrintWriter out) {
        out.printf(Locale.ROOT, "%s: %s, %,d bytes%n", content.file, content.format, content.bytes);
        if (!content.details.toString().equals("{}")) {
            out.println("  " + content.details);
        }
        for (Part part : content.parts) {
            StringBuilder shape = new StringBuilder();
            for (long side : part.shape) {
                shape.append(shape.isEmpty() ? "" : ",").append(side);
            }
            out.printf("  %-60s %-8s [%s]%n", part.name, part.type, shape);
            if (part.statistics != null) {
                out.println("      " + part.statistics);
            }
        }
    }

    /** Of all finite elements. */
    private record Statistics(long count, double least, double largest, double mean, double deviation, long notFinite) {
        @Override
        public String toString() {
            return String.format(Locale.ROOT, "least %.6g, largest %.6g, mean %.6g, deviation %.6g%s", least, largest, mean, deviation,
                    notFinite == 0 ? "" : ", NOT FINITE: " + notFinite);
        }
    }

    /** Statistics of numbers that come in parts, by Welford's update: exact enough for any offset. */
    private static final class Running {
        private double least = Double.POSITIVE_INFINITY;
        private double largest = Double.NEGATIVE_INFINITY;
        private double mean;
        private double squares;
        private long count;
        private long notFinite;

        Running add(double value) {
            if (!Double.isFinite(value)) {
                notFinite++;
                return this;
            }
            count++;
            least = Math.min(least, value);
            largest = Math.max(largest, value);
            double before = value - mean;
            mean += before / count;
            squares += before * (value - mean);
            return this;
        }

        Statistics result() {
            return count == 0 ? new Statistics(0, Double.NaN, Double.NaN, Double.NaN, Double.NaN, notFinite)
                    : new Statistics(count, least, largest, mean, Math.sqrt(squares / count), notFinite);
        }
    }

    private static Statistics statistics(float[] values) {
        Running running = new Running();
        for (float value : values) {
            running.add(value);
        }
        return running.result();
    }

    /** Reads a tensor of any size a part at a time. */
    private static Statistics statistics(SafetensorsEntry entry) {
        Running running = new Running();
        long bytes = (long) PART * entry.type().bytes();
        for (long at = 0; at < entry.data().byteSize(); at += bytes) {
            long length = Math.min(bytes, entry.data().byteSize() - at);
            SafetensorsEntry part = new SafetensorsEntry(entry.file(), entry.name(), entry.type(), new long[] {length / entry.type().bytes()},
                    entry.data().asSlice(at, length));
            for (double value : part.doubles()) {
                running.add(value);
            }
        }
        return running.result();
    }
}
