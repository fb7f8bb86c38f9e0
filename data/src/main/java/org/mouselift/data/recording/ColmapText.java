package org.mouselift.data.recording;

import java.io.IOException;
import java.nio.charset.MalformedInputException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.Intrinsics;
import org.mouselift.data.camera.Mat3;
import org.mouselift.data.camera.Pose;

/**
 * The text model of COLMAP: {@code cameras.txt} (id, model, width, height, parameters) and {@code images.txt} (id, quaternion
 * w x y z and translation world→camera, camera id, picture name; every second line lists points). Pixels are counted from the corner
 * of the image, as here. Only undistorted models are accepted. Cameras are ordered by picture name, numbers by value.
 */
public final class ColmapText {
    private static final long MAX_BYTES = 512L << 20;

    private ColmapText() {}

    /** Whether the folder looks like a text model. */
    public static boolean matches(Path folder) {
        return Files.isRegularFile(folder.resolve("cameras.txt")) && Files.isRegularFile(folder.resolve("images.txt"));
    }

    private record Named(String name, Camera camera) {}

    public static CameraRig read(Path folder) throws IOException {
        Map<Integer, Intrinsics> lenses = lenses(folder.resolve("cameras.txt"));
        Path file = folder.resolve("images.txt");
        List<String> lines = lines(file);
        List<Named> cameras = new ArrayList<>();
        Set<String> names = new HashSet<>();
        for (int i = 0; i < lines.size(); i++) {
            String line = lines.get(i).strip();
            if (line.isEmpty() || line.startsWith("#")) {
                continue;
            }
            Named named = image(file, i + 1, line.split("\\s+", 10), lenses);
            if (!names.add(named.name)) {
                throw error(file, i + 1, "names the picture " + named.name + " a second time", "list every picture once");
            }
            cameras.add(named);
            i++; // the line of observed points, possibly empty
        }
        if (cameras.isEmpty()) {
            throw new RecordingException(file, "lists no pictures", "export the model as text, with its images");
        }
        cameras.sort(Comparator.comparing(Named::name, RecordingLayout.NUMERIC));
        return new CameraRig("colmap", cameras.stream().map(Named::camera).toList());
    }

    private static Map<Integer, Intrinsics> lenses(Path file) throws IOException {
        Map<Integer, Intrinsics> out = new HashMap<>();
        List<String> lines = lines(file);
        for (int i = 0; i < lines.size(); i++) {
            String line = lines.get(i).strip();
            if (line.isEmpty() || line.startsWith("#")) {
                continue;
            }
            String[] f = line.split("\\s+");
            int parameters = switch (f.length > 1 ? f[1] : "") {
                case "SIMPLE_PINHOLE" -> 3;
                case "PINHOLE" -> 4;
                default -> throw error(file, i + 1, "has the camera model " + (f.length > 1 ? f[1] : "(none)"),
                        "undistort the pictures first (image_undistorter); PINHOLE and SIMPLE_PINHOLE are read");
            };
            if (f.length != 4 + parameters) {
                throw error(file, i + 1, "has " + (f.length - 4) + " parameters for " + f[1], "it has " + parameters);
            }
            double fx = number(file, i + 1, f[4]);
            int second = parameters == 3 ? 4 : 5;
            double fy = number(file, i + 1, f[second]);
            int w = whole(file, i + 1, f[2]);
            int h = whole(file, i + 1, f[3]);
            if (!(fx > 0 && fy > 0) || w < 1 || h < 1) {
                throw error(file, i + 1, "has focal lengths " + fx + ", " + fy + " and size " + w + "x" + h, "all must be positive");
            }
            Intrinsics k = new Intrinsics(fx, fy, number(file, i + 1, f[second + 1]), number(file, i + 1, f[second + 2]), w, h);
            if (out.put(whole(file, i + 1, f[0]), k) != null) {
                throw error(file, i + 1, "defines camera " + f[0] + " a second time", "give every camera its own number");
            }
        }
        return out;
    }

    private static Named image(Path file, int line, String[] f, Map<Integer, Intrinsics> lenses) throws IOException {
        if (f.length != 10) {
            throw error(file, line, "has " + f.length + " fields", "expected ID QW QX QY QZ TX TY TZ CAMERA NAME");
        }
        double[] v = new double[7];
        double norm = 0;
        for (int i = 0; i < 7; i++) {
            v[i] = number(file, line, f[i + 1]);
            norm += i < 4 ? v[i] * v[i] : 0;
        }
        if (Math.abs(norm - 1) > 1e-3) {
            throw error(file, line, "has a quaternion of length " + Math.sqrt(norm), "expected 1");
        }
        Intrinsics lens = lenses.get(whole(file, line, f[8]));
        if (lens == null) {
            throw error(file, line, "refers to camera " + f[8], "cameras.txt defines " + lenses.keySet());
        }
        double s = 2 / norm;
        double w = v[0];
        double x = v[1];
        double y = v[2];
        double z = v[3];
        Mat3 r = new Mat3(1 - s * (y * y + z * z), s * (x * y - w * z), s * (x * z + w * y),
                s * (x * y + w * z), 1 - s * (x * x + z * z), s * (y * z - w * x),
                s * (x * z - w * y), s * (y * z + w * x), 1 - s * (x * x + y * y));
        return new Named(f[9], new Camera(lens, Pose.worldToCamera(r, new Vector3D(v[4], v[5], v[6]))));
    }

    private static List<String> lines(Path file) throws IOException {
        if (!Files.isRegularFile(file)) {
            throw new RecordingException(file, "does not exist", "a COLMAP text model has cameras.txt and images.txt");
        }
        if (Files.size(file) > MAX_BYTES) {
            throw new RecordingException(file, "has " + Files.size(file) + " bytes, at most " + MAX_BYTES + " are read", "");
        }
        try {
            return Files.readAllLines(file);
        } catch (MalformedInputException e) {
            throw new RecordingException(file, "is not text", "export the model as text (model_converter --output_type TXT)", e);
        }
    }

    private static double number(Path file, int line, String text) throws RecordingException {
        try {
            double v = Double.parseDouble(text);
            if (Double.isFinite(v)) {
                return v;
            }
        } catch (NumberFormatException e) {
            throw new RecordingException(file, "line " + line + ": '" + text + "' is no number", "export the model again", e);
        }
        throw error(file, line, "contains " + text, "export the model again");
    }

    private static int whole(Path file, int line, String text) throws RecordingException {
        try {
            return Integer.parseInt(text);
        } catch (NumberFormatException e) {
            throw new RecordingException(file, "line " + line + ": '" + text + "' is no whole number", "export the model again", e);
        }
    }

    private static RecordingException error(Path file, int line, String problem, String remedy) {
        return new RecordingException(file, "line " + line + " " + problem, remedy);
    }
}
