package org.mouselift.data.dataset;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.CameraException;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.OpencvCameraFile;
import org.mouselift.data.camera.OpencvFrame;
import org.mouselift.data.image.Composite;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.ImageFormatException;
import org.mouselift.data.image.Images;
import org.mouselift.data.image.PillowResize;
import org.mouselift.data.image.ResampleFilter;

/** A sample folder: its cameras, and loading of its pictures (GS-LRM specification §5.1, §5.2; mouse specification §2.6, §6.5). */
record SampleViews(Path folder, OpencvCameraFile cameras) {

    /** What happens to every picture. */
    record Treatment(int size, boolean removeAlpha, AutoMask autoMask, int maskThreshold, boolean requireAlpha) {
        Treatment {
            if (size < 1) {
                throw new IllegalArgumentException("image_size: " + size + " must be positive");
            }
            if (maskThreshold < 0 || maskThreshold > 255) {
                throw new IllegalArgumentException("mask_threshold: " + maskThreshold + "; expected 0 to 255");
            }
        }
    }

    /** The finished pictures and the cameras that belong to them. */
    record Loaded(List<Image8> images, CameraRig rig) {}

    /** Reads the camera file and checks that it names at least {@code views} existing pictures. */
    static SampleViews open(Path folder, int views) throws IOException {
        Path file = folder.resolve(OpencvCameraFile.FILE_NAME);
        if (!Files.isRegularFile(file)) {
            throw new DatasetException(null, folder, "has no " + OpencvCameraFile.FILE_NAME, "a sample folder holds the camera file and its pictures");
        }
        OpencvCameraFile cameras = OpencvCameraFile.read(file, OpencvCameraFile.Options.SAMPLE);
        if (cameras.frames().size() < views) {
            throw new DatasetException("MFL-E113", file, "sample " + cameras.id().orElse(folder.getFileName().toString()) + " has " + cameras.frames().size()
                    + " views, needs " + views, "lower num_views or remove the sample from the list");
        }
        return new SampleViews(folder, cameras);
    }

    Loaded load(int[] views, Treatment treatment, int[] background, ViewAugmentation.Drawn augmentation) throws IOException {
        List<Image8> images = new ArrayList<>();
        List<Camera> cams = new ArrayList<>();
        for (int view : views) {
            OpencvFrame frame = cameras.frames().get(view);
            Path path = folder.resolve(frame.filePath().orElseThrow());
            Image8 image = read(path, frame, view);
            images.add(finished(image, path, view, treatment, background, augmentation));
            // One ratio for both axes: the pictures are square.
            Camera resized = frame.camera().withIntrinsics(frame.camera().intrinsics().resize(treatment.size(), treatment.size()));
            try {
                cams.add(augmentation.apply(resized, view));
            } catch (CameraException e) {
                throw new DatasetException(e.code(), path, "view " + view + ": augmentation does not fit the camera: " + e.getMessage(), "", e);
            }
            if (images.getLast().channels() != images.getFirst().channels()) {
                throw new DatasetException("MFL-E134", path, "view " + view + " has " + images.getLast().channels() + " channels, view " + views[0] + " has "
                        + images.getFirst().channels(), "store all pictures of a sample with alpha or all without");
            }
        }
        return new Loaded(images, new CameraRig(cameras.id().orElse(folder.getFileName().toString()), cams));
    }

    private static Image8 read(Path path, OpencvFrame frame, int view) throws IOException {
        Image8 image;
        try {
            image = Images.read(path);
        } catch (NoSuchFileException e) {
            throw new DatasetException("MFL-D01", path, "picture of view " + view + " does not exist", "supply it or correct the camera file", e);
        } catch (ImageFormatException e) {
            throw new DatasetException("MFL-D05", path, "picture of view " + view + " cannot be read: " + e.getMessage(), "make it again", e);
        }
        if (image.width() != frame.camera().intrinsics().width() || image.height() != frame.camera().intrinsics().height()) {
            throw new DatasetException("MFL-D02", path, "picture of view " + view + " has " + image.width() + "x" + image.height() + " pixels, the camera file says "
                    + frame.camera().intrinsics().width() + "x" + frame.camera().intrinsics().height(), "were pictures rescaled without their intrinsics?");
        }
        if (image.width() != image.height()) {
            throw new DatasetException("MFL-D03", path, "picture of view " + view + " has " + image.width() + "x" + image.height() + " pixels, expected a square",
                    "crop or pad it, and its camera, first");
        }
        return image.hasAlpha() ? image.toRgba() : image.toRgb();
    }

    private static Image8 finished(Image8 stored, Path path, int view, Treatment treatment, int[] background, ViewAugmentation.Drawn augmentation) throws DatasetException {
        Image8 image = PillowResize.resize(stored, treatment.size(), treatment.size(), ResampleFilter.LANCZOS);
        boolean masked = false;
        if (treatment.autoMask() == AutoMask.FROM_SOURCE && !image.hasAlpha()) {
            image = AutoMask.withMask(image, treatment.maskThreshold());
            masked = true;
        }
        image = augmentation.apply(image, view);
        if (image.hasAlpha()) {
            Image8 rgb = Composite.onto(image, background);
            image = treatment.removeAlpha() && !masked ? rgb : withAlphaOf(rgb, image);
        }
        if (treatment.autoMask() == AutoMask.ORIGINAL && !image.hasAlpha()) {
            image = AutoMask.withMask(image, treatment.maskThreshold());
        }
        if (treatment.requireAlpha() && !image.hasAlpha()) {
            throw new DatasetException("MFL-E134", path, "has no alpha, but masks are required", "enable auto_generate_mask or preprocess the pictures");
        }
        return image;
    }

    private static Image8 withAlphaOf(Image8 rgb, Image8 rgba) {
        Image8 out = rgb.toRgba();
        for (int i = 3; i < out.data().length; i += 4) {
            out.data()[i] = rgba.data()[i];
        }
        return out;
    }

    /** Known depth of some views at a picture size, [views, size, size]. */
    float[] depth(int[] views, int size) throws IOException {
        float[] all = new float[Math.multiplyExact(views.length, size * size)];
        for (int i = 0; i < views.length; i++) {
            float[] map = DepthPicture.read(folder, cameras, views[i]).resize(size);
            System.arraycopy(map, 0, all, i * map.length, map.length);
        }
        return all;
    }

    /** Puts pictures and cameras together. */
    MultiViewItem item(Loaded loaded, CameraRig rig, int[] views, int sampleNumber, float[] background, float[] depth) {
        Image8 first = loaded.images().getFirst();
        int pixels = first.data().length;
        float[] all = new float[Math.multiplyExact(views.length, pixels)];
        float[][] c2w = new float[views.length][];
        float[][] intrinsics = new float[views.length][];
        long[][] index = new long[views.length][];
        for (int v = 0; v < views.length; v++) {
            System.arraycopy(loaded.images().get(v).toFloatChw(), 0, all, v * pixels, pixels);
            c2w[v] = flat(rig.get(v).pose().c2w());
            double[] k = rig.get(v).intrinsics().fxfycxcy();
            intrinsics[v] = new float[] {(float) k[0], (float) k[1], (float) k[2], (float) k[3]};
            index[v] = new long[] {views[v], sampleNumber};
        }
        return new MultiViewItem(folder, views.length, first.channels(), first.width(), all, c2w, intrinsics, index, background, depth);
    }

    private static float[] flat(double[][] matrix) {
        float[] out = new float[16];
        for (int i = 0; i < 16; i++) {
            out[i] = (float) matrix[i / 4][i % 4];
        }
        return out;
    }
}
