package org.mouselift.tornado.kernel;

import org.mouselift.tornado.launch.Matmul;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Matrix products with register blocks and panels in local memory; launch and arguments: {@link Matmul}. */
public final class MatmulKernel {
    private MatmulKernel() {}

    public static void matmul(KernelContext c, FloatArray mem, IntArray ints, IntArray p, FloatArray q, IntArray at, int slot) {
        float[] left = c.allocateFloatLocalArray(Matmul.DEPTH * Matmul.PANEL);
        float[] right = c.allocateFloatLocalArray(Matmul.DEPTH * Matmul.PANEL);
        float[] acc = new float[16];
        int b = at.get(slot);
        int t = c.localIdx;
        int m = p.get(b + 1);
        int n = p.get(b + 2);
        int depth = p.get(b + 3);
        int aRow = p.get(b + 5);
        int aColumn = p.get(b + 6);
        int bRow = p.get(b + 8);
        int bColumn = p.get(b + 9);
        // The batch index in up to three axes.
        int z = c.groupIdz;
        int z2 = z % p.get(b + 13);
        int z1 = z / p.get(b + 13) % p.get(b + 12);
        int z0 = z / p.get(b + 13) / p.get(b + 12);
        int a0 = p.get(b + 4) + z0 * p.get(b + 14) + z1 * p.get(b + 15) + z2 * p.get(b + 16);
        int b0 = p.get(b + 7) + z0 * p.get(b + 17) + z1 * p.get(b + 18) + z2 * p.get(b + 19);
        int rowBase = c.groupIdx * Matmul.TILE;
        int columnBase = c.groupIdy * Matmul.TILE;
        int ty = t / 16;
        int tx = t % 16;
        // Accumulators by name: on NVIDIA an array of them would lie in memory, not in registers.
        float a00 = 0f;
        float a01 = 0f;
        float a02 = 0f;
        float a03 = 0f;
        float a10 = 0f;
        float a11 = 0f;
        float a12 = 0f;
        float a13 = 0f;
        float a20 = 0f;
        float a21 = 0f;
        float a22 = 0f;
        float a23 = 0f;
        float a30 = 0f;
        float a31 = 0f;
        float a32 = 0f;
        float a33 = 0f;
        for (int k0 = 0; k0 < depth; k0 += Matmul.DEPTH) {
            // Two elements of each panel a work item; neighbours read neighbours along the axis of step 1.
            for (int h = 0; h < 2; h++) {
                int e = t + h * Matmul.LOCAL;
                int ak = aColumn == 1 ? e % Matmul.DEPTH : e / Matmul.TILE;
                int ar = aColumn == 1 ? e / Matmul.DEPTH : e % Matmul.TILE;
                int r = rowBase + ar;
                int k = k0 + ak;
                left[ak * Matmul.PANEL + ar] = r < m && k < depth ? mem.get(a0 + r * aRow + k * aColumn) : 0f;
                int bk = bRow == 1 ? e % Matmul.DEPTH : e / Matmul.TILE;
                int bc = bRow == 1 ? e / Matmul.DEPTH : e % Matmul.TILE;
                int column = columnBase + bc;
                int kb = k0 + bk;
                right[bk * Matmul.PANEL + bc] = column < n && kb < depth ? mem.get(b0 + kb * bRow + column * bColumn) : 0f;
            }
            c.localBarrier();
            for (int k = 0; k < Matmul.DEPTH; k++) {
                int l = k * Matmul.PANEL + ty;
                int r = k * Matmul.PANEL + tx;
                float x0 = left[l];
                float x1 = left[l + 16];
                float x2 = left[l + 32];
                float x3 = left[l + 48];
                float y0 = right[r];
                float y1 = right[r + 16];
                float y2 = right[r + 32];
                float y3 = right[r + 48];
                a00 = a00 + x0 * y0;
                a01 = a01 + x0 * y1;
                a02 = a02 + x0 * y2;
                a03 = a03 + x0 * y3;
                a10 = a10 + x1 * y0;
                a11 = a11 + x1 * y1;
                a12 = a12 + x1 * y2;
                a13 = a13 + x1 * y3;
                a20 = a20 + x2 * y0;
                a21 = a21 + x2 * y1;
                a22 = a22 + x2 * y2;
                a23 = a23 + x2 * y3;
                a30 = a30 + x3 * y0;
                a31 = a31 + x3 * y1;
                a32 = a32 + x3 * y2;
                a33 = a33 + x3 * y3;
            }
            c.localBarrier();
        }
        acc[0] = a00;
        acc[1] = a01;
        acc[2] = a02;
        acc[3] = a03;
        acc[4] = a10;
        acc[5] = a11;
        acc[6] = a12;
        acc[7] = a13;
        acc[8] = a20;
        acc[9] = a21;
        acc[10] = a22;
        acc[11] = a23;
        acc[12] = a30;
        acc[13] = a31;
        acc[14] = a32;
        acc[15] = a33;
        int result = p.get(b + 10) + z * m * n;
        int bias = p.get(b + 20);
        int activation = p.get(b + 21);
        int residual = p.get(b + 22);
        for (int i = 0; i < 4; i++) {
            int r = rowBase + ty + 16 * i;
            for (int j = 0; j < 4; j++) {
                int column = columnBase + tx + 16 * j;
                if (r < m && column < n) {
                    float y = acc[i * 4 + j];
                    if (bias >= 0) {
                        y += mem.get(bias + column);
                    }
                    if (activation == 1) {
                        y = ElementwiseKernel.unary(17, y);
                    } else if (activation == 2) {
                        y = ElementwiseKernel.unary(15, y);
                    }
                    if (residual >= 0) {
                        y += mem.get(residual + r * n + column);
                    }
                    mem.set(result + r * n + column, y);
                }
            }
        }
    }
}
