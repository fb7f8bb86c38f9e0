package org.mouselift.engine.cpu;

import java.util.concurrent.atomic.AtomicInteger;
import java.util.concurrent.atomic.AtomicIntegerArray;
import java.util.concurrent.locks.LockSupport;

/**
 * The one fixed thread pool of the CPU kernels. The caller takes part as worker 0; the helpers are daemon threads that
 * stay awake for {@value #AWAKE_NANOS} ns after their last work, because waking a thread costs more than many kernels,
 * and then park, so that an idle engine burns no core. Work is split into contiguous static chunks: for a
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

    private static final long AWAKE_NANOS = 500_000;
    /** Looks at a flag between two looks at the clock. */
    private static final int GLANCES = 64;
    /** Looks at a flag before a waiting caller offers its core to others. */
    private static final int PATIENCE = 1_000_000;
    private static final Workers POOL = new Workers(configuredThreads());
    private static final ThreadLocal<Boolean> INSIDE = ThreadLocal.withInitial(() -> Boolean.FALSE);

    private final int count;
    private final Thread[] threads;
    private final AtomicIntegerArray parked;
    private final Object turn = new Object();
    private volatile int epoch;
    private volatile Task body;
    private final AtomicInteger pending = new AtomicInteger();
    private volatile Throwable failure;

    private Workers(int count) {
        this.count = count;
        this.threads = new Thread[count];
        this.parked = new AtomicIntegerArray(count);
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
                if (parked.get(i) != 0) {
                    LockSupport.unpark(threads[i]);
                }
            }
            INSIDE.set(Boolean.TRUE);
            try {
                work.run(0, 0);
            } catch (Throwable t) {
                failure = t;
            } finally {
                INSIDE.set(Boolean.FALSE);
            }
            for (int looks = 0; pending.get() != 0; looks++) {
                if (looks < PATIENCE) {
                    Thread.onSpinWait();
                } else {
                    Thread.yield();
                }
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
            await(worker, seen);
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

    /** Returns when there is work newer than {@code seen}. */
    private void await(int worker, int seen) {
        long deadline = System.nanoTime() + AWAKE_NANOS;
        while (epoch == seen) {
            for (int i = 0; i < GLANCES && epoch == seen; i++) {
                Thread.onSpinWait();
            }
            if (epoch == seen && System.nanoTime() > deadline) {
                parked.set(worker, 1);
                // The flag is up before the last look: a caller that starts work after it will see the flag and wake us.
                while (epoch == seen) {
                    LockSupport.park(this);
                }
                parked.set(worker, 0);
            }
        }
    }

    @SuppressWarnings("unchecked")
    private static <T extends Throwable> void sneak(Throwable t) throws T {
        throw (T) t;
    }
}
