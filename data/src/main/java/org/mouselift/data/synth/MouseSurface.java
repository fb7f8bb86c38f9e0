package org.mouselift.data.synth;

import java.util.List;
import org.mouselift.data.synth.MouseParameters.Coat;
import org.mouselift.data.synth.MouseParameters.Light;
import org.mouselift.data.synth.Part.Tissue;

/**
 * Colour of a mouse at a surface point: coat, skin and eyes under a light that is fixed in the world (Lambert term with a soft
 * shadow, light from the sky and the ground with ambient occlusion). Nothing depends on the viewing direction; the highlight of
 * the eye is painted on the eyeball.
 */
final class MouseSurface {
    private static final double[] TOP_SKY = {0.96, 0.99, 1.04};
    private static final double[] KEY_TINT = {1.04, 1.0, 0.95};
    private static final double[] GROUND_TINT = {1.03, 1.0, 0.97};
    /** Tangent of the half angle of the light. */
    private static final double SOFTNESS = 0.09;
    private static final double NORMAL_STEP = 8e-4;
    private static final int[] OCCLUSION_TAPS = {1, 2, 4, 7};
    private static final double KNEE = 0.62;
    private static final int GAMMA_STEPS = 4096;
    private static final float[] GAMMA = gammaTable();

    private final MouseShape shape;
    private final MouseParameters parameters;
    private final double footprint;
    private final double lx;
    private final double ly;
    private final double lz;
    private final double[] back;
    private final double[] belly;
    private final double[] white;
    private final double[] skin;
    private final double[] tail;
    private final double[] ear;
    private final double[] eye;

    private double open;
    private double arriving;
    private final double[] normal = new double[3];
    private final double[] albedo = new double[3];
    private final MouseShape.Surface surface = new MouseShape.Surface();

    /** @param footprint width of a pixel at the subject, world units: finer texture than two pixels is left out */
    MouseSurface(MouseShape shape, MouseParameters parameters, double footprint) {
        this.shape = shape;
        this.parameters = parameters;
        this.footprint = footprint;
        Light light = parameters.light();
        double e = Math.toRadians(light.elevation());
        double a = Math.toRadians(light.azimuth());
        lx = Math.cos(e) * Math.cos(a);
        ly = Math.cos(e) * Math.sin(a);
        lz = Math.sin(e);
        Coat c = parameters.coat();
        back = linear(c.back());
        belly = linear(c.belly());
        white = linear(CoatVarieties.white());
        skin = linear(c.skin());
        tail = linear(c.tail());
        ear = linear(c.ear());
        eye = linear(c.eye());
    }

    /**
     * sRGB colour, 0..1, of the surface point into {@code out[0..2]}.
     *
     * @param sameLight whether the point is so close to the one shaded before (within a pixel) that it receives the same share of
     *                  the light: the supersamples of a pixel differ in orientation and colour, not in their surroundings
     */
    void shade(double x, double y, double z, boolean sameLight, float[] out) {
        shape.normal(x, y, z, NORMAL_STEP, normal);
        shape.surface(x, y, z, surface);
        double glint = albedo(x, y, z);
        double nx = normal[0];
        double ny = normal[1];
        double nz = normal[2];
        if (!sameLight) {
            open = occlusion(x, y, z, nx, ny, nz);
            arriving = Double.NaN;
        }
        double cosine = nx * lx + ny * ly + nz * lz;
        // Fur scatters light a little past the terminator.
        double lambert = Math.max(0, (cosine + 0.25) / 1.25);
        if (lambert > 0 && Double.isNaN(arriving)) {
            arriving = shadow(x + 0.02 * nx, y + 0.02 * ny, z + 0.02 * nz);
        }
        double lit = lambert > 0 ? lambert * arriving : 0;
        Light light = parameters.light();
        double up = 0.5 + 0.5 * nz;
        for (int c = 0; c < 3; c++) {
            double irradiance = open * (light.sky() * up * TOP_SKY[c] + light.ground() * (1 - up) * GROUND_TINT[c])
                    + light.key() * lit * (0.35 + 0.65 * open) * KEY_TINT[c];
            double v = albedo[c] * irradiance;
            v += glint * (0.9 - v);
            // A shoulder keeps the modelling of white fur.
            v = v < KNEE ? v : KNEE + (1 - KNEE) * (1 - Math.exp((KNEE - v) / (1 - KNEE)));
            out[c] = GAMMA[(int) (Math.max(0, Math.min(1, v)) * (GAMMA_STEPS - 1) + 0.5)];
        }
    }

    private double occlusion(double x, double y, double z, double nx, double ny, double nz) {
        double blocked = 0;
        double weight = 1;
        for (int tap : OCCLUSION_TAPS) {
            double h = 0.034 * tap;
            double px = x + h * nx;
            double py = y + h * ny;
            double pz = z + h * nz;
            int cell = shape.cellAt(px, py, pz);
            if (cell < 0 || shape.boundOf(cell) < h) {
                blocked += weight * Math.max(0, h - shape.distance(px, py, pz)) / h;
            }
            weight *= 0.72;
        }
        return 0.22 + 0.78 / (1 + blocked * blocked * 0.9 + 0.35 * blocked);
    }

