package org.mouselift.engine.cpu;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.mouselift.engine.cpu.TestArrays.U;
import static org.mouselift.engine.cpu.TestArrays.nativeCopy;
import static org.mouselift.engine.cpu.TestArrays.near;
import static org.mouselift.engine.cpu.TestArrays.normal;
import static org.mouselift.engine.cpu.TestArrays.widen;

import java.lang.foreign.MemorySegment;
import java.util.SplittableRandom;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.mouselift.engine.DType;

@Tag("kernel")
class Conv2dTest {
    private static void check(Conv2dShape s, long seed) {
        SplittableRandom random = new SplittableRandom(seed);
        int nx = (int) s.batch() * s.inChannels() * s.inPlane();
        int ny = (int) s.batch() * s.outChannels() * s.outPlane();
        int nw = s.outChannels() * s.inChannels() * s.taps();
        float[] x = normal(random, nx);
        float[] w = normal(random, nw);
        float[] bias = normal(random, s.outChannels());
        float[] dy = normal(random, ny);
        float[] y = new float[ny + 2];
        float[] dx = new float[nx];
        float[] dw = new float[nw];
        float[] db = new float[s.outChannels()];
        Conv2d.forward(s, nativeCopy(x), 0, nativeCopy(w), DType.F32, 0, seed % 3 == 0 ? null : nativeCopy(bias), 0, MemorySegment.ofArray(y), 1);
        Conv2d.inputGradient(s, nativeCopy(dy), 0, nativeCopy(w), DType.F32, 0, MemorySegment.ofArray(dx), 0);
        Conv2d.weightGradient(s, nativeCopy(x), 0, nativeCopy(dy), 0, MemorySegment.ofArray(dw), 0, MemorySegment.ofArray(db), 0, false);
        double[] wy = new double[ny];
        double[] wx = new double[nx];
        double[] ww = new double[nw];
        double[] wb = new double[s.outChannels()];
        MemorySegment x64 = MemorySegment.ofArray(widen(x));
        MemorySegment w64 = MemorySegment.ofArray(widen(w));
        MemorySegment dy64 = MemorySegment.ofArray(widen(dy));
        Conv2dF64.forward(s, x64, 0, w64, 0, seed % 3 == 0 ? null : MemorySegment.ofArray(widen(bias)), 0, MemorySegment.ofArray(wy), 0);
        Conv2dF64.inputGradient(s, dy64, 0, w64, 0, MemorySegment.ofArray(wx), 0);
        Conv2dF64.weightGradient(s, x64, 0, dy64, 0, MemorySegment.ofArray(ww), 0, MemorySegment.ofArray(wb), 0);
        // sums of k products of normal numbers: rounding grows like k u at most, sqrt(k) in practice, and with sums that happen to be large
        double k = s.inChannels() * s.taps() + 4.0;
        double ko = s.outChannels() * s.taps() + 4.0;
        double p = s.batch() * s.outPlane() + 4.0;
        for (int i = 0; i < ny; i++) {
            near(wy[i], y[i + 1], 4 * U * (k + Math.abs(wy[i])), s + " y[" + i + "]");
        }
        assertEquals(0f, y[0]);
        assertEquals(0f, y[ny + 1]);
        TestArrays.near(wx, dx, 4 * U * ko, s + " dx");
        TestArrays.near(ww, dw, 4 * U * p, s + " dw");
        TestArrays.near(wb, db, 4 * U * p, s + " db");
        float[] twice = dw.clone();
        Conv2d.weightGradient(s, nativeCopy(x), 0, nativeCopy(dy), 0, MemorySegment.ofArray(twice), 0, MemorySegment.ofArray(db), 0, true);
        for (int i = 0; i < nw; i++) {
            near(2 * ww[i], twice[i], 8 * U * p, s + " accumulated dw");
        }
        for (int i = 0; i < db.length; i++) {
            near(2 * wb[i], db[i], 8 * U * p, s + " accumulated db");
        }
    }

