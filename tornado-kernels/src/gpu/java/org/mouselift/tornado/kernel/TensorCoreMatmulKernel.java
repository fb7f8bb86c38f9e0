package org.mouselift.tornado.kernel;

import org.mouselift.tornado.launch.HalfTiles;
import org.mouselift.tornado.launch.TensorCoreMatmul;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.enums.MMAShape;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Matrix products on tensor cores, for PTX and CUDA; launches and arguments: {@link HalfTiles}, {@link TensorCoreMatmul}. */
public final class TensorCoreMatmulKernel {
    /** Ints of the 16 deep half of a tile. */
    private static final int HALF = HalfTiles.TILE / 2;
    private static final int DEPTH = 16;
    private static final int MAGNITUDE = 0x7FFF;
    private static final int INFINITY = 0x7C00;

    private TensorCoreMatmulKernel() {}

    public static void halfTiles(KernelContext c, FloatArray mem, IntArray ints, IntArray p, FloatArray q, IntArray at, int slot) {
        int b = at.get(slot);
        int i = c.globalIdx;
        if (i < p.get(b + 1)) {
            int right = p.get(b + 2);
            int lines = p.get(b + 3);
            int depth = p.get(b + 4);
            int along = p.get(b + 5);
            int deep = p.get(b + 6);
            int lineStep = p.get(b + 8);
            int depthStep = p.get(b + 9);
            int within = i % HalfTiles.TILE;
            int tile = i / HalfTiles.TILE;
            int z = tile / deep / along;
            int z2 = z % p.get(b + 12);
            int z1 = z / p.get(b + 12) % p.get(b + 11);
            int z0 = z / p.get(b + 12) / p.get(b + 11);
            int from = p.get(b + 7) + z0 * p.get(b + 13) + z1 * p.get(b + 14) + z2 * p.get(b + 15);
            int half = within % HALF;
            int line = tile / deep % along * HalfTiles.LINES + (right == 1 ? half / 64 * 8 + half % 4 * 2 : half / 8);
            int k = tile % deep * HalfTiles.DEPTH + within / HALF * DEPTH + (right == 1 ? half / 4 % 16 : half % 8 * 2);
            int nextLine = line + right;
            int nextK = k + 1 - right;
            int there = line < lines && k < depth ? 1 : 0;
            int nextThere = nextLine < lines && nextK < depth ? 1 : 0;
            int place = from + there * (line * lineStep + k * depthStep);
            int nextPlace = from + nextThere * (nextLine * lineStep + nextK * depthStep);
            // TornadoVM converts only what is read right here; any other float it would store with its own 32 bits.
            int low = there * (new HalfFloat(mem.get(place)).getHalfFloatValue() & 0xFFFF);
            int high = nextThere * (new HalfFloat(mem.get(nextPlace)).getHalfFloatValue() & 0xFFFF);
            if ((low & MAGNITUDE) == INFINITY || (high & MAGNITUDE) == INFINITY) {
                ints.set(p.get(b + 17), p.get(b + 18));
            }
            ints.set(p.get(b + 16) + i, low | (high << 16));
        }
    }

