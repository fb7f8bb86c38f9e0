package org.mouselift.tornado.kernel;

import org.mouselift.tornado.launch.FlashAttention;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Tiled attention with an online softmax; launch and arguments: {@link FlashAttention}. The two kernels differ in the sizes of their
 * arrays only, which must be constants, and arrays cannot be passed to a common method.
 */
public final class FlashAttentionKernel {
    private FlashAttentionKernel() {}

    public static void attention64(KernelContext c, FloatArray mem, IntArray ints, IntArray p, FloatArray q, IntArray at, int slot) {
        float[] queries = c.allocateFloatLocalArray(FlashAttention.QUERIES * (FlashAttention.NARROW_WIDTH + 1));
        float[] tile = c.allocateFloatLocalArray(FlashAttention.KEYS * (FlashAttention.NARROW_WIDTH + 1));
        float[] scores = c.allocateFloatLocalArray(FlashAttention.QUERIES * (FlashAttention.KEYS + 1));
        float[] o = new float[FlashAttention.NARROW_WIDTH / FlashAttention.SHARE];
        int pitch = FlashAttention.NARROW_WIDTH + 1;
        int b = at.get(slot);
        int t = c.localIdx;
        int mine = t / FlashAttention.SHARE;
        int share = t % FlashAttention.SHARE;
        int tokens = p.get(b + 2);
        int width = p.get(b + 3);
        int sources = p.get(b + 4);
        float scale = q.get(p.get(b));
        int q0 = c.groupIdx * FlashAttention.QUERIES;
        int head = c.groupIdy;
        int batch = c.groupIdz;
        int qAt = p.get(b + 5) + batch * p.get(b + 6) + head * p.get(b + 7);
        int qStep = p.get(b + 8);
        for (int e = t; e < FlashAttention.QUERIES * width; e += FlashAttention.LOCAL) {
            int r = e / width;
            int d = e - r * width;
            queries[r * pitch + d] = q0 + r < tokens ? mem.get(qAt + (q0 + r) * qStep + d) : 0f;
        }
        // The sums by name: on NVIDIA an array of them would lie in memory, not in registers.
        float o0 = 0f;
        float o1 = 0f;
        float o2 = 0f;
        float o3 = 0f;
        float o4 = 0f;
        float o5 = 0f;
        float o6 = 0f;
        float o7 = 0f;
        float top = -1e30f;
        float total = 0f;
        for (int source = 0; source < sources; source++) {
            int s = b + 9 + 10 * source;
            int keys = p.get(s);
            int row = batch / p.get(s + 1);
            int kAt = p.get(s + 2) + row * p.get(s + 3) + head * p.get(s + 4);
            int kStep = p.get(s + 5);
            int vAt = p.get(s + 6) + row * p.get(s + 7) + head * p.get(s + 8);
            int vStep = p.get(s + 9);
            for (int k0 = 0; k0 < keys; k0 += FlashAttention.KEYS) {
                for (int e = t; e < FlashAttention.KEYS * width; e += FlashAttention.LOCAL) {
                    int r = e / width;
                    int d = e - r * width;
                    tile[r * pitch + d] = k0 + r < keys ? mem.get(kAt + (k0 + r) * kStep + d) : 0f;
                }
                c.localBarrier();
                for (int j = 0; j < FlashAttention.KEYS / FlashAttention.SHARE; j++) {
                    int key = share + FlashAttention.SHARE * j;
                    float dot = 0f;
                    for (int d = 0; d < width; d++) {
                        dot += queries[mine * pitch + d] * tile[key * pitch + d];
                    }
                    scores[mine * (FlashAttention.KEYS + 1) + key] = k0 + key < keys ? dot * scale : -1e30f;
                }
                c.localBarrier();
                float newTop = top;
                for (int key = 0; key < FlashAttention.KEYS; key++) {
                    float x = scores[mine * (FlashAttention.KEYS + 1) + key];
                    newTop = x > newTop ? x : newTop;
                }
                c.localBarrier();
                for (int j = 0; j < FlashAttention.KEYS / FlashAttention.SHARE; j++) {
                    int key = share + FlashAttention.SHARE * j;
                    int own = mine * (FlashAttention.KEYS + 1) + key;
                    scores[own] = k0 + key < keys ? TornadoMath.exp(scores[own] - newTop) : 0f;
                }
                for (int e = t; e < FlashAttention.KEYS * width; e += FlashAttention.LOCAL) {
                    int r = e / width;
                    int d = e - r * width;
                    tile[r * pitch + d] = k0 + r < keys ? mem.get(vAt + (k0 + r) * vStep + d) : 0f;
                }
                float shrink = TornadoMath.exp(top - newTop);
                total = total * shrink;
                o0 = o0 * shrink;
                o1 = o1 * shrink;
                o2 = o2 * shrink;
                o3 = o3 * shrink;
                o4 = o4 * shrink;
                o5 = o5 * shrink;
                o6 = o6 * shrink;
                o7 = o7 * shrink;
                top = newTop;
                c.localBarrier();
                for (int key = 0; key < FlashAttention.KEYS; key++) {
                    float w = scores[mine * (FlashAttention.KEYS + 1) + key];
                    total += w;
                    // Columns past the width hold what an earlier tile of a wider head left; they are not written below.
                    int v = key * pitch + share;
                    o0 = o0 + w * tile[v];
                    o1 = o1 + w * tile[v + FlashAttention.SHARE];
                    o2 = o2 + w * tile[v + 2 * FlashAttention.SHARE];
                    o3 = o3 + w * tile[v + 3 * FlashAttention.SHARE];
                    o4 = o4 + w * tile[v + 4 * FlashAttention.SHARE];
                    o5 = o5 + w * tile[v + 5 * FlashAttention.SHARE];
                    o6 = o6 + w * tile[v + 6 * FlashAttention.SHARE];
                    o7 = o7 + w * tile[v + 7 * FlashAttention.SHARE];
                }
                c.localBarrier();
            }
        }
        o[0] = o0;
        o[1] = o1;
        o[2] = o2;
        o[3] = o3;
        o[4] = o4;
        o[5] = o5;
        o[6] = o6;
        o[7] = o7;
        if (q0 + mine < tokens) {
            int line = (batch * p.get(b + 1) + head) * tokens + q0 + mine;
            int result = p.get(b + 29) + line * width;
            for (int i = 0; i < FlashAttention.NARROW_WIDTH / FlashAttention.SHARE; i++) {
                int d = share + FlashAttention.SHARE * i;
                if (d < width) {
                    mem.set(result + d, o[i] / total);
                }
            }
            if (share == 0) {
                mem.set(p.get(b + 30) + line, top + TornadoMath.log(total));
            }
        }
    }

