package org.mouselift.tornado.kernel;

import org.mouselift.tornado.launch.AttentionGradient;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Gradients of tiled attention with recomputed probabilities; launches and arguments: {@link AttentionGradient}. No sum crosses
 * groups, so there are no atomics and results are the same every time. The kernels come in two sizes of their arrays, which must be
 * constants, and arrays cannot be passed to a common method.
 */
public final class AttentionKeysGradientKernel {
    private AttentionKeysGradientKernel() {}

    public static void attentionGradKeys64(KernelContext c, FloatArray mem, IntArray ints, IntArray p, FloatArray q, IntArray at, int slot) {
        float[] queries = c.allocateFloatLocalArray(AttentionGradient.NARROW_TILE * (AttentionGradient.NARROW_WIDTH + 1));
        float[] gradients = c.allocateFloatLocalArray(AttentionGradient.NARROW_TILE * (AttentionGradient.NARROW_WIDTH + 1));
        float[] keys = c.allocateFloatLocalArray(AttentionGradient.NARROW_TILE * (AttentionGradient.NARROW_WIDTH + 1));
        float[] values = c.allocateFloatLocalArray(AttentionGradient.NARROW_TILE * (AttentionGradient.NARROW_WIDTH + 1));
        float[] weights = c.allocateFloatLocalArray(AttentionGradient.NARROW_TILE * (AttentionGradient.NARROW_TILE + 1));
        float[] slopes = c.allocateFloatLocalArray(AttentionGradient.NARROW_TILE * (AttentionGradient.NARROW_TILE + 1));
        float[] dk = new float[AttentionGradient.NARROW_WIDTH / AttentionGradient.NARROW_SHARE];
        float[] dv = new float[AttentionGradient.NARROW_WIDTH / AttentionGradient.NARROW_SHARE];
        int pitch = AttentionGradient.NARROW_WIDTH + 1;
        int b = at.get(slot);
        int t = c.localIdx;
        int mine = t / AttentionGradient.NARROW_SHARE;
        int share = t % AttentionGradient.NARROW_SHARE;
        int heads = p.get(b + 1);
        int tokens = p.get(b + 2);
        int width = p.get(b + 3);
        float scale = q.get(p.get(b));
        int k0 = c.groupIdx * AttentionGradient.NARROW_TILE;
        int head = c.groupIdy;
        int row = c.groupIdz;
        int count = p.get(b + 9);
        int times = p.get(b + 10);
        int kAt = p.get(b + 11) + row * p.get(b + 12) + head * p.get(b + 13);
        int kStep = p.get(b + 14);
        int vAt = p.get(b + 15) + row * p.get(b + 16) + head * p.get(b + 17);
        int vStep = p.get(b + 18);
        for (int e = t; e < AttentionGradient.NARROW_TILE * width; e += AttentionGradient.LOCAL) {
            int r = e / width;
            int d = e - r * width;
            float k = 0f;
            float v = 0f;
            if (k0 + r < count) {
                k = mem.get(kAt + (k0 + r) * kStep + d);
                v = mem.get(vAt + (k0 + r) * vStep + d);
            }
            keys[r * pitch + d] = k;
            values[r * pitch + d] = v;
        }
        for (int i = 0; i < AttentionGradient.NARROW_WIDTH / AttentionGradient.NARROW_SHARE; i++) {
            dk[i] = 0f;
            dv[i] = 0f;
        }
        for (int turn = 0; turn < times; turn++) {
            int batch = row * times + turn;
            int qAt = p.get(b + 5) + batch * p.get(b + 6) + head * p.get(b + 7);
            int qStep = p.get(b + 8);
            int first = (batch * heads + head) * tokens;
            for (int q0 = 0; q0 < tokens; q0 += AttentionGradient.NARROW_TILE) {
                for (int e = t; e < AttentionGradient.NARROW_TILE * width; e += AttentionGradient.LOCAL) {
                    int r = e / width;
                    int d = e - r * width;
                    float x = 0f;
                    float g = 0f;
                    if (q0 + r < tokens) {
                        x = mem.get(qAt + (q0 + r) * qStep + d);
                        g = mem.get(p.get(b + 19) + (first + q0) * width + e);
                    }
                    queries[r * pitch + d] = x;
                    gradients[r * pitch + d] = g;
                }
                c.localBarrier();
                for (int j = 0; j < AttentionGradient.NARROW_TILE / AttentionGradient.NARROW_SHARE; j++) {
                    int query = share + AttentionGradient.NARROW_SHARE * j;
                    float score = 0f;
                    float slope = 0f;
                    for (int d = 0; d < width; d++) {
                        score += queries[query * pitch + d] * keys[mine * pitch + d];
                        slope += gradients[query * pitch + d] * values[mine * pitch + d];
                    }
                    float w = 0f;
                    float u = 0f;
                    if (q0 + query < tokens) {
                        w = TornadoMath.exp(score * scale - mem.get(p.get(b + 20) + first + q0 + query));
                        u = w * (slope - mem.get(p.get(b + 21) + first + q0 + query)) * scale;
                    }
                    weights[mine * (AttentionGradient.NARROW_TILE + 1) + query] = w;
                    slopes[mine * (AttentionGradient.NARROW_TILE + 1) + query] = u;
                }
                c.localBarrier();
                for (int query = 0; query < AttentionGradient.NARROW_TILE; query++) {
                    float w = weights[mine * (AttentionGradient.NARROW_TILE + 1) + query];
                    float u = slopes[mine * (AttentionGradient.NARROW_TILE + 1) + query];
                    for (int i = 0; i < AttentionGradient.NARROW_WIDTH / AttentionGradient.NARROW_SHARE; i++) {
                        int place = query * pitch + share + AttentionGradient.NARROW_SHARE * i;
                        dv[i] = dv[i] + w * gradients[place];
                        dk[i] = dk[i] + u * queries[place];
                    }
                }
                c.localBarrier();
            }
        }
        if (k0 + mine < count) {
            int line = ((row * heads + head) * count + k0 + mine) * width;
            for (int i = 0; i < AttentionGradient.NARROW_WIDTH / AttentionGradient.NARROW_SHARE; i++) {
                int d = share + AttentionGradient.NARROW_SHARE * i;
                if (d < width) {
                    mem.set(p.get(b + 22) + line + d, dk[i]);
                    mem.set(p.get(b + 23) + line + d, dv[i]);
                }
            }
        }
    }

