package org.mouselift.models.splat;

import org.mouselift.models.splat.cpu.VectorProjection;

/**
 * Projects one Gaussian at a time to the image plane: view transform, near cull, EWA covariance with clamped tangent,
 * low-pass, conic, radius, tile rectangle and colour (GS-LRM specification §2.2). All arithmetic is float64; the results
 * that decide something (view depth, pixel coordinates, rectangle) are rounded to float32 first, as the float32
 * rasterizers do. One instance per thread: its fields hold the intermediate values of the Gaussian projected last, which
 * {@link ProjectionGradient} reads.
 */
final class GaussianProjection {
    static final float NEAR = 0.2f;
    static final float MIN_ALPHA = 1f / 255f;

    enum Outcome { VISIBLE, CULLED, DEGENERATE }

    // Camera.
    final int width, height, gx, gy;
    final double fx, fy, limX, limY;
    /** World-to-camera rotation rows and translation. */
    final double r00, r01, r02, r10, r11, r12, r20, r21, r22, t0, t1, t2;
    /** First two rows of the full projection matrix; its fourth row is the third row of world-to-camera. */
    final double f00, f01, f02, f03, f10, f11, f12, f13;
    final double camX, camY, camZ;
    final int degree;
    final double modifier;
    /** Whether Gaussians whose opacity is below 1/255, which can never contribute, are culled here. */
    final boolean prefilter;

    // Intermediate values of the last Gaussian.
    double mx, my, mz;
    double tx, ty, tz, clampedX, clampedY;
    boolean insideX, insideY;
    double hx, hy, iw;
    final double[] s = new double[3];
    double qNorm, qw, qx, qy, qz;
    final double[] rot = new double[9];
    double sxx, sxy, sxz, syy, syz, szz;
    double m00, m01, m02, m10, m11, m12;
    double a, b, c, det;
    double opacity;
    final double[] basis = new double[16];
    double dirX, dirY, dirZ, dist;
    final boolean[] colourClamped = new boolean[3];

    // Results.
    float u, v, depth, conicA, conicB, conicC, alpha;
    final float[] rgb = new float[3];
    int radius, x0, y0, x1, y1;
    final SplatExtent extent = new SplatExtent();

    GaussianProjection(SplatCamera camera, int degree, double modifier, boolean prefilter) {
        this.prefilter = prefilter;
        this.width = camera.width();
        this.height = camera.height();
        this.gx = camera.tilesX();
        this.gy = camera.tilesY();
        this.fx = camera.fx();
        this.fy = camera.fy();
        this.degree = degree;
        this.modifier = modifier;
        limX = 1.3 * (width / (2 * fx));
        limY = 1.3 * (height / (2 * fy));
        double[] w = camera.w2c();
        r00 = w[0]; r01 = w[1]; r02 = w[2]; t0 = w[3];
        r10 = w[4]; r11 = w[5]; r12 = w[6]; t1 = w[7];
        r20 = w[8]; r21 = w[9]; r22 = w[10]; t2 = w[11];
        double px = 2 * fx / width, ox = 2 * camera.cx() / width - 1;
        double py = 2 * fy / height, oy = 2 * camera.cy() / height - 1;
        f00 = px * r00 + ox * r20; f01 = px * r01 + ox * r21; f02 = px * r02 + ox * r22; f03 = px * t0 + ox * t2;
        f10 = py * r10 + oy * r20; f11 = py * r11 + oy * r21; f12 = py * r12 + oy * r22; f13 = py * t1 + oy * t2;
        double[] c = camera.c2w();
        camX = c[3];
        camY = c[7];
        camZ = c[11];
    }