    @Test
    void kernelsStridesAndPaddings() {
        long seed = 1;
        check(Conv2dShape.square(1, 1, 1, 1, 1, 1, 1, 0), seed++);
        check(Conv2dShape.square(2, 5, 7, 9, 13, 1, 1, 0), seed++);
        check(Conv2dShape.square(2, 3, 8, 8, 4, 3, 1, 1), seed++);
        check(Conv2dShape.square(3, 4, 9, 6, 5, 3, 2, 1), seed++);
        check(Conv2dShape.square(1, 3, 10, 11, 6, 5, 3, 2), seed++);
        check(Conv2dShape.square(1, 3, 16, 16, 8, 8, 8, 0), seed++);
        check(Conv2dShape.square(2, 4, 6, 5, 3, 1, 2, 0), seed++);
        check(Conv2dShape.square(1, 2, 4, 4, 3, 1, 1, 1), seed++);
        // the asymmetric padding of the autoencoder's downsampling
        check(new Conv2dShape(1, 4, 10, 12, 6, 3, 3, 2, 2, 0, 1, 0, 1), seed++);
        check(new Conv2dShape(2, 3, 7, 5, 4, 2, 3, 1, 2, 3, 0, 1, 2), seed++);
        check(Conv2dShape.square(1, 33, 19, 23, 40, 3, 1, 1), seed++);
        check(Conv2dShape.square(4, 17, 6, 6, 9, 3, 1, 1), seed++);
        // planes of whole tiles: all images are one product
        check(Conv2dShape.square(5, 7, 8, 16, 9, 3, 1, 1), seed++);
        check(Conv2dShape.square(3, 6, 8, 8, 14, 1, 1, 0), seed++);
        check(Conv2dShape.square(3, 6, 16, 16, 5, 3, 2, 1), seed++);
        // strides wider than the kernel leave input pixels that no output read
        check(Conv2dShape.square(2, 3, 11, 10, 4, 2, 3, 0), seed++);
        check(new Conv2dShape(2, 5, 9, 12, 4, 3, 1, 2, 4, 1, 2, 0, 3), seed++);
    }

    /** Enough channels for the minimal filtering algorithm: odd planes, every padding, channels that fill no chunk, many blocks. */
    @Test
    void minimalFiltering() {
        long seed = 100;
        check(Conv2dShape.square(24, 16, 2, 2, 16, 3, 1, 1), seed++);
        check(Conv2dShape.square(7, 33, 4, 4, 17, 3, 1, 1), seed++);
        check(Conv2dShape.square(3, 70, 8, 6, 45, 3, 1, 1), seed++);
        check(Conv2dShape.square(2, 20, 13, 15, 64, 3, 1, 0), seed++);
        check(Conv2dShape.square(1, 18, 17, 22, 16, 3, 1, 2), seed++);
        check(new Conv2dShape(2, 17, 12, 14, 19, 3, 3, 1, 1, 3, 0, 1, 4), seed++);
        check(Conv2dShape.square(2, 16, 50, 46, 16, 3, 1, 1), seed++);
        check(Conv2dShape.square(5, 300, 4, 6, 20, 3, 1, 1), seed++);
    }

    /** Few channels on one side: sums over taps after the product. */
    @Test
    void fewChannels() {
        long seed = 200;
        check(Conv2dShape.square(3, 16, 9, 11, 4, 3, 1, 1), seed++);
        check(Conv2dShape.square(3, 3, 9, 7, 21, 3, 1, 1), seed++);
        check(Conv2dShape.square(1, 33, 20, 18, 1, 3, 1, 0), seed++);
        check(Conv2dShape.square(1, 4, 16, 33, 32, 3, 1, 2), seed++);
        check(new Conv2dShape(2, 17, 6, 5, 6, 2, 4, 1, 1, 3, 0, 1, 4), seed++);
        check(new Conv2dShape(2, 5, 4, 5, 18, 4, 2, 1, 1, 5, 0, 0, 6), seed++);
        check(Conv2dShape.square(2, 16, 8, 8, 3, 5, 1, 0), seed++);
    }

    /** Images one by one are cut into other blocks than all at once; the numbers are the same to the last bit. */
    @Test
    void resultDoesNotDependOnTheBlocks() {
        SplittableRandom random = new SplittableRandom(50);
        for (int stride = 1; stride <= 2; stride++) {
            Conv2dShape all = Conv2dShape.square(7, 24, 14, 10, 40, 3, stride, 1);
            Conv2dShape one = Conv2dShape.square(1, 24, 14, 10, 40, 3, stride, 1);
            int nx = 24 * one.inPlane();
            int ny = 40 * one.outPlane();
            MemorySegment x = nativeCopy(normal(random, 7 * nx));
            MemorySegment w = nativeCopy(normal(random, 40 * 24 * 9));
            MemorySegment dy = nativeCopy(normal(random, 7 * ny));
            float[] y = new float[7 * ny];
            float[] dx = new float[7 * nx];
            Conv2d.forward(all, x, 0, w, DType.F32, 0, null, 0, MemorySegment.ofArray(y), 0);
            Conv2d.inputGradient(all, dy, 0, w, DType.F32, 0, MemorySegment.ofArray(dx), 0);
            float[] y1 = new float[7 * ny];
            float[] dx1 = new float[7 * nx];
            for (int n = 0; n < 7; n++) {
                Conv2d.forward(one, x, (long) n * nx, w, DType.F32, 0, null, 0, MemorySegment.ofArray(y1), (long) n * ny);
                Conv2d.inputGradient(one, dy, (long) n * ny, w, DType.F32, 0, MemorySegment.ofArray(dx1), (long) n * nx);
            }
            assertArrayEquals(y1, y);
            assertArrayEquals(dx1, dx);
        }
    }

