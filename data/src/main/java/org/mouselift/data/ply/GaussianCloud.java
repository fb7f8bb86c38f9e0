package org.mouselift.data.ply;

/**
 * Gaussian splats as stored: raw parameters before activation (GS-LRM specification §2.9).
 *
 * @param xyz centres, [N, 3]
 * @param features spherical-harmonic coefficients, [N, K, 3] with K = (degree + 1)²; coefficient 0 is the DC term
 * @param scaling log of the scales, [N, 3]
 * @param rotation quaternions w, x, y, z, not normalised, [N, 4]
 * @param opacity logits, [N]
 */
public record GaussianCloud(int count, int degree, float[] xyz, float[] features, float[] scaling, float[] rotation, float[] opacity) {
    public GaussianCloud {
        if (count < 0 || degree < 0 || degree > 3) {
            throw new IllegalArgumentException("gaussians: count " + count + ", degree " + degree + "; expected count >= 0 and degree 0 to 3");
        }
        check("xyz", xyz, (long) count * 3);
        check("features", features, (long) count * (degree + 1) * (degree + 1) * 3);
        check("scaling", scaling, (long) count * 3);
        check("rotation", rotation, (long) count * 4);
        check("opacity", opacity, count);
    }

    private static void check(String field, float[] values, long expected) {
        if (values.length != expected) {
            throw new IllegalArgumentException("gaussians: " + field + " has " + values.length + " values, expected " + expected);
        }
    }

    /** K, the coefficients per channel. */
    public int coefficients() {
        return (degree + 1) * (degree + 1);
    }

    /** Opacity in (0, 1): sigmoid of the logit. */
    public float opacityOf(int i) {
        return (float) (1 / (1 + Math.exp(-opacity[i])));
    }

    /** The Gaussians with these indices, in this order. */
    public GaussianCloud select(int[] indices) {
        return new GaussianCloud(indices.length, degree, rows(xyz, indices, 3), rows(features, indices, coefficients() * 3), rows(scaling, indices, 3),
                rows(rotation, indices, 4), rows(opacity, indices, 1));
    }

    private static float[] rows(float[] values, int[] indices, int width) {
        float[] out = new float[Math.multiplyExact(indices.length, width)];
        for (int i = 0; i < indices.length; i++) {
            System.arraycopy(values, indices[i] * width, out, i * width, width);
        }
        return out;
    }

    /** With log scales of the scales times {@code modifier}: {@code log(exp(s) m)} in float32. */
    public GaussianCloud withScalingModifier(float modifier) {
        if (!(modifier > 0)) {
            throw new IllegalArgumentException("gaussians: scaling modifier " + modifier + " must be positive");
        }
        float[] scaled = new float[scaling.length];
        for (int i = 0; i < scaled.length; i++) {
            scaled[i] = (float) Math.log((float) Math.exp(scaling[i]) * modifier);
        }
        return new GaussianCloud(count, degree, xyz, features, scaled, rotation, opacity);
    }
}
