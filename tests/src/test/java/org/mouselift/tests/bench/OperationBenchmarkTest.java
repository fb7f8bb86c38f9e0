package org.mouselift.tests.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.mouselift.pipeline.bench.BenchCase;
import org.mouselift.pipeline.bench.BenchSuite;
import org.openjdk.jmh.results.RunResult;
import org.openjdk.jmh.results.format.ResultFormatType;
import org.openjdk.jmh.runner.Runner;
import org.openjdk.jmh.runner.RunnerException;
import org.openjdk.jmh.runner.options.OptionsBuilder;

/**
 * Runs the benchmarks: {@code ./mouselift test -Dgroups=bench}.
 * {@code -DargLine="-Dmouselift.bench.forks=1 -Dmouselift.bench.match=linear"} makes it shorter. Results:
 * {@code tests/target/jmh.json}.
 */
@Tag("bench")
class OperationBenchmarkTest {
    @Test
    void everyCaseOfTheStandardSuite() throws RunnerException {
        String match = System.getProperty("mouselift.bench.match", "");
        List<String> names = BenchSuite.standard().stream().filter(c -> c.op() != BenchCase.Op.FMA_PEAK).map(BenchCase::label).filter(l -> l.contains(match)).toList();
        assertTrue(!names.isEmpty(), "no case matches " + match);
        Collection<RunResult> results = new Runner(new OptionsBuilder().include(OperationBenchmark.class.getSimpleName()).param("name", names.toArray(String[]::new))
                .forks(Integer.getInteger("mouselift.bench.forks", 5)).jvmArgs("@" + Path.of(System.getProperty("mouselift.root"), "conf/jvm.options"), "-Xmx3g")
                .shouldFailOnError(true).resultFormat(ResultFormatType.JSON).result("target/jmh.json").build()).run();
        assertEquals(names.size(), results.size());
        results.forEach(r -> assertTrue(r.getPrimaryResult().getScore() > 0, r.getParams().getParam("name")));
    }

    @Test
    void elementwiseOperationsAndReductions() throws RunnerException {
        Collection<RunResult> results = new Runner(new OptionsBuilder().include(PointwiseBenchmark.class.getSimpleName())
                .forks(Integer.getInteger("mouselift.bench.forks", 5)).jvmArgs("@" + Path.of(System.getProperty("mouselift.root"), "conf/jvm.options"), "-Xmx3g")
                .shouldFailOnError(true).resultFormat(ResultFormatType.JSON).result("target/jmh-pointwise.json").build()).run();
        assertEquals(2 * PointwiseBenchmark.Case.values().length, results.size());
        results.forEach(r -> assertTrue(r.getPrimaryResult().getScore() > 0, r.getParams().getParam("name")));
    }
}
