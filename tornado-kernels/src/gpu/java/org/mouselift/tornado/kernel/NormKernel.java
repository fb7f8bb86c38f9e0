package org.mouselift.tornado.kernel;

import org.mouselift.tornado.launch.Norm;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Layer norm, group norm and softmax, a group of work items a row; launches and arguments: {@link Norm}. Sums run over every
 * {@code LOCAL}-th element in parts, then through a tree: a fixed order with small rounding errors.
 */
public final class NormKernel {
    private NormKernel() {}

    public static void layerNorm(KernelContext c, FloatArray mem, IntArray ints, IntArray p, FloatArray q, IntArray at, int slot) {
        float[] partial = c.allocateFloatLocalArray(Norm.LOCAL);
        int b = at.get(slot);
        int t = c.localIdx;
        int row = c.groupIdx;
        int n = p.get(b + 1);
        int x = p.get(b + 2) + row * n;
        float sum = 0f;
        for (int i0 = t; i0 < n; i0 += Norm.LOCAL * 32) {
            float part = 0f;
            int end = i0 + Norm.LOCAL * 32 < n ? i0 + Norm.LOCAL * 32 : n;
            for (int i = i0; i < end; i += Norm.LOCAL) {
                part += mem.get(x + i);
            }
            sum += part;
        }
        c.localBarrier();
        partial[t] = sum;
        for (int half = Norm.LOCAL / 2; half > 0; half = half / 2) {
            c.localBarrier();
            if (t < half) {
                partial[t] = partial[t] + partial[t + half];
            }
        }
        c.localBarrier();
        float mean = partial[0] / n;
        float sumSquares = 0f;
        for (int i0 = t; i0 < n; i0 += Norm.LOCAL * 32) {
            float part = 0f;
            int end = i0 + Norm.LOCAL * 32 < n ? i0 + Norm.LOCAL * 32 : n;
            for (int i = i0; i < end; i += Norm.LOCAL) {
                float d = mem.get(x + i) - mean;
                part += d * d;
            }
            sumSquares += part;
        }
        c.localBarrier();
        partial[t] = sumSquares;
        for (int half = Norm.LOCAL / 2; half > 0; half = half / 2) {
            c.localBarrier();
            if (t < half) {
                partial[t] = partial[t] + partial[t + half];
            }
        }
        c.localBarrier();
        float r = 1f / TornadoMath.sqrt(partial[0] / n + q.get(p.get(b)));
        int w = p.get(b + 3);
        int bias = p.get(b + 4);
        int y = p.get(b + 5) + row * n;
        for (int i = t; i < n; i += Norm.LOCAL) {
            float v = (mem.get(x + i) - mean) * r * mem.get(w + i);
            if (bias >= 0) {
                v += mem.get(bias + i);
            }
            mem.set(y + i, v);
        }
        if (t == 0) {
            mem.set(p.get(b + 6) + row, mean);
            mem.set(p.get(b + 7) + row, r);
        }
    }

    public static void groupNorm(KernelContext c, FloatArray mem, IntArray ints, IntArray p, FloatArray q, IntArray at, int slot) {
        float[] partial = c.allocateFloatLocalArray(Norm.LOCAL);
        int b = at.get(slot);
        int t = c.localIdx;
        int row = c.groupIdx;
        int n = p.get(b + 1);
        int positions = p.get(b + 2);
        int x = p.get(b + 6) + row * n;
        float sum = 0f;
        for (int i0 = t; i0 < n; i0 += Norm.LOCAL * 32) {
            float part = 0f;
            int end = i0 + Norm.LOCAL * 32 < n ? i0 + Norm.LOCAL * 32 : n;
            for (int i = i0; i < end; i += Norm.LOCAL) {
                part += mem.get(x + i);
            }
            sum += part;
        }
        c.localBarrier();
        partial[t] = sum;
        for (int half = Norm.LOCAL / 2; half > 0; half = half / 2) {
            c.localBarrier();
            if (t < half) {
                partial[t] = partial[t] + partial[t + half];
            }
        }
        c.localBarrier();
        float mean = partial[0] / n;
        float sumSquares = 0f;
        for (int i0 = t; i0 < n; i0 += Norm.LOCAL * 32) {
            float part = 0f;
            int end = i0 + Norm.LOCAL * 32 < n ? i0 + Norm.LOCAL * 32 : n;
            for (int i = i0; i < end; i += Norm.LOCAL) {
                float d = mem.get(x + i) - mean;
                part += d * d;
            }
            sumSquares += part;
        }
        c.localBarrier();
        partial[t] = sumSquares;
        for (int half = Norm.LOCAL / 2; half > 0; half = half / 2) {
            c.localBarrier();
            if (t < half) {
                partial[t] = partial[t] + partial[t + half];
            }
        }
        c.localBarrier();
        float r = 1f / TornadoMath.sqrt(partial[0] / n + q.get(p.get(b)));
        int firstChannel = row % p.get(b + 4) * p.get(b + 3);
        int silu = p.get(b + 5);
        int w = p.get(b + 7) + firstChannel;
        int bias = p.get(b + 8) + firstChannel;
        int y = p.get(b + 9) + row * n;
        for (int i = t; i < n; i += Norm.LOCAL) {
            int channel = i / positions;
            float v = (mem.get(x + i) - mean) * r * mem.get(w + channel) + mem.get(bias + channel);
            if (silu == 1) {
                v = v / (1f + TornadoMath.exp(-v));
            }
            mem.set(y + i, v);
        }
        if (t == 0) {
            mem.set(p.get(b + 10) + row, mean);
            mem.set(p.get(b + 11) + row, r);
        }
    }

    public static void softmax(KernelContext c, FloatArray mem, IntArray ints, IntArray p, FloatArray q, IntArray at, int slot) {
        float[] partial = c.allocateFloatLocalArray(Norm.LOCAL);
        int b = at.get(slot);
        int t = c.localIdx;
        int n = p.get(b + 1);
        int x = p.get(b + 2) + c.groupIdx * n;
        int y = p.get(b + 3) + c.groupIdx * n;
        float top = -3.4e38f;
        for (int i = t; i < n; i += Norm.LOCAL) {
            float v = mem.get(x + i);
            top = v > top ? v : top;
        }
        partial[t] = top;
        for (int half = Norm.LOCAL / 2; half > 0; half = half / 2) {
            c.localBarrier();
            if (t < half) {
                float other = partial[t + half];
                partial[t] = other > partial[t] ? other : partial[t];
            }
        }
        c.localBarrier();
        float highest = partial[0];
        float sum = 0f;
        for (int i0 = t; i0 < n; i0 += Norm.LOCAL * 32) {
            float part = 0f;
            int end = i0 + Norm.LOCAL * 32 < n ? i0 + Norm.LOCAL * 32 : n;
            for (int i = i0; i < end; i += Norm.LOCAL) {
                part += TornadoMath.exp(mem.get(x + i) - highest);
            }
            sum += part;
        }
        c.localBarrier();
        partial[t] = sum;
        for (int half = Norm.LOCAL / 2; half > 0; half = half / 2) {
            c.localBarrier();
            if (t < half) {
                partial[t] = partial[t] + partial[t + half];
            }
        }
        c.localBarrier();
        float total = partial[0];
        float shift = highest + TornadoMath.log(total);
        int logarithm = p.get(b + 4);
        for (int i = t; i < n; i += Norm.LOCAL) {
            float v = mem.get(x + i);
            mem.set(y + i, logarithm == 1 ? v - shift : TornadoMath.exp(v - highest) / total);
        }
    }
}
