package org.mouselift.pipeline.bench;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Collectors;

/**
 * Cases to be timed. A suite file is a JSON list of objects: {@code "op"}, the sizes by letter (for operations on whole
 * tensors also {@code "shape": [rows, columns]}) and {@code "pass"}, {@code "fwd"} or {@code "fwd+bwd"}.
 */
public final class BenchSuite {
    private static final long MAX_BYTES = 1 << 20;
    private static final JsonMapper JSON = JsonMapper.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION).build();

    private BenchSuite() {}

    /** A suite file that cannot be used: which entry, what was found, what is expected. */
    public static final class SuiteException extends IOException {
        private static final long serialVersionUID = 1L;

        SuiteException(String message, Throwable cause) {
            super(message, cause);
        }
    }

    /** Shapes that the two models spend their time on, small enough for a minute. */
    public static List<BenchCase> standard() {
        List<BenchCase> cases = new ArrayList<>();
        cases.add(BenchCase.of(BenchCase.Op.FMA_PEAK, Map.of(), false));
        cases.add(BenchCase.of(BenchCase.Op.COPY, Map.of("M", 4096L, "N", 4096L), false));
        cases.add(BenchCase.of(BenchCase.Op.MATMUL, Map.of("M", 1024L, "N", 1024L, "K", 1024L), false));
        cases.add(BenchCase.of(BenchCase.Op.LINEAR, Map.of("M", 1536L, "N", 3072L, "K", 1024L), false));
        cases.add(BenchCase.of(BenchCase.Op.LINEAR, Map.of("M", 1536L, "N", 1024L, "K", 1024L), true));
        cases.add(BenchCase.of(BenchCase.Op.LINEAR_GELU, Map.of("M", 1536L, "N", 4096L, "K", 1024L), false));
        cases.add(BenchCase.of(BenchCase.Op.LINEAR_RESIDUAL, Map.of("M", 1536L, "N", 1024L, "K", 4096L), false));
        cases.add(BenchCase.of(BenchCase.Op.CONV2D, Map.of("N", 2L, "C", 320L, "H", 64L, "W", 64L, "O", 320L, "kernel", 3L), false));
        cases.add(BenchCase.of(BenchCase.Op.CONV2D, Map.of("N", 1L, "C", 320L, "H", 32L, "W", 32L, "O", 320L, "kernel", 3L), true));
        cases.add(BenchCase.of(BenchCase.Op.ATTENTION, Map.of("B", 1L, "heads", 4L, "Tq", 3072L, "Tk", 3072L, "D", 64L), false));
        cases.add(BenchCase.of(BenchCase.Op.ATTENTION, Map.of("B", 1L, "heads", 4L, "Tq", 1536L, "Tk", 1536L, "D", 64L), true));
        cases.add(BenchCase.of(BenchCase.Op.GROUP_NORM_SILU, Map.of("N", 6L, "C", 320L, "H", 64L, "W", 64L), false));
        cases.add(BenchCase.of(BenchCase.Op.LAYER_NORM, Map.of("M", 6144L, "N", 1024L), false));
        cases.add(BenchCase.of(BenchCase.Op.GELU, Map.of("M", 6144L, "N", 4096L), false));
        cases.add(BenchCase.of(BenchCase.Op.SILU, Map.of("M", 6144L, "N", 1024L), false));
        cases.add(BenchCase.of(BenchCase.Op.GEGLU, Map.of("M", 6144L, "N", 2560L), false));
        cases.add(BenchCase.of(BenchCase.Op.SOFTMAX, Map.of("M", 6144L, "N", 1024L), false));
        cases.add(BenchCase.of(BenchCase.Op.ADD, Map.of("M", 6144L, "N", 1024L), false));
        cases.add(BenchCase.of(BenchCase.Op.ADAMW, Map.of("M", 4096L, "N", 1024L), false));
        cases.add(BenchCase.of(BenchCase.Op.UPSAMPLE_NEAREST, Map.of("N", 6L, "C", 320L, "H", 32L, "W", 32L), false));
        cases.add(BenchCase.of(BenchCase.Op.RASTERIZE, Map.of("N", 100_000L, "W", 512L, "H", 512L), false));
        cases.add(BenchCase.of(BenchCase.Op.RASTERIZE, Map.of("N", 100_000L, "W", 512L, "H", 512L), true));
        cases.add(BenchCase.of(BenchCase.Op.RASTERIZE_TRAINED, Map.of("views", 6L, "side", 256L), true));
        cases.add(BenchCase.of(BenchCase.Op.RASTERIZE_UNTRAINED, Map.of("views", 6L, "side", 64L), true));
        return cases;
    }

    /** Reads a suite file; every problem of the file is reported at once. */
    public static List<BenchCase> read(Path file) throws IOException {
        if (Files.size(file) > MAX_BYTES) {
            throw new SuiteException(file + ": has " + Files.size(file) + " bytes; a suite has at most " + MAX_BYTES, null);
        }
        JsonNode root;
        try {
            root = JSON.readTree(Files.readAllBytes(file));
        } catch (JsonProcessingException e) {
            throw new SuiteException(file + ": not JSON: " + e.getOriginalMessage() + " (line " + e.getLocation().getLineNr() + ")", e);
        }
        if (!root.isArray() || root.isEmpty()) {
            throw new SuiteException(file + ": expected a list of cases, [{\"op\": \"matmul\", \"M\": 768, \"N\": 768, \"K\": 768}, …]", null);
        }
        List<BenchCase> cases = new ArrayList<>();
        List<String> problems = new ArrayList<>();
        for (int i = 0; i < root.size(); i++) {
            try {
                cases.add(parse(root.get(i)));
            } catch (IllegalArgumentException e) {
                problems.add("case " + i + ": " + e.getMessage());
            }
        }
        if (!problems.isEmpty()) {
            throw new SuiteException(file + ": " + String.join("; ", problems), null);
        }
        return cases;
    }

    private static BenchCase parse(JsonNode node) {
        if (!node.isObject()) {
            throw new IllegalArgumentException("is " + node + ", expected an object");
        }
        JsonNode name = node.path("op");
        BenchCase.Op op = BenchCase.Op.of(name.asText());
        if (!name.isTextual() || op == null) {
            throw new IllegalArgumentException("\"op\" is " + (name.isMissingNode() ? "missing" : name.toString()) + ", expected one of "
                    + Arrays.stream(BenchCase.Op.values()).map(BenchCase.Op::label).collect(Collectors.joining(", ")));
        }
        boolean backward = pass(node.path("pass"));
        Map<String, Long> sizes = new LinkedHashMap<>();
        node.properties().forEach(entry -> {
            if (!List.of("op", "pass", "shape", "name", "dtype").contains(entry.getKey())) {
                sizes.put(entry.getKey(), number(entry.getKey(), entry.getValue()));
            }
        });
        if (node.has("dtype") && !node.get("dtype").asText().matches("f32|float32")) {
            throw new IllegalArgumentException("\"dtype\" is " + node.get("dtype") + ", expected \"f32\"");
        }
        if (node.has("shape")) {
            shape(op, node.get("shape"), sizes);
        }
        return BenchCase.of(op, sizes, backward);
    }

    private static boolean pass(JsonNode pass) {
        if (pass.isMissingNode() || pass.asText().equals("fwd")) {
            return false;
        }
        if (pass.asText().equals("fwd+bwd")) {
            return true;
        }
        throw new IllegalArgumentException("\"pass\" is " + pass + ", expected \"fwd\" or \"fwd+bwd\"");
    }

    private static long number(String letter, JsonNode value) {
        if (value.isBoolean() && letter.startsWith("trans")) {
            return value.booleanValue() ? 1 : 0;
        }
        if (!value.isIntegralNumber() || !value.canConvertToLong()) {
            throw new IllegalArgumentException("\"" + letter + "\" is " + value + ", expected a whole number");
        }
        return value.longValue();
    }

    /** {@code "shape": [6144, 1024]} for the operations on whole tensors: the letters in their order. */
    private static void shape(BenchCase.Op op, JsonNode shape, Map<String, Long> sizes) {
        List<String> letters = op.shapeLetters();
        if (letters.isEmpty() || !shape.isArray() || shape.size() != letters.size()) {
            throw new IllegalArgumentException("\"shape\" is " + shape + "; " + op.label() + " takes "
                    + (letters.isEmpty() ? "its sizes by letter: " + op.letters() : "the sizes " + letters + " there"));
        }
        for (int i = 0; i < letters.size(); i++) {
            if (sizes.put(letters.get(i), number("shape", shape.get(i))) != null) {
                throw new IllegalArgumentException("both \"shape\" and \"" + letters.get(i) + "\" are given");
            }
        }
    }
}
