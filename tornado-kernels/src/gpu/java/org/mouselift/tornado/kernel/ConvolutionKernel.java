package org.mouselift.tornado.kernel;

import org.mouselift.tornado.launch.Convolution;
import org.mouselift.tornado.launch.Matmul;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Convolutions and both gradients as matrix products with a gathered factor; launch and arguments: {@link Convolution}. */
public final class ConvolutionKernel {
    private ConvolutionKernel() {}

    /** Element (r, k) of the left factor: the kernel's weights, or the gradient of the result. */
    static int leftPlace(IntArray p, int b, int kind, int r, int k) {
        int pq = p.get(b + 12) * p.get(b + 13);
        int place = r * p.get(b + 4) + k;
        if (kind == Convolution.IMAGE) {
            int o = k / pq;
            place = (o * p.get(b + 6) + r) * pq + k - o * pq;
        } else if (kind == Convolution.WEIGHT) {
            int pixels = p.get(b + 10) * p.get(b + 11);
            int image = k / pixels;
            place = (image * p.get(b + 9) + r) * pixels + k - image * pixels;
        }
        return place;
    }

    /** Place of element (k, column) of the gathered factor, or -1 where it is zero. */
    static int rightPlace(IntArray p, int b, int kind, int image, int k, int column) {
        int height = p.get(b + 7);
        int width = p.get(b + 8);
        int rows = p.get(b + 10);
        int columns = p.get(b + 11);
        int kernelColumns = p.get(b + 13);
        int pq = p.get(b + 12) * kernelColumns;
        int stride = p.get(b + 14);
        // The tap of the kernel, the channel and the pixel that the element belongs to.
        int tap = kind == Convolution.WEIGHT ? column : k;
        int channel = tap / pq;
        int within = tap - channel * pq;
        int dy = within / kernelColumns;
        int dx = within - dy * kernelColumns;
        int pixel = kind == Convolution.WEIGHT ? k % (rows * columns) : column;
        int n = kind == Convolution.WEIGHT ? k / (rows * columns) : image;
        int place = -1;
        if (kind == Convolution.IMAGE) {
            int y = pixel / width + p.get(b + 15) - dy;
            int x = pixel % width + p.get(b + 16) - dx;
            if (y >= 0 && x >= 0) {
                int i = y / stride;
                int j = x / stride;
                if (i * stride == y && j * stride == x && i < rows && j < columns) {
                    place = ((n * p.get(b + 9) + channel) * rows + i) * columns + j;
                }
            }
        } else {
            int y = pixel / columns * stride + dy - p.get(b + 15);
            int x = pixel % columns * stride + dx - p.get(b + 16);
            if (y >= 0 && x >= 0 && y < height && x < width) {
                place = ((n * p.get(b + 6) + channel) * height + y) * width + x;
            }
        }
        return place;
    }

    public static void convolution(KernelContext c, FloatArray mem, IntArray ints, IntArray p, FloatArray q, IntArray at, int slot) {
        float[] left = c.allocateFloatLocalArray(Matmul.DEPTH * Matmul.PANEL);
        float[] right = c.allocateFloatLocalArray(Matmul.DEPTH * Matmul.PANEL);
        float[] acc = new float[16];
        int b = at.get(slot);
        int t = c.localIdx;
        int kind = p.get(b + 1);
        int m = p.get(b + 2);
        int n = p.get(b + 3);
        int depth = p.get(b + 4);
        int image = c.groupIdz;
        int a0 = p.get(b + 17);
        int b0 = p.get(b + 18);
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
            for (int h = 0; h < 2; h++) {
                int e = t + h * Matmul.LOCAL;
                int ak = e % Matmul.DEPTH;
                int ar = e / Matmul.DEPTH;
                int r = rowBase + ar;
                int k = k0 + ak;
                float x = 0f;
                if (r < m && k < depth) {
                    x = mem.get(a0 + leftPlace(p, b, kind, r, k));
                }
                left[ak * Matmul.PANEL + ar] = x;
                int bk = e / Matmul.TILE;
                int bc = e % Matmul.TILE;
                int column = columnBase + bc;
                int kb = k0 + bk;
                float y = 0f;
                if (column < n && kb < depth) {
                    int place = rightPlace(p, b, kind, image, kb, column);
                    if (place >= 0) {
                        y = mem.get(b0 + place);
                    }
                }
                right[bk * Matmul.PANEL + bc] = y;
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
        int result = p.get(b + 19) + image * m * n;
        int bias = p.get(b + 20);
        for (int i = 0; i < 4; i++) {
            int r = rowBase + ty + 16 * i;
            for (int j = 0; j < 4; j++) {
                int column = columnBase + tx + 16 * j;
                if (r < m && column < n) {
                    float y = acc[i * 4 + j];
                    if (bias >= 0) {
                        y += mem.get(bias + r);
                    }
                    mem.set(result + r * n + column, y);
                }
            }
        }
    }
}
