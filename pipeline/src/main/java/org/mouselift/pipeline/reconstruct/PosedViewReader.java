package org.mouselift.pipeline.reconstruct;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.NerfTransforms;
import org.mouselift.data.camera.OpencvCameraFile;
import org.mouselift.data.camera.OpencvFrame;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.ImageFormatException;
import org.mouselift.data.image.Images;

/** Reads pictures with their cameras: sample folders, nerfstudio folders, and pictures with a rig. */
public final class PosedViewReader {
    private static final String NERF = "transforms.json";
    private static final List<String> ENDINGS = List.of(".png", ".jpg", ".jpeg");

    private PosedViewReader() {}

    /** Pictures that cannot be used: code, file, problem and remedy. */
    public static final class ViewException extends IOException {
        private static final long serialVersionUID = 1L;

        ViewException(String code, Path place, String problem, String remedy, Throwable cause) {
            super(code + ": " + place + ": " + problem + " (" + remedy + ")", cause);
        }
    }

    /**
     * A picture of a sample that was not read yet.
     *
     * @param name path relative to the sample
     */
    public record PictureFile(String name, Path file, Camera camera) {
        /** Reads and checks the picture. */
        public PosedView load(int size) throws IOException {
            Image8 image = read(file);
            if (image.width() != camera.intrinsics().width() || image.height() != camera.intrinsics().height()) {
                throw new ViewException("MFL-D02", file, "has " + image.width() + "x" + image.height() + " pixels, the camera file says "
                        + camera.intrinsics().width() + "x" + camera.intrinsics().height(), "were pictures rescaled without their intrinsics?", null);
            }
            return PosedView.of(name, image, camera, size);
        }
    }

    /** The pictures of a folder with {@code opencv_cameras.json} or {@code transforms.json}, in the file's order. */
    public static List<PosedView> sample(Path folder, int size) throws IOException {
        List<PosedView> views = new ArrayList<>();
        for (PictureFile picture : index(folder)) {
            views.add(picture.load(size));
        }
        return views;
    }

    /** Cameras and names of the pictures of such a folder, without reading the pictures. */
    public static List<PictureFile> index(Path folder) throws IOException {
        Path opencv = folder.resolve(OpencvCameraFile.FILE_NAME);
        Path nerf = folder.resolve(NERF);
        List<OpencvFrame> frames;
        if (Files.isRegularFile(opencv)) {
            frames = OpencvCameraFile.read(opencv, OpencvCameraFile.Options.SAMPLE).frames();
        } else if (Files.isRegularFile(nerf)) {
            frames = NerfTransforms.read(nerf).frames();
        } else {
            throw new ViewException("MFL-D01", folder, "has no " + OpencvCameraFile.FILE_NAME + " and no " + NERF, "name the cameras with --cameras", null);
        }
        List<PictureFile> pictures = new ArrayList<>();
        for (OpencvFrame frame : frames) {
            Path picture = folder.resolve(frame.filePath().orElseThrow(() -> new ViewException("MFL-D01", nerf, "a frame has no file_path", "name its picture", null)));
            if (!Files.exists(picture) && Files.exists(Path.of(picture + ".png"))) {
                picture = Path.of(picture + ".png");
            }
            pictures.add(new PictureFile(folder.relativize(picture).toString(), picture, frame.camera()));
        }
        return pictures;
    }

    /** Pictures in the order of the cameras; the rig's intrinsics are scaled to the pictures' size. */
    public static List<PosedView> pictures(List<Path> files, CameraRig rig, int size) throws IOException {
        if (files.size() != rig.size()) {
            throw new ViewException("MFL-E114", files.getFirst(), rig.size() + " cameras for " + files.size() + " pictures", "supply exactly one camera a picture",
                    null);
        }
        List<PosedView> views = new ArrayList<>();
        for (int i = 0; i < files.size(); i++) {
            Image8 image = read(files.get(i));
            Camera camera = rig.get(i);
            if ((long) image.width() * camera.intrinsics().height() != (long) image.height() * camera.intrinsics().width()) {
                throw new ViewException("MFL-D02", files.get(i), "has " + image.width() + "x" + image.height() + " pixels, its camera "
                        + camera.intrinsics().width() + "x" + camera.intrinsics().height(), "camera and picture must have the same aspect", null);
            }
            views.add(PosedView.of(files.get(i).getFileName().toString(), image, camera, size));
        }
        return views;
    }

    /** The picture files of a folder, or of its sub-folder {@code images}, by name. */
    public static List<Path> list(Path folder) throws IOException {
        for (Path place : List.of(folder, folder.resolve("images"))) {
            if (Files.isDirectory(place)) {
                try (Stream<Path> files = Files.list(place)) {
                    List<Path> pictures = files.filter(f -> ENDINGS.stream().anyMatch(f.getFileName().toString().toLowerCase(Locale.ROOT)::endsWith)).sorted().toList();
                    if (!pictures.isEmpty()) {
                        return pictures;
                    }
                }
            }
        }
        throw new ViewException("MFL-D01", folder, "holds no pictures", "PNG and JPEG files are read, in it or in its folder images", null);
    }

    private static Image8 read(Path file) throws IOException {
        Image8 image;
        try {
            image = Images.read(file);
        } catch (NoSuchFileException e) {
            throw new ViewException("MFL-D01", file, "picture does not exist", "supply it or correct the camera file", e);
        } catch (ImageFormatException e) {
            throw new ViewException("MFL-D05", file, "cannot be read: " + e.getMessage(), "make it again", e);
        }
        if (image.width() != image.height()) {
            throw new ViewException("MFL-D03", file, "has " + image.width() + "x" + image.height() + " pixels, expected a square",
                    "crop or pad it, and its camera, first", null);
        }
        return image;
    }
}
