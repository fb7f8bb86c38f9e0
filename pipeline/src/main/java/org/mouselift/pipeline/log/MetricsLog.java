package org.mouselift.pipeline.log;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.BufferedWriter;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.SequencedSet;
import org.mouselift.data.AtomicFile;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.PngWriter;

/**
 * The record of a run: scalars under the original's names ({@code metrics/lr}, {@code train/l2_loss}, {@code val/psnr} …,
 * GS-LRM specification §6.8) in {@code metrics.jsonl} (one object a line), {@code metrics.csv} (one column a name) and a
 * TensorBoard event file, pictures in the event file. A resumed run continues the files; what an interrupted run had
 * written beyond the step it resumes from is dropped.
 */
public final class MetricsLog implements AutoCloseable {
    /** The log's rows, one JSON object a line. */
    public static final String FILE_NAME = "metrics.jsonl";
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final String STEP = "step";

    /** Scalars of one step. */
    public record Row(long step, Map<String, Double> values) {}

    private final Path csv;
    private final BufferedWriter lines;
    private final TensorBoardWriter events;
    private final SequencedSet<String> columns = new LinkedHashSet<>();
    private final Path jsonl;

    private MetricsLog(Path folder, List<Row> kept) throws IOException {
        this.jsonl = folder.resolve(FILE_NAME);
        this.csv = folder.resolve("metrics.csv");
        kept.forEach(row -> columns.addAll(row.values.keySet()));
        this.lines = Files.newBufferedWriter(jsonl, StandardOpenOption.CREATE, StandardOpenOption.APPEND);
        this.events = TensorBoardWriter.create(folder);
    }

    /** Begins the log of a new run in {@code folder}; refuses a folder that has one. */
    public static MetricsLog create(Path folder) throws IOException {
        Files.createDirectories(folder);
        if (Files.exists(folder.resolve(FILE_NAME))) {
            throw new IOException(folder + " holds the log of another run (metrics.jsonl); resume that run or choose another folder");
        }
        return new MetricsLog(folder, List.of());
    }

    /** Continues the log in {@code folder} after {@code step}; rows of later steps are dropped. Begins one if there is none. */
    public static MetricsLog resume(Path folder, long step) throws IOException {
        Files.createDirectories(folder);
        Path jsonl = folder.resolve(FILE_NAME);
        List<Row> kept = new ArrayList<>();
        if (Files.exists(jsonl)) {
            for (Row row : read(jsonl)) {
                if (row.step <= step) {
                    kept.add(row);
                }
            }
            AtomicFile.write(jsonl, channel -> {
                for (Row row : kept) {
                    channel.write(ByteBuffer.wrap((json(row) + "\n").getBytes(StandardCharsets.UTF_8)));
                }
            });
        }
        MetricsLog log = new MetricsLog(folder, kept);
        log.rewriteCsv(kept);
        return log;
    }

    /** A number, or one of the words for numbers that JSON has not. */
    private static double number(String what, JsonNode value) throws IOException {
        if (value.isNumber()) {
            return value.doubleValue();
        }
        return switch (value.asText()) {
            case "NaN" -> Double.NaN;
            case "Infinity" -> Double.POSITIVE_INFINITY;
            case "-Infinity" -> Double.NEGATIVE_INFINITY;
            default -> throw new IOException(what + " is " + value + ", expected a number");
        };
    }

    /** The rows of a {@code metrics.jsonl}; a last line cut off by an interruption is ignored. */
    public static List<Row> read(Path jsonl) throws IOException {
        List<Row> rows = new ArrayList<>();
        String text;
        try {
            text = Files.readString(jsonl);
        } catch (CharacterCodingException e) {
            throw new IOException(jsonl + ": is not text in UTF-8", e);
        }
        int number = 0;
        for (String line : text.lines().toList()) {
            number++;
            JsonNode node;
            try {
                node = JSON.readTree(line);
            } catch (JsonProcessingException e) {
                if (!text.endsWith("\n") && number == text.lines().count()) {
                    break;
                }
                throw new IOException(jsonl + ":" + number + ": not JSON: " + e.getOriginalMessage(), e);
            }
            if (!node.path(STEP).isIntegralNumber()) {
                throw new IOException(jsonl + ":" + number + ": expected an object with an integer \"step\"");
            }
            Map<String, Double> values = new LinkedHashMap<>();
            for (Map.Entry<String, JsonNode> entry : node.properties()) {
                if (!entry.getKey().equals(STEP)) {
                    values.put(entry.getKey(), number(jsonl + ":" + number + ": " + entry.getKey(), entry.getValue()));
                }
            }
            rows.add(new Row(node.get(STEP).longValue(), values));
        }
        return rows;
    }

    /** Records values of a step; names are paths such as {@code train/l2_loss}. NaN and infinities are kept as such. */
    public synchronized void scalars(long step, Map<String, Double> values) throws IOException {
        Row row = new Row(step, values);
        lines.write(json(row));
        lines.write('\n');
        lines.flush();
        if (columns.addAll(values.keySet())) {
            rewriteCsv(read(jsonl));
        } else {
            Files.writeString(csv, csvLine(row), StandardOpenOption.APPEND);
        }
        events.scalars(step, values);
    }

    /** Records a picture of a step, such as {@code images/train/turntable_0}. */
    public synchronized void image(long step, String name, Image8 picture) throws IOException {
        events.image(step, name, picture.width(), picture.height(), PngWriter.encode(picture));
    }

    @Override
    public synchronized void close() throws IOException {
        try (lines; events) {
            lines.flush();
        }
    }

    private void rewriteCsv(List<Row> rows) throws IOException {
        StringBuilder text = new StringBuilder(STEP);
        columns.forEach(name -> text.append(',').append(quoted(name)));
        text.append('\n');
        rows.forEach(row -> text.append(csvLine(row)));
        AtomicFile.write(csv, channel -> channel.write(ByteBuffer.wrap(text.toString().getBytes(StandardCharsets.UTF_8))));
    }

    private String csvLine(Row row) {
        StringBuilder text = new StringBuilder().append(row.step);
        for (String name : columns) {
            Double value = row.values.get(name);
            text.append(',').append(value == null ? "" : value.toString());
        }
        return text.append('\n').toString();
    }

    private static String quoted(String name) {
        return name.matches("[A-Za-z0-9_./-]+") ? name : '"' + name.replace("\"", "\"\"") + '"';
    }

    private static String json(Row row) {
        ObjectNode node = JSON.createObjectNode().put(STEP, row.step);
        row.values.forEach(node::put);
        return node.toString();
    }
}
