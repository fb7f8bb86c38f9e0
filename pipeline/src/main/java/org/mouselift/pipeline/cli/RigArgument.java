package org.mouselift.pipeline.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.NerfTransforms;
import org.mouselift.data.camera.OpencvCameraFile;
import org.mouselift.data.camera.RigCatalog;

/** Cameras named on the command line: a file in one of the known formats, or a built-in rig. */
final class RigArgument {
    private static final long MAX_BYTES = 64L << 20;
    private static final ObjectMapper MAPPER = new ObjectMapper();

    /** A rig with what its file says about it. @param viewNames names of its cameras, empty where it has none */
    record Named(CameraRig rig, String description, List<String> viewNames, boolean sourceUnits) {
        private static Named of(RigCatalog.Entry e) {
            return new Named(e.rig(), e.description(), e.viewNames(), e.sourceUnits());
        }
    }

    private RigArgument() {}

    /**
     * Reads {@code opencv_cameras.json}, {@code transforms.json} or a rig file (told apart by their content; {@code FILE:ID} names one of several
     * rigs), or looks the name up.
     */
    static CameraRig read(String argument) throws IOException {
        return named(argument).rig();
    }

    /** The same with names and description. */
    static Named named(String argument) throws IOException {
        Optional<Path> named = file(argument);
        if (named.isEmpty()) {
            return argument.indexOf(':') < 0 ? Named.of(RigCatalog.builtIn().entry(argument)) : new Named(RigCatalog.named(argument), "a described ring", List.of(), false);
        }
        Path file = named.get();
        int colon = argument.lastIndexOf(".json:");
        if (!Files.exists(file)) {
            throw CommandException.badInput("no camera file " + file, "Name an opencv_cameras.json, a transforms.json or a built-in rig such as human6.");
        }
        if (Files.size(file) > MAX_BYTES) {
            throw CommandException.badInput(file + " has " + Files.size(file) + " bytes, far more than a camera file", "Name a camera file.");
        }
        byte[] bytes = Files.readAllBytes(file);
        JsonNode root;
        try {
            root = MAPPER.readTree(bytes);
        } catch (JsonProcessingException e) {
            throw CommandException.badInput(file + " is not JSON: " + e.getOriginalMessage(), "Name an opencv_cameras.json, a transforms.json or a rig file; recordings "
                    + "with a pickle are read by mouselift data prepare.");
        }
        if (root.path("rigs").isArray()) {
            return ofRigFile(file, colon < 0 ? "" : argument.substring(colon + 6));
        }
        boolean nerf = root.path("frames").path(0).has("transform_matrix");
        return new Named(nerf ? NerfTransforms.parse(bytes, file).rig(file.toString())
                : OpencvCameraFile.parse(bytes, file, OpencvCameraFile.Options.RIG).rig(file.toString()), file.toString(), List.of(), false);
    }

    /** The camera file that an argument means, there or not; empty for the name or description of a rig. */
    static Optional<Path> file(String argument) {
        int colon = argument.lastIndexOf(".json:");
        Path file = Path.of(colon < 0 ? argument : argument.substring(0, colon + 5));
        if (Files.isDirectory(file)) {
            return Optional.of(file.resolve(OpencvCameraFile.FILE_NAME));
        }
        return Files.exists(file) || argument.contains(".json") || file.getNameCount() > 1 ? Optional.of(file) : Optional.empty();
    }

    private static Named ofRigFile(Path file, String id) throws IOException {
        List<RigCatalog.Entry> own = new ArrayList<>(RigCatalog.builtIn().with(file).entries());
        own.removeAll(RigCatalog.builtIn().entries());
        List<RigCatalog.Entry> fitting = own.stream().filter(e -> id.isEmpty() || e.id().equals(id)).toList();
        if (fitting.size() != 1) {
            throw CommandException.badInput(file + " defines " + own.stream().map(RigCatalog.Entry::id).toList() + (id.isEmpty() ? "" : ", not " + id),
                    "Name one of them: " + file + ":ID");
        }
        return Named.of(fitting.getFirst());
    }
}
