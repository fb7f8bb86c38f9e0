package org.mouselift.engine.cpu;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.locks.LockSupport;

/**
 * The one fixed thread pool of the CPU kernels. The caller takes part as worker 0; the helpers are daemon threads that
 * spin briefly and then park, so that an idle engine burns no core. Work is split into contiguous static chunks: for a
 * given thread count the same element is always processed by the same worker in the same order, which keeps reductions
 * bit-reproducible.
 *
 * <p>Calls from inside a parallel region run sequentially on the calling worker (no nested parallelism). Independent
 * callers take turns.
 */
public final class Workers {
    /** Work on the index range {@code [begin, end)}; {@code worker} is in {@code [0, count())}. */
    @FunctionalInterface
    public interface Chunk {
        void run(int worker, long begin, long end);
    }

    /** Body of one of many equal tasks that are handed out in index order to whichever worker is free. */
    @FunctionalInterface
    public interface Task {
        void run(int worker, int task);
    }

    /** System property with the number of threads; the default is the number of available processors. */
    public static final String THREADS_PROPERTY = "mouselift.threads";

    private static final int SPINS = 2_000;
    private static final Workers POOL = new Workers(configuredThreads());
    private static final ThreadLocal<Boolean> INSIDE = ThreadLocal.withInitial(() -> Boolean.FALSE);

    private final int count;
    private final Thread[] threads;
    private final Object turn = new Object();
    private volatile int epoch;
    private volatile Task body;
    private final AtomicInteger pending = new AtomicInteger();
    private volatile Throwable failure;

    private Workers(int count) {
        this.count = count;
        this.threads = new Thread[count];
        for (int i = 1; i < count; i++) {
            int worker = i;
            threads[i] = Thread.ofPlatform().daemon().name("mouselift-cpu-" + i).unstarted(() -> serve(worker));
            threads[i].start();
        }
    }

    private static int configuredThreads() {
        String text = System.getProperty(THREADS_PROPERTY);
        if (text == null || text.isBlank()) {
            return Runtime.getRuntime().availableProcessors();
        }
        int threads;
        try {
            threads = Integer.parseInt(text.trim());
        } catch (NumberFormatException e) {
            threads = -1;
        }
        if (threads < 1 || threads > 1024) {
            throw new IllegalArgumentException("-D" + THREADS_PROPERTY + "=" + text + ": expected a whole number from 1 to 1024");
        }
        return threads;
    }

    /** Number of threads that take part in a parallel region, the caller included. */
    public static int count() {
        return POOL.count;
    }

    /**
     * Splits {@code [0, n)} into at most {@link #count()} contiguous chunks of nearly equal size, each a multiple of
     * {@code grain} except the last, and runs them in parallel. Returns when all are done; the first exception of a
     * chunk is rethrown.
     */
    public static void split(long n, long grain, Chunk chunk) {
        if (n <= 0) {
            return;
        }
        long units = Math.ceilDiv(n, grain);
        int parts = (int) Math.min(POOL.count, units);
        if (parts <= 1 || INSIDE.get()) {
            chunk.run(0, 0, n);
            return;
        }
        POOL.execute((worker, ignored) -> {
            if (worker < parts) {
                long begin = units * worker / parts * grain;
                long end = Math.min(n, units * (worker + 1) / parts * grain);
                if (begin < end) {
                    chunk.run(worker, begin, end);
                }
            }
        });
    }

    /**
     * Runs {@code tasks} tasks; a free worker takes the next index. For work of uneven cost whose result does not depend
     * on who does it (image tiles).
     */
    public static void each(int tasks, Task task) {
        if (tasks <= 0) {
            return;
        }
        if (tasks == 1 || POOL.count == 1 || INSIDE.get()) {
            for (int i = 0; i < tasks; i++) {
                task.run(0, i);
            }
            return;
        }
        AtomicInteger next = new AtomicInteger();
        POOL.execute((worker, ignored) -> {
            for (int i = next.getAndIncrement(); i < tasks; i = next.getAndIncrement()) {
                task.run(worker, i);
            }
        });
    }

    private void execute(Task work) {
        synchronized (turn) {
            failure = null;
            pending.set(count - 1);
            body = work;
            epoch++;
            for (int i = 1; i < count; i++) {
                LockSupport.unpark(threads[i]);
            }
            INSIDE.set(Boolean.TRUE);
            try {
                work.run(0, 0);
            } catch (Throwable t) {
                failure = t;
            } finally {
                INSIDE.set(Boolean.FALSE);
            }
            while (pending.get() != 0) {
                Thread.onSpinWait();
            }
            body = null;
            if (failure != null) {
                sneak(failure);
            }
        }
    }

    private void serve(int worker) {
        INSIDE.set(Boolean.TRUE);
        int seen = 0;
        while (true) {
            int spins = 0;
            while (epoch == seen) {
                if (spins++ < SPINS) {
                    Thread.onSpinWait();
                } else {
                    LockSupport.park(this);
                }
            }
            seen = epoch;
            try {
                body.run(worker, 0);
            } catch (Throwable t) {
                failure = t;
            } finally {
                pending.decrementAndGet();
            }
        }
    }

    @SuppressWarnings("unchecked")
    private static <T extends Throwable> void sneak(Throwable t) throws T {
        throw (T) t;
    }
}