    public static void tensorCoreMatmul(KernelContext c, FloatArray mem, IntArray ints, IntArray p, FloatArray q, IntArray at, int slot) {
        // Two tiles of each factor: one is multiplied while the other one is filled.
        int[] left = c.allocateIntLocalArray(2 * HalfTiles.TILE);
        int[] right = c.allocateIntLocalArray(2 * HalfTiles.TILE);
        int b = at.get(slot);
        int t = c.localIdx;
        int m = p.get(b + 1);
        int n = p.get(b + 2);
        int deep = p.get(b + 3);
        int z = c.groupIdz;
        int z2 = z % p.get(b + 8);
        int z1 = z / p.get(b + 8) % p.get(b + 7);
        int z0 = z / p.get(b + 8) / p.get(b + 7);
        int rows = (m + HalfTiles.LINES - 1) / HalfTiles.LINES;
        int columns = (n + HalfTiles.LINES - 1) / HalfTiles.LINES;
        int row = c.groupIdx;
        int column = c.groupIdy;
        int za = z0 * p.get(b + 9) + z1 * p.get(b + 10) + z2 * p.get(b + 11);
        int zb = z0 * p.get(b + 12) + z1 * p.get(b + 13) + z2 * p.get(b + 14);
        int aFrom = p.get(b + 4) + (za * rows + row) * deep * HalfTiles.TILE + t;
        int bFrom = p.get(b + 5) + (zb * columns + column) * deep * HalfTiles.TILE + t;
        int warp = t / 32;
        int warpRow = warp / 2;
        int warpColumn = warp % 2;
        float[] c00 = c.mmaFragment(0f);
        float[] c01 = c.mmaFragment(0f);
        float[] c02 = c.mmaFragment(0f);
        float[] c03 = c.mmaFragment(0f);
        float[] c04 = c.mmaFragment(0f);
        float[] c05 = c.mmaFragment(0f);
        float[] c06 = c.mmaFragment(0f);
        float[] c07 = c.mmaFragment(0f);
        float[] c10 = c.mmaFragment(0f);
        float[] c11 = c.mmaFragment(0f);
        float[] c12 = c.mmaFragment(0f);
        float[] c13 = c.mmaFragment(0f);
        float[] c14 = c.mmaFragment(0f);
        float[] c15 = c.mmaFragment(0f);
        float[] c16 = c.mmaFragment(0f);
        float[] c17 = c.mmaFragment(0f);
        for (int i = 0; i < 8; i++) {
            left[t + i * TensorCoreMatmul.LOCAL] = ints.get(aFrom + i * TensorCoreMatmul.LOCAL);
            right[t + i * TensorCoreMatmul.LOCAL] = ints.get(bFrom + i * TensorCoreMatmul.LOCAL);
        }
        c.localBarrier();
        for (int s = 0; s < deep; s++) {
            // The last turn fetches its own tile again and nobody looks at it.
            int next = s + 1 < deep ? s + 1 : s;
            int an = aFrom + next * HalfTiles.TILE;
            int bn = bFrom + next * HalfTiles.TILE;
            int x0 = ints.get(an);
            int x1 = ints.get(an + 1 * TensorCoreMatmul.LOCAL);
            int x2 = ints.get(an + 2 * TensorCoreMatmul.LOCAL);
            int x3 = ints.get(an + 3 * TensorCoreMatmul.LOCAL);
            int x4 = ints.get(an + 4 * TensorCoreMatmul.LOCAL);
            int x5 = ints.get(an + 5 * TensorCoreMatmul.LOCAL);
            int x6 = ints.get(an + 6 * TensorCoreMatmul.LOCAL);
            int x7 = ints.get(an + 7 * TensorCoreMatmul.LOCAL);
            int y0 = ints.get(bn);
            int y1 = ints.get(bn + 1 * TensorCoreMatmul.LOCAL);
            int y2 = ints.get(bn + 2 * TensorCoreMatmul.LOCAL);
            int y3 = ints.get(bn + 3 * TensorCoreMatmul.LOCAL);
            int y4 = ints.get(bn + 4 * TensorCoreMatmul.LOCAL);
            int y5 = ints.get(bn + 5 * TensorCoreMatmul.LOCAL);
            int y6 = ints.get(bn + 6 * TensorCoreMatmul.LOCAL);
            int y7 = ints.get(bn + 7 * TensorCoreMatmul.LOCAL);
            int now = (s & 1) * HalfTiles.TILE;
            // In bytes: fragments of the left factor take 512, those of the right one 256. Written out: TornadoVM loses a fragment that
            // goes from one loop into another.
            int l = 4 * now + 2 * warpRow * 512;
            int r = 4 * now + 8 * warpColumn * 256;
            HalfFloat[] a00 = c.mmaLoadA(left, DEPTH, l);
            HalfFloat[] a01 = c.mmaLoadA(left, DEPTH, l + 512);
            HalfFloat[] b00 = c.mmaLoadB(right, DEPTH, r);
            HalfFloat[] b01 = c.mmaLoadB(right, DEPTH, r + 256);
            HalfFloat[] b02 = c.mmaLoadB(right, DEPTH, r + 512);
            HalfFloat[] b03 = c.mmaLoadB(right, DEPTH, r + 768);
            HalfFloat[] b04 = c.mmaLoadB(right, DEPTH, r + 1024);
            HalfFloat[] b05 = c.mmaLoadB(right, DEPTH, r + 1280);
            HalfFloat[] b06 = c.mmaLoadB(right, DEPTH, r + 1536);
            HalfFloat[] b07 = c.mmaLoadB(right, DEPTH, r + 1792);
            c00 = c.mma(a00, b00, c00, MMAShape.M16N8K16);
            c01 = c.mma(a00, b01, c01, MMAShape.M16N8K16);
            c02 = c.mma(a00, b02, c02, MMAShape.M16N8K16);
            c03 = c.mma(a00, b03, c03, MMAShape.M16N8K16);
            c04 = c.mma(a00, b04, c04, MMAShape.M16N8K16);
            c05 = c.mma(a00, b05, c05, MMAShape.M16N8K16);
            c06 = c.mma(a00, b06, c06, MMAShape.M16N8K16);
            c07 = c.mma(a00, b07, c07, MMAShape.M16N8K16);
            c10 = c.mma(a01, b00, c10, MMAShape.M16N8K16);
            c11 = c.mma(a01, b01, c11, MMAShape.M16N8K16);
            c12 = c.mma(a01, b02, c12, MMAShape.M16N8K16);
            c13 = c.mma(a01, b03, c13, MMAShape.M16N8K16);
            c14 = c.mma(a01, b04, c14, MMAShape.M16N8K16);
            c15 = c.mma(a01, b05, c15, MMAShape.M16N8K16);
            c16 = c.mma(a01, b06, c16, MMAShape.M16N8K16);
            c17 = c.mma(a01, b07, c17, MMAShape.M16N8K16);
            HalfFloat[] a10 = c.mmaLoadA(left, DEPTH, l + 4 * HALF);
            HalfFloat[] a11 = c.mmaLoadA(left, DEPTH, l + 4 * HALF + 512);
            HalfFloat[] b10 = c.mmaLoadB(right, DEPTH, r + 4 * HALF);
            HalfFloat[] b11 = c.mmaLoadB(right, DEPTH, r + 4 * HALF + 256);
            HalfFloat[] b12 = c.mmaLoadB(right, DEPTH, r + 4 * HALF + 512);
            HalfFloat[] b13 = c.mmaLoadB(right, DEPTH, r + 4 * HALF + 768);
            HalfFloat[] b14 = c.mmaLoadB(right, DEPTH, r + 4 * HALF + 1024);
            HalfFloat[] b15 = c.mmaLoadB(right, DEPTH, r + 4 * HALF + 1280);
            HalfFloat[] b16 = c.mmaLoadB(right, DEPTH, r + 4 * HALF + 1536);
            HalfFloat[] b17 = c.mmaLoadB(right, DEPTH, r + 4 * HALF + 1792);
            c00 = c.mma(a10, b10, c00, MMAShape.M16N8K16);
            c01 = c.mma(a10, b11, c01, MMAShape.M16N8K16);
            c02 = c.mma(a10, b12, c02, MMAShape.M16N8K16);
            c03 = c.mma(a10, b13, c03, MMAShape.M16N8K16);
            c04 = c.mma(a10, b14, c04, MMAShape.M16N8K16);
            c05 = c.mma(a10, b15, c05, MMAShape.M16N8K16);
            c06 = c.mma(a10, b16, c06, MMAShape.M16N8K16);
            c07 = c.mma(a10, b17, c07, MMAShape.M16N8K16);
            c10 = c.mma(a11, b10, c10, MMAShape.M16N8K16);
            c11 = c.mma(a11, b11, c11, MMAShape.M16N8K16);
            c12 = c.mma(a11, b12, c12, MMAShape.M16N8K16);
            c13 = c.mma(a11, b13, c13, MMAShape.M16N8K16);
            c14 = c.mma(a11, b14, c14, MMAShape.M16N8K16);
            c15 = c.mma(a11, b15, c15, MMAShape.M16N8K16);
            c16 = c.mma(a11, b16, c16, MMAShape.M16N8K16);
            c17 = c.mma(a11, b17, c17, MMAShape.M16N8K16);
            int other = HalfTiles.TILE - now + t;
            left[other + 0 * TensorCoreMatmul.LOCAL] = x0;
            left[other + 1 * TensorCoreMatmul.LOCAL] = x1;
            left[other + 2 * TensorCoreMatmul.LOCAL] = x2;
            left[other + 3 * TensorCoreMatmul.LOCAL] = x3;
            left[other + 4 * TensorCoreMatmul.LOCAL] = x4;
            left[other + 5 * TensorCoreMatmul.LOCAL] = x5;
            left[other + 6 * TensorCoreMatmul.LOCAL] = x6;
            left[other + 7 * TensorCoreMatmul.LOCAL] = x7;
            right[other + 0 * TensorCoreMatmul.LOCAL] = y0;
            right[other + 1 * TensorCoreMatmul.LOCAL] = y1;
            right[other + 2 * TensorCoreMatmul.LOCAL] = y2;
            right[other + 3 * TensorCoreMatmul.LOCAL] = y3;
            right[other + 4 * TensorCoreMatmul.LOCAL] = y4;
            right[other + 5 * TensorCoreMatmul.LOCAL] = y5;
            right[other + 6 * TensorCoreMatmul.LOCAL] = y6;
            right[other + 7 * TensorCoreMatmul.LOCAL] = y7;
            c.localBarrier();
        }
        int rowBase = row * HalfTiles.LINES;
        int columnBase = column * HalfTiles.LINES;
        int result = p.get(b + 15) + z * m * n;
        int edge = p.get(b + 19) + (z * p.get(b + 20) + (row == rows - 1 ? column : columns + row)) * TensorCoreMatmul.EDGE;
        int whole = rowBase + HalfTiles.LINES <= m && columnBase + HalfTiles.LINES <= n ? 1 : 0;
        int sums = whole == 1 ? result + rowBase * n + columnBase : edge;
        int step = whole == 1 ? n : HalfTiles.LINES;
        int sr = warpRow * 32;
        int sc = sums + warpColumn * 64;
        c.mmaStore(c00, mem, sr, sc, step);
        c.mmaStore(c01, mem, sr, sc + 8, step);
        c.mmaStore(c02, mem, sr, sc + 16, step);
        c.mmaStore(c03, mem, sr, sc + 24, step);
        c.mmaStore(c04, mem, sr, sc + 32, step);
        c.mmaStore(c05, mem, sr, sc + 40, step);
        c.mmaStore(c06, mem, sr, sc + 48, step);
        c.mmaStore(c07, mem, sr, sc + 56, step);
        c.mmaStore(c10, mem, sr + 16, sc, step);
        c.mmaStore(c11, mem, sr + 16, sc + 8, step);
        c.mmaStore(c12, mem, sr + 16, sc + 16, step);
        c.mmaStore(c13, mem, sr + 16, sc + 24, step);
        c.mmaStore(c14, mem, sr + 16, sc + 32, step);
        c.mmaStore(c15, mem, sr + 16, sc + 40, step);
        c.mmaStore(c16, mem, sr + 16, sc + 48, step);
        c.mmaStore(c17, mem, sr + 16, sc + 56, step);
        int bias = p.get(b + 16);
        int activation = p.get(b + 17);
        int residual = p.get(b + 18);
        c.localBarrier();
        if (whole == 0 || bias >= 0 || activation > 0 || residual >= 0) {
            for (int e = t; e < TensorCoreMatmul.EDGE; e += TensorCoreMatmul.LOCAL) {
                int r = e / HalfTiles.LINES;
                int k = e % HalfTiles.LINES;
                if (rowBase + r < m && columnBase + k < n) {
                    float y = mem.get(sums + r * step + k);
                    if (bias >= 0) {
                        y += mem.get(bias + columnBase + k);
                    }
                    if (activation == 1) {
                        y = ElementwiseKernel.unary(17, y);
                    } else if (activation == 2) {
                        y = ElementwiseKernel.unary(15, y);
                    }
                    int place = (rowBase + r) * n + columnBase + k;
                    if (residual >= 0) {
                        y += mem.get(residual + place);
                    }
                    mem.set(result + place, y);
                }
            }
        }
    }
}
