package org.mouselift.data.camera;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import java.util.Set;

/**
 * {@code transforms.json} of nerfstudio and instant-ngp (mouse specification §2.3): camera→world matrices in OpenGL axes,
 * intrinsics for all frames or per frame. {@code fl_x} wins over {@code camera_angle_x}. Lens distortion and other camera
 * models than the pinhole are errors: the pictures must be undistorted first. Unknown keys are preserved.
 *
 * @param frames the cameras (OpenCV axes) with picture and unknown keys
 * @param extra  unknown top-level keys
 */
public record NerfTransforms(List<OpencvFrame> frames, ObjectNode extra) {
    private static final int DEFAULT_SIZE = 512;
    private static final Set<String> INTRINSIC_KEYS =
            Set.of("fl_x", "fl_y", "camera_angle_x", "camera_angle_y", "cx", "cy", "w", "h");
    private static final Set<String> PINHOLE_MODELS = Set.of("PINHOLE", "SIMPLE_PINHOLE", "OPENCV", "SIMPLE_RADIAL", "RADIAL");
    private static final List<String> DISTORTION_KEYS = List.of("k1", "k2", "k3", "k4", "p1", "p2");
    private static final Set<String> FRAME_KEYS;
    private static final Set<String> TOP_KEYS;

    static {
        Set<String> frame = new java.util.HashSet<>(INTRINSIC_KEYS);
        frame.addAll(Set.of("file_path", "transform_matrix"));
        FRAME_KEYS = Set.copyOf(frame);
        Set<String> top = new java.util.HashSet<>(INTRINSIC_KEYS);
        top.add("frames");
        TOP_KEYS = Set.copyOf(top);
    }

    public NerfTransforms {
        frames = List.copyOf(frames);
        extra = extra.deepCopy();
    }

    /** A copy; changing it does not change the file. */
    @Override
    public ObjectNode extra() {
        return extra.deepCopy();
    }

    public CameraRig rig(String id) {
        return new CameraRig(id, frames.stream().map(OpencvFrame::camera).toList());
    }

    /** A rig as transforms with pictures {@code images/cam_NNN.png}. */
    public static NerfTransforms ofRig(CameraRig rig) {
        List<OpencvFrame> frames = new ArrayList<>();
        for (int i = 0; i < rig.size(); i++) {
            frames.add(new OpencvFrame(rig.get(i), Optional.of(String.format("images/cam_%03d.png", i)),
                    OptionalInt.empty(), JsonNodeFactory.instance.objectNode()));
        }
        return new NerfTransforms(frames, JsonNodeFactory.instance.objectNode());
    }

    public static NerfTransforms read(Path file) throws IOException {
        CameraJson json = CameraJson.at(file);
        return parse(json, json.read());
    }

    /** Reads a file that is already in memory; {@code file} names it in errors. */
    public static NerfTransforms parse(byte[] bytes, Path file) throws IOException {
        CameraJson json = CameraJson.at(file);
        return parse(json, json.parse(bytes));
    }

    private static NerfTransforms parse(CameraJson json, JsonNode root) throws CameraFileException {
        ObjectNode top = json.object(root, null);
        checkModel(json, top, "");
        ArrayNode list = json.array(top, "frames", "frames");
        if (list.isEmpty()) {
            throw json.error("frames", "is empty", "the file needs at least one frame");
        }
        List<OpencvFrame> frames = new ArrayList<>();
        for (int i = 0; i < list.size(); i++) {
            String at = "frames[" + i + "]";
            ObjectNode f = json.object(list.get(i), at);
            checkModel(json, f, at + ".");
            double[][] m = matrix(json, f.get("transform_matrix"), at + ".transform_matrix");
            if (m.length == 4 && !(m[3][0] == 0 && m[3][1] == 0 && m[3][2] == 0 && m[3][3] == 1)) {
                throw json.error(at + ".transform_matrix", "has the last row " + java.util.Arrays.toString(m[3])
                        + ", expected exactly 0, 0, 0, 1", "store camera→world, row by row (not transposed)");
            }
            Pose pose = Pose.fromOpenGl(m);
            OpencvCameraFile.checkRotation(json, pose.rotation(), at + ".transform_matrix");
            JsonNode path = f.get("file_path");
            if (path != null && !path.isTextual()) {
                throw json.error(at + ".file_path", "is " + path + ", expected text", "store a string");
            }
            frames.add(new OpencvFrame(new Camera(intrinsics(json, top, f, at), pose),
                    path == null ? Optional.empty() : Optional.of(path.textValue()), OptionalInt.empty(),
                    CameraJson.without(f, FRAME_KEYS)));
        }
        return new NerfTransforms(frames, CameraJson.without(top, TOP_KEYS));
    }

    /** Rows; or 16 numbers in one list, as devices for augmented reality store them: column by column. */
    private static double[][] matrix(CameraJson json, JsonNode n, String at) throws CameraFileException {
        if (n == null || n.size() != 16 || !n.isArray() || !n.get(0).isNumber()) {
            return json.matrix(n, 3, 4, 4, at);
        }
        double[][] m = new double[4][4];
        for (int i = 0; i < 16; i++) {
            m[i % 4][i / 4] = json.number(n.get(i), at + "[" + i + "]");
        }
        return m;
    }

