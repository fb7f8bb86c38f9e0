package org.mouselift.data.checkpoint;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeSet;
import org.mouselift.engine.DType;

/**
 * What changed from one checkpoint to another. Tensors are compared by name, as numbers whatever their element types.
 *
 * @param onlyInFirst names the second has not
 * @param onlyInSecond names the first has not
 * @param changed tensors with other shapes or other numbers
 * @param equal tensors with the same shape and numbers
 */
public record CheckpointDifference(List<String> onlyInFirst, List<String> onlyInSecond, List<Change> changed, long equal) {
    /**
     * One changed tensor. The numbers are NaN where the shapes differ.
     *
     * @param largest largest absolute difference; NaN differs from every number by infinity, and from NaN by nothing
     * @param rootMeanSquare of the differences
     * @param relative norm of the difference over the norm of the first tensor's finite elements; infinite over zero
     * @param elements how many elements differ
     */
    public record Change(String name, String first, String second, double largest, double rootMeanSquare, double relative, long elements) {}

    /**
     * Compares tensors whose names contain {@code match}: those of the network by their own names ({@link Checkpoint#stateDict}), and
     * where both files hold others, such as the state of an optimizer, these too.
     */
    public static CheckpointDifference of(Checkpoint first, Checkpoint second, String match) throws CheckpointException {
        Map<String, StoredTensor> a = new LinkedHashMap<>(first.stateDict());
        Map<String, StoredTensor> b = new LinkedHashMap<>(second.stateDict());
        if (first.tensors().size() > a.size() && second.tensors().size() > b.size()) {
            others(first, a);
            others(second, b);
        }
        List<String> onlyA = new ArrayList<>();
        List<String> onlyB = new ArrayList<>(new TreeSet<>(b.keySet()));
        List<Change> changed = new ArrayList<>();
        long equal = 0;
        onlyB.removeAll(a.keySet());
        onlyB.removeIf(name -> !name.contains(match));
        for (Map.Entry<String, StoredTensor> entry : a.entrySet()) {
            StoredTensor other = b.get(entry.getKey());
            if (!entry.getKey().contains(match)) {
                continue;
            }
            if (other == null) {
                onlyA.add(entry.getKey());
            } else if (!Arrays.equals(entry.getValue().shape(), other.shape())) {
                changed.add(new Change(entry.getKey(), entry.getValue().describe(), other.describe(), Double.NaN, Double.NaN, Double.NaN, 0));
            } else {
                Change change = compare(entry.getKey(), entry.getValue(), other);
                if (change.elements == 0) {
                    equal++;
                } else {
                    changed.add(change);
                }
            }
        }
        return new CheckpointDifference(List.copyOf(onlyA), List.copyOf(onlyB), List.copyOf(changed), equal);
    }

    private static void others(Checkpoint of, Map<String, StoredTensor> into) {
        of.tensors().forEach((name, tensor) -> {
            if (!of.isNetwork(name)) {
                into.put(name, tensor);
            }
        });
    }

    /** True if both hold the same names, shapes and numbers. */
    public boolean same() {
        return onlyInFirst.isEmpty() && onlyInSecond.isEmpty() && changed.isEmpty();
    }

    /**
     * True if both networks ({@link Checkpoint#stateDict}) have the same names, shapes and numbers, where the numbers of a wider element type
     * may be rounded to those of a narrower one: the same weights, whatever container and precision they were saved in. Ends at the first
     * tensor that differs.
     */
    public static boolean sameWeights(Checkpoint first, Checkpoint second) throws CheckpointException {
        Map<String, StoredTensor> a = first.stateDict();
        Map<String, StoredTensor> b = second.stateDict();
        return a.keySet().equals(b.keySet()) && a.entrySet().stream().allMatch(e -> Arrays.equals(e.getValue().shape(), b.get(e.getKey()).shape()))
                && a.entrySet().stream().allMatch(e -> sameNumbers(e.getValue(), b.get(e.getKey())));
    }

    private static boolean sameNumbers(StoredTensor a, StoredTensor b) {
        if (a.type() == b.type()) {
            return a.data().mismatch(b.data()) < 0;
        }
        if (!a.type().isFloat() || !b.type().isFloat()) {
            return false;
        }
        boolean narrower = b.type().bytes() < a.type().bytes();
        float[] wide = (narrower ? a : b).floats();
        StoredTensor small = narrower ? b : a;
        float[] own = small.floats();
        for (int i = 0; i < own.length; i++) {
            float rounded = switch (small.dtype()) {
                case F16 -> Float.float16ToFloat(Float.floatToFloat16(wide[i]));
                case BF16 -> DType.bf16ToFloat(DType.floatToBf16(wide[i]));
                default -> wide[i];
            };
            if (Float.compare(rounded, own[i]) != 0) {
                return false;
            }
        }
        return true;
    }

    private static Change compare(String name, StoredTensor a, StoredTensor b) {
        double[] sums = new double[3]; // largest, squares of differences, squares of the first
        long[] differing = new long[1];
        int width = b.type().bytes();
        TensorStatistics.forEachPart(a, (first, x) -> {
            double[] y = new org.mouselift.data.safetensors.SafetensorsEntry(b.file(), name, b.type(), new long[] {x.length},
                    b.data().asSlice(first * width, (long) x.length * width)).doubles();
            for (int i = 0; i < x.length; i++) {
                sums[2] += Double.isFinite(x[i]) ? x[i] * x[i] : 0;
                if (x[i] != y[i] && !(Double.isNaN(x[i]) && Double.isNaN(y[i]))) {
                    double d = Double.isNaN(x[i]) || Double.isNaN(y[i]) ? Double.POSITIVE_INFINITY : Math.abs(x[i] - y[i]);
                    differing[0]++;
                    sums[0] = Math.max(sums[0], d);
                    sums[1] += d * d;
                }
            }
        });
        return new Change(name, a.describe(), b.describe(), sums[0], Math.sqrt(sums[1] / Math.max(1, a.elements())), Math.sqrt(sums[1] / sums[2]), differing[0]);
    }
}
