package org.mouselift.pipeline.verify;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.mouselift.data.checkpoint.Checkpoint;
import org.mouselift.data.checkpoint.CheckpointException;
import org.mouselift.data.checkpoint.StoredTensor;
import org.mouselift.data.golden.GoldenCase;
import org.mouselift.data.golden.GoldenException;
import org.mouselift.data.golden.GoldenFolder;
import org.mouselift.data.pickle.PickleException;
import org.mouselift.data.safetensors.SafetensorsEntry;
import org.mouselift.data.safetensors.SafetensorsFile;
import org.mouselift.data.safetensors.StoredType;
import org.mouselift.data.torch.TorchFileException;
import org.mouselift.engine.DType;

/** PyTorch files: those that must be read exactly, unusual ones, and those that must be refused (golden folder {@code model}). */
public final class TorchFileVerifier implements CaseVerifier {
    private static final Set<String> REFUSED_OR_READ = Set.of("must_fail_or_load", "must_fail_or_swap", "must_not_allocate", "must_not_hang", "must_not_write");
    private static final String LOSS_NETWORKS = "loss_calculator.";
    /** Content in a description: {@code {'w': 0..7}} or {@code {'w': [[2,3,4],[5,6,7]]}}. */
    private static final Pattern CONTENT = Pattern.compile("\\{'(\\w+)': (?:(\\d+)\\.\\.(\\d+)|(\\[[\\d, \\[\\]]+\\]))\\}");
    private static final Pattern RANGE = Pattern.compile("\\b(\\d+)\\.\\.(\\d+)\\b");
    private static final double LIMIT_SECONDS = 5;

    @Override
    public boolean knows(GoldenFolder folder, String file) throws GoldenException {
        String kind = folder.kind(file);
        return file.endsWith(".pt") && (kind.equals("checkpoint_pt") || kind.equals("valid_odd") || kind.equals("must_fail") || REFUSED_OR_READ.contains(kind));
    }

    @Override
    public List<CheckResult> verify(GoldenCase c) throws IOException {
        long start = System.nanoTime();
        List<CheckResult> checks = new ArrayList<>();
        String refusal = null;
        try (Checkpoint checkpoint = Checkpoint.open(c.path())) {
            switch (c.kind()) {
                case "checkpoint_pt" -> contents(checks, c, checkpoint);
                case "valid_odd", "must_fail_or_load", "must_fail_or_swap" -> described(checks, c, checkpoint);
                case "must_not_allocate" -> checks.add(lazy(checkpoint));
                default -> { } // what remains is decided below
            }
        } catch (TorchFileException | PickleException | CheckpointException e) {
            refusal = e.getMessage();
        }
        if (refusal != null) {
            boolean allowed = c.kind().equals("must_fail") || REFUSED_OR_READ.contains(c.kind()) || c.entry().path("optional").asBoolean(false);
            checks.add(CheckResult.check("refused", allowed, refusal));
        } else if (c.kind().equals("must_fail")) {
            checks.add(CheckResult.fail("refused", "was accepted"));
        }
        double seconds = (System.nanoTime() - start) * 1e-9;
        if (c.kind().equals("must_not_hang")) {
            checks.add(CheckResult.check("time", seconds < LIMIT_SECONDS, seconds + " s, at most " + LIMIT_SECONDS));
        }
        if (c.kind().equals("must_not_write")) {
            for (String stray : List.of("../../evil.txt", "evil.txt", "/abs.txt")) {
                checks.add(CheckResult.check("wrote " + stray, !Files.exists(c.path().resolveSibling(stray)) && !Files.exists(Path.of(stray)), "must not exist"));
            }
        }
        return checks;
    }

    /** Everything the index or an {@code expected} file says about the content. */
    private static void contents(List<CheckResult> checks, GoldenCase c, Checkpoint checkpoint) throws IOException {
        if (c.entry().has("expected")) {
            tensors(checks, c, checkpoint, c.entry().get("expected").asText());
        }
        for (String other : c.folder().files()) {
            if (c.folder().kind(other).equals("expected") && c.folder().entry(other).path("description").asText().matches(".* of \\Q" + c.file() + "\\E\\b.*")) {
                if (other.endsWith(".json")) {
                    JsonNode expected = GoldenFolder.readJson(c.folder().resolve(other));
                    new TorchContentCheck(checks, checkpoint).check(expected);
                } else {
                    tensors(checks, c, checkpoint, other);
                }
            }
        }
    }

