package org.mouselift.models.diffusion;

import org.mouselift.engine.Tensor;

/**
 * The CPU random generator of the original framework: MT19937 (Matsumoto and Nishimura 1998) with its way of making floats and
 * normal numbers (multi-view diffusion specification §3.2), so that a seed gives the noises that the original draws on a CPU.
 */
public final class TorchGenerator {
    private static final int SIZE = 624;
    private static final int SHIFT = 397;
    private static final int BLOCK = 16;
    private static final int HALF = 8;

    private final int[] state = new int[SIZE];
    private int next = SIZE;
    private double cached;
    private boolean hasCached;

    /** @param seed its low 32 bits are used */
    public TorchGenerator(long seed) {
        state[0] = (int) seed;
        for (int i = 1; i < SIZE; i++) {
            state[i] = 1812433253 * (state[i - 1] ^ state[i - 1] >>> 30) + i;
        }
    }

    /** 32 random bits. */
    public int next32() {
        if (next == SIZE) {
            twist();
        }
        int y = state[next++];
        y ^= y >>> 11;
        y ^= y << 7 & 0x9d2c5680;
        y ^= y << 15 & 0xefc60000;
        return y ^ y >>> 18;
    }

    private void twist() {
        for (int i = 0; i < SIZE; i++) {
            int y = state[i] & 0x80000000 | state[(i + 1) % SIZE] & 0x7fffffff;
            state[i] = state[(i + SHIFT) % SIZE] ^ y >>> 1 ^ ((y & 1) == 0 ? 0 : 0x9908b0df);
        }
        next = 0;
    }

    /** Uniform in [0, 1) with 24 bits. */
    public float uniform() {
        return (next32() & 0xFFFFFF) * 0x1p-24f;
    }

    /** Integer in [0, bound), for bounds below 2^28. */
    public int below(int bound) {
        return Integer.remainderUnsigned(next32(), bound);
    }

    private double uniform53() {
        long high = next32() & 0xFFFFFFFFL;
        long low = next32() & 0xFFFFFFFFL;
        return ((high << 32 | low) & (1L << 53) - 1) * 0x1p-53;
    }

    /** n standard normal numbers, drawn together: the numbers depend on n. */
    public float[] normal(int n) {
        float[] out = new float[n];
        if (n < BLOCK) {
            for (int i = 0; i < n; i++) {
                out[i] = (float) single();
            }
            return out;
        }
        for (int i = 0; i < n; i++) {
            out[i] = uniform();
        }
        for (int i = 0; i + BLOCK <= n; i += BLOCK) {
            transform(out, i);
        }
        if (n % BLOCK != 0) {
            for (int i = n - BLOCK; i < n; i++) {
                out[i] = uniform();
            }
            transform(out, n - BLOCK);
        }
        return out;
    }

    private double single() {
        if (hasCached) {
            hasCached = false;
            return cached;
        }
        double u1 = uniform53();
        double u2 = uniform53();
        double r = Math.sqrt(-2 * Math.log1p(-u2));
        cached = r * Math.sin(2 * Math.PI * u1);
        hasCached = true;
        return r * Math.cos(2 * Math.PI * u1);
    }

    /** Box-Muller on a block of 16 uniforms. */
    private static void transform(float[] x, int at) {
        for (int j = 0; j < HALF; j++) {
            float u1 = 1 - x[at + j];
            float u2 = x[at + HALF + j];
            float radius = (float) Math.sqrt(-2f * (float) Math.log(u1));
            float theta = (float) (2 * Math.PI) * u2;
            x[at + j] = radius * (float) Math.cos(theta);
            x[at + HALF + j] = radius * (float) Math.sin(theta);
        }
    }

    /** Standard normal f32 tensor in the current scope, drawn at once. */
    public Tensor normalTensor(long... shape) {
        long n = 1;
        for (long d : shape) {
            n = Math.multiplyExact(n, d);
        }
        return Tensor.of(normal(Math.toIntExact(n)), shape);
    }
}
