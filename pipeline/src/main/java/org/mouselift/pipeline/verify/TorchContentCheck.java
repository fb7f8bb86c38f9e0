package org.mouselift.pipeline.verify;

import com.fasterxml.jackson.databind.JsonNode;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.mouselift.data.checkpoint.Checkpoint;
import org.mouselift.data.checkpoint.CheckpointException;
import org.mouselift.data.checkpoint.StoredTensor;

/**
 * Compares what a PyTorch file holds with a JSON description of it: plain values as they are, tensors by shape, sums,
 * first and last element (sums with 1e-9 of the sum of magnitudes).
 */
final class TorchContentCheck {
    private static final double SUM_TOLERANCE = 1e-9;
    /** In the description only: the parameters in the order of the optimizer's indices. */
    private static final String INDEX_ORDER = "param_names_in_index_order";

    private final List<CheckResult> checks;
    private final Checkpoint checkpoint;

    TorchContentCheck(List<CheckResult> checks, Checkpoint checkpoint) {
        this.checks = checks;
        this.checkpoint = checkpoint;
    }

    /** Compares the whole object. */
    void check(JsonNode expected) throws CheckpointException {
        check("", expected, checkpoint.root().orElse(null));
        JsonNode order = expected.path("optimizer").path(INDEX_ORDER);
        for (int i = 0; i < order.size(); i++) {
            StoredTensor parameter = checkpoint.stateDict().get(order.get(i).asText());
            StoredTensor moment = checkpoint.tensor("optimizer.state." + i + ".exp_avg");
            checks.add(CheckResult.check("moments of " + order.get(i).asText(), parameter != null && Arrays.equals(parameter.shape(), moment.shape()),
                    parameter + ", " + moment));
        }
    }

    /** Compares one value with the description of it; {@code path} names both. */
    void check(String path, JsonNode expected, Object actual) throws CheckpointException {
        if (checkpoint.contains(path)) {
            tensor(path, expected, checkpoint.tensor(path));
        } else if (expected.isObject() && actual instanceof Map<?, ?> map) {
            for (Map.Entry<String, JsonNode> field : expected.properties()) {
                if (!field.getKey().equals(INDEX_ORDER)) {
                    Object value = map.containsKey(field.getKey()) ? map.get(field.getKey()) : integerKey(map, field.getKey());
                    check(path.isEmpty() ? field.getKey() : path + "." + field.getKey(), field.getValue(), value);
                }
            }
        } else if (expected.isArray() && actual instanceof List<?> list) {
            checks.add(CheckResult.check(path + " length", list.size() == expected.size(), list.size() + ", expected " + expected.size()));
            for (int i = 0; i < Math.min(list.size(), expected.size()); i++) {
                check(path + "." + i, expected.get(i), list.get(i));
            }
        } else {
            boolean equal = switch (actual) {
                case null -> expected.isNull();
                case Boolean b -> expected.isBoolean() && expected.asBoolean() == b;
                case Long n -> expected.isNumber() && expected.asDouble() == n;
                case Double d -> expected.isNumber() && expected.asDouble() == d;
                case String s -> expected.isTextual() && expected.asText().equals(s);
                default -> false;
            };
            checks.add(CheckResult.check(path, equal, actual + ", expected " + expected));
        }
    }

    private static Object integerKey(Map<?, ?> map, String key) {
        return key.matches("\\d{1,9}") ? map.get(Long.valueOf(key)) : null;
    }

    private void tensor(String path, JsonNode expected, StoredTensor tensor) {
        double[] values = tensor.doubles();
        if (expected.isNumber()) {
            checks.add(CheckResult.check(path, values.length == 1 && values[0] == expected.asDouble(), Arrays.toString(values) + ", expected " + expected));
            return;
        }
        double sum = 0;
        double magnitudes = 0;
        for (double v : values) {
            sum += v;
            magnitudes += Math.abs(v);
        }
        double tolerance = SUM_TOLERANCE * expected.path("abs_sum").asDouble();
        double error = Math.max(Math.abs(sum - expected.path("sum").asDouble(Double.NaN)), Math.abs(magnitudes - expected.path("abs_sum").asDouble(Double.NaN)));
        long[] shape = tensor.shape();
        JsonNode declared = expected.path("shape");
        boolean same = declared.isArray() && declared.size() == shape.length && values.length > 0 && error <= tolerance
                && values[0] == expected.path("first").asDouble(values[0]) && values[values.length - 1] == expected.path("last").asDouble(values[values.length - 1]);
        for (int d = 0; same && d < shape.length; d++) {
            same = declared.get(d).asLong() == shape[d];
        }
        checks.add(new CheckResult(path, same ? CheckResult.Status.PASS : CheckResult.Status.FAIL, error,
                same ? tolerance == 0 ? 0 : error / tolerance : Double.POSITIVE_INFINITY, tensor.describe() + ", sum " + sum + ", expected " + expected));
    }
}
