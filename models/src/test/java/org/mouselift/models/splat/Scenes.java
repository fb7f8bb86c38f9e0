package org.mouselift.models.splat;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.Random;

/** Random scenes for the renderer tests, the same numbers as float32 parameters and as a float64 scene. */
final class Scenes {
    private Scenes() {}

    /** Camera on a sphere around the origin, slightly off-centre principal point. */
    static SplatCamera camera(int width, int height, double azimuth) {
        SplatCamera base = Turntable.cameras(50, 360, width, height, 2.7, 12).get((int) Math.floorMod((long) azimuth, 360L));
        return new SplatCamera(width, height, base.fx(), base.fx() * 1.03, width / 2.0 + 1.25, height / 2.0 - 0.5, base.c2w());
    }

    static GaussianParameters random(long seed, int n, int degree, double spread, double logScale, double logit) {
        Random random = new Random(seed);
        int k = 3 * (degree + 1) * (degree + 1);
        float[] m = new float[3 * n], s = new float[3 * n], q = new float[4 * n], o = new float[n], sh = new float[k * n];
        for (int i = 0; i < m.length; i++) {
            m[i] = (float) (spread * random.nextGaussian());
            s[i] = (float) (logScale + 0.5 * random.nextGaussian());
        }
        for (int i = 0; i < q.length; i++) {
            q[i] = (float) random.nextGaussian();
        }
        for (int i = 0; i < n; i++) {
            o[i] = (float) (logit + 2 * random.nextGaussian());
        }
        for (int i = 0; i < sh.length; i++) {
            sh[i] = (float) (0.6 * random.nextGaussian());
        }
        return GaussianParameters.of(degree, m, s, q, o, sh);
    }

    static double[] wide(MemorySegment segment) {
        float[] values = segment.toArray(ValueLayout.JAVA_FLOAT);
        double[] out = new double[values.length];
        for (int i = 0; i < out.length; i++) {
            out[i] = values[i];
        }
        return out;
    }

    static SplatReference.Scene wide(GaussianParameters p) {
        return new SplatReference.Scene(p.count(), p.shDegree(), wide(p.means()), wide(p.logScales()), wide(p.quaternions()), wide(p.opacityLogits()), wide(p.sh()));
    }

    static float[] uniform(long seed, int n) {
        Random random = new Random(seed);
        float[] out = new float[n];
        for (int i = 0; i < n; i++) {
            out[i] = 2 * random.nextFloat() - 1;
        }
        return out;
    }

    static double[] wide(float[] values) {
        return wide(MemorySegment.ofArray(values));
    }

    static float[] narrow(MemorySegment segment) {
        return segment.toArray(ValueLayout.JAVA_FLOAT);
    }

    static MemorySegment[] segments(GaussianParameters p) {
        return new MemorySegment[] {p.means(), p.logScales(), p.quaternions(), p.opacityLogits(), p.sh()};
    }
}