    /** Projects the Gaussian whose parameters start at the given positions of the arrays. */
    Outcome project(float[] mean, int im, float[] logScale, int is, float[] quat, int iq, float logit, float[] sh, int ih) {
        if (!view(mean[im], mean[im + 1], mean[im + 2])) {
            return Outcome.CULLED;
        }
        opacity = 1 / (1 + DoubleExponential.exp(-logit));
        alpha = (float) opacity;
        if (prefilter && alpha < MIN_ALPHA) {
            return Outcome.CULLED;
        }
        covariance(logScale[is], logScale[is + 1], logScale[is + 2], quat[iq], quat[iq + 1], quat[iq + 2], quat[iq + 3]);
        double mid = 0.5 * (a + c);
        double over = 1 / det;
        return place(c * over, -b * over, a * over, 3 * Math.sqrt(mid + Math.sqrt(Math.max(0.1, mid * mid - det))), sh, ih);
    }

    /** View depth; the Gaussian is in front of the near plane if its float32 value exceeds {@link #NEAR}. */
    double viewDepth(double x, double y, double z) {
        return r20 * x + r21 * y + r22 * z + t2;
    }

    /** The camera for block projections. */
    VectorProjection.View blockView() {
        return new VectorProjection.View(new double[] {r00, r01, r02, t0, r10, r11, r12, t1, r20, r21, r22, t2},
            new double[] {f00, f01, f02, f03, f10, f11, f12, f13}, fx, fy, limX, limY, width, height, modifier);
    }

    /** Rounds, decides on the tiles, and evaluates the colour. */
    private Outcome place(double ca, double cb, double cc, double threeSigma, float[] sh, int ih) {
        if (det == 0) {
            return Outcome.CULLED;
        }
        conicA = (float) ca;
        conicB = (float) cb;
        conicC = (float) cc;
        double reach = Math.ceil(threeSigma);
        if (!(Float.isFinite(conicA) && Float.isFinite(conicB) && Float.isFinite(conicC) && Float.isFinite(u) && Float.isFinite(v)
                && reach < 1e9)) {
            return Outcome.DEGENERATE;
        }
        radius = (int) reach;
        x0 = tile((u - radius) / 16f, gx);
        x1 = tile((u + radius + 15f) / 16f, gx);
        y0 = tile((v - radius) / 16f, gy);
        y1 = tile((v + radius + 15f) / 16f, gy);
        if (x0 >= x1 || y0 >= y1) {
            return Outcome.CULLED;
        }
        extent.of(u, v, conicA, conicB, conicC, alpha, radius, width, height);
        colour(sh, ih);
        return Float.isFinite(rgb[0] + rgb[1] + rgb[2]) ? Outcome.VISIBLE : Outcome.DEGENERATE;
    }

    private static int tile(float position, int tiles) {
        return Math.clamp((int) position, 0, tiles);
    }

    /** View transform, near cull and pixel coordinates; false when culled. */
    private boolean view(double x, double y, double z) {
        mx = x;
        my = y;
        mz = z;
        tz = viewDepth(x, y, z);
        depth = (float) tz;
        if (!(depth > NEAR)) {
            return false;
        }
        tx = r00 * x + r01 * y + r02 * z + t0;
        ty = r10 * x + r11 * y + r12 * z + t1;
        hx = f00 * x + f01 * y + f02 * z + f03;
        hy = f10 * x + f11 * y + f12 * z + f13;
        iw = 1 / (tz + 1e-7);
        u = (float) (((hx * iw + 1) * width - 1) * 0.5);
        v = (float) (((hy * iw + 1) * height - 1) * 0.5);
        return true;
    }

