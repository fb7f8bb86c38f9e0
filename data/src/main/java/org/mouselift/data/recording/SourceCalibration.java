package org.mouselift.data.recording;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.mouselift.data.camera.CalibrationFile;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.Intrinsics;
import org.mouselift.data.camera.MammalCamera;
import org.mouselift.data.camera.NerfTransforms;
import org.mouselift.data.camera.OpencvCameraFile;

/**
 * The cameras of a recording in source units, from whatever file there is (mouse specification §2.2, §2.3): a calibration pickle or
 * its JSON form, {@code transforms.json}, {@code opencv_cameras.json}, or the folder of a COLMAP text model. Cameras are never
 * invented; the lens is scaled to the size of the frames.
 */
public final class SourceCalibration {
    /** Names looked for, in this order. */
    public static final List<String> NAMES = List.of("new_cam.pkl", "cameras.json", "transforms.json", OpencvCameraFile.FILE_NAME);
    private static final ObjectMapper MAPPER = new ObjectMapper();

    private SourceCalibration() {}

    /** The calibration of a recording's folder, or empty. */
    public static Optional<Path> find(Path folder) {
        for (String name : NAMES) {
            if (Files.isRegularFile(folder.resolve(name))) {
                return Optional.of(folder.resolve(name));
            }
        }
        for (Path p : List.of(folder, folder.resolve("sparse"), folder.resolve("sparse").resolve("0"))) {
            if (ColmapText.matches(p)) {
                return Optional.of(p);
            }
        }
        return Optional.empty();
    }

    /** A frame size in pixels. */
    public record Size(int width, int height) {}

    /**
     * @param place a file, or the folder of a COLMAP model
     * @param views number of cameras needed; surplus ones are not used
     * @param frame the size of each camera's frames
     * @param made  the size the calibration was made for, where its file does not say; empty: that of the frames
     * @throws RecordingException if cameras are missing or the lens cannot belong to the frames
     */
    public static CameraRig read(Path place, int views, List<Size> frame, Optional<Size> made) throws IOException {
        List<Camera> cameras = Files.isDirectory(place) ? ColmapText.read(place).cameras() : file(place, views, frame, made);
        if (cameras.size() < views) {
            throw new RecordingException(place, "has " + cameras.size() + " cameras, needs " + views + " (MFL-D04)", "supply the calibration of every "
                    + "camera; none is invented");
        }
        List<Camera> out = new ArrayList<>();
        for (int i = 0; i < views; i++) {
            out.add(fit(place, i, cameras.get(i), frame.get(i)));
        }
        return new CameraRig("recording", out);
    }

    private static List<Camera> file(Path file, int views, List<Size> frame, Optional<Size> made) throws IOException {
        byte[] head = Files.readAllBytes(checked(file));
        if (head.length > 0 && (head[0] & 0xFF) == 0x80) {
            return mammal(CalibrationFile.readPickle(file, views), frame, made);
        }
        JsonNode root;
        try {
            root = MAPPER.readTree(head);
        } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
            throw new RecordingException(file, "is neither a calibration pickle nor JSON (" + e.getOriginalMessage() + ")", "give new_cam.pkl, "
                    + "cameras.json, transforms.json, opencv_cameras.json or a COLMAP text model", e);
        }
        if (root.path("frames").isArray()) {
            boolean nerf = root.path("frames").path(0).has("transform_matrix");
            return nerf ? NerfTransforms.parse(head, file).rig("recording").cameras()
                    : OpencvCameraFile.parse(head, file, OpencvCameraFile.Options.RIG).rig("recording").cameras();
        }
        return mammal(CalibrationFile.readJson(file, views), frame, made);
    }

    private static Path checked(Path file) throws IOException {
        if (!Files.isRegularFile(file)) {
            throw new RecordingException(file, "does not exist", "give the calibration file; cameras are never invented (an explicit --rig is possible)");
        }
        if (Files.size(file) > 64L << 20) {
            throw new RecordingException(file, "has " + Files.size(file) + " bytes", "a calibration is far smaller");
        }
        return file;
    }

    private static List<Camera> mammal(List<MammalCamera> cameras, List<Size> frame, Optional<Size> made) {
        List<Camera> out = new ArrayList<>();
        for (int i = 0; i < cameras.size(); i++) {
            Size s = made.orElse(frame.get(i));
            out.add(cameras.get(i).toCamera(s.width, s.height));
        }
        return out;
    }

    /** The lens in pixels of the frames. The principal point of a whole frame lies near its middle. */
    private static Camera fit(Path place, int i, Camera camera, Size frame) throws RecordingException {
        Intrinsics k = camera.intrinsics();
        if (Math.abs((double) k.width() / k.height() * frame.height / frame.width - 1) > 0.01) {
            throw new RecordingException(place, "camera " + i + " is calibrated for " + k.width() + "x" + k.height() + " but its frames have "
                    + frame.width + "x" + frame.height, "give frames of the calibrated shape (not cropped)");
        }
        Intrinsics fitted = k.resize(frame.width, frame.height);
        if (fitted.cx() < 0.2 * frame.width || fitted.cx() > 0.8 * frame.width || fitted.cy() < 0.2 * frame.height || fitted.cy() > 0.8 * frame.height) {
            throw new RecordingException(place, "camera " + i + " has its principal point at (" + fitted.cx() + ", " + fitted.cy() + ") of a "
                    + frame.width + "x" + frame.height + " frame", "the calibration was made for another frame size: state it with --calibration-size WxH");
        }
        return camera.withIntrinsics(fitted);
    }
}
