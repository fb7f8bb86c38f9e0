package org.mouselift.data.camera;

/**
 * Pinhole intrinsics in pixels, edge convention (mouse specification §4.1): the image spans [0,{@code width}] ×
 * [0,{@code height}], the centre of pixel (column j, row i) is (j+0.5, i+0.5), {@code u = fx·x/z + cx}. No skew, no lens
 * distortion. How they follow the pixels through crops, resizes and flips is {@link ImageOperation}'s business.
 */
public record Intrinsics(double fx, double fy, double cx, double cy, int width, int height) {
    /** The horizontal field of view of the human models, degrees. */
    public static final double STANDARD_FOV_DEGREES = 50;

    public Intrinsics {
        if (width <= 0 || height <= 0) {
            throw new CameraException(null, "intrinsics: image size", "is " + width + "×" + height,
                    "give a width and a height of at least one pixel");
        }
    }

    /** Square pixels, principal point in the middle, {@code f = W/(2·tan(fov/2))} (horizontal field of view, degrees). */
    public static Intrinsics fromFov(double horizontalFovDegrees, int width, int height) {
        double f = focal(horizontalFovDegrees, width);
        return new Intrinsics(f, f, width / 2.0, height / 2.0, width, height);
    }

    /** The standard camera of the human models: 50°, square image. 512 px → f = 548.993771650447. */
    public static Intrinsics standard(int size) {
        return fromFov(STANDARD_FOV_DEGREES, size, size);
    }

    /** From {@code K = [[fx,0,cx],[0,fy,cy],[0,0,1]]}; any other non-zero entry is an error. */
    public static Intrinsics fromMatrix(Mat3 k, int width, int height) {
        if (k.m01() != 0 || k.m10() != 0 || k.m20() != 0 || k.m21() != 0 || k.m22() != 1) {
            throw new CameraException(null, "K", "is not [[fx,0,cx],[0,fy,cy],[0,0,1]]: " + k,
                    "remove skew by rectifying the images, or pass the matrix untransposed");
        }
        return new Intrinsics(k.m00(), k.m11(), k.m02(), k.m12(), width, height);
    }

    /** The focal length in pixels that sees {@code fovDegrees} over {@code pixels}. */
    public static double focal(double fovDegrees, double pixels) {
        if (!(fovDegrees > 0 && fovDegrees < 180)) {
            throw new CameraException(null, "field of view", "is " + fovDegrees + "°", "give an angle between 0° and 180°");
        }
        return pixels / (2 * Math.tan(Math.toRadians(fovDegrees) / 2));
    }

    /** {@code 2·atan(W/(2·fx))} in degrees. */
    public double horizontalFovDegrees() {
        return Math.toDegrees(2 * Math.atan(width / (2 * fx)));
    }

    /** {@code 2·atan(H/(2·fy))} in degrees. */
    public double verticalFovDegrees() {
        return Math.toDegrees(2 * Math.atan(height / (2 * fy)));
    }

    /** {@code K}. */
    public Mat3 matrix() {
        return new Mat3(fx, 0, cx, 0, fy, cy, 0, 0, 1);
    }

    /** {@code K⁻¹} in closed form. */
    public Mat3 inverseMatrix() {
        return new Mat3(1 / fx, 0, -cx / fx, 0, 1 / fy, -cy / fy, 0, 0, 1);
    }

    /** {@code {fx, fy, cx, cy}}. */
    public double[] fxfycxcy() {
        return new double[] {fx, fy, cx, cy};
    }

    /** The same view sampled with {@code newWidth × newHeight} pixels: everything scales with the size. */
    public Intrinsics resize(int newWidth, int newHeight) {
        double sx = (double) newWidth / width;
        double sy = (double) newHeight / height;
        return new Intrinsics(sx * fx, sy * fy, sx * cx, sy * cy, newWidth, newHeight);
    }

    /** A window of {@code newWidth × newHeight} pixels whose corner is at (ox, oy); negative offsets pad. */
    public Intrinsics crop(double ox, double oy, int newWidth, int newHeight) {
        return new Intrinsics(fx, fy, cx - ox, cy - oy, newWidth, newHeight);
    }

    /** The largest centred square at the integer offset {@code ((W−m)/2, (H−m)/2)} (mouse specification §2.5). */
    public Intrinsics centerCrop() {
        int m = Math.min(width, height);
        return crop((width - m) / 2, (height - m) / 2, m, m);
    }

    public boolean isFinite() {
        return Double.isFinite(fx) && Double.isFinite(fy) && Double.isFinite(cx) && Double.isFinite(cy);
    }
}