    private static void tensors(List<CheckResult> checks, GoldenCase c, Checkpoint checkpoint, String expectedFile) throws IOException {
        Map<String, StoredTensor> state = checkpoint.stateDict();
        JsonNode constants = c.entry().path("loss_network_values");
        StoredType type = c.entry().has("dtype") ? StoredType.valueOf(c.entry().get("dtype").asText()) : null;
        try (SafetensorsFile expected = SafetensorsFile.open(c.folder().resolve(expectedFile))) {
            for (SafetensorsEntry entry : expected.entries().values()) {
                StoredTensor actual = state.get(entry.name());
                checks.add(actual == null ? CheckResult.fail(entry.name(), "is missing") : compare(entry, actual, type));
            }
            Set<String> more = new TreeSet<>(state.keySet());
            more.removeAll(expected.entries().keySet());
            for (String name : more) {
                if (constants.has(name)) {
                    float value = (float) constants.get(name).asDouble();
                    boolean constant = true;
                    for (float v : state.get(name).floats()) {
                        constant &= v == value;
                    }
                    checks.add(CheckResult.check(name, constant, "every element must be " + value));
                } else if (!name.startsWith(LOSS_NETWORKS)) {
                    checks.add(CheckResult.fail(name, "is not expected"));
                }
            }
            constants.fieldNames().forEachRemaining(name -> {
                if (!state.containsKey(name)) {
                    checks.add(CheckResult.fail(name, "is missing"));
                }
            });
        }
    }

    /** Bit for bit, NaN as NaN; with a narrower type of the file, against the expected values rounded to it. */
    private static CheckResult compare(SafetensorsEntry expected, StoredTensor actual, StoredType stored) {
        StoredType type = stored == null ? expected.type() : stored;
        if (actual.type() != type || !Arrays.equals(actual.shape(), expected.shape())) {
            return CheckResult.fail(expected.name(), "is " + actual.describe() + ", expected " + type + Arrays.toString(expected.shape()));
        }
        if (type != expected.type()) {
            float[] values = expected.floats();
            for (int i = 0; i < values.length; i++) {
                values[i] = switch (type) {
                    case F16 -> Float.float16ToFloat(Float.floatToFloat16(values[i]));
                    case BF16 -> DType.bf16ToFloat(DType.floatToBf16(values[i]));
                    default -> throw new IllegalArgumentException(actual.file() + ": the index rounds to " + type);
                };
            }
            return CheckResult.check(expected.name(), Arrays.equals(values, actual.floats()), "equal after rounding to " + type);
        }
        if (Arrays.equals(expected.bytes(), actual.contiguous().bytes())) {
            return CheckResult.pass(expected.name(), "equal bits");
        }
        double[] want = expected.doubles();
        double[] have = actual.doubles();
        for (int i = 0; i < want.length; i++) {
            if (Double.compare(want[i], have[i]) != 0) { // takes all NaN as one, tells 0 from -0
                return CheckResult.fail(expected.name(), "element " + i + " is " + have[i] + ", expected " + want[i]);
            }
        }
        return CheckResult.pass(expected.name(), "equal but for the bits of NaN");
    }

    /** Values that the description states in words. */
    private static void described(List<CheckResult> checks, GoldenCase c, Checkpoint checkpoint) throws IOException {
        String description = c.entry().path("description").asText();
        Matcher content = CONTENT.matcher(description);
        Matcher range = RANGE.matcher(description);
        checks.add(CheckResult.pass("opened", checkpoint.tensors().size() + " tensors"));
        for (StoredTensor tensor : checkpoint.tensors().values()) {
            float[] values = tensor.floats();
            float[] expected;
            if (content.find(0) && content.group(1).equals(tensor.name())) {
                expected = content.group(4) == null ? range(content.group(2), content.group(3)) : numbers(content.group(4));
            } else if (range.find(0)) {
                expected = range(range.group(1), range.group(2));
            } else {
                continue;
            }
            checks.add(CheckResult.check(tensor.name(), Arrays.equals(values, expected), Arrays.toString(values) + ", expected " + Arrays.toString(expected)));
        }
    }

    private static float[] range(String from, String to) {
        int first = Integer.parseInt(from);
        float[] out = new float[Integer.parseInt(to) - first + 1];
        for (int i = 0; i < out.length; i++) {
            out[i] = first + i;
        }
        return out;
    }

    private static float[] numbers(String lists) {
        String[] digits = lists.replaceAll("[\\[\\] ]", "").split(",");
        float[] out = new float[digits.length];
        for (int i = 0; i < out.length; i++) {
            out[i] = Float.parseFloat(digits[i]);
        }
        return out;
    }

    /** A tensor that repeats one element beyond all memory may be listed; asking for its elements must be refused. */
    private static CheckResult lazy(Checkpoint checkpoint) {
        try {
            for (StoredTensor tensor : checkpoint.tensors().values()) {
                tensor.data();
            }
        } catch (IllegalArgumentException e) {
            return CheckResult.pass("refused when used", e.getMessage());
        }
        return CheckResult.fail("refused when used", "was written out");
    }
}
