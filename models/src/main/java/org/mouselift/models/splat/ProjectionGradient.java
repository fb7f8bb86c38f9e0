package org.mouselift.models.splat;

/**
 * Carries the gradients of one Gaussian from the image plane back to its raw parameters (GS-LRM specification §2.5). Reads
 * the intermediate values that {@link GaussianProjection} left behind for the same Gaussian. Follows the reference where it
 * deviates from the true derivative: no tz dependence through an active tangent clamp, and 1/(det² + 1e-7).
 */
final class ProjectionGradient {
    private final GaussianProjection p;
    private final double[] basisGradient = new double[48];
    private final double[] big = new double[9];

    // Results for the last Gaussian.
    final double[] mean = new double[3], logScale = new double[3], quaternion = new double[4];
    double logit;
    final double[] sh = new double[48];
    final double[] scale = new double[3], unitQuaternion = new double[4];
    double opacity, gu, gv, gA, gB, gC, ga, gb, gc;

    ProjectionGradient(GaussianProjection projection) {
        this.p = projection;
    }

    /**
     * @param m sums over the pixels, {@link TileKernel#MOMENTS} numbers from {@code at}: with h = dL/d(exponent) at a pixel and
     *     (dx, dy) its offset from the centre: Σh, Σh·dx, Σh·dy, Σh·dx², Σh·dx·dy, Σh·dy², then dL/dR, dL/dG, dL/dB, dL/dz
     */
    void compute(float[] m, int at, float[] shCoefficients, int shAt) {
        double h = m[at], hx = m[at + 1], hy = m[at + 2], hxx = m[at + 3], hxy = m[at + 4], hyy = m[at + 5];
        gu = -p.conicA * hx - p.conicB * hy;
        gv = -p.conicC * hy - p.conicB * hx;
        gA = -0.5 * hxx;
        gB = -hxy;
        gC = -0.5 * hyy;
        // h = opacity·G·dα per pixel, so the derivative to the opacity is Σh / opacity, and to its logit Σh·(1 - opacity).
        opacity = h == 0 ? 0 : h / p.opacity;
        logit = h * (1 - p.opacity);
        mean[0] = mean[1] = mean[2] = 0;
        colour(m[at + 6], m[at + 7], m[at + 8], shCoefficients, shAt);
        covariance();
        projection(m[at + 9]);
    }

    /** Only what flows through the colour: {@link #sh} and its part of {@link #mean}. */
    void computeColour(float[] m, int at, float[] shCoefficients, int shAt) {
        mean[0] = mean[1] = mean[2] = 0;
        colour(m[at + 6], m[at + 7], m[at + 8], shCoefficients, shAt);
    }

    private void colour(double gr, double gg, double gbl, float[] coefficients, int at) {
        if (p.colourClamped[0]) {
            gr = 0;
        }
        if (p.colourClamped[1]) {
            gg = 0;
        }
        if (p.colourClamped[2]) {
            gbl = 0;
        }
        int k = (p.degree + 1) * (p.degree + 1);
        for (int i = 0; i < k; i++) {
            sh[3 * i] = p.basis[i] * gr;
            sh[3 * i + 1] = p.basis[i] * gg;
            sh[3 * i + 2] = p.basis[i] * gbl;
        }
        if (p.degree == 0) {
            return;
        }
        SphericalHarmonics.basisGradient(p.degree, p.dirX, p.dirY, p.dirZ, basisGradient);
        double dx = 0, dy = 0, dz = 0;
        for (int i = 1; i < k; i++) {
            double dot = coefficients[at + 3 * i] * gr + coefficients[at + 3 * i + 1] * gg + coefficients[at + 3 * i + 2] * gbl;
            dx += basisGradient[3 * i] * dot;
            dy += basisGradient[3 * i + 1] * dot;
            dz += basisGradient[3 * i + 2] * dot;
        }
        double along = p.dirX * dx + p.dirY * dy + p.dirZ * dz;
        mean[0] += (dx - p.dirX * along) / p.dist;
        mean[1] += (dy - p.dirY * along) / p.dist;
        mean[2] += (dz - p.dirZ * along) / p.dist;
    }

