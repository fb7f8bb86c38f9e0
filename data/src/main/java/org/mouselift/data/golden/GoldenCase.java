package org.mouselift.data.golden;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import org.mouselift.data.safetensors.SafetensorsEntry;
import org.mouselift.data.safetensors.SafetensorsFile;
import org.mouselift.data.safetensors.StoredType;

/**
 * One file of a golden folder. For tensor files: inputs by name, and comparison of results with the expected tensors
 * under the index's tolerances. A case remembers which expected tensors were compared, so that a check that was left
 * out can be reported ({@link #unchecked}). Not thread-safe.
 */
public final class GoldenCase implements AutoCloseable {
    private static final String FLOAT64_SUFFIX = ".f64";

    private final GoldenFolder folder;
    private final String file;
    private final JsonNode entry;
    private final Set<String> checked = new LinkedHashSet<>();
    private SafetensorsFile tensors;

    GoldenCase(GoldenFolder folder, String file, JsonNode entry) {
        this.folder = folder;
        this.file = file;
        this.entry = entry;
    }

    public GoldenFolder folder() {
        return folder;
    }

    /** The file's name within the folder. */
    public String file() {
        return file;
    }

    /** The file itself. */
    public Path path() throws GoldenException {
        return folder.resolve(file);
    }

    public String kind() {
        return entry.path("kind").asText("");
    }

    /** The index's entry of this file: description, config, arguments, ... */
    public JsonNode entry() {
        return entry;
    }

    /** The index's entry of one tensor. */
    public JsonNode tensorEntry(String name) throws GoldenException {
        JsonNode tensor = entry.path("tensors").path(name);
        if (!tensor.isObject()) {
            throw new GoldenException(folder.path() + ": index.json declares no tensor '" + name + "' for " + file);
        }
        return tensor;
    }

    /** The tensor file of this case, mapped on first use. */
    public SafetensorsFile tensors() throws IOException {
        if (tensors == null) {
            tensors = SafetensorsFile.open(path());
        }
        return tensors;
    }

    /** True if the index declares this tensor. */
    public boolean has(String name) {
        return entry.path("tensors").has(name);
    }

    /** Names of the input tensors in the index's order. */
    public List<String> inputs() {
        return names("input");
    }

    /**
     * Names of all tensors a result must be compared with, in the index's order: role {@code expected} and a tolerance.
     * The float64 variants of role {@code expected_f64} belong to their tensor and are not listed.
     */
    public List<String> expected() {
        List<String> names = names("expected");
        names.removeIf(name -> Tolerance.of(entry.get("tensors").get(name)).isEmpty());
        return names;
    }

    private List<String> names(String role) {
        List<String> names = new ArrayList<>();
        entry.path("tensors").properties().forEach(tensor -> {
            if (tensor.getValue().path("role").asText().equals(role)) {
                names.add(tensor.getKey());
            }
        });
        return names;
    }

    /** Any stored tensor, input or expected; its shape must be the one the index declares. */
    public SafetensorsEntry tensor(String name) throws IOException {
        SafetensorsEntry stored = tensors().get(name);
        JsonNode declared = tensorEntry(name).path("shape");
        boolean same = declared.size() == stored.shape().length;
        for (int d = 0; same && d < declared.size(); d++) {
            same = declared.get(d).asLong(-1) == stored.shape()[d];
        }
        if (!same) {
            throw new GoldenException(path() + ": tensor '" + name + "' is " + stored.describe() + ", index.json declares " + declared);
        }
        return stored;
    }

    public long[] shape(String name) throws IOException {
        return tensor(name).shape();
    }

    public float[] floats(String name) throws IOException {
        return tensor(name).floats();
    }

    public double[] doubles(String name) throws IOException {
        return tensor(name).doubles();
    }

    public long[] longs(String name) throws IOException {
        return tensor(name).longs();
    }

    /** The tolerance of an expected tensor. */
    public Tolerance tolerance(String name) throws GoldenException {
        return Tolerance.of(tensorEntry(name)).orElseThrow(() -> new GoldenException(folder.path() + ": " + file + ": tensor '" + name
                + "' has no tolerance in index.json, so it cannot be compared"));
    }

    /**
     * The reference values of an expected tensor in float64: its float64 evaluation ({@code name.f64} with role
     * {@code expected_f64}) where the file has one, else the tensor itself.
     */
    public double[] reference(String name) throws IOException {
        return doubles(float64Variant(name).orElse(name));
    }

    private Optional<String> float64Variant(String name) {
        String variant = name + FLOAT64_SUFFIX;
        return entry.path("tensors").path(variant).path("role").asText().equals("expected_f64") ? Optional.of(variant) : Optional.empty();
    }

    /** Compares a result with the expected tensor {@code name}, element order as stored. */
    public Comparison compare(String name, double[] actual) throws IOException {
        checked.add(name);
        Tolerance tolerance = tolerance(name);
        SafetensorsEntry stored = tensor(name);
        // 64-bit integers beyond 2^53 would be rounded on the way to float64, and "exact" with them.
        if (stored.type() == StoredType.I64 && tolerance.exact()) {
            for (long value : stored.longs()) {
                if (Math.abs(value) > 1L << 53 || value == Long.MIN_VALUE) {
                    return Comparison.failure(name, tolerance, "holds integers beyond 2^53: compare as long[]");
                }
            }
        }
        return Comparison.of(name, stored.shape(), actual, reference(name), tolerance);
    }

    /** Compares a float32 result. */
    public Comparison compare(String name, float[] actual) throws IOException {
        double[] wide = new double[actual.length];
        for (int i = 0; i < wide.length; i++) {
            wide[i] = actual[i];
        }
        return compare(name, wide);
    }

    /** Compares an integer result; exact integers are compared as such. */
    public Comparison compare(String name, long[] actual) throws IOException {
        checked.add(name);
        Tolerance tolerance = tolerance(name);
        SafetensorsEntry stored = tensor(name);
        if (tolerance.exact() && !stored.type().isFloat()) {
            long[] expected = stored.longs();
            if (expected.length == actual.length) {
                int at = Arrays.mismatch(actual, expected);
                if (at >= 0) {
                    return Comparison.failure(name, tolerance, "element " + at + " of " + Arrays.toString(stored.shape()) + " is " + actual[at]
                            + ", expected " + expected[at]);
                }
                return new Comparison(name, true, 0, 0, tolerance, "equal (exact)");
            }
        }
        return Comparison.of(name, stored.shape(), Arrays.stream(actual).asDoubleStream().toArray(), reference(name), tolerance);
    }

    /** Compares 32-bit integers. */
    public Comparison compare(String name, int[] actual) throws IOException {
        return compare(name, Arrays.stream(actual).asLongStream().toArray());
    }

    /** Compares 8-bit unsigned values. */
    public Comparison compareUnsigned(String name, byte[] actual) throws IOException {
        long[] values = new long[actual.length];
        for (int i = 0; i < values.length; i++) {
            values[i] = actual[i] & 0xFF;
        }
        return compare(name, values);
    }

    /** Compares a single number. */
    public Comparison compare(String name, double actual) throws IOException {
        return compare(name, new double[] {actual});
    }

    /** Expected tensors that no call of {@code compare} has looked at yet. */
    public List<String> unchecked() {
        List<String> names = expected();
        names.removeAll(checked);
        return names;
    }

    @Override
    public void close() {
        if (tensors != null) {
            tensors.close();
        }
    }

    @Override
    public String toString() {
        return folder.name() + "/" + file;
    }
}