    @Test
    void crossesTheBlocksOfTheProduct() {
        check(Conv2dShape.square(1, 40, 41, 41, 30, 3, 1, 1), 20);
    }

    @Test
    void halfPrecisionWeights() {
        SplittableRandom random = new SplittableRandom(30);
        Conv2dShape s = Conv2dShape.square(1, 6, 9, 9, 7, 3, 1, 1);
        float[] x = normal(random, 6 * 81);
        float[] w = normal(random, 7 * 6 * 9);
        short[] half = new short[w.length];
        for (int i = 0; i < w.length; i++) {
            half[i] = Float.floatToFloat16(w[i]);
            w[i] = Float.float16ToFloat(half[i]);
        }
        float[][] y = new float[2][7 * 81];
        float[][] dx = new float[2][6 * 81];
        for (int i = 0; i < 2; i++) {
            MemorySegment weights = i == 0 ? MemorySegment.ofArray(w) : MemorySegment.ofArray(half);
            DType type = i == 0 ? DType.F32 : DType.F16;
            Conv2d.forward(s, MemorySegment.ofArray(x), 0, weights, type, 0, null, 0, MemorySegment.ofArray(y[i]), 0);
            Conv2d.inputGradient(s, MemorySegment.ofArray(y[0]), 0, weights, type, 0, MemorySegment.ofArray(dx[i]), 0);
        }
        assertArrayEquals(y[0], y[1]);
        assertArrayEquals(dx[0], dx[1]);
    }

    /** The float64 gradients are the transposes of the forward map: {@code <dy, A x> = <A^T dy, x>}, also in w. */
    @Test
    void float64GradientsAreAdjoint() {
        SplittableRandom random = new SplittableRandom(40);
        Conv2dShape s = new Conv2dShape(2, 3, 6, 7, 4, 3, 2, 2, 1, 0, 1, 2, 0);
        double[] x = random.doubles(2L * 3 * 42).toArray();
        double[] w = random.doubles(4L * 3 * 6).toArray();
        double[] dy = random.doubles(s.batch() * 4 * s.outPlane()).toArray();
        double[] y = new double[dy.length];
        double[] dx = new double[x.length];
        double[] dw = new double[w.length];
        MemorySegment xs = MemorySegment.ofArray(x);
        MemorySegment ws = MemorySegment.ofArray(w);
        MemorySegment gs = MemorySegment.ofArray(dy);
        Conv2dF64.forward(s, xs, 0, ws, 0, null, 0, MemorySegment.ofArray(y), 0);
        Conv2dF64.inputGradient(s, gs, 0, ws, 0, MemorySegment.ofArray(dx), 0);
        Conv2dF64.weightGradient(s, xs, 0, gs, 0, MemorySegment.ofArray(dw), 0, null, 0);
        double a = dot(y, dy);
        near(a, dot(x, dx), 1e-11 * a, "input");
        near(a, dot(w, dw), 1e-11 * a, "weights");
        // and the forward map is the definition at one pixel
        double want = 0;
        for (int c = 0; c < 3; c++) {
            for (int k = 0; k < 3; k++) {
                for (int l = 0; l < 2; l++) {
                    want += w[((2 * 3 + c) * 3 + k) * 2 + l] * x[((3 + c) * 6 + 2 + k) * 7 + 3 + l - 2];
                }
            }
        }
        near(want, y[((4 + 2) * s.outHeight() + 1) * s.outWidth() + 3], 1e-13, "pixel (1, 3) of channel 2 of image 1");
    }

    private static double dot(double[] x, double[] y) {
        double sum = 0;
        for (int i = 0; i < x.length; i++) {
            sum += x[i] * y[i];
        }
        return sum;
    }

    @Test
    void badShapesAreRefused() {
        assertTrue(assertThrows(IllegalArgumentException.class, () -> Conv2dShape.square(1, 1, 2, 2, 1, 5, 1, 1)).getMessage().contains("larger than the padded"));
        assertThrows(IllegalArgumentException.class, () -> Conv2dShape.square(1, 0, 2, 2, 1, 1, 1, 0));
        Conv2dShape s = Conv2dShape.square(1, 1, 4, 4, 1, 3, 1, 1);
        MemorySegment x = MemorySegment.ofArray(new float[16]);
        assertThrows(IllegalArgumentException.class, () -> Conv2d.forward(s, x, 1, x, DType.F32, 0, null, 0, x, 0));
        assertThrows(IllegalArgumentException.class, () -> Conv2d.forward(s, x, 0, MemorySegment.ofArray(new float[8]), DType.F32, 0, null, 0, x, 0));
    }
}
