package org.mouselift.engine.cpu;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Measures, on all threads of the pool and in this process, what the machine can do at best, so that the speed of a kernel
 * can be stated as a share of it: independent fused multiply-adds held in registers, and copying of memory far larger than
 * the caches. Each reports the best of many short runs and takes about a second or less, warm-up included.
 *
 * @param gflops     peak of float32 fused multiply-adds, 10^9 floating-point operations a second (an FMA counts as two)
 * @param copyGBs    bytes copied a second, in 10^9; a copied byte counts once (it is read and written)
 * @param threads    threads that took part
 * @param vectorBits vector width of the kernels; 0 for scalar
 */
public record Calibration(double gflops, double copyGBs, int threads, int vectorBits) {
    private static final VectorSpecies<Float> S = VectorWidth.F32;
    private static final long BUDGET = 200_000_000L;
    private static final long GLANCE = 30_000_000L;
    /** Short calls: the interpreter, which allocates every vector, must get through them until the compiler takes over. */
    private static final int ROUNDS = 250;
    private static final int CALLS = 200;
    private static final int MOST_WINDOWS = 25;
    /** GFLOP/s a thread that only compiled vector code exceeds. */
    private static final double INTERPRETED = 3;
    private static final int CHAINS = 12;
    private static final long COPY_BYTES = 64L << 20;
    private static volatile float sink;

    /** Runs both measurements. */
    public static Calibration measure() {
        return new Calibration(fmaPeak(), copyBandwidth(), Workers.count(), VectorWidth.BITS);
    }

    /** The higher of these ceilings and those of another, shorter look, for which the code must be compiled already; copies only if asked for. */
    public Calibration raised(boolean copies) {
        double peak = Math.max(gflops, fmaWindow(Workers.count(), CALLS, GLANCE));
        return new Calibration(peak, copies ? Math.max(copyGBs, copyBandwidth(GLANCE)) : copyGBs, threads, vectorBits);
    }

    /** Peak of fused multiply-adds in GFLOP/s; scalar code multiplies and adds separately. */
    public static double fmaPeak() {
        int threads = Workers.count();
        double best = 0;
        for (int window = 0; window < MOST_WINDOWS; window++) {
            double before = best;
            // the first window warms up with short runs
            best = Math.max(best, fmaWindow(threads, window == 0 ? 5 : CALLS, BUDGET));
            boolean compiled = VectorWidth.SCALAR || best > INTERPRETED * threads;
            if (window > 0 && best < 1.1 * before && compiled) {
                break;
            }
        }
        return best;
    }

    private static double fmaWindow(int threads, int calls, long nanos) {
        double flops = 2.0 * CHAINS * VectorWidth.LANES * ROUNDS * calls * threads;
        double best = 0;
        long start = System.nanoTime();
        long now = start;
        while (now - start < nanos) {
            Workers.split(threads, 1, (worker, begin, end) -> {
                for (long i = begin * calls; i < end * calls; i++) {
                    sink = VectorWidth.SCALAR ? scalarChains(ROUNDS, sink * 1e-30f) : vectorChains(ROUNDS, sink * 1e-30f);
                }
            });
            long after = System.nanoTime();
            best = Math.max(best, flops / (after - now));
            now = after;
        }
        return best;
    }

    private static float vectorChains(int rounds, float seed) {
        FloatVector x = FloatVector.broadcast(S, 0.999f + seed);
        FloatVector y = FloatVector.broadcast(S, 1e-3f);
        FloatVector a = y;
        FloatVector b = y;
        FloatVector c = y;
        FloatVector d = y;
        FloatVector e = y;
        FloatVector f = y;
        FloatVector g = y;
        FloatVector h = y;
        FloatVector i = y;
        FloatVector j = y;
        FloatVector k = y;
        FloatVector l = y;
        for (int r = 0; r < rounds; r++) {
            a = a.fma(x, y);
            b = b.fma(x, y);
            c = c.fma(x, y);
            d = d.fma(x, y);
            e = e.fma(x, y);
            f = f.fma(x, y);
            g = g.fma(x, y);
            h = h.fma(x, y);
            i = i.fma(x, y);
            j = j.fma(x, y);
            k = k.fma(x, y);
            l = l.fma(x, y);
        }
        return a.add(b).add(c.add(d)).add(e.add(f).add(g.add(h))).add(i.add(j).add(k.add(l))).lane(0);
    }

    private static float scalarChains(int rounds, float seed) {
        float x = 0.999f + seed;
        float y = 1e-3f;
        float a = y;
        float b = y;
        float c = y;
        float d = y;
        float e = y;
        float f = y;
        float g = y;
        float h = y;
        float i = y;
        float j = y;
        float k = y;
        float l = y;
        for (int r = 0; r < rounds; r++) {
            a = a * x + y;
            b = b * x + y;
            c = c * x + y;
            d = d * x + y;
            e = e * x + y;
            f = f * x + y;
            g = g * x + y;
            h = h * x + y;
            i = i * x + y;
            j = j * x + y;
            k = k * x + y;
            l = l * x + y;
        }
        return a + b + c + d + e + f + g + h + i + j + k + l;
    }

    /** Copy bandwidth in GB/s between two blocks of 64 MiB. */
    public static double copyBandwidth() {
        return copyBandwidth(BUDGET);
    }

    private static double copyBandwidth(long nanos) {
        double best = 0;
        try (Arena arena = Arena.ofShared()) {
            MemorySegment from = arena.allocate(COPY_BYTES, 64);
            MemorySegment to = arena.allocate(COPY_BYTES, 64);
            FloatRanges.fill(1f, from, 0, COPY_BYTES / 4);
            FloatRanges.fill(2f, to, 0, COPY_BYTES / 4);
            long start = System.nanoTime();
            long now = start;
            while (now - start < nanos) {
                FloatRanges.copy(from, 0, to, 0, COPY_BYTES / 4);
                long after = System.nanoTime();
                best = Math.max(best, (double) COPY_BYTES / (after - now));
                now = after;
            }
        }
        return best;
    }
}
