package org.mouselift.data.synth;

/** Smooth lattice noise in three dimensions, C1, values in [-1, 1]; a pure function of position and seed. */
final class ValueNoise {
    private ValueNoise() {
    }

    static double at(double x, double y, double z, long seed) {
        double fx = Math.floor(x);
        double fy = Math.floor(y);
        double fz = Math.floor(z);
        int ix = (int) fx;
        int iy = (int) fy;
        int iz = (int) fz;
        double u = fade(x - fx);
        double v = fade(y - fy);
        double w = fade(z - fz);
        double a = mix(mix(corner(ix, iy, iz, seed), corner(ix + 1, iy, iz, seed), u),
                mix(corner(ix, iy + 1, iz, seed), corner(ix + 1, iy + 1, iz, seed), u), v);
        double b = mix(mix(corner(ix, iy, iz + 1, seed), corner(ix + 1, iy, iz + 1, seed), u),
                mix(corner(ix, iy + 1, iz + 1, seed), corner(ix + 1, iy + 1, iz + 1, seed), u), v);
        return mix(a, b, w);
    }

    private static double fade(double t) {
        return t * t * (3 - 2 * t);
    }

    private static double mix(double a, double b, double w) {
        return a + w * (b - a);
    }

    private static double corner(int x, int y, int z, long seed) {
        long h = seed + x * 0x9E3779B97F4A7C15L + y * 0xC2B2AE3D27D4EB4FL + z * 0x165667B19E3779F9L;
        h = (h ^ (h >>> 29)) * 0xBF58476D1CE4E5B9L;
        h ^= h >>> 32;
        return (h & 0xFFFFFF) * (2.0 / 0xFFFFFF) - 1;
    }
}