    /** A frame's own value wins over the file's; a focal length wins over an angle of the same level. */
    private static Intrinsics intrinsics(CameraJson json, ObjectNode top, ObjectNode frame, String at)
            throws CameraFileException {
        int w = size(json, top, frame, "w", at);
        int h = size(json, top, frame, "h", at);
        OptionalDouble x = focal(json, frame, "x", w, at + ".");
        OptionalDouble y = focal(json, frame, "y", h, at + ".");
        if (x.isEmpty() && y.isEmpty()) {
            x = focal(json, top, "x", w, "");
            y = focal(json, top, "y", h, "");
        }
        if (x.isEmpty()) {
            throw json.error(at, "has no focal length", "give fl_x (pixels) or camera_angle_x (radians), for the file or "
                    + "for the frame");
        }
        double fx = x.getAsDouble();
        return new Intrinsics(fx, y.orElse(fx), own(json, top, frame, "cx", at).orElse(w / 2.0),
                own(json, top, frame, "cy", at).orElse(h / 2.0), w, h);
    }

    private static OptionalDouble focal(CameraJson json, ObjectNode level, String axis, int pixels, String at)
            throws CameraFileException {
        String key = "fl_" + axis;
        OptionalDouble f = json.optionalNumber(level, key, at + key);
        if (f.isPresent()) {
            if (!(f.getAsDouble() > 0)) {
                throw json.error(at + key, "is " + f.getAsDouble() + ", expected a positive focal length", "store pixels");
            }
            return f;
        }
        String angleKey = "camera_angle_" + axis;
        OptionalDouble angle = json.optionalNumber(level, angleKey, at + angleKey);
        if (angle.isEmpty()) {
            return angle;
        }
        if (!(angle.getAsDouble() > 0 && angle.getAsDouble() < Math.PI)) {
            throw json.error(at + angleKey, "is " + angle.getAsDouble() + ", expected an angle between 0 and π radians",
                    "a focal length in pixels belongs under fl_" + axis);
        }
        return OptionalDouble.of(0.5 * pixels / Math.tan(0.5 * angle.getAsDouble()));
    }

    private static int size(CameraJson json, ObjectNode top, ObjectNode frame, String key, String at)
            throws CameraFileException {
        ObjectNode level = frame.has(key) ? frame : top;
        return level.has(key) ? json.size(level.get(key), level == frame ? at + "." + key : key) : DEFAULT_SIZE;
    }

    private static OptionalDouble own(CameraJson json, ObjectNode top, ObjectNode frame, String key, String at)
            throws CameraFileException {
        OptionalDouble v = json.optionalNumber(frame, key, at + "." + key);
        return v.isPresent() ? v : json.optionalNumber(top, key, key);
    }

    private static void checkModel(CameraJson json, ObjectNode level, String at) throws CameraFileException {
        JsonNode model = level.get("camera_model");
        if (model != null && !PINHOLE_MODELS.contains(model.asText())) {
            throw json.error(at + "camera_model", "is " + model + ", which is not a pinhole camera",
                    "undistort the pictures to a pinhole camera first");
        }
        if (level.path("is_fisheye").asBoolean(false)) {
            throw json.error(at + "is_fisheye", "is true", "undistort the pictures to a pinhole camera first");
        }
        for (String key : DISTORTION_KEYS) {
            if (json.optionalNumber(level, key, at + key).orElse(0) != 0) {
                throw json.error(at + key, "is " + level.get(key) + ": the lens distortion would be ignored",
                        "undistort the pictures first and set the coefficients to 0");
            }
        }
    }

    public void write(Path file) throws IOException {
        CameraJson.at(file).write(toJson());
    }

    /** The file as {@link #write} stores it. */
    public byte[] toBytes() {
        return CameraJson.toBytes(toJson());
    }

    private ObjectNode toJson() {
        ObjectNode top = JsonNodeFactory.instance.objectNode();
        boolean shared = frames.stream().map(f -> f.camera().intrinsics()).distinct().count() == 1;
        if (shared) {
            put(top, frames.get(0).camera().intrinsics());
        }
        top.setAll(extra);
        ArrayNode list = top.putArray("frames");
        for (OpencvFrame f : frames) {
            ObjectNode o = list.addObject();
            f.filePath().ifPresent(v -> o.put("file_path", v));
            if (!shared) {
                put(o, f.camera().intrinsics());
            }
            o.set("transform_matrix", CameraJson.toJson(f.camera().pose().openGl()));
            o.setAll(f.extra());
        }
        return top;
    }

    private static void put(ObjectNode o, Intrinsics k) {
        o.put("w", k.width()).put("h", k.height()).put("fl_x", k.fx()).put("fl_y", k.fy()).put("cx", k.cx())
                .put("cy", k.cy());
    }
}
