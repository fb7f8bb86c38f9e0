package org.mouselift.models.splat;

import java.util.Arrays;

/**
 * A pinhole camera in the OpenCV convention (x right, y down, z forward) as the splat renderer sees it. The centre of
 * pixel (X, Y) lies at (X + 0.5, Y + 0.5) in the coordinates of the principal point. Source: GS-LRM specification §2.1.
 *
 * @param width image width in pixels, 1 … 65536
 * @param height image height in pixels, 1 … 65536
 * @param fx focal length in pixels, positive
 * @param fy focal length in pixels, positive
 * @param cx principal point in pixels
 * @param cy principal point in pixels
 * @param c2w camera-to-world matrix, 16 numbers row-major, invertible, last row (0, 0, 0, 1)
 */
public record SplatCamera(int width, int height, double fx, double fy, double cx, double cy, double[] c2w) {
    /** Largest image side: keeps pixel numbers exact in float32 and tile numbers within 16 bits. */
    public static final int MAX_SIDE = 65_536;

    public SplatCamera {
        if (width < 1 || height < 1 || width > MAX_SIDE || height > MAX_SIDE) {
            throw new IllegalArgumentException("camera image size " + width + "x" + height + ": expected sides from 1 to " + MAX_SIDE);
        }
        if (!(fx > 0 && fy > 0 && fx < Double.POSITIVE_INFINITY && fy < Double.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException("camera focal lengths fx=" + fx + ", fy=" + fy + ": expected positive finite numbers (pixels)");
        }
        if (!(Double.isFinite(cx) && Double.isFinite(cy))) {
            throw new IllegalArgumentException("camera principal point cx=" + cx + ", cy=" + cy + ": expected finite numbers (pixels)");
        }
        if (c2w.length != 16) {
            throw new IllegalArgumentException("camera c2w has " + c2w.length + " numbers, expected 16 (4x4, row-major)");
        }
        for (int i = 0; i < 16; i++) {
            if (!Double.isFinite(c2w[i])) {
                throw new IllegalArgumentException("camera c2w[" + i / 4 + "][" + i % 4 + "] = " + c2w[i] + ", expected a finite number");
            }
        }
        if (c2w[12] != 0 || c2w[13] != 0 || c2w[14] != 0 || c2w[15] != 1) {
            throw new IllegalArgumentException("camera c2w has last row " + Arrays.toString(Arrays.copyOfRange(c2w, 12, 16))
                + ", expected 0 0 0 1 (is the matrix transposed?)");
        }
        c2w = c2w.clone();
    }

    @Override
    public double[] c2w() {
        return c2w.clone();
    }

    /** World-to-camera matrix, 16 numbers row-major: the general inverse of {@link #c2w()} (a scaled rotation is allowed). */
    public double[] w2c() {
        double a = c2w[0], b = c2w[1], c = c2w[2], d = c2w[4], e = c2w[5], f = c2w[6], g = c2w[8], h = c2w[9], i = c2w[10];
        double ca = e * i - f * h, cb = f * g - d * i, cc = d * h - e * g;
        double det = a * ca + b * cb + c * cc;
        if (!(Math.abs(det) > 1e-30) || !Double.isFinite(det)) {
            throw new IllegalArgumentException("camera c2w is not invertible: determinant of the 3x3 part is " + det);
        }
        double[] m = {
            ca / det, (c * h - b * i) / det, (b * f - c * e) / det, 0,
            cb / det, (a * i - c * g) / det, (c * d - a * f) / det, 0,
            cc / det, (b * g - a * h) / det, (a * e - b * d) / det, 0,
            0, 0, 0, 1};
        for (int r = 0; r < 3; r++) {
            m[4 * r + 3] = -(m[4 * r] * c2w[3] + m[4 * r + 1] * c2w[7] + m[4 * r + 2] * c2w[11]);
        }
        return m;
    }

    /** Tiles in a row of the image: ceil(width / 16). */
    public int tilesX() {
        return Math.ceilDiv(width, 16);
    }

    /** Rows of tiles: ceil(height / 16). */
    public int tilesY() {
        return Math.ceilDiv(height, 16);
    }

    @Override
    public boolean equals(Object other) {
        return other instanceof SplatCamera o && width == o.width && height == o.height && fx == o.fx && fy == o.fy
            && cx == o.cx && cy == o.cy && Arrays.equals(c2w, o.c2w);
    }

    @Override
    public int hashCode() {
        return Arrays.hashCode(new Object[] {width, height, fx, fy, cx, cy, Arrays.hashCode(c2w)});
    }

    @Override
    public String toString() {
        return "SplatCamera[" + width + "x" + height + ", fx=" + fx + ", fy=" + fy + ", cx=" + cx + ", cy=" + cy + ", c2w=" + Arrays.toString(c2w) + "]";
    }
}
