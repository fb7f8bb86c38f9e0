package org.mouselift.engine.cpu;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * Transposition of as many rows as a vector has lanes, in registers: log2(lanes) rounds in which two vectors exchange their
 * off-diagonal blocks of 1, 2, 4, ... lanes (J. O. Eklundh, "A fast computer method for matrix transposing", IEEE
 * Transactions on Computers, 1972). Unrolled because vectors stay in registers only as local variables of one method.
 */
final class Transposition {
    private static final VectorSpecies<Float> S = VectorWidth.F32;
    private static final VectorSpecies<Integer> I = VectorWidth.SCALAR ? null : S.withLanes(int.class);
    private static final int L = VectorWidth.LANES;
    /** For each round, the lanes of two neighbouring vectors that the first and the second one keep. */
    private static final int[][] LOW = picks(false);
    private static final int[][] HIGH = picks(true);

    private Transposition() {
    }

    private static int[][] picks(boolean high) {
        int[][] picks = new int[4][L];
        for (int round = 0; 1 << round < L; round++) {
            int d = 1 << round;
            for (int lane = 0; lane < L; lane++) {
                boolean first = (lane & d) == 0;
                picks[round][lane] = high ? (first ? lane + d : L + lane) : (first ? lane : L + lane - d);
            }
        }
        return picks;
    }

    /**
     * {@code dst[to + k*width + i] = src[from + i*pitch + k]} for all k below {@code depth} (at least a vector) and i below
     * {@code lanes} (at most a vector); whole vectors of rows are read, and lanes behind {@code lanes} are overwritten in all
     * columns but the last.
     */
    static void rows(float[] src, int from, int pitch, int depth, float[] dst, int to, int width, int lanes) {
        if (L == 16) {
            rows16(src, from, pitch, depth, dst, to, width);
        } else if (L == 8) {
            rows8(src, from, pitch, depth, dst, to, width);
        } else {
            rows4(src, from, pitch, depth, dst, to, width);
        }
        // one by one: a whole vector would reach into what lies behind
        for (int i = 0; i < lanes; i++) {
            dst[to + (depth - 1) * width + i] = src[from + i * pitch + depth - 1];
        }
    }

