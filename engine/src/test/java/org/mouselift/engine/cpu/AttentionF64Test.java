package org.mouselift.engine.cpu;

import static org.mouselift.engine.cpu.TestArrays.near;

import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Test;

class AttentionF64Test {
    private static final int B = 2;
    private static final int H = 3;
    private static final int TQ = 5;
    private static final int TK = 7;
    private static final int D = 6;
    private static final double SCALE = 0.37;

    private static Heads heads(double[] x, int tokens) {
        return Heads.contiguous(MemorySegment.ofArray(x), 0, H, tokens, D);
    }

    private static double[] gaussian(SplittableRandom r, int n) {
        double[] x = new double[n];
        for (int i = 0; i < n; i++) {
            x[i] = r.nextGaussian();
        }
        return x;
    }

    private static double[] forward(double[] q, double[] k, double[] v, double[] lse) {
        double[] out = new double[B * H * TQ * D];
        AttentionF64.forward(B, H, TQ, TK, D, SCALE, heads(q, TQ), heads(k, TK), heads(v, TK), heads(out, TQ), lse == null ? null : MemorySegment.ofArray(lse),
                0);
        return out;
    }

    @Test
    void forwardIsTheDefinition() {
        SplittableRandom r = new SplittableRandom(1);
        double[] q = gaussian(r, B * H * TQ * D);
        double[] k = gaussian(r, B * H * TK * D);
        double[] v = gaussian(r, B * H * TK * D);
        double[] lse = new double[B * H * TQ];
        double[] out = forward(q, k, v, lse);
        for (int head = 0; head < B * H; head++) {
            for (int i = 0; i < TQ; i++) {
                double sum = 0;
                double[] o = new double[D];
                for (int j = 0; j < TK; j++) {
                    double s = 0;
                    for (int c = 0; c < D; c++) {
                        s += q[(head * TQ + i) * D + c] * k[(head * TK + j) * D + c];
                    }
                    double e = Math.exp(SCALE * s);
                    sum += e;
                    for (int c = 0; c < D; c++) {
                        o[c] += e * v[(head * TK + j) * D + c];
                    }
                }
                near(Math.log(sum), lse[head * TQ + i], 1e-13, "lse");
                for (int c = 0; c < D; c++) {
                    near(o[c] / sum, out[(head * TQ + i) * D + c], 1e-13, "out");
                }
            }
        }
    }

    @Test
    void gradientMatchesFiniteDifferences() {
        SplittableRandom r = new SplittableRandom(2);
        double[][] x = {gaussian(r, B * H * TQ * D), gaussian(r, B * H * TK * D), gaussian(r, B * H * TK * D)};
        double[] g = gaussian(r, B * H * TQ * D);
        double[] lse = new double[B * H * TQ];
        double[] out = forward(x[0], x[1], x[2], lse);
        double[][] dx = {new double[x[0].length], new double[x[1].length], new double[x[2].length]};
        AttentionF64.backward(B, H, TQ, TK, D, SCALE, heads(x[0], TQ), heads(x[1], TK), heads(x[2], TK), heads(out, TQ), heads(g, TQ),
                MemorySegment.ofArray(lse), 0, heads(dx[0], TQ), heads(dx[1], TK), heads(dx[2], TK));
        double eps = 1e-5;
        for (int which = 0; which < 3; which++) {
            for (int i = 0; i < x[which].length; i += 5) {
                double[] plus = x[which].clone();
                double[] minus = x[which].clone();
                plus[i] += eps;
                minus[i] -= eps;
                double[] a = forward(which == 0 ? plus : x[0], which == 1 ? plus : x[1], which == 2 ? plus : x[2], null);
                double[] b = forward(which == 0 ? minus : x[0], which == 1 ? minus : x[1], which == 2 ? minus : x[2], null);
                double slope = 0;
                for (int j = 0; j < a.length; j++) {
                    slope += g[j] * (a[j] - b[j]) / (2 * eps);
                }
                near(slope, dx[which][i], 1e-8, "gradient " + which + "[" + i + "]");
            }
        }
    }
}
