package org.mouselift.engine.cpu;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.lang.management.ThreadMXBean;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.atomic.AtomicIntegerArray;
import org.junit.jupiter.api.Test;

/** The threads of the pool while there is nothing to do, in a JVM with four of them. */
class IdleWorkersTest {
    private static final int THREADS = 4;
    private static final int ROUNDS = 50;

    /** Work, a second of rest, work again; prints the processor time of the resting threads and what they did afterwards. */
    static final class Rest {
        private Rest() {
        }

        public static void main(String[] args) throws InterruptedException {
            work();
            Thread.sleep(100);
            long before = helperNanos();
            Thread.sleep(1000);
            long rested = helperNanos() - before;
            System.out.println("rested " + rested / 1000 + " us, waiting " + waiting() + ", then worked " + work());
        }

        private static long helperNanos() {
            ThreadMXBean threads = ManagementFactory.getThreadMXBean();
            return helpers().stream().mapToLong(thread -> threads.getThreadCpuTime(thread.threadId())).sum();
        }

        private static List<Thread> helpers() {
            return Thread.getAllStackTraces().keySet().stream().filter(thread -> thread.getName().startsWith("mouselift-cpu-")).toList();
        }

        private static long waiting() {
            return helpers().stream().filter(thread -> thread.getState() == Thread.State.WAITING).count();
        }

        /** Threads that took part in all of many short regions. */
        private static int work() {
            AtomicIntegerArray parts = new AtomicIntegerArray(THREADS);
            for (int i = 0; i < ROUNDS; i++) {
                Workers.split(THREADS, 1, (worker, begin, end) -> parts.addAndGet(worker, (int) (end - begin)));
            }
            int all = 0;
            for (int i = 0; i < THREADS; i++) {
                all += parts.get(i) == ROUNDS ? 1 : 0;
            }
            return all;
        }
    }

    @Test
    void restingThreadsWaitWithoutTheProcessorAndWakeUp() throws IOException, InterruptedException {
        Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "@" + Path.of(System.getProperty("mouselift.root"), "conf/jvm.options"), "-D" + Workers.THREADS_PROPERTY + "=" + THREADS, "-cp",
                System.getProperty("java.class.path"), Rest.class.getName()).redirectErrorStream(true).start();
        String output = new String(process.getInputStream().readAllBytes(), StandardCharsets.UTF_8);
        assertTrue(process.waitFor(60, TimeUnit.SECONDS));
        assertEquals(0, process.exitValue(), output);
        String line = output.lines().filter(text -> text.startsWith("rested")).findFirst().orElse(output);
        assertTrue(line.endsWith("waiting " + (THREADS - 1) + ", then worked " + THREADS), line);
        long micros = Long.parseLong(line.replaceAll("rested (\\d+) us.*", "$1"));
        assertTrue(micros < 10_000, "three resting threads used " + micros + " us of processor time in a second");
    }
}
