package org.mouselift.models.splat;

/**
 * Gradients of one view at the places between the image and the raw parameters, for research and for densification.
 * Overwritten by every backward pass it is given to; zero for Gaussians that are not visible.
 */
public final class GradientProbe {
    /** dL/d(u, v): the 2D mean in pixels, [N,2]. */
    public final float[] mean2d;
    /** dL/d(A, B, C) of the conic, true partial derivatives, [N,3]. */
    public final float[] conic;
    /** dL/d(a, b, c) of the 2D covariance, off-diagonal b counted once, [N,3]. */
    public final float[] covariance2d;
    /** dL/dRGB of the Gaussian before the clamp at 0 is taken into account, [N,3]. */
    public final float[] colour;
    /** dL/d(activated scale), [N,3]. */
    public final float[] scale;
    /** dL/d(normalised quaternion), [N,4]. */
    public final float[] unitQuaternion;
    /** dL/d(activated opacity), [N]. */
    public final float[] opacity;

    public GradientProbe(int count) {
        mean2d = new float[Math.multiplyExact(2, count)];
        conic = new float[Math.multiplyExact(3, count)];
        covariance2d = new float[Math.multiplyExact(3, count)];
        colour = new float[Math.multiplyExact(3, count)];
        scale = new float[Math.multiplyExact(3, count)];
        unitQuaternion = new float[Math.multiplyExact(4, count)];
        opacity = new float[count];
    }

    void clear() {
        for (float[] a : new float[][] {mean2d, conic, covariance2d, colour, scale, unitQuaternion, opacity}) {
            java.util.Arrays.fill(a, 0);
        }
    }

    void store(int i, ProjectionGradient g, float[] moments, int at) {
        mean2d[2 * i] = (float) g.gu;
        mean2d[2 * i + 1] = (float) g.gv;
        conic[3 * i] = (float) g.gA;
        conic[3 * i + 1] = (float) g.gB;
        conic[3 * i + 2] = (float) g.gC;
        covariance2d[3 * i] = (float) g.ga;
        covariance2d[3 * i + 1] = (float) g.gb;
        covariance2d[3 * i + 2] = (float) g.gc;
        for (int k = 0; k < 3; k++) {
            colour[3 * i + k] = moments[at + 6 + k];
            scale[3 * i + k] = (float) g.scale[k];
        }
        for (int k = 0; k < 4; k++) {
            unitQuaternion[4 * i + k] = (float) g.unitQuaternion[k];
        }
        opacity[i] = (float) g.opacity;
    }
}