    /** 16 rows, the first one from {@code from} on, and all columns but the last. */
    private static void rows16(float[] src, int from, int pitch, int depth, float[] dst, int to, int width) {
        IntVector low1 = IntVector.fromArray(I, LOW[0], 0);
        IntVector high1 = IntVector.fromArray(I, HIGH[0], 0);
        IntVector low2 = IntVector.fromArray(I, LOW[1], 0);
        IntVector high2 = IntVector.fromArray(I, HIGH[1], 0);
        IntVector low4 = IntVector.fromArray(I, LOW[2], 0);
        IntVector high4 = IntVector.fromArray(I, HIGH[2], 0);
        IntVector low8 = IntVector.fromArray(I, LOW[3], 0);
        IntVector high8 = IntVector.fromArray(I, HIGH[3], 0);
        for (int k = 0; k < depth - 1; k += 15) {
            // the last block ends with the last column and repeats what the one before it wrote
            int at = Math.min(k, depth - 16);
            int x = from + at;
            int y = to + at * width;
            IntVector r0 = FloatVector.fromArray(S, src, x).reinterpretAsInts();
            IntVector r1 = FloatVector.fromArray(S, src, x + pitch).reinterpretAsInts();
            IntVector r2 = FloatVector.fromArray(S, src, x + 2 * pitch).reinterpretAsInts();
            IntVector r3 = FloatVector.fromArray(S, src, x + 3 * pitch).reinterpretAsInts();
            IntVector r4 = FloatVector.fromArray(S, src, x + 4 * pitch).reinterpretAsInts();
            IntVector r5 = FloatVector.fromArray(S, src, x + 5 * pitch).reinterpretAsInts();
            IntVector r6 = FloatVector.fromArray(S, src, x + 6 * pitch).reinterpretAsInts();
            IntVector r7 = FloatVector.fromArray(S, src, x + 7 * pitch).reinterpretAsInts();
            IntVector r8 = FloatVector.fromArray(S, src, x + 8 * pitch).reinterpretAsInts();
            IntVector r9 = FloatVector.fromArray(S, src, x + 9 * pitch).reinterpretAsInts();
            IntVector r10 = FloatVector.fromArray(S, src, x + 10 * pitch).reinterpretAsInts();
            IntVector r11 = FloatVector.fromArray(S, src, x + 11 * pitch).reinterpretAsInts();
            IntVector r12 = FloatVector.fromArray(S, src, x + 12 * pitch).reinterpretAsInts();
            IntVector r13 = FloatVector.fromArray(S, src, x + 13 * pitch).reinterpretAsInts();
            IntVector r14 = FloatVector.fromArray(S, src, x + 14 * pitch).reinterpretAsInts();
            IntVector r15 = FloatVector.fromArray(S, src, x + 15 * pitch).reinterpretAsInts();
            IntVector s0 = low1.selectFrom(r0, r1);
            IntVector s1 = high1.selectFrom(r0, r1);
            IntVector s2 = low1.selectFrom(r2, r3);
            IntVector s3 = high1.selectFrom(r2, r3);
            IntVector s4 = low1.selectFrom(r4, r5);
            IntVector s5 = high1.selectFrom(r4, r5);
            IntVector s6 = low1.selectFrom(r6, r7);
            IntVector s7 = high1.selectFrom(r6, r7);
            IntVector s8 = low1.selectFrom(r8, r9);
            IntVector s9 = high1.selectFrom(r8, r9);
            IntVector s10 = low1.selectFrom(r10, r11);
            IntVector s11 = high1.selectFrom(r10, r11);
            IntVector s12 = low1.selectFrom(r12, r13);
            IntVector s13 = high1.selectFrom(r12, r13);
            IntVector s14 = low1.selectFrom(r14, r15);
            IntVector s15 = high1.selectFrom(r14, r15);
            IntVector t0 = low2.selectFrom(s0, s2);
            IntVector t2 = high2.selectFrom(s0, s2);
            IntVector t1 = low2.selectFrom(s1, s3);
            IntVector t3 = high2.selectFrom(s1, s3);
            IntVector t4 = low2.selectFrom(s4, s6);
            IntVector t6 = high2.selectFrom(s4, s6);
            IntVector t5 = low2.selectFrom(s5, s7);
            IntVector t7 = high2.selectFrom(s5, s7);
            IntVector t8 = low2.selectFrom(s8, s10);
            IntVector t10 = high2.selectFrom(s8, s10);
            IntVector t9 = low2.selectFrom(s9, s11);
            IntVector t11 = high2.selectFrom(s9, s11);
            IntVector t12 = low2.selectFrom(s12, s14);
            IntVector t14 = high2.selectFrom(s12, s14);
            IntVector t13 = low2.selectFrom(s13, s15);
            IntVector t15 = high2.selectFrom(s13, s15);
            IntVector u0 = low4.selectFrom(t0, t4);
            IntVector u4 = high4.selectFrom(t0, t4);
            IntVector u1 = low4.selectFrom(t1, t5);
            IntVector u5 = high4.selectFrom(t1, t5);
            IntVector u2 = low4.selectFrom(t2, t6);
            IntVector u6 = high4.selectFrom(t2, t6);
            IntVector u3 = low4.selectFrom(t3, t7);
            IntVector u7 = high4.selectFrom(t3, t7);
            IntVector u8 = low4.selectFrom(t8, t12);
            IntVector u12 = high4.selectFrom(t8, t12);
            IntVector u9 = low4.selectFrom(t9, t13);
            IntVector u13 = high4.selectFrom(t9, t13);
            IntVector u10 = low4.selectFrom(t10, t14);
            IntVector u14 = high4.selectFrom(t10, t14);
            IntVector u11 = low4.selectFrom(t11, t15);
            IntVector u15 = high4.selectFrom(t11, t15);
            IntVector v0 = low8.selectFrom(u0, u8);
            IntVector v8 = high8.selectFrom(u0, u8);
            IntVector v1 = low8.selectFrom(u1, u9);
            IntVector v9 = high8.selectFrom(u1, u9);
            IntVector v2 = low8.selectFrom(u2, u10);
            IntVector v10 = high8.selectFrom(u2, u10);
            IntVector v3 = low8.selectFrom(u3, u11);
            IntVector v11 = high8.selectFrom(u3, u11);
            IntVector v4 = low8.selectFrom(u4, u12);
            IntVector v12 = high8.selectFrom(u4, u12);
            IntVector v5 = low8.selectFrom(u5, u13);
            IntVector v13 = high8.selectFrom(u5, u13);
            IntVector v6 = low8.selectFrom(u6, u14);
            IntVector v14 = high8.selectFrom(u6, u14);
            IntVector v7 = low8.selectFrom(u7, u15);
            IntVector v15 = high8.selectFrom(u7, u15);
            v0.reinterpretAsFloats().intoArray(dst, y);
            v1.reinterpretAsFloats().intoArray(dst, y + width);
            v2.reinterpretAsFloats().intoArray(dst, y + 2 * width);
            v3.reinterpretAsFloats().intoArray(dst, y + 3 * width);
            v4.reinterpretAsFloats().intoArray(dst, y + 4 * width);
            v5.reinterpretAsFloats().intoArray(dst, y + 5 * width);
            v6.reinterpretAsFloats().intoArray(dst, y + 6 * width);
            v7.reinterpretAsFloats().intoArray(dst, y + 7 * width);
            v8.reinterpretAsFloats().intoArray(dst, y + 8 * width);
            v9.reinterpretAsFloats().intoArray(dst, y + 9 * width);
            v10.reinterpretAsFloats().intoArray(dst, y + 10 * width);
            v11.reinterpretAsFloats().intoArray(dst, y + 11 * width);
            v12.reinterpretAsFloats().intoArray(dst, y + 12 * width);
            v13.reinterpretAsFloats().intoArray(dst, y + 13 * width);
            v14.reinterpretAsFloats().intoArray(dst, y + 14 * width);
        }
    }

