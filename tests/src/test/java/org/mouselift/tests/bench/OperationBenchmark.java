package org.mouselift.tests.bench;

import java.util.concurrent.TimeUnit;
import org.mouselift.pipeline.bench.BenchRunner;
import org.mouselift.pipeline.bench.BenchSuite;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.BenchmarkMode;
import org.openjdk.jmh.annotations.Measurement;
import org.openjdk.jmh.annotations.Mode;
import org.openjdk.jmh.annotations.OutputTimeUnit;
import org.openjdk.jmh.annotations.Param;
import org.openjdk.jmh.annotations.Scope;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.State;
import org.openjdk.jmh.annotations.TearDown;
import org.openjdk.jmh.annotations.Warmup;

/** The cases of {@code mouselift bench} under JMH: one JVM a fork, so that what the compiler makes of a kernel varies too. */
@State(Scope.Benchmark)
@BenchmarkMode(Mode.AverageTime)
@OutputTimeUnit(TimeUnit.MILLISECONDS)
@Warmup(iterations = 4, time = 1)
@Measurement(iterations = 5, time = 1)
public class OperationBenchmark {
    /** Label of a case of the standard suite; the runner sets it. */
    @Param("")
    public String name;

    private BenchRunner.Prepared prepared;

    @Setup
    public void prepare() {
        prepared = BenchRunner.prepare(BenchSuite.standard().stream().filter(c -> c.label().equals(name)).findFirst()
                .orElseThrow(() -> new IllegalArgumentException("no case '" + name + "' in the standard suite")));
    }

    @Benchmark
    public void pass() {
        prepared.run();
    }

    @TearDown
    public void close() {
        prepared.close();
    }
}
