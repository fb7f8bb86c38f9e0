package org.mouselift.pipeline.fit;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.CameraFileException;
import org.mouselift.data.camera.Intrinsics;
import org.mouselift.data.camera.NerfTransforms;
import org.mouselift.data.camera.OpencvCameraFile;
import org.mouselift.data.camera.OpencvFrame;
import org.mouselift.data.image.Composite;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.Images;
import org.mouselift.data.image.PillowResize;
import org.mouselift.data.image.ResampleFilter;
import org.mouselift.pipeline.render.SplatScene;

/**
 * The views of one subject from a sample folder: {@code opencv_cameras.json} (or {@code transforms.json}) and the pictures it
 * names, loaded like training data (GS-LRM specification §5.2): 8 bits, Lanczos, then composited on white.
 *
 * @param train views to fit
 * @param heldOut views kept back to judge the result
 */
public record FitDataset(List<FitView> train, List<FitView> heldOut) {
    public static final String TRANSFORMS = "transforms.json";

    public FitDataset {
        train = List.copyOf(train);
        heldOut = List.copyOf(heldOut);
        if (train.isEmpty()) {
            throw new IllegalArgumentException("no view left to fit: " + heldOut.size() + " of " + heldOut.size() + " are held out");
        }
    }

    /** Splits views: every {@code every}-th one, beginning with the first, is held out; 0 holds out none. */
    public static FitDataset split(List<FitView> views, int every) {
        List<FitView> train = new ArrayList<>(), heldOut = new ArrayList<>();
        for (int i = 0; i < views.size(); i++) {
            (every > 0 && i % every == 0 ? heldOut : train).add(views.get(i));
        }
        return new FitDataset(train, heldOut);
    }

    /**
     * Reads all views of a folder.
     *
     * @param size longest side in pixels; larger pictures are shrunk to it, smaller ones kept; 0 keeps all
     */
    public static List<FitView> read(Path folder, int size) throws IOException {
        Path opencv = folder.resolve(OpencvCameraFile.FILE_NAME), transforms = folder.resolve(TRANSFORMS);
        List<OpencvFrame> frames;
        Path file;
        if (Files.exists(opencv)) {
            file = opencv;
            frames = OpencvCameraFile.read(opencv, OpencvCameraFile.Options.SAMPLE).frames();
        } else if (Files.exists(transforms)) {
            file = transforms;
            frames = NerfTransforms.read(transforms).frames();
        } else {
            throw new FitDatasetException(folder + " has neither " + OpencvCameraFile.FILE_NAME + " nor " + TRANSFORMS + "; give the folder of one sample");
        }
        List<FitView> views = new ArrayList<>();
        boolean masked = false;
        for (int i = 0; i < frames.size(); i++) {
            OpencvFrame frame = frames.get(i);
            if (frame.filePath().isEmpty()) {
                throw new CameraFileException(file, "frames[" + i + "].file_path", "is missing", "every view needs its picture");
            }
            Path picture = folder.resolve(frame.filePath().get());
            Image8 image = Images.read(picture);
            masked |= image.hasAlpha();
            views.add(view(frame.filePath().get(), picture, image, frame.camera(), size));
        }
        if (!masked) {
            throw new FitDatasetException(folder + ": no picture has an alpha channel; the subject's silhouette is needed to begin");
        }
        return views;
    }

    private static FitView view(String name, Path picture, Image8 image, Camera camera, int size) throws IOException {
        Intrinsics k = camera.intrinsics();
        if ((long) k.width() * image.height() != (long) k.height() * image.width()) {
            throw new FitDatasetException(picture + " is " + image.width() + "x" + image.height() + " pixels, its camera " + k.width() + "x" + k.height()
                + ": different aspect ratios");
        }
        int longest = Math.max(image.width(), image.height());
        int target = size > 0 ? Math.min(size, longest) : longest;
        int width = Math.max(1, Math.round((float) image.width() * target / longest)), height = Math.max(1, Math.round((float) image.height() * target / longest));
        Image8 small = PillowResize.resize(image, width, height, ResampleFilter.LANCZOS);
        float[] rgb = Composite.onto(small, new int[] {255, 255, 255}).toFloatChw();
        float[] alpha = small.toRgba().channel(3).toFloatChw();
        return new FitView(name, SplatScene.camera(camera.withIntrinsics(k.resize(width, height))), rgb, alpha);
    }
}