    /** 8 rows, the first one from {@code from} on, and all columns but the last. */
    private static void rows8(float[] src, int from, int pitch, int depth, float[] dst, int to, int width) {
        IntVector low1 = IntVector.fromArray(I, LOW[0], 0);
        IntVector high1 = IntVector.fromArray(I, HIGH[0], 0);
        IntVector low2 = IntVector.fromArray(I, LOW[1], 0);
        IntVector high2 = IntVector.fromArray(I, HIGH[1], 0);
        IntVector low4 = IntVector.fromArray(I, LOW[2], 0);
        IntVector high4 = IntVector.fromArray(I, HIGH[2], 0);
        for (int k = 0; k < depth - 1; k += 7) {
            // the last block ends with the last column and repeats what the one before it wrote
            int at = Math.min(k, depth - 8);
            int x = from + at;
            int y = to + at * width;
            IntVector r0 = FloatVector.fromArray(S, src, x).reinterpretAsInts();
            IntVector r1 = FloatVector.fromArray(S, src, x + pitch).reinterpretAsInts();
            IntVector r2 = FloatVector.fromArray(S, src, x + 2 * pitch).reinterpretAsInts();
            IntVector r3 = FloatVector.fromArray(S, src, x + 3 * pitch).reinterpretAsInts();
            IntVector r4 = FloatVector.fromArray(S, src, x + 4 * pitch).reinterpretAsInts();
            IntVector r5 = FloatVector.fromArray(S, src, x + 5 * pitch).reinterpretAsInts();
            IntVector r6 = FloatVector.fromArray(S, src, x + 6 * pitch).reinterpretAsInts();
            IntVector r7 = FloatVector.fromArray(S, src, x + 7 * pitch).reinterpretAsInts();
            IntVector s0 = low1.selectFrom(r0, r1);
            IntVector s1 = high1.selectFrom(r0, r1);
            IntVector s2 = low1.selectFrom(r2, r3);
            IntVector s3 = high1.selectFrom(r2, r3);
            IntVector s4 = low1.selectFrom(r4, r5);
            IntVector s5 = high1.selectFrom(r4, r5);
            IntVector s6 = low1.selectFrom(r6, r7);
            IntVector s7 = high1.selectFrom(r6, r7);
            IntVector t0 = low2.selectFrom(s0, s2);
            IntVector t2 = high2.selectFrom(s0, s2);
            IntVector t1 = low2.selectFrom(s1, s3);
            IntVector t3 = high2.selectFrom(s1, s3);
            IntVector t4 = low2.selectFrom(s4, s6);
            IntVector t6 = high2.selectFrom(s4, s6);
            IntVector t5 = low2.selectFrom(s5, s7);
            IntVector t7 = high2.selectFrom(s5, s7);
            IntVector u0 = low4.selectFrom(t0, t4);
            IntVector u4 = high4.selectFrom(t0, t4);
            IntVector u1 = low4.selectFrom(t1, t5);
            IntVector u5 = high4.selectFrom(t1, t5);
            IntVector u2 = low4.selectFrom(t2, t6);
            IntVector u6 = high4.selectFrom(t2, t6);
            IntVector u3 = low4.selectFrom(t3, t7);
            IntVector u7 = high4.selectFrom(t3, t7);
            u0.reinterpretAsFloats().intoArray(dst, y);
            u1.reinterpretAsFloats().intoArray(dst, y + width);
            u2.reinterpretAsFloats().intoArray(dst, y + 2 * width);
            u3.reinterpretAsFloats().intoArray(dst, y + 3 * width);
            u4.reinterpretAsFloats().intoArray(dst, y + 4 * width);
            u5.reinterpretAsFloats().intoArray(dst, y + 5 * width);
            u6.reinterpretAsFloats().intoArray(dst, y + 6 * width);
        }
    }

