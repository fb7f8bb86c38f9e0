package org.mouselift.data.dataset;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.mouselift.data.camera.OpencvCameraFile;
import org.mouselift.data.image.Image;
import org.mouselift.data.image.Image16;
import org.mouselift.data.image.ImageFormatException;
import org.mouselift.data.image.ImageLimits;
import org.mouselift.data.image.Images;

/**
 * Known z depth of a square picture: 16-bit grey, value times the unit of the camera file's {@code depth} block
 * ({@code folder}, {@code unit}), 0 where there is no surface. The file has the picture's name.
 *
 * @param size side in pixels
 * @param depth [size * size], world units, 0 = unknown
 */
record DepthPicture(int size, float[] depth) {
    /** Neighbours that differ by more than this share of their depth belong to different surfaces and are not mixed. */
    private static final float SAME_SURFACE = 0.03f;

    /** Reads the depth of a view of a sample. */
    static DepthPicture read(Path sample, OpencvCameraFile cameras, int view) throws IOException {
        Path file = sample.resolve(OpencvCameraFile.FILE_NAME);
        JsonNode block = cameras.extra().path("depth");
        double unit = block.path("unit").asDouble(0);
        if (!block.path("folder").isTextual() || !(unit > 0 && unit < Double.POSITIVE_INFINITY)) {
            throw new DatasetException(null, file, "has no 'depth' block with 'folder' and a positive 'unit'",
                    "make the data set with depth (synth-mice writes it unless --no-geometry is given), or set depth_loss_weight: 0");
        }
        Path picture = sample.resolve(cameras.frames().get(view).filePath().orElseThrow());
        Path path = sample.resolve(block.path("folder").textValue()).resolve(picture.getFileName()).normalize();
        if (!path.startsWith(sample.normalize()) || !Files.isRegularFile(path)) {
            throw new DatasetException(null, path, "depth of view " + view + " does not exist inside the sample", "make the data set again, or set depth_loss_weight: 0");
        }
        Image image;
        try {
            image = Images.readStored(path, ImageLimits.DEFAULT);
        } catch (ImageFormatException e) {
            throw new DatasetException("MFL-D05", path, "depth of view " + view + " cannot be read: " + e.getMessage(), "make it again", e);
        }
        int side = cameras.frames().get(view).camera().intrinsics().width();
        if (!(image instanceof Image16 grey) || grey.channels() != 1 || grey.width() != side || grey.height() != side) {
            throw new DatasetException(null, path, "is not a 16-bit grey picture of " + side + "x" + side + " pixels", "make the data set again");
        }
        float[] depth = new float[side * side];
        for (int i = 0; i < depth.length; i++) {
            depth[i] = (float) ((grey.data()[i] & 0xFFFF) * unit);
        }
        return new DepthPicture(side, depth);
    }

    /**
     * Depth at the pixel centres of a picture of another size: bilinear between the four neighbours where all are known and on one
     * surface, else unknown.
     */
    float[] resize(int wanted) {
        if (wanted == size) {
            return depth.clone();
        }
        float[] out = new float[wanted * wanted];
        for (int y = 0; y < wanted; y++) {
            for (int x = 0; x < wanted; x++) {
                out[y * wanted + x] = at((x + 0.5) * size / wanted - 0.5, (y + 0.5) * size / wanted - 0.5);
            }
        }
        return out;
    }

    private float at(double x, double y) {
        int left = (int) Math.floor(x);
        int top = (int) Math.floor(y);
        float a = value(left, top);
        float b = value(left + 1, top);
        float c = value(left, top + 1);
        float d = value(left + 1, top + 1);
        float nearest = Math.min(Math.min(a, b), Math.min(c, d));
        float farthest = Math.max(Math.max(a, b), Math.max(c, d));
        if (nearest == 0 || farthest - nearest > SAME_SURFACE * farthest) {
            return 0;
        }
        double u = x - left;
        double v = y - top;
        return (float) ((1 - v) * ((1 - u) * a + u * b) + v * ((1 - u) * c + u * d));
    }

    private float value(int x, int y) {
        int cx = Math.clamp(x, 0, size - 1);
        int cy = Math.clamp(y, 0, size - 1);
        return depth[cy * size + cx];
    }
}
