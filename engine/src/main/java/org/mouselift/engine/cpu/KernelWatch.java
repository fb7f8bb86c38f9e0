package org.mouselift.engine.cpu;

import java.util.concurrent.atomic.AtomicBoolean;
import java.util.concurrent.atomic.AtomicInteger;

/**
 * Notices a matrix or attention kernel that the JVM compiled badly. HotSpot can leave a large vector method in a compilation tier that
 * allocates every vector on the heap; everything then stays correct but runs 100 to 300 times slower, without a word.
 * Large calls are timed, and one that is far slower than any working build after a fair warm-up is reported once.
 */
public final class KernelWatch {
    /** Smallest call that is judged, in floating-point operations. */
    static final double LARGE = 0.2e9;
    /** Warm-up: a call is judged that begins after so many others and so long after the first of them began. */
    static final int WARM_CALLS = 5;
    static final long WARM_NANOS = 4_000_000_000L;
    /** A working vector kernel reaches this with two threads on any machine that has vectors; the trap stays under a twentieth. */
    static final double CONSERVATIVE_GFLOPS = 40;
    private static final int STRIKES = 3;

    private static final AtomicInteger CALLS = new AtomicInteger();
    private static final AtomicInteger SLOW = new AtomicInteger();
    private static final AtomicBoolean REPORTED = new AtomicBoolean();
    private static volatile long firstBegin;

    private KernelWatch() {
    }

    static long begin() {
        return VectorWidth.SCALAR || REPORTED.get() ? 0 : System.nanoTime();
    }

    static void end(long start, double flops) {
        if (start == 0 || flops < LARGE) {
            return;
        }
        judge(flops, System.nanoTime() - start, System.nanoTime());
    }

    /** Counts one large call that took {@code nanos} until {@code now}; returns true when this call made the report. */
    static boolean judge(double flops, long nanos, long now) {
        if (CALLS.getAndIncrement() == 0) {
            firstBegin = now - nanos;
        }
        if (CALLS.get() <= WARM_CALLS || now - nanos - firstBegin < WARM_NANOS) {
            return false;
        }
        double gflops = flops / Math.max(1, nanos);
        if (gflops * 20 > CONSERVATIVE_GFLOPS) {
            SLOW.set(0);
            return false;
        }
        if (SLOW.incrementAndGet() < STRIKES || !REPORTED.compareAndSet(false, true)) {
            return false;
        }
        System.getLogger(KernelWatch.class.getName()).log(System.Logger.Level.WARNING, message(gflops));
        return true;
    }

    static String message(double gflops) {
        return String.format(java.util.Locale.ROOT, "vector kernels run at %.2f GFLOP/s, at least 20 times slower than this code does when the JVM compiles it "
                + "properly. Start Java with -XX:Tier3DelayOn=1000 (and the other flags of conf/jvm.options); if they are set, check that the CPU "
                + "is not overloaded", gflops);
    }

    /** True once the slow-kernel report was made; shown by diagnostics. */
    public static boolean reported() {
        return REPORTED.get();
    }

    /** Large calls judged so far. */
    static int judged() {
        return CALLS.get();
    }

    static void reset() {
        CALLS.set(0);
        SLOW.set(0);
        REPORTED.set(false);
    }
}