    /** 4 rows, the first one from {@code from} on, and all columns but the last. */
    private static void rows4(float[] src, int from, int pitch, int depth, float[] dst, int to, int width) {
        IntVector low1 = IntVector.fromArray(I, LOW[0], 0);
        IntVector high1 = IntVector.fromArray(I, HIGH[0], 0);
        IntVector low2 = IntVector.fromArray(I, LOW[1], 0);
        IntVector high2 = IntVector.fromArray(I, HIGH[1], 0);
        for (int k = 0; k < depth - 1; k += 3) {
            // the last block ends with the last column and repeats what the one before it wrote
            int at = Math.min(k, depth - 4);
            int x = from + at;
            int y = to + at * width;
            IntVector r0 = FloatVector.fromArray(S, src, x).reinterpretAsInts();
            IntVector r1 = FloatVector.fromArray(S, src, x + pitch).reinterpretAsInts();
            IntVector r2 = FloatVector.fromArray(S, src, x + 2 * pitch).reinterpretAsInts();
            IntVector r3 = FloatVector.fromArray(S, src, x + 3 * pitch).reinterpretAsInts();
            IntVector s0 = low1.selectFrom(r0, r1);
            IntVector s1 = high1.selectFrom(r0, r1);
            IntVector s2 = low1.selectFrom(r2, r3);
            IntVector s3 = high1.selectFrom(r2, r3);
            IntVector t0 = low2.selectFrom(s0, s2);
            IntVector t2 = high2.selectFrom(s0, s2);
            IntVector t1 = low2.selectFrom(s1, s3);
            IntVector t3 = high2.selectFrom(s1, s3);
            t0.reinterpretAsFloats().intoArray(dst, y);
            t1.reinterpretAsFloats().intoArray(dst, y + width);
            t2.reinterpretAsFloats().intoArray(dst, y + 2 * width);
        }
    }
}