    private void covariance() {
        double a = p.a, b = p.b, c = p.c;
        double k = 1 / (p.det * p.det + 1e-7);
        ga = k * (-c * c * gA + b * c * gB - b * b * gC);
        gc = k * (-a * a * gC + a * b * gB - b * b * gA);
        gb = k * (2 * b * c * gA - (p.det + 2 * b * b) * gB + 2 * a * b * gC);

        double m00 = p.m00, m01 = p.m01, m02 = p.m02, m10 = p.m10, m11 = p.m11, m12 = p.m12;
        double sxx = ga * m00 * m00 + gc * m10 * m10 + gb * m00 * m10;
        double syy = ga * m01 * m01 + gc * m11 * m11 + gb * m01 * m11;
        double szz = ga * m02 * m02 + gc * m12 * m12 + gb * m02 * m12;
        double sxy = ga * m00 * m01 + gc * m10 * m11 + 0.5 * gb * (m00 * m11 + m01 * m10);
        double sxz = ga * m00 * m02 + gc * m10 * m12 + 0.5 * gb * (m00 * m12 + m02 * m10);
        double syz = ga * m01 * m02 + gc * m11 * m12 + 0.5 * gb * (m01 * m12 + m02 * m11);
        scaleAndRotation(sxx, sxy, sxz, syy, syz, szz);

        double p0 = p.sxx * m00 + p.sxy * m01 + p.sxz * m02, p1 = p.sxy * m00 + p.syy * m01 + p.syz * m02, p2 = p.sxz * m00 + p.syz * m01 + p.szz * m02;
        double q0 = p.sxx * m10 + p.sxy * m11 + p.sxz * m12, q1 = p.sxy * m10 + p.syy * m11 + p.syz * m12, q2 = p.sxz * m10 + p.syz * m11 + p.szz * m12;
        double g00 = 2 * ga * p0 + gb * q0, g01 = 2 * ga * p1 + gb * q1, g02 = 2 * ga * p2 + gb * q2;
        double g10 = 2 * gc * q0 + gb * p0, g11 = 2 * gc * q1 + gb * p1, g12 = 2 * gc * q2 + gb * p2;
        double j00 = g00 * p.r00 + g01 * p.r01 + g02 * p.r02;
        double j02 = g00 * p.r20 + g01 * p.r21 + g02 * p.r22;
        double j11 = g10 * p.r10 + g11 * p.r11 + g12 * p.r12;
        double j12 = g10 * p.r20 + g11 * p.r21 + g12 * p.r22;
        double iz = 1 / p.tz, iz2 = iz * iz, iz3 = iz2 * iz;
        double gtx = p.insideX ? -p.fx * iz2 * j02 : 0;
        double gty = p.insideY ? -p.fy * iz2 * j12 : 0;
        double gtz = -p.fx * iz2 * j00 - p.fy * iz2 * j11 + 2 * p.fx * p.clampedX * iz3 * j02 + 2 * p.fy * p.clampedY * iz3 * j12;
        toWorld(gtx, gty, gtz);
    }

    private void toWorld(double gtx, double gty, double gtz) {
        mean[0] += p.r00 * gtx + p.r10 * gty + p.r20 * gtz;
        mean[1] += p.r01 * gtx + p.r11 * gty + p.r21 * gtz;
        mean[2] += p.r02 * gtx + p.r12 * gty + p.r22 * gtz;
    }

    private void projection(double gz) {
        double nx = gu * p.width * 0.5, ny = gv * p.height * 0.5;
        double iw = p.iw, ix = p.hx * iw * iw, iy = p.hy * iw * iw;
        mean[0] += (p.f00 * iw - p.r20 * ix) * nx + (p.f10 * iw - p.r20 * iy) * ny;
        mean[1] += (p.f01 * iw - p.r21 * ix) * nx + (p.f11 * iw - p.r21 * iy) * ny;
        mean[2] += (p.f02 * iw - p.r22 * ix) * nx + (p.f12 * iw - p.r22 * iy) * ny;
        toWorld(0, 0, gz);
    }

    private void scaleAndRotation(double sxx, double sxy, double sxz, double syy, double syz, double szz) {
        double[] r = p.rot, d = big;
        for (int i = 0; i < 3; i++) {
            // Column i of Rq; Q[i][j] = 2 s_i Σ_k Rq[k][i] GS[k][j].
            double r0 = r[i], r1 = r[3 + i], r2 = r[6 + i], f = 2 * p.s[i];
            double q0 = f * (r0 * sxx + r1 * sxy + r2 * sxz);
            double q1 = f * (r0 * sxy + r1 * syy + r2 * syz);
            double q2 = f * (r0 * sxz + r1 * syz + r2 * szz);
            scale[i] = r0 * q0 + r1 * q1 + r2 * q2;
            logScale[i] = scale[i] * p.s[i];
            d[i] = p.s[i] * q0;
            d[3 + i] = p.s[i] * q1;
            d[6 + i] = p.s[i] * q2;
        }
        double w = p.qw, x = p.qx, y = p.qy, z = p.qz;
        double gw = 2 * (z * (d[3] - d[1]) + y * (d[2] - d[6]) + x * (d[7] - d[5]));
        double gx = 2 * (y * (d[1] + d[3]) + z * (d[2] + d[6]) + w * (d[7] - d[5])) - 4 * x * (d[4] + d[8]);
        double gy = 2 * (x * (d[1] + d[3]) + w * (d[2] - d[6]) + z * (d[5] + d[7])) - 4 * y * (d[0] + d[8]);
        double gz = 2 * (w * (d[3] - d[1]) + x * (d[2] + d[6]) + y * (d[5] + d[7])) - 4 * z * (d[0] + d[4]);
        unitQuaternion[0] = gw;
        unitQuaternion[1] = gx;
        unitQuaternion[2] = gy;
        unitQuaternion[3] = gz;
        if (p.qNorm < 1e-12) {
            for (int i = 0; i < 4; i++) {
                quaternion[i] = unitQuaternion[i] / 1e-12;
            }
            return;
        }
        double along = w * gw + x * gx + y * gy + z * gz;
        quaternion[0] = (gw - w * along) / p.qNorm;
        quaternion[1] = (gx - x * along) / p.qNorm;
        quaternion[2] = (gy - y * along) / p.qNorm;
        quaternion[3] = (gz - z * along) / p.qNorm;
    }
}