    /** Share of the light that arrives: the narrowest passage, relative to the distance travelled, of a ray towards the light. */
    private double shadow(double x, double y, double z) {
        double open = 1;
        double t = 0.01;
        for (int i = 0; i < 40 && t < 1.2; i++) {
            double px = x + t * lx;
            double py = y + t * ly;
            double pz = z + t * lz;
            int cell = shape.cellAt(px, py, pz);
            if (cell < 0) {
                break;
            }
            double d = shape.boundOf(cell);
            // A bound this large says that the passage is wide enough here.
            if (d > SOFTNESS * t) {
                t += d;
                continue;
            }
            d = shape.distanceIn(cell, px, py, pz);
            open = Math.min(open, 0.5 + 0.5 * d / (SOFTNESS * t));
            if (open <= 0) {
                return 0;
            }
            t += Math.max(0.012, Math.abs(d));
        }
        return open * open * (3 - 2 * open);
    }

    /** Linear albedo into {@link #albedo}; returns the strength of the eye's painted highlight. */
    private double albedo(double x, double y, double z) {
        double[] share = surface.share;
        Coat coat = parameters.coat();
        double dn = Math.sqrt(surface.dorsal[0] * surface.dorsal[0] + surface.dorsal[1] * surface.dorsal[1]
                + surface.dorsal[2] * surface.dorsal[2]);
        double facing = dn > 1e-9 ? (normal[0] * surface.dorsal[0] + normal[1] * surface.dorsal[1] + normal[2] * surface.dorsal[2]) / dn : 1;
        long seed = coat.patchSeed();
        double soft = 0.10 * ValueNoise.at(9 * x, 9 * y, 9 * z, seed + 1);
        double light = smooth(coat.bellyLine() + 0.22, coat.bellyLine() - 0.22, facing + soft);
        double grain = grain(x, y, z, seed + 2);
        double tick = 1 + coat.ticking() * grain + 0.05 * ValueNoise.at(7 * x, 7 * y, 7 * z, seed + 3);
        double patch = 0;
        if (coat.piebald() > 0) {
            double f = coat.patchScale();
            double v = 0.75 * ValueNoise.at(f * x, f * y, f * z, seed) + 0.25 * ValueNoise.at(2.7 * f * x, 2.7 * f * y, 2.7 * f * z, seed + 4);
            double level = 0.62 * (1 - 2 * coat.piebald());
            patch = smooth(level - 0.05, level + 0.05, v);
        }
        double fur = share[Tissue.FUR.ordinal()];
        double bare = share[Tissue.SKIN.ordinal()];
        double nose = share[Tissue.NOSE.ordinal()];
        double shell = share[Tissue.EAR.ordinal()];
        double eyes = share[Tissue.EYE.ordinal()];
        double rope = share[Tissue.TAIL.ordinal()];
        double inner = shell > 0 ? innerEar() : 0;
        for (int c = 0; c < 3; c++) {
            double hair = (back[c] + light * (belly[c] - back[c])) * tick;
            hair += patch * (white[c] * (1 + 0.05 * grain) - hair);
            double conch = inner * ear[c] + (1 - inner) * (0.55 * hair + 0.45 * ear[c]);
            albedo[c] = fur * hair + bare * skin[c] + rope * tail[c] + nose * (0.9 * ear[c]) + shell * conch + eyes * eye[c];
        }
        return eyes > 0.5 ? glint() : 0;
    }

    /** 1 on the concave side of the ear, 0 on its back, from the distance to the bowl's sphere. */
    private double innerEar() {
        double[] q = surface.local;
        double r = Math.sqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2]);
        return smooth(surface.shellRadius + 0.0035, surface.shellRadius - 0.0035, r);
    }

    private double glint() {
        double[] q = surface.local;
        double r = Math.sqrt(q[0] * q[0] + q[1] * q[1] + q[2] * q[2]);
        double toSpot = (0.10 * q[0] + 0.55 * q[1] + 0.829 * q[2]) / r;
        return smooth(0.86, 0.94, toSpot);
    }

    private double grain(double x, double y, double z, long seed) {
        double sum = 0;
        double weight = 1;
        for (double f = 14; f * footprint < 0.5 && f < 200; f *= 2) {
            sum += weight * ValueNoise.at(f * x, f * y, f * z, seed);
            weight *= 0.75;
        }
        return 0.55 * sum;
    }

    private static double smooth(double from, double to, double v) {
        double t = Math.max(0, Math.min(1, (v - from) / (to - from)));
        return t * t * (3 - 2 * t);
    }

    private static double[] linear(List<Double> srgb) {
        double[] out = new double[3];
        for (int c = 0; c < 3; c++) {
            double v = srgb.get(c);
            out[c] = v <= 0.04045 ? v / 12.92 : Math.pow((v + 0.055) / 1.055, 2.4);
        }
        return out;
    }

    private static float[] gammaTable() {
        float[] table = new float[GAMMA_STEPS];
        for (int i = 0; i < GAMMA_STEPS; i++) {
            double v = i / (GAMMA_STEPS - 1.0);
            table[i] = (float) (v <= 0.0031308 ? 12.92 * v : 1.055 * Math.pow(v, 1 / 2.4) - 0.055);
        }
        return table;
    }
}
