package org.mouselift.models.metrics.cpu;

import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.VectorSpecies;
import org.mouselift.engine.cpu.VectorWidth;

/**
 * Weighted sums of shifted rows, the inner loop of separable filters. Written with explicit vectors because source and
 * destination ranges are not provably apart, which keeps the JIT compiler from vectorising the plain loop.
 */
public final class RowFilter {
    private static final VectorSpecies<Double> S = switch (VectorWidth.BITS) {
        case 0 -> null;
        case 128 -> DoubleVector.SPECIES_128;
        case 256 -> DoubleVector.SPECIES_256;
        default -> DoubleVector.SPECIES_512;
    };

    private RowFilter() {}

    /**
     * {@code to[toAt + i] = Σ_k weights[first + k]·from[fromAt + k·stride + i]} for i in [0, n) and k in [0, taps).
     * The ranges must not overlap.
     */
    public static void sum(double[] weights, int first, int taps, double[] from, int fromAt, int stride, double[] to, int toAt, int n) {
        int i = 0;
        if (!VectorWidth.SCALAR) {
            int lanes = S.length();
            for (; i + lanes <= n; i += lanes) {
                DoubleVector sum = DoubleVector.zero(S);
                for (int k = 0; k < taps; k++) {
                    sum = DoubleVector.fromArray(S, from, fromAt + k * stride + i).fma(DoubleVector.broadcast(S, weights[first + k]), sum);
                }
                sum.intoArray(to, toAt + i);
            }
        }
        for (; i < n; i++) {
            double sum = 0;
            for (int k = 0; k < taps; k++) {
                sum = Math.fma(from[fromAt + k * stride + i], weights[first + k], sum);
            }
            to[toAt + i] = sum;
        }
    }
}
