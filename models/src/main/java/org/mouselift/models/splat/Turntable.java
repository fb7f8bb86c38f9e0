package org.mouselift.models.splat;

import java.util.ArrayList;
import java.util.List;

/** Cameras on a circle around the z axis and the turntable picture strip. Source: GS-LRM specification §2.7. */
public final class Turntable {
    private Turntable() {}

    /**
     * Cameras that look at the origin; the first one stands on the -y side (azimuth 270°), the others follow
     * counter-clockwise seen from +z.
     *
     * @param hfov horizontal field of view in degrees, in (0, 180)
     * @param views number of cameras ≥ 1
     * @param radius distance from the origin, world units
     * @param elevation degrees above the xy plane, in (-90, 90)
     */
    public static List<SplatCamera> cameras(double hfov, int views, int width, int height, double radius, double elevation) {
        if (!(hfov > 0 && hfov < 180)) {
            throw new IllegalArgumentException("turntable field of view " + hfov + ", expected degrees in (0, 180)");
        }
        if (views < 1) {
            throw new IllegalArgumentException("turntable with " + views + " views, expected at least 1");
        }
        if (!(radius > 0) || !(elevation > -90 && elevation < 90)) {
            throw new IllegalArgumentException("turntable radius " + radius + " and elevation " + elevation + ": expected radius > 0 and -90 < elevation < 90 degrees");
        }
        double focal = width / (2 * Math.tan(Math.toRadians(hfov) / 2));
        double e = Math.toRadians(elevation);
        List<SplatCamera> out = new ArrayList<>();
        for (int k = 0; k < views; k++) {
            double a = Math.toRadians(270 + 360.0 * k / views);
            double px = radius * Math.cos(e) * Math.cos(a), py = radius * Math.cos(e) * Math.sin(a), pz = radius * Math.sin(e);
            double[] forward = normalise(-px, -py, -pz);
            // right = forward × (0, 0, 1), up = right × forward
            double[] right = normalise(forward[1], -forward[0], 0);
            double[] up = normalise(right[1] * forward[2] - right[2] * forward[1], right[2] * forward[0] - right[0] * forward[2],
                right[0] * forward[1] - right[1] * forward[0]);
            out.add(new SplatCamera(width, height, focal, focal, width / 2.0, height / 2.0, new double[] {
                right[0], -up[0], forward[0], px,
                right[1], -up[1], forward[1], py,
                right[2], -up[2], forward[2], pz,
                0, 0, 0, 1}));
        }
        return out;
    }

    /** The cameras of {@link #strip}: field of view 50°, distance 2.7, elevation 0. */
    public static List<SplatCamera> stripCameras(int resolution, int views) {
        return cameras(50, views, resolution, resolution, 2.7, 0);
    }

    /**
     * Renders the views on white, side by side: 8-bit RGB, [resolution, views·resolution, 3], values clip(255·x, 0, 255)
     * truncated.
     */
    public static byte[] strip(SplatRasterizer rasterizer, GaussianParameters gaussians, int resolution, int views) {
        byte[] strip = new byte[Math.multiplyExact(Math.multiplyExact(3 * resolution, resolution), views)];
        SplatImage image = SplatImage.allocate(resolution, resolution);
        List<SplatCamera> cameras = stripCameras(resolution, views);
        for (int view = 0; view < views; view++) {
            rasterizer.render(gaussians, cameras.get(view), new float[] {1, 1, 1}, 1, image);
            float[] rgb = image.rgbArray();
            for (int y = 0; y < resolution; y++) {
                for (int x = 0; x < resolution; x++) {
                    for (int c = 0; c < 3; c++) {
                        float value = 255 * rgb[(c * resolution + y) * resolution + x];
                        strip[3 * (y * views * resolution + view * resolution + x) + c] = (byte) (int) Math.clamp(value, 0f, 255f);
                    }
                }
            }
        }
        return strip;
    }

    private static double[] normalise(double x, double y, double z) {
        double n = Math.sqrt(x * x + y * y + z * z);
        return new double[] {x / n, y / n, z / n};
    }
}
