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
public final class AttentionGradientKernel {
    private AttentionGradientKernel() {}

    /** rowsum(do o), one work item a row. */
    public static void attentionDelta(KernelContext c, FloatArray mem, IntArray ints, IntArray p, FloatArray q, IntArray at, int slot) {
        int b = at.get(slot);
        int i = c.globalIdx;
        if (i < p.get(b + 1)) {
            int width = p.get(b + 2);
            float sum = 0f;
            for (int d = 0; d < width; d++) {
                sum += mem.get(p.get(b + 3) + i * width + d) * mem.get(p.get(b + 4) + i * width + d);
            }
            mem.set(p.get(b + 5) + i, sum);
        }
    }

    public static void attentionGradQueries64(KernelContext c, FloatArray mem, IntArray ints, IntArray p, FloatArray q, IntArray at, int slot) {
        float[] queries = c.allocateFloatLocalArray(AttentionGradient.NARROW_TILE * (AttentionGradient.NARROW_WIDTH + 1));
        float[] gradients = c.allocateFloatLocalArray(AttentionGradient.NARROW_TILE * (AttentionGradient.NARROW_WIDTH + 1));
        float[] keys = c.allocateFloatLocalArray(AttentionGradient.NARROW_TILE * (AttentionGradient.NARROW_WIDTH + 1));
        float[] values = c.allocateFloatLocalArray(AttentionGradient.NARROW_TILE * (AttentionGradient.NARROW_WIDTH + 1));
        float[] scores = c.allocateFloatLocalArray(AttentionGradient.NARROW_TILE * (AttentionGradient.NARROW_TILE + 1));
        float[] sum = new float[AttentionGradient.NARROW_WIDTH / AttentionGradient.NARROW_SHARE];
        int pitch = AttentionGradient.NARROW_WIDTH + 1;
        int b = at.get(slot);
        int t = c.localIdx;
        int mine = t / AttentionGradient.NARROW_SHARE;
        int share = t % AttentionGradient.NARROW_SHARE;
        int tokens = p.get(b + 2);
        int width = p.get(b + 3);
        int sources = p.get(b + 4);
        float scale = q.get(p.get(b));
        int q0 = c.groupIdx * AttentionGradient.NARROW_TILE;
        int head = c.groupIdy;
        int batch = c.groupIdz;
        int qAt = p.get(b + 5) + batch * p.get(b + 6) + head * p.get(b + 7);
        int qStep = p.get(b + 8);
        int first = (batch * p.get(b + 1) + head) * tokens + q0;
        int gAt = p.get(b + 29) + first * width;
        for (int e = t; e < AttentionGradient.NARROW_TILE * width; e += AttentionGradient.LOCAL) {
            int r = e / width;
            int d = e - r * width;
            float x = 0f;
            float g = 0f;
            if (q0 + r < tokens) {
                x = mem.get(qAt + (q0 + r) * qStep + d);
                g = mem.get(gAt + e);
            }
            queries[r * pitch + d] = x;
            gradients[r * pitch + d] = g;
        }
        float lse = 0f;
        float delta = 0f;
        if (q0 + mine < tokens) {
            lse = mem.get(p.get(b + 30) + first + mine);
            delta = mem.get(p.get(b + 31) + first + mine);
        }
        for (int i = 0; i < AttentionGradient.NARROW_WIDTH / AttentionGradient.NARROW_SHARE; i++) {
            sum[i] = 0f;
        }
        for (int source = 0; source < sources; source++) {
            int s = b + 9 + 10 * source;
            int count = p.get(s);
            int row = batch / p.get(s + 1);
            int kAt = p.get(s + 2) + row * p.get(s + 3) + head * p.get(s + 4);
            int kStep = p.get(s + 5);
            int vAt = p.get(s + 6) + row * p.get(s + 7) + head * p.get(s + 8);
            int vStep = p.get(s + 9);
            for (int k0 = 0; k0 < count; k0 += AttentionGradient.NARROW_TILE) {
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
                c.localBarrier();
                for (int j = 0; j < AttentionGradient.NARROW_TILE / AttentionGradient.NARROW_SHARE; j++) {
                    int key = share + AttentionGradient.NARROW_SHARE * j;
                    float score = 0f;
                    float slope = 0f;
                    for (int d = 0; d < width; d++) {
                        score += queries[mine * pitch + d] * keys[key * pitch + d];
                        slope += gradients[mine * pitch + d] * values[key * pitch + d];
                    }
                    scores[mine * (AttentionGradient.NARROW_TILE + 1) + key] = k0 + key < count ? TornadoMath.exp(score * scale - lse) * (slope - delta) * scale : 0f;
                }
                c.localBarrier();
                for (int key = 0; key < AttentionGradient.NARROW_TILE; key++) {
                    float w = scores[mine * (AttentionGradient.NARROW_TILE + 1) + key];
                    for (int i = 0; i < AttentionGradient.NARROW_WIDTH / AttentionGradient.NARROW_SHARE; i++) {
                        sum[i] = sum[i] + w * keys[key * pitch + share + AttentionGradient.NARROW_SHARE * i];
                    }
                }
                c.localBarrier();
            }
        }
        if (q0 + mine < tokens) {
            for (int i = 0; i < AttentionGradient.NARROW_WIDTH / AttentionGradient.NARROW_SHARE; i++) {
                int d = share + AttentionGradient.NARROW_SHARE * i;
                if (d < width) {
                    mem.set(p.get(b + 32) + (first + mine) * width + d, sum[i]);
                }
            }
        }
    }

