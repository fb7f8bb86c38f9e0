package org.mouselift.pipeline.train;

import java.util.List;
import java.util.stream.IntStream;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.Intrinsics;
import org.mouselift.data.camera.Pose;

/**
 * One training item: V posed pictures of a subject, the input views first.
 *
 * @param id name in logs and file names
 * @param views V
 * @param channels 3, or 4 with alpha as the last plane
 * @param height pixels
 * @param width pixels
 * @param images [V,C,H,W] in [0,1], RGB composited on the background
 * @param c2w camera-to-world, OpenCV axes, row-major [V,4,4]
 * @param intrinsics fx, fy, cx, cy in pixels [V,4]
 * @param depth known z depth of the first views [n,H,W], 0 = unknown; empty when there is none
 */
public record Scene(String id, int views, int channels, int height, int width, float[] images, float[] c2w, float[] intrinsics,
        float[] depth) {
    public Scene {
        require(images.length == (long) views * channels * height * width, id, "images has " + images.length + " values");
        require(c2w.length == views * 16, id, "c2w has " + c2w.length + " values");
        require(intrinsics.length == views * 4, id, "intrinsics has " + intrinsics.length + " values");
        require(depth.length % (height * width) == 0 && depth.length <= views * height * width, id, "depth has " + depth.length + " values");
        require(channels == 3 || channels == 4, id, channels + " channels");
    }

    /** Without known depth. */
    public Scene(String id, int views, int channels, int height, int width, float[] images, float[] c2w, float[] intrinsics) {
        this(id, views, channels, height, width, images, c2w, intrinsics, new float[0]);
    }

    private static void require(boolean holds, String id, String problem) {
        if (!holds) {
            throw new IllegalArgumentException("scene " + id + ": " + problem);
        }
    }

    /** The scene with the given views in the given order; known depth stays only if the views are the first ones, in their order. */
    public Scene select(int... chosen) {
        int image = channels * height * width;
        float[] i = new float[chosen.length * image];
        float[] c = new float[chosen.length * 16];
        float[] f = new float[chosen.length * 4];
        boolean first = true;
        for (int v = 0; v < chosen.length; v++) {
            first &= chosen[v] == v;
            System.arraycopy(images, chosen[v] * image, i, v * image, image);
            System.arraycopy(c2w, chosen[v] * 16, c, v * 16, 16);
            System.arraycopy(intrinsics, chosen[v] * 4, f, v * 4, 4);
        }
        float[] d = first ? java.util.Arrays.copyOf(depth, Math.min(depth.length, chosen.length * height * width)) : new float[0];
        return new Scene(id, chosen.length, channels, height, width, i, c, f, d);
    }

    /** Planar RGB [3,H,W] of a view. */
    public float[] rgb(int view) {
        int plane = height * width;
        return java.util.Arrays.copyOfRange(images, view * channels * plane, view * channels * plane + 3 * plane);
    }

    /** Alpha [H*W] of a view; null without alpha. */
    public float[] mask(int view) {
        int plane = height * width;
        return channels == 4 ? java.util.Arrays.copyOfRange(images, (view * 4 + 3) * plane, (view + 1) * 4 * plane) : null;
    }

    /** The cameras of all views. */
    public List<Camera> cameras() {
        return IntStream.range(0, views).mapToObj(v -> {
            double[][] rows = new double[4][4];
            for (int i = 0; i < 16; i++) {
                rows[i / 4][i % 4] = c2w[16 * v + i];
            }
            return new Camera(new Intrinsics(intrinsics[4 * v], intrinsics[4 * v + 1], intrinsics[4 * v + 2], intrinsics[4 * v + 3], width, height),
                    Pose.cameraToWorld(rows));
        }).toList();
    }
}