    public static void attention160(KernelContext c, FloatArray mem, IntArray ints, IntArray p, FloatArray q, IntArray at, int slot) {
        float[] queries = c.allocateFloatLocalArray(FlashAttention.QUERIES * (FlashAttention.WIDE_WIDTH + 1));
        float[] tile = c.allocateFloatLocalArray(FlashAttention.KEYS * (FlashAttention.WIDE_WIDTH + 1));
        float[] scores = c.allocateFloatLocalArray(FlashAttention.QUERIES * (FlashAttention.KEYS + 1));
        float[] o = new float[FlashAttention.WIDE_WIDTH / FlashAttention.SHARE];
        float[] own = new float[FlashAttention.KEYS / FlashAttention.SHARE];
        int pitch = FlashAttention.WIDE_WIDTH + 1;
        int b = at.get(slot);
        int t = c.localIdx;
        int mine = t / FlashAttention.SHARE;
        int share = t % FlashAttention.SHARE;
        int tokens = p.get(b + 2);
        int width = p.get(b + 3);
        int sources = p.get(b + 4);
        float scale = q.get(p.get(b));
        int q0 = c.groupIdx * FlashAttention.QUERIES;
        int head = c.groupIdy;
        int batch = c.groupIdz;
        int qAt = p.get(b + 5) + batch * p.get(b + 6) + head * p.get(b + 7);
        int qStep = p.get(b + 8);
        for (int e = t; e < FlashAttention.QUERIES * width; e += FlashAttention.LOCAL) {
            int r = e / width;
            int d = e - r * width;
            queries[r * pitch + d] = q0 + r < tokens ? mem.get(qAt + (q0 + r) * qStep + d) : 0f;
        }
        for (int i = 0; i < FlashAttention.WIDE_WIDTH / FlashAttention.SHARE; i++) {
            o[i] = 0f;
        }
        float top = -1e30f;
        float total = 0f;
        for (int source = 0; source < sources; source++) {
            int s = b + 9 + 10 * source;
            int keys = p.get(s);
            int row = batch / p.get(s + 1);
            int kAt = p.get(s + 2) + row * p.get(s + 3) + head * p.get(s + 4);
            int kStep = p.get(s + 5);
            int vAt = p.get(s + 6) + row * p.get(s + 7) + head * p.get(s + 8);
            int vStep = p.get(s + 9);
            for (int k0 = 0; k0 < keys; k0 += FlashAttention.KEYS) {
                for (int e = t; e < FlashAttention.KEYS * width; e += FlashAttention.LOCAL) {
                    int r = e / width;
                    int d = e - r * width;
                    tile[r * pitch + d] = k0 + r < keys ? mem.get(kAt + (k0 + r) * kStep + d) : 0f;
                }
                c.localBarrier();
                for (int j = 0; j < FlashAttention.KEYS / FlashAttention.SHARE; j++) {
                    int key = share + FlashAttention.SHARE * j;
                    float dot = 0f;
                    for (int d = 0; d < width; d++) {
                        dot += queries[mine * pitch + d] * tile[key * pitch + d];
                    }
                    own[j] = k0 + key < keys ? dot * scale : -1e30f;
                    scores[mine * (FlashAttention.KEYS + 1) + key] = own[j];
                }
                c.localBarrier();
                float newTop = top;
                for (int key = 0; key < FlashAttention.KEYS; key++) {
                    float x = scores[mine * (FlashAttention.KEYS + 1) + key];
                    newTop = x > newTop ? x : newTop;
                }
                c.localBarrier();
                for (int j = 0; j < FlashAttention.KEYS / FlashAttention.SHARE; j++) {
                    int key = share + FlashAttention.SHARE * j;
                    scores[mine * (FlashAttention.KEYS + 1) + key] = k0 + key < keys ? TornadoMath.exp(own[j] - newTop) : 0f;
                }
                for (int e = t; e < FlashAttention.KEYS * width; e += FlashAttention.LOCAL) {
                    int r = e / width;
                    int d = e - r * width;
                    tile[r * pitch + d] = k0 + r < keys ? mem.get(vAt + (k0 + r) * vStep + d) : 0f;
                }
                float shrink = TornadoMath.exp(top - newTop);
                total = total * shrink;
                for (int i = 0; i < FlashAttention.WIDE_WIDTH / FlashAttention.SHARE; i++) {
                    o[i] = o[i] * shrink;
                }
                top = newTop;
                c.localBarrier();
                for (int key = 0; key < FlashAttention.KEYS; key++) {
                    float w = scores[mine * (FlashAttention.KEYS + 1) + key];
                    total += w;
                    for (int i = 0; i < FlashAttention.WIDE_WIDTH / FlashAttention.SHARE; i++) {
                        // Columns past the width hold what an earlier tile of a wider head left; they are not written below.
                        o[i] = o[i] + w * tile[key * pitch + share + FlashAttention.SHARE * i];
                    }
                }
                c.localBarrier();
            }
        }
        if (q0 + mine < tokens) {
            int line = (batch * p.get(b + 1) + head) * tokens + q0 + mine;
            int result = p.get(b + 29) + line * width;
            for (int i = 0; i < FlashAttention.WIDE_WIDTH / FlashAttention.SHARE; i++) {
                int d = share + FlashAttention.SHARE * i;
                if (d < width) {
                    mem.set(result + d, o[i] / total);
                }
            }
            if (share == 0) {
                mem.set(p.get(b + 30) + line, top + TornadoMath.log(total));
            }
        }
    }
}