    public static void attentionGradQueries160(KernelContext c, FloatArray mem, IntArray ints, IntArray p, FloatArray q, IntArray at, int slot) {
        float[] queries = c.allocateFloatLocalArray(AttentionGradient.WIDE_TILE * (AttentionGradient.WIDE_WIDTH + 1));
        float[] gradients = c.allocateFloatLocalArray(AttentionGradient.WIDE_TILE * (AttentionGradient.WIDE_WIDTH + 1));
        float[] keys = c.allocateFloatLocalArray(AttentionGradient.WIDE_TILE * (AttentionGradient.WIDE_WIDTH + 1));
        float[] values = c.allocateFloatLocalArray(AttentionGradient.WIDE_TILE * (AttentionGradient.WIDE_WIDTH + 1));
        float[] scores = c.allocateFloatLocalArray(AttentionGradient.WIDE_TILE * (AttentionGradient.WIDE_TILE + 1));
        float[] sum = new float[AttentionGradient.WIDE_WIDTH / AttentionGradient.WIDE_SHARE];
        int pitch = AttentionGradient.WIDE_WIDTH + 1;
        int b = at.get(slot);
        int t = c.localIdx;
        int mine = t / AttentionGradient.WIDE_SHARE;
        int share = t % AttentionGradient.WIDE_SHARE;
        int tokens = p.get(b + 2);
        int width = p.get(b + 3);
        int sources = p.get(b + 4);
        float scale = q.get(p.get(b));
        int q0 = c.groupIdx * AttentionGradient.WIDE_TILE;
        int head = c.groupIdy;
        int batch = c.groupIdz;
        int qAt = p.get(b + 5) + batch * p.get(b + 6) + head * p.get(b + 7);
        int qStep = p.get(b + 8);
        int first = (batch * p.get(b + 1) + head) * tokens + q0;
        int gAt = p.get(b + 29) + first * width;
        for (int e = t; e < AttentionGradient.WIDE_TILE * width; e += AttentionGradient.LOCAL) {
            int r = e / width;
            int d = e - r * width;
            float x = 0f;
            float g = 0f;
            if (q0 + r < tokens) {
                x = mem.get(qAt + (q0 + r) * qStep + d);
                g = mem.get(gAt + e);
            }
            queries[r * pitch + d] = x;
            gradients[r * pitch + d] = g;
        }
        float lse = 0f;
        float delta = 0f;
        if (q0 + mine < tokens) {
            lse = mem.get(p.get(b + 30) + first + mine);
            delta = mem.get(p.get(b + 31) + first + mine);
        }
        for (int i = 0; i < AttentionGradient.WIDE_WIDTH / AttentionGradient.WIDE_SHARE; i++) {
            sum[i] = 0f;
        }
        for (int source = 0; source < sources; source++) {
            int s = b + 9 + 10 * source;
            int count = p.get(s);
            int row = batch / p.get(s + 1);
            int kAt = p.get(s + 2) + row * p.get(s + 3) + head * p.get(s + 4);
            int kStep = p.get(s + 5);
            int vAt = p.get(s + 6) + row * p.get(s + 7) + head * p.get(s + 8);
            int vStep = p.get(s + 9);
            for (int k0 = 0; k0 < count; k0 += AttentionGradient.WIDE_TILE) {
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
                c.localBarrier();
                for (int j = 0; j < AttentionGradient.WIDE_TILE / AttentionGradient.WIDE_SHARE; j++) {
                    int key = share + AttentionGradient.WIDE_SHARE * j;
                    float score = 0f;
                    float slope = 0f;
                    for (int d = 0; d < width; d++) {
                        score += queries[mine * pitch + d] * keys[key * pitch + d];
                        slope += gradients[mine * pitch + d] * values[key * pitch + d];
                    }
                    scores[mine * (AttentionGradient.WIDE_TILE + 1) + key] = k0 + key < count ? TornadoMath.exp(score * scale - lse) * (slope - delta) * scale : 0f;
                }
                c.localBarrier();
                for (int key = 0; key < AttentionGradient.WIDE_TILE; key++) {
                    float w = scores[mine * (AttentionGradient.WIDE_TILE + 1) + key];
                    for (int i = 0; i < AttentionGradient.WIDE_WIDTH / AttentionGradient.WIDE_SHARE; i++) {
                        sum[i] = sum[i] + w * keys[key * pitch + share + AttentionGradient.WIDE_SHARE * i];
                    }
                }
                c.localBarrier();
            }
        }
        if (q0 + mine < tokens) {
            for (int i = 0; i < AttentionGradient.WIDE_WIDTH / AttentionGradient.WIDE_SHARE; i++) {
                int d = share + AttentionGradient.WIDE_SHARE * i;
                if (d < width) {
                    mem.set(p.get(b + 32) + (first + mine) * width + d, sum[i]);
                }
            }
        }
    }
}
