package org.mouselift.data.camera;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;

/**
 * {@code opencv_cameras.json} (mouse specification §2.6, GS-LRM specification §5.1): image sizes, intrinsics in pixels and
 * world→camera matrices in OpenCV axes. Reading validates every frame and names file, view and field of what is wrong;
 * writing reproduces every double bit for bit and keeps unknown keys.
 *
 * @param id       sample name, if stored
 * @param frames   one per view, in view order
 * @param extra    unknown top-level keys (provenance blocks), preserved
 * @param warnings what the reader found odd but usable, for example a principal point outside the image
 */
public record OpencvCameraFile(Optional<String> id, List<OpencvFrame> frames, ObjectNode extra, List<String> warnings) {
    /** The usual name of the file in a sample folder. */
    public static final String FILE_NAME = "opencv_cameras.json";
    /** Largest allowed entry of {@code |R·Rᵀ − I|} and of {@code |det R − 1|}. */
    public static final double ORTHONORMALITY = 1e-4;
    private static final Set<String> FRAME_KEYS = Set.of("w", "h", "fx", "fy", "cx", "cy", "w2c", "file_path", "view_id");

    /**
     * What the reader demands beyond the format.
     *
     * @param cameras      expected number of frames
     * @param requirePaths whether every frame must name its picture
     * @param requireFiles whether the named pictures must exist
     */
    public record Options(OptionalInt cameras, boolean requirePaths, boolean requireFiles) {
        /** A rig file: pictures may be missing. */
        public static final Options RIG = new Options(OptionalInt.empty(), false, false);
        /** A sample: every frame names an existing picture. */
        public static final Options SAMPLE = new Options(OptionalInt.empty(), true, true);

        public Options withCameras(int n) {
            return new Options(OptionalInt.of(n), requirePaths, requireFiles);
        }
    }

    public OpencvCameraFile {
        frames = List.copyOf(frames);
        extra = extra.deepCopy();
        warnings = List.copyOf(warnings);
    }

    /** A copy; changing it does not change the file. */
    @Override
    public ObjectNode extra() {
        return extra.deepCopy();
    }

    /** The cameras in file order; the rig's id is the sample name or {@code fallbackId}. */
    public CameraRig rig(String fallbackId) {
        return new CameraRig(id.orElse(fallbackId), frames.stream().map(OpencvFrame::camera).toList());
    }

    /** The same frames with other cameras (for example after a normalisation); everything else is preserved. */
    public OpencvCameraFile withCameras(CameraRig rig) {
        if (rig.size() != frames.size()) {
            throw new CameraException("MFL-E114", "rig " + rig.id(), "has " + rig.size() + " cameras for "
                    + frames.size() + " frames", "give one camera per frame");
        }
        List<OpencvFrame> changed = new ArrayList<>();
        for (int i = 0; i < frames.size(); i++) {
            changed.add(frames.get(i).withCamera(rig.get(i)));
        }
        return new OpencvCameraFile(id, changed, extra, warnings);
    }

    /** The same file with one more top-level block, for example {@code normalization_info}. */
    public OpencvCameraFile with(String key, JsonNode block) {
        ObjectNode e = extra();
        e.set(key, block.deepCopy());
        return new OpencvCameraFile(id, frames, e, warnings);
    }

    /** A rig as a file with pictures {@code images/cam_NNN.png}. */
    public static OpencvCameraFile ofRig(CameraRig rig) {
        List<OpencvFrame> frames = new ArrayList<>();
        for (int i = 0; i < rig.size(); i++) {
            frames.add(OpencvFrame.of(rig.get(i), String.format("images/cam_%03d.png", i), i));
        }
        return new OpencvCameraFile(Optional.of(rig.id()), frames, JsonNodeFactory.instance.objectNode(), List.of());
    }