    private void covariance(double l0, double l1, double l2, double w, double x, double y, double z) {
        s[0] = DoubleExponential.exp(l0) * modifier;
        s[1] = DoubleExponential.exp(l1) * modifier;
        s[2] = DoubleExponential.exp(l2) * modifier;
        qNorm = Math.sqrt(w * w + x * x + y * y + z * z);
        double over = 1 / Math.max(qNorm, 1e-12);
        qw = w *= over;
        qx = x *= over;
        qy = y *= over;
        qz = z *= over;
        double[] q = rot;
        q[0] = 1 - 2 * (y * y + z * z); q[1] = 2 * (x * y - w * z); q[2] = 2 * (x * z + w * y);
        q[3] = 2 * (x * y + w * z); q[4] = 1 - 2 * (x * x + z * z); q[5] = 2 * (y * z - w * x);
        q[6] = 2 * (x * z - w * y); q[7] = 2 * (y * z + w * x); q[8] = 1 - 2 * (x * x + y * y);
        double v0 = s[0] * s[0], v1 = s[1] * s[1], v2 = s[2] * s[2];
        sxx = q[0] * q[0] * v0 + q[1] * q[1] * v1 + q[2] * q[2] * v2;
        sxy = q[0] * q[3] * v0 + q[1] * q[4] * v1 + q[2] * q[5] * v2;
        sxz = q[0] * q[6] * v0 + q[1] * q[7] * v1 + q[2] * q[8] * v2;
        syy = q[3] * q[3] * v0 + q[4] * q[4] * v1 + q[5] * q[5] * v2;
        syz = q[3] * q[6] * v0 + q[4] * q[7] * v1 + q[5] * q[8] * v2;
        szz = q[6] * q[6] * v0 + q[7] * q[7] * v1 + q[8] * q[8] * v2;

        double near = 1 / tz, rx = tx * near, ry = ty * near;
        insideX = Math.abs(rx) <= limX;
        insideY = Math.abs(ry) <= limY;
        clampedX = Math.clamp(rx, -limX, limX) * tz;
        clampedY = Math.clamp(ry, -limY, limY) * tz;
        double jx = fx * near, jy = fy * near;
        double kx = -jx * clampedX * near, ky = -jy * clampedY * near;
        m00 = jx * r00 + kx * r20; m01 = jx * r01 + kx * r21; m02 = jx * r02 + kx * r22;
        m10 = jy * r10 + ky * r20; m11 = jy * r11 + ky * r21; m12 = jy * r12 + ky * r22;
        double p0 = sxx * m00 + sxy * m01 + sxz * m02, p1 = sxy * m00 + syy * m01 + syz * m02, p2 = sxz * m00 + syz * m01 + szz * m02;
        a = m00 * p0 + m01 * p1 + m02 * p2 + 0.3;
        b = m10 * p0 + m11 * p1 + m12 * p2;
        c = m10 * (sxx * m10 + sxy * m11 + sxz * m12) + m11 * (sxy * m10 + syy * m11 + syz * m12) + m12 * (sxz * m10 + syz * m11 + szz * m12) + 0.3;
        det = a * c - b * b;
    }

    /** The colour of a Gaussian at a place, with what {@link ProjectionGradient#compute} needs of it. */
    void colour(double x, double y, double z, float[] sh, int at) {
        mx = x;
        my = y;
        mz = z;
        colour(sh, at);
    }

    private void colour(float[] sh, int at) {
        if (degree == 0) {
            basis[0] = SphericalHarmonics.C0;
            for (int ch = 0; ch < 3; ch++) {
                double value = 0.5 + SphericalHarmonics.C0 * sh[at + ch];
                colourClamped[ch] = value < 0;
                rgb[ch] = (float) Math.max(0, value);
            }
            return;
        }
        double ex = mx - camX, ey = my - camY, ez = mz - camZ;
        dist = Math.sqrt(ex * ex + ey * ey + ez * ez);
        dirX = ex / dist;
        dirY = ey / dist;
        dirZ = ez / dist;
        SphericalHarmonics.basis(degree, dirX, dirY, dirZ, basis);
        int k = (degree + 1) * (degree + 1);
        for (int ch = 0; ch < 3; ch++) {
            double value = 0.5;
            for (int i = 0; i < k; i++) {
                value += basis[i] * sh[at + 3 * i + ch];
            }
            colourClamped[ch] = value < 0;
            rgb[ch] = (float) Math.max(0, value);
        }
    }
}
