package org.mouselift.engine;

import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.mouselift.engine.op.Arithmetic;

/**
 * An executor that computes at once, as {@link Eager} does, and keeps for every kind of operation how often it ran, how long, and
 * how much arithmetic that was. Run a body with it ({@link Executor#with}) and read {@link #lines}. Modules that are placed on a
 * device are computed here as well: the profile is that of the CPU. Not thread-safe.
 */
public final class OperationProfile implements Executor {
    /**
     * One kind of operation.
     *
     * @param gflop 10⁹ floating-point operations of products, convolutions and attention; 0 for what is bound by memory
     * @param gflops the same a second; null where nothing is counted
     */
    public record Line(String operation, long calls, double seconds, double gflop, Double gflops) {}

    private static final class Sum {
        long calls;
        long nanos;
        double flops;
    }

    private final Map<String, Sum> sums = new LinkedHashMap<>();

    @Override
    public List<Tensor> execute(Operation operation, List<Tensor> inputs, List<TensorSpec> specs) {
        if (operation instanceof ViewOperation) {
            return Eager.INSTANCE.execute(operation, inputs, specs);
        }
        List<TensorSpec> operands = inputs.stream().map(Tensor::spec).toList();
        long start = System.nanoTime();
        List<Tensor> out = Eager.INSTANCE.execute(operation, inputs, specs);
        long took = System.nanoTime() - start;
        Sum sum = sums.computeIfAbsent(Arithmetic.kind(operation, operands), kind -> new Sum());
        sum.calls++;
        sum.nanos += took;
        sum.flops += Arithmetic.flops(operation, operands, specs);
        return out;
    }

    /** What was computed so far by kind, the longest first. */
    public List<Line> lines() {
        return sums.entrySet().stream().map(e -> {
            Sum s = e.getValue();
            return new Line(e.getKey(), s.calls, s.nanos * 1e-9, s.flops * 1e-9, s.flops > 0 && s.nanos > 0 ? s.flops / s.nanos : null);
        }).sorted(Comparator.comparingDouble(Line::seconds).reversed()).toList();
    }

    /** Starts again from nothing. */
    public void clear() {
        sums.clear();
    }
}