    /**
     * A generated rig with the descriptive fields {@code azimuth_deg}, {@code elevation_deg}, {@code camera_distance} per
     * frame and {@code camera_type} (mouse specification §4.7).
     */
    public static OpencvCameraFile ofGeneratedRig(CameraRig rig, String cameraType) {
        List<OpencvFrame> frames = new ArrayList<>();
        for (OpencvFrame f : ofRig(rig).frames) {
            SphericalPosition p = f.camera().position();
            ObjectNode extra = JsonNodeFactory.instance.objectNode();
            extra.put("azimuth_deg", p.azimuth().xyDegrees());
            extra.put("elevation_deg", p.elevationDegrees());
            extra.put("camera_distance", p.distance());
            frames.add(new OpencvFrame(f.camera(), f.filePath(), f.viewId(), extra));
        }
        return new OpencvCameraFile(Optional.of(rig.id()), frames,
                JsonNodeFactory.instance.objectNode().put("camera_type", cameraType), List.of());
    }

    public static OpencvCameraFile read(Path file, Options options) throws IOException {
        CameraJson json = CameraJson.at(file);
        return parse(json, json.read(), file, options);
    }

    /** Reads a file that is already in memory; {@code file} names it in errors and anchors relative pictures. */
    public static OpencvCameraFile parse(byte[] bytes, Path file, Options options) throws IOException {
        CameraJson json = CameraJson.at(file);
        return parse(json, json.parse(bytes), file, options);
    }

    private static OpencvCameraFile parse(CameraJson json, JsonNode root, Path file, Options options)
            throws CameraFileException {
        ObjectNode top = json.object(root, null);
        Optional<String> id = text(json, top, "id", "id");
        ArrayNode list = json.array(top, "frames", "frames");
        if (list.isEmpty()) {
            throw json.error("frames", "is empty", "a camera file needs at least one frame");
        }
        if (options.cameras.isPresent() && options.cameras.getAsInt() != list.size()) {
            throw json.error("frames", "has " + list.size() + " cameras, needs " + options.cameras.getAsInt()
                    + " (MFL-D04)", "supply one frame per view");
        }
        List<OpencvFrame> frames = new ArrayList<>();
        List<String> warnings = new ArrayList<>();
        Map<String, Integer> paths = new HashMap<>();
        for (int i = 0; i < list.size(); i++) {
            String at = "frames[" + i + "]";
            OpencvFrame frame = frame(json, json.object(list.get(i), at), at, warnings);
            if (frame.filePath().isPresent()) {
                String path = frame.filePath().get();
                Integer before = paths.putIfAbsent(path, i);
                if (before != null) {
                    throw json.error(at + ".file_path", "\"" + path + "\" is also the picture of frames[" + before + "]",
                            "every view needs its own picture");
                }
                checkPath(json, file, path, at + ".file_path", options.requireFiles);
            } else if (options.requirePaths) {
                throw json.error(at + ".file_path", "is missing", "name the picture of every view (a pure rig file has "
                        + "none and cannot be used as a sample)");
            }
            frames.add(frame);
        }
        return new OpencvCameraFile(id, frames, CameraJson.without(top, Set.of("id", "frames")), warnings);
    }