    public static void attentionGradKeys160(KernelContext c, FloatArray mem, IntArray ints, IntArray p, FloatArray q, IntArray at, int slot) {
        float[] queries = c.allocateFloatLocalArray(AttentionGradient.WIDE_TILE * (AttentionGradient.WIDE_WIDTH + 1));
        float[] gradients = c.allocateFloatLocalArray(AttentionGradient.WIDE_TILE * (AttentionGradient.WIDE_WIDTH + 1));
        float[] keys = c.allocateFloatLocalArray(AttentionGradient.WIDE_TILE * (AttentionGradient.WIDE_WIDTH + 1));
        float[] values = c.allocateFloatLocalArray(AttentionGradient.WIDE_TILE * (AttentionGradient.WIDE_WIDTH + 1));
        float[] weights = c.allocateFloatLocalArray(AttentionGradient.WIDE_TILE * (AttentionGradient.WIDE_TILE + 1));
        float[] slopes = c.allocateFloatLocalArray(AttentionGradient.WIDE_TILE * (AttentionGradient.WIDE_TILE + 1));
        float[] dk = new float[AttentionGradient.WIDE_WIDTH / AttentionGradient.WIDE_SHARE];
        float[] dv = new float[AttentionGradient.WIDE_WIDTH / AttentionGradient.WIDE_SHARE];
        int pitch = AttentionGradient.WIDE_WIDTH + 1;
        int b = at.get(slot);
        int t = c.localIdx;
        int mine = t / AttentionGradient.WIDE_SHARE;
        int share = t % AttentionGradient.WIDE_SHARE;
        int heads = p.get(b + 1);
        int tokens = p.get(b + 2);
        int width = p.get(b + 3);
        float scale = q.get(p.get(b));
        int k0 = c.groupIdx * AttentionGradient.WIDE_TILE;
        int head = c.groupIdy;
        int row = c.groupIdz;
        int count = p.get(b + 9);
        int times = p.get(b + 10);
        int kAt = p.get(b + 11) + row * p.get(b + 12) + head * p.get(b + 13);
        int kStep = p.get(b + 14);
        int vAt = p.get(b + 15) + row * p.get(b + 16) + head * p.get(b + 17);
        int vStep = p.get(b + 18);
        for (int e = t; e < AttentionGradient.WIDE_TILE * width; e += AttentionGradient.LOCAL) {
            int r = e / width;
            int d = e - r * width;
            float k = 0f;
            float v = 0f;
            if (k0 + r < count) {
                k = mem.get(kAt + (k0 + r) * kStep + d);
                v = mem.get(vAt + (k0 + r) * vStep + d);
            }
            keys[r * pitch + d] = k;
            values[r * pitch + d] = v;
        }
        for (int i = 0; i < AttentionGradient.WIDE_WIDTH / AttentionGradient.WIDE_SHARE; i++) {
            dk[i] = 0f;
            dv[i] = 0f;
        }
        for (int turn = 0; turn < times; turn++) {
            int batch = row * times + turn;
            int qAt = p.get(b + 5) + batch * p.get(b + 6) + head * p.get(b + 7);
            int qStep = p.get(b + 8);
            int first = (batch * heads + head) * tokens;
            for (int q0 = 0; q0 < tokens; q0 += AttentionGradient.WIDE_TILE) {
                for (int e = t; e < AttentionGradient.WIDE_TILE * width; e += AttentionGradient.LOCAL) {
                    int r = e / width;
                    int d = e - r * width;
                    float x = 0f;
                    float g = 0f;
                    if (q0 + r < tokens) {
                        x = mem.get(qAt + (q0 + r) * qStep + d);
                        g = mem.get(p.get(b + 19) + (first + q0) * width + e);
                    }
                    queries[r * pitch + d] = x;
                    gradients[r * pitch + d] = g;
                }
                c.localBarrier();
                for (int j = 0; j < AttentionGradient.WIDE_TILE / AttentionGradient.WIDE_SHARE; j++) {
                    int query = share + AttentionGradient.WIDE_SHARE * j;
                    float score = 0f;
                    float slope = 0f;
                    for (int d = 0; d < width; d++) {
                        score += queries[query * pitch + d] * keys[mine * pitch + d];
                        slope += gradients[query * pitch + d] * values[mine * pitch + d];
                    }
                    float w = 0f;
                    float u = 0f;
                    if (q0 + query < tokens) {
                        w = TornadoMath.exp(score * scale - mem.get(p.get(b + 20) + first + q0 + query));
                        u = w * (slope - mem.get(p.get(b + 21) + first + q0 + query)) * scale;
                    }
                    weights[mine * (AttentionGradient.WIDE_TILE + 1) + query] = w;
                    slopes[mine * (AttentionGradient.WIDE_TILE + 1) + query] = u;
                }
                c.localBarrier();
                for (int query = 0; query < AttentionGradient.WIDE_TILE; query++) {
                    float w = weights[mine * (AttentionGradient.WIDE_TILE + 1) + query];
                    float u = slopes[mine * (AttentionGradient.WIDE_TILE + 1) + query];
                    for (int i = 0; i < AttentionGradient.WIDE_WIDTH / AttentionGradient.WIDE_SHARE; i++) {
                        int place = query * pitch + share + AttentionGradient.WIDE_SHARE * i;
                        dv[i] = dv[i] + w * gradients[place];
                        dk[i] = dk[i] + u * queries[place];
                    }
                }
                c.localBarrier();
            }
        }
        if (k0 + mine < count) {
            int line = ((row * heads + head) * count + k0 + mine) * width;
            for (int i = 0; i < AttentionGradient.WIDE_WIDTH / AttentionGradient.WIDE_SHARE; i++) {
                int d = share + AttentionGradient.WIDE_SHARE * i;
                if (d < width) {
                    mem.set(p.get(b + 22) + line + d, dk[i]);
                    mem.set(p.get(b + 23) + line + d, dv[i]);
                }
            }
        }
    }
}
