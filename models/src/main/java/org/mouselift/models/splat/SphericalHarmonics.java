package org.mouselift.models.splat;

/**
 * Real spherical harmonics up to degree 3 in the sign and order convention of 3D Gaussian splatting, and their partial
 * derivatives with x, y, z treated as independent. Source: GS-LRM specification §2.2.
 */
public final class SphericalHarmonics {
    public static final double C0 = 0.28209479177387814;
    static final double C1 = 0.4886025119029199;
    static final double[] C2 = {1.0925484305920792, -1.0925484305920792, 0.31539156525252005, -1.0925484305920792, 0.5462742152960396};
    static final double[] C3 = {-0.5900435899266435, 2.890611442640554, -0.4570457994644658, 0.3731763325901154,
        -0.4570457994644658, 1.445305721320277, -0.5900435899266435};

    private SphericalHarmonics() {}

    /** Writes the (degree+1)² basis values at direction (x, y, z) to {@code out}. */
    public static void basis(int degree, double x, double y, double z, double[] out) {
        out[0] = C0;
        if (degree < 1) {
            return;
        }
        out[1] = -C1 * y;
        out[2] = C1 * z;
        out[3] = -C1 * x;
        if (degree < 2) {
            return;
        }
        double xx = x * x, yy = y * y, zz = z * z;
        out[4] = C2[0] * x * y;
        out[5] = C2[1] * y * z;
        out[6] = C2[2] * (2 * zz - xx - yy);
        out[7] = C2[3] * x * z;
        out[8] = C2[4] * (xx - yy);
        if (degree < 3) {
            return;
        }
        out[9] = C3[0] * y * (3 * xx - yy);
        out[10] = C3[1] * x * y * z;
        out[11] = C3[2] * y * (4 * zz - xx - yy);
        out[12] = C3[3] * z * (2 * zz - 3 * xx - 3 * yy);
        out[13] = C3[4] * x * (4 * zz - xx - yy);
        out[14] = C3[5] * z * (xx - yy);
        out[15] = C3[6] * x * (xx - 3 * yy);
    }

    /** Writes ∂Y_k/∂(x, y, z) to {@code out[3k … 3k+2]} for the (degree+1)² basis functions. */
    public static void basisGradient(int degree, double x, double y, double z, double[] out) {
        set(out, 0, 0, 0, 0);
        if (degree < 1) {
            return;
        }
        set(out, 1, 0, -C1, 0);
        set(out, 2, 0, 0, C1);
        set(out, 3, -C1, 0, 0);
        if (degree < 2) {
            return;
        }
        double xx = x * x, yy = y * y, zz = z * z;
        set(out, 4, C2[0] * y, C2[0] * x, 0);
        set(out, 5, 0, C2[1] * z, C2[1] * y);
        set(out, 6, -2 * C2[2] * x, -2 * C2[2] * y, 4 * C2[2] * z);
        set(out, 7, C2[3] * z, 0, C2[3] * x);
        set(out, 8, 2 * C2[4] * x, -2 * C2[4] * y, 0);
        if (degree < 3) {
            return;
        }
        set(out, 9, 6 * C3[0] * x * y, 3 * C3[0] * (xx - yy), 0);
        set(out, 10, C3[1] * y * z, C3[1] * x * z, C3[1] * x * y);
        set(out, 11, -2 * C3[2] * x * y, C3[2] * (4 * zz - xx - 3 * yy), 8 * C3[2] * y * z);
        set(out, 12, -6 * C3[3] * x * z, -6 * C3[3] * y * z, 3 * C3[3] * (2 * zz - xx - yy));
        set(out, 13, C3[4] * (4 * zz - 3 * xx - yy), -2 * C3[4] * x * y, 8 * C3[4] * x * z);
        set(out, 14, 2 * C3[5] * x * z, -2 * C3[5] * y * z, C3[5] * (xx - yy));
        set(out, 15, 3 * C3[6] * (xx - yy), -6 * C3[6] * x * y, 0);
    }

    private static void set(double[] out, int k, double dx, double dy, double dz) {
        out[3 * k] = dx;
        out[3 * k + 1] = dy;
        out[3 * k + 2] = dz;
    }
}
