package org.mouselift.data.checkpoint;

import com.fasterxml.jackson.annotation.JsonProperty;
import java.lang.foreign.MemorySegment;
import java.util.Locale;
import org.mouselift.data.safetensors.SafetensorsEntry;
import org.mouselift.engine.DType;

/**
 * Statistics of a tensor's numbers.
 *
 * @param count finite elements; the other statistics are theirs, NaN where there are none
 * @param deviation standard deviation, divided by the count
 * @param nan elements that are not a number
 * @param infinite elements that are infinite
 */
public record TensorStatistics(long count, double least, double largest, double mean, double deviation, long nan, long infinite) {
    /** Elements that are read at once. */
    private static final int PART = 1 << 20;

    /** Reads a tensor of any size a part at a time. */
    public static TensorStatistics of(StoredTensor tensor) {
        Running running = new Running();
        forEachPart(tensor, (_, values) -> running.add(values));
        return running.result();
    }

    /** Of numbers in memory. */
    public static TensorStatistics of(double[] values) {
        Running running = new Running();
        running.add(values);
        return running.result();
    }

    /** How many elements are NaN or infinite. */
    @JsonProperty("notFinite")
    public long notFinite() {
        return nan + infinite;
    }

    /** One part of a tensor's elements. */
    @FunctionalInterface
    interface PartConsumer {
        void accept(long first, double[] values);
    }

    static void forEachPart(StoredTensor tensor, PartConsumer consumer) {
        MemorySegment data = tensor.data();
        int width = tensor.type().bytes();
        for (long first = 0; first < tensor.elements(); first += PART) {
            long count = Math.min(PART, tensor.elements() - first);
            consumer.accept(first, new SafetensorsEntry(tensor.file(), tensor.name(), tensor.type(), new long[] {count},
                    data.asSlice(first * width, count * width)).doubles());
        }
    }

    /** Index of the first NaN or infinite element of a tensor, -1 if there is none. Needs no memory for F32. */
    public static long firstNotFinite(StoredTensor tensor) {
        if (!tensor.type().isFloat()) {
            return -1;
        }
        MemorySegment data = tensor.data();
        for (long i = 0; i < tensor.elements(); i++) {
            boolean finite = switch (tensor.type()) {
                case F64 -> Double.isFinite(data.get(DType.LE_F64, 8 * i));
                case F32 -> Float.isFinite(data.get(DType.LE_F32, 4 * i));
                case F16 -> (data.get(DType.LE_16, 2 * i) & 0x7C00) != 0x7C00;
                case BF16 -> (data.get(DType.LE_16, 2 * i) & 0x7F80) != 0x7F80;
                default -> true;
            };
            if (!finite) {
                return i;
            }
        }
        return -1;
    }

    @Override
    public String toString() {
        return String.format(Locale.ROOT, "least %.6g, largest %.6g, mean %.6g, deviation %.6g%s", least, largest, mean, deviation,
                notFinite() == 0 ? "" : ", NOT FINITE: " + nan + " NaN, " + infinite + " infinite");
    }

    /** Welford's update: exact enough for any offset. */
    private static final class Running {
        private double least = Double.POSITIVE_INFINITY;
        private double largest = Double.NEGATIVE_INFINITY;
        private double mean;
        private double squares;
        private long count;
        private long nan;
        private long infinite;

        void add(double[] values) {
            for (double value : values) {
                if (Double.isNaN(value)) {
                    nan++;
                } else if (Double.isInfinite(value)) {
                    infinite++;
                } else {
                    count++;
                    least = Math.min(least, value);
                    largest = Math.max(largest, value);
                    double before = value - mean;
                    mean += before / count;
                    squares += before * (value - mean);
                }
            }
        }

        TensorStatistics result() {
            return count == 0 ? new TensorStatistics(0, Double.NaN, Double.NaN, Double.NaN, Double.NaN, nan, infinite)
                    : new TensorStatistics(count, least, largest, mean, Math.sqrt(squares / count), nan, infinite);
        }
    }
}