    private static OpencvFrame frame(CameraJson json, ObjectNode f, String at, List<String> warnings)
            throws CameraFileException {
        int w = json.size(f.get("w"), at + ".w");
        int h = json.size(f.get("h"), at + ".h");
        double fx = json.number(f, "fx", at + ".fx");
        double fy = json.number(f, "fy", at + ".fy");
        if (!(fx > 0)) {
            throw json.error(at + ".fx", "is " + fx + ", expected a positive focal length", "store fx in pixels");
        }
        if (!(fy > 0)) {
            throw json.error(at + ".fy", "is " + fy + ", expected a positive focal length", "store fy in pixels");
        }
        double cx = json.number(f, "cx", at + ".cx");
        double cy = json.number(f, "cy", at + ".cy");
        if (cx < 0 || cx > w || cy < 0 || cy > h) {
            warnings.add(json.error(at, "has its principal point (" + cx + ", " + cy + ") outside the " + w + "×" + h
                    + " image", "normal after an off-centre crop").getMessage());
        }
        double[][] w2c = json.matrix(f.get("w2c"), 4, 4, 4, at + ".w2c");
        if (w2c[3][0] != 0 || w2c[3][1] != 0 || w2c[3][2] != 0 || w2c[3][3] != 1) {
            throw json.error(at + ".w2c", "has the last row " + java.util.Arrays.toString(w2c[3])
                    + ", expected exactly 0, 0, 0, 1", "store world→camera, row by row (not transposed)");
        }
        Pose pose = Pose.worldToCamera(w2c);
        checkRotation(json, pose.rotation(), at + ".w2c");
        OptionalInt viewId = OptionalInt.empty();
        if (f.hasNonNull("view_id")) {
            if (!f.get("view_id").isInt()) {
                throw json.error(at + ".view_id", "is " + f.get("view_id") + ", expected a whole number",
                        "store the view index");
            }
            viewId = OptionalInt.of(f.get("view_id").intValue());
        }
        return new OpencvFrame(new Camera(new Intrinsics(fx, fy, cx, cy, w, h), pose), text(json, f, "file_path",
                at + ".file_path"), viewId, CameraJson.without(f, FRAME_KEYS));
    }

    static void checkRotation(CameraJson json, Mat3 r, String field) throws CameraFileException {
        double skew = r.orthonormalityError();
        double det = r.determinant();
        if (!(skew <= ORTHONORMALITY)) {
            throw json.error(field, "has a rotation that is not orthonormal: max |R·Rᵀ − I| = " + skew + " (limit "
                    + ORTHONORMALITY + ")", "store R with all digits and without a scale factor");
        }
        if (!(Math.abs(det - 1) <= ORTHONORMALITY)) {
            throw json.error(field, "has det R = " + det + ", expected +1: the camera is mirrored (MFL-E126)",
                    "use OpenCV axes right, down, forward");
        }
    }

    private static Optional<String> text(CameraJson json, ObjectNode o, String key, String field)
            throws CameraFileException {
        JsonNode n = o.get(key);
        if (n == null || n.isNull()) {
            return Optional.empty();
        }
        if (!n.isTextual()) {
            throw json.error(field, "is " + n + ", expected text", "store a string");
        }
        return Optional.of(n.textValue());
    }

    private static void checkPath(CameraJson json, Path file, String path, String field, boolean mustExist)
            throws CameraFileException {
        Path relative;
        try {
            relative = Path.of(path);
        } catch (InvalidPathException e) {
            throw json.error(field, "is not a path: " + e.getMessage(), "name a picture relative to the camera file");
        }
        if (path.isBlank() || relative.isAbsolute() || relative.normalize().startsWith("..")) {
            throw json.error(field, "\"" + path + "\" does not stay inside the sample folder",
                    "name a picture relative to the camera file");
        }
        if (mustExist && !Files.isRegularFile(file.resolveSibling(relative))) {
            throw json.error(field, "\"" + path + "\" does not exist (MFL-D01)", "supply the picture or correct its name");
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
        id.ifPresent(v -> top.put("id", v));
        ArrayNode list = top.putArray("frames");
        for (OpencvFrame f : frames) {
            ObjectNode o = list.addObject();
            Intrinsics k = f.camera().intrinsics();
            o.put("w", k.width()).put("h", k.height());
            o.put("fx", k.fx()).put("fy", k.fy()).put("cx", k.cx()).put("cy", k.cy());
            o.set("w2c", CameraJson.toJson(f.camera().pose().w2c()));
            f.filePath().ifPresent(v -> o.put("file_path", v));
            f.viewId().ifPresent(v -> o.put("view_id", v));
            o.setAll(f.extra());
        }
        top.setAll(extra);
        return top;
    }
}
