package org.mouselift.tests.bench;

import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.function.Supplier;
import org.mouselift.engine.DType;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.cpu.AdamWStep;
import org.mouselift.engine.cpu.FloatRanges;
import org.mouselift.models.nn.Parameters;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** What surrounds the matrix products of a training step, beyond the cases of {@code mouselift bench}: times in ms at [rows, columns]. */
@State(org.openjdk.jmh.annotations.Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 4, time = 1)
@Measurement(iterations = 5, time = 1)
public class PointwiseBenchmark {
    /** What can be timed; GRADIENT cases run forward and backward. */
    public enum Case { COPY, ADD, AFFINE, ADD_INTO, MUL_COLUMN, SILU, GEGLU, GEGLU_GRADIENT, SOFTMAX, SOFTMAX_GRADIENT, SUM, SUM_ROWS, SUM_COLUMNS,
        SUM_OF_SQUARES, UPSAMPLE, UPSAMPLE_GRADIENT, ADAMW }

    @Param
    public Case name;

    @Param({"1536x1024", "6144x4096"})
    public String shape;

    private Scope operands;
    private Supplier<Tensor> forward;
    private Tensor seed;

    @Setup
    public void prepare() {
        long rows = Long.parseLong(shape.substring(0, shape.indexOf('x')));
        long columns = Long.parseLong(shape.substring(shape.indexOf('x') + 1));
        operands = Scope.open("pointwise " + name);
        Tensor x = normal(0, rows, columns);
        forward = switch (name) {
            case COPY -> () -> Ops.copy(x);
            case ADD -> {
                Tensor y = normal(1, rows, columns);
                yield () -> Ops.add(x, y);
            }
            case AFFINE -> () -> Ops.affine(x, 0.5, 0.1);
            case ADD_INTO -> {
                Tensor y = Tensor.zeros(DType.F32, rows, columns);
                yield () -> {
                    Ops.addInto(y, x);
                    return y;
                };
            }
            case MUL_COLUMN -> {
                Tensor y = normal(1, rows, 1);
                yield () -> Ops.mul(x, y);
            }
            case SILU -> () -> Ops.silu(x);
            case GEGLU, GEGLU_GRADIENT -> () -> Ops.geglu(x);
            case SOFTMAX, SOFTMAX_GRADIENT -> () -> Ops.softmax(x);
            case SUM -> () -> Ops.sum(x);
            case SUM_ROWS -> () -> Ops.sum(x, false, 1);
            case SUM_COLUMNS -> () -> Ops.sum(x, false, 0);
            case SUM_OF_SQUARES -> () -> {
                FloatRanges.sumOfSquares(x.contiguousSegment(), 0, x.numel());
                return x;
            };
            case UPSAMPLE, UPSAMPLE_GRADIENT -> {
                Tensor planes = normal(1, rows / 32, columns / 64, 32, 16);
                planes.requiresGrad(name == Case.UPSAMPLE_GRADIENT);
                yield () -> Ops.upsampleNearest(planes, 2);
            }
            case ADAMW -> {
                List<Tensor> state = List.of(x, normal(1, rows, columns), normal(2, rows, columns), Tensor.zeros(DType.F32, rows, columns));
                AdamWStep step = new AdamWStep(1e-3, 0.9, 0.95, 1e-8, 0.05, 3, 1);
                yield () -> {
                    step.apply(x.contiguousSegment(), 0, state.get(1).contiguousSegment(), 0, state.get(2).contiguousSegment(), 0,
                            state.get(3).contiguousSegment(), 0, x.numel());
                    return x;
                };
            }
        };
        if (name.name().endsWith("GRADIENT")) {
            x.requiresGrad(true);
            long[] dims;
            try (Scope scope = Scope.open("shape")) {
                dims = forward.get().shape().dims();
            }
            seed = normal(9, dims);
        }
    }

    private static Tensor normal(long stream, long... dims) {
        Tensor t = Tensor.empty(DType.F32, dims);
        Parameters.normal(t, 1, 1, stream);
        return t;
    }

    @Benchmark
    public void pass() {
        try (Scope scope = Scope.open("pass")) {
            if (seed == null) {
                forward.get();
                return;
            }
            try (Tape tape = Tape.open()) {
                tape.backward(List.of(forward.get()), List.of(seed));
            }
        }
    }

    @TearDown
    public void close() {
        operands.close();
    }
}
