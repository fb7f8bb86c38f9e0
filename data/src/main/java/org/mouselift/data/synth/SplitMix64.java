package org.mouselift.data.synth;

/**
 * SplitMix64 (Steele, Lea, Flood, "Fast splittable pseudorandom number generators", 2014): written out here so that a
 * mouse of a given seed and index stays the same on every JDK.
 */
final class SplitMix64 {
    private static final long GOLDEN = 0x9E3779B97F4A7C15L;

    private long state;

    SplitMix64(long seed, long index) {
        this.state = mix(mix(seed + GOLDEN) ^ (index * GOLDEN));
    }

    static long mix(long z) {
        z = (z ^ (z >>> 30)) * 0xBF58476D1CE4E5B9L;
        z = (z ^ (z >>> 27)) * 0x94D049BB133111EBL;
        return z ^ (z >>> 31);
    }

    long nextLong() {
        state += GOLDEN;
        return mix(state);
    }

    /** Uniform in [0, 1). */
    double uniform() {
        return (nextLong() >>> 11) * 0x1p-53;
    }

    double uniform(double low, double high) {
        return low + (high - low) * uniform();
    }

    /** Sum of three uniforms, centred: bell-shaped, never further than {@code spread} from {@code centre}. */
    double bell(double centre, double spread) {
        return centre + spread * (2 * (uniform() + uniform() + uniform()) / 3 - 1);
    }

    int below(int n) {
        return (int) (uniform() * n);
    }

    boolean chance(double p) {
        return uniform() < p;
    }
}
