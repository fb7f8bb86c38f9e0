package org.mouselift.data.camera;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.util.DefaultIndenter;
import com.fasterxml.jackson.core.util.DefaultPrettyPrinter;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Iterator;
import java.util.OptionalDouble;
import org.mouselift.data.AtomicFile;

/** Strict JSON for camera files: duplicate keys, trailing text, oversize files and NaN are errors that name the file. */
final class CameraJson {
    /** A camera file of thousands of frames has a few megabytes. */
    static final long MAX_BYTES = 64L << 20;
    private static final JsonMapper MAPPER = JsonMapper.builder(JsonFactory.builder()
                    .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(100).maxNumberLength(400)
                            .maxNameLength(10_000).maxStringLength(1 << 20).build())
                    .build())
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS)
            .enable(DeserializationFeature.FAIL_ON_READING_DUP_TREE_KEY)
            .build();

    private final Path file;

    private CameraJson(Path file) {
        this.file = file;
    }

    static CameraJson at(Path file) {
        return new CameraJson(file);
    }

    JsonNode read() throws IOException {
        return parse(bytes());
    }

    /** The whole file, after a look at its size. */
    byte[] bytes() throws IOException {
        long size;
        try {
            size = Files.size(file);
        } catch (NoSuchFileException e) {
            throw new CameraFileException(file, null, "file not found", "check the path; cameras are never invented", e);
        }
        if (size > MAX_BYTES) {
            throw error(null, "has " + size + " bytes, more than " + MAX_BYTES, "this is not a camera file");
        }
        return Files.readAllBytes(file);
    }

    JsonNode parse(byte[] bytes) throws CameraFileException {
        JsonNode root;
        try {
            root = MAPPER.readTree(bytes);
        } catch (JsonProcessingException e) {
            String where = e.getLocation() == null ? "" : " at line " + e.getLocation().getLineNr() + ", column "
                    + e.getLocation().getColumnNr();
            throw new CameraFileException(file, null, "is not valid JSON" + where + ": " + e.getOriginalMessage(),
                    "correct the file (every key once, no NaN, nothing after the last brace)", e);
        } catch (IOException e) {
            throw new CameraFileException(file, null, "is not valid JSON text: " + e.getMessage(),
                    "store the file as UTF-8", e);
        }
        if (root == null || root.isMissingNode()) {
            throw error(null, "is empty", "expected a JSON object");
        }
        return root;
    }

    /** Pretty text with one matrix row per line; doubles in their shortest exact form. */
    static byte[] toBytes(JsonNode node) {
        DefaultPrettyPrinter printer = new DefaultPrettyPrinter();
        printer.indentObjectsWith(new DefaultIndenter(" ", "\n"));
        printer.indentArraysWith(new RowIndenter());
        try {
            return (MAPPER.writer(printer).writeValueAsString(node) + "\n").getBytes(StandardCharsets.UTF_8);
        } catch (JsonProcessingException e) {
            throw new IllegalStateException("writing a JSON tree to memory failed", e);
        }
    }

    /** Keeps arrays of depth 5 and more (matrix rows) on one line. */
    private static final class RowIndenter extends DefaultIndenter {
        private static final long serialVersionUID = 1L;

        RowIndenter() {
            super(" ", "\n");
        }

        @Override
        public void writeIndentation(com.fasterxml.jackson.core.JsonGenerator g, int level) throws IOException {
            if (level >= 5) {
                g.writeRaw(' ');
            } else {
                super.writeIndentation(g, level);
            }
        }
    }

    /** Creates the folder if needed; the file appears only when complete. */
    void write(JsonNode node) throws IOException {
        Files.createDirectories(file.toAbsolutePath().getParent());
        ByteBuffer bytes = ByteBuffer.wrap(toBytes(node));
        AtomicFile.write(file, channel -> {
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        });
    }

    CameraFileException error(String field, String problem, String remedy) {
        return new CameraFileException(file, field, problem, remedy);
    }

    ObjectNode object(JsonNode node, String field) throws CameraFileException {
        if (node instanceof ObjectNode o) {
            return o;
        }
        throw error(field, "is " + describe(node) + ", expected an object {…}", "see the camera file format");
    }

    ArrayNode array(JsonNode parent, String key, String field) throws CameraFileException {
        if (parent.get(key) instanceof ArrayNode a) {
            return a;
        }
        throw error(field, "is " + describe(parent.get(key)) + ", expected an array […]", "see the camera file format");
    }

    double number(JsonNode parent, String key, String field) throws CameraFileException {
        return number(parent.get(key), field);
    }

    OptionalDouble optionalNumber(JsonNode parent, String key, String field) throws CameraFileException {
        JsonNode n = parent.get(key);
        return n == null || n.isNull() ? OptionalDouble.empty() : OptionalDouble.of(number(n, field));
    }

    double number(JsonNode n, String field) throws CameraFileException {
        if (n == null || !n.isNumber()) {
            throw error(field, "is " + describe(n) + ", expected a number", "store the value as a JSON number");
        }
        double value = n.doubleValue();
        if (!Double.isFinite(value)) {
            throw error(field, "is not finite", "recompute the calibration");
        }
        return value;
    }

    int size(JsonNode n, String field) throws CameraFileException {
        double value = number(n, field);
        if (value != Math.rint(value) || value < 1 || value > 1 << 20) {
            throw error(field, "is " + n + ", expected a whole number of pixels from 1 to " + (1 << 20),
                    "store the image size in pixels");
        }
        return (int) value;
    }

    /** A {@code rows × columns} array of finite numbers; {@code minRows} allows the last rows to be left out. */
    double[][] matrix(JsonNode n, int minRows, int rows, int columns, String field) throws CameraFileException {
        if (!(n instanceof ArrayNode a) || a.size() < minRows || a.size() > rows) {
            throw error(field, "is " + describe(n) + ", expected " + rows + " rows of " + columns + " numbers",
                    "store the matrix row by row");
        }
        double[][] m = new double[a.size()][columns];
        for (int i = 0; i < m.length; i++) {
            if (!(a.get(i) instanceof ArrayNode row) || row.size() != columns) {
                throw error(field + "[" + i + "]", "is " + describe(a.get(i)) + ", expected " + columns + " numbers",
                        "store the matrix row by row");
            }
            for (int j = 0; j < columns; j++) {
                m[i][j] = number(row.get(j), field + "[" + i + "][" + j + "]");
            }
        }
        return m;
    }

    static ArrayNode toJson(double[][] matrix) {
        ArrayNode rows = JsonNodeFactory.instance.arrayNode();
        for (double[] row : matrix) {
            rows.add(toJson(row));
        }
        return rows;
    }

    static ArrayNode toJson(double[] values) {
        ArrayNode out = JsonNodeFactory.instance.arrayNode();
        for (double x : values) {
            out.add(x);
        }
        return out;
    }

    /** Copies {@code source} without the given keys: what the reader does not know and must preserve. */
    static ObjectNode without(ObjectNode source, java.util.Set<String> keys) {
        ObjectNode rest = JsonNodeFactory.instance.objectNode();
        for (Iterator<String> it = source.fieldNames(); it.hasNext();) {
            String key = it.next();
            if (!keys.contains(key)) {
                rest.set(key, source.get(key).deepCopy());
            }
        }
        return rest;
    }

    private static String describe(JsonNode n) {
        if (n == null) {
            return "missing";
        }
        return switch (n.getNodeType()) {
            case ARRAY -> "an array of " + n.size();
            case OBJECT -> "an object";
            default -> {
                String text = n.toString();
                yield text.length() > 60 ? text.substring(0, 60) + "…" : text;
            }
        };
    }
}
