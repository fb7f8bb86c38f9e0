package org.mouselift.engine.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.regex.MatchResult;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;

/**
 * Kernels in JVMs of their own: one that is held in the compilation tier where vectors are objects, and one with the flags
 * of {@code conf/jvm.options}.
 */
class StuckKernelTest {
    private static final Path ROOT = Path.of(System.getProperty("mouselift.root"));
    private static final String FLAGS = "@" + ROOT.resolve("conf/jvm.options");

    /** Multiplies matrices until something was reported, or for {@code args[0]} seconds. */
    static final class Products {
        private Products() {
        }

        public static void main(String[] args) {
            int n = 480;
            MemorySegment x = MemorySegment.ofArray(new float[n * n]);
            MemorySegment y = MemorySegment.ofArray(new float[n * n]);
            Matrix a = Matrix.rowMajor(x, 0, n);
            long begin = System.nanoTime();
            double best = 0;
            int after = 0;
            // Two more products after the report: it must not come again.
            while (System.nanoTime() - begin < Long.parseLong(args[0]) * 1_000_000_000L && after < 2) {
                long start = System.nanoTime();
                Gemm.multiply(n, n, n, a, a, y, 0, n);
                best = Math.max(best, 2.0 * n * n * n / (System.nanoTime() - start));
                after += KernelWatch.reported() ? 1 : 0;
            }
            System.out.println("judged " + KernelWatch.judged() + ", best " + best);
        }
    }

    private static String run(List<String> flags, String seconds) throws IOException, InterruptedException {
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), FLAGS));
        command.addAll(flags);
        command.addAll(List.of("-cp", System.getProperty("java.class.path"), Products.class.getName(), seconds));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertTrue(process.waitFor(60, TimeUnit.SECONDS));
        assertEquals(0, process.exitValue(), output);
        assertTrue(output.contains("judged "), output);
        return output;
    }

    private static long warnings(String output) {
        return Pattern.compile("vector kernels run at [0-9.]+ GFLOP/s").matcher(output).results().map(MatchResult::group).count();
    }

    /**
     * Tier 2 for good, as the trap leaves a kernel. The trap itself needs a kernel that C1 cannot compile with profiling and a
     * long queue of C2 ({@code -XX:Tier3DelayOn} decides about it); no kernel is like that at present, see the test below.
     */
    @Test
    void aKernelThatStaysInC1IsReportedOnceWithTheFlagThatHelps() throws Exception {
        String output = run(List.of("-XX:TieredStopAtLevel=2"), "55");
        assertEquals(1, warnings(output), output);
        assertTrue(output.contains("-XX:Tier3DelayOn=1000") && output.contains("conf/jvm.options"), output);
    }

    @Test
    void withTheFlagsOfTheRepositoryNothingIsReported() throws Exception {
        String output = run(List.of(), "5");
        assertEquals(0, warnings(output), output);
        int judged = Integer.parseInt(output.replaceAll("(?s).*judged (\\d+).*", "$1"));
        assertTrue(judged > 10 * KernelWatch.WARM_CALLS, "the watch had enough to judge: " + output);
    }

    /** C1 compiles every kernel of the product with profiling, so the way back from tier 2 is open even without the flag. */
    @Test
    @Tag("slow")
    void theMatrixKernelCompilesInEveryTier() throws Exception {
        String output = run(List.of("-XX:+PrintCompilation", "-XX:Tier3DelayOn=0"), "5");
        assertTrue(output.contains("cpu.Tiles"), output);
        assertEquals(List.of(), output.lines().filter(line -> line.contains("engine.cpu.") && line.contains("out of virtual registers")).toList());
    }
}
