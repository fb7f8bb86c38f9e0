package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.NerfTransforms;
import org.mouselift.data.camera.OpencvCameraFile;
import org.mouselift.data.camera.RigCatalog;

/** Cameras named on the command line: a file in one of the known formats, or a built-in rig. */
final class RigArgument {
    private RigArgument() {}

    /** Reads {@code opencv_cameras.json} or {@code transforms.json} (told apart by their content), or looks the name up. */
    static CameraRig read(String argument) throws IOException {
        Path file = Path.of(argument);
        if (Files.isDirectory(file)) {
            file = file.resolve(OpencvCameraFile.FILE_NAME);
        }
        if (!Files.exists(file)) {
            if (!argument.endsWith(".json") && file.getNameCount() == 1) {
                return RigCatalog.named(argument);
            }
            throw CommandException.badInput("no camera file " + file, "Name an opencv_cameras.json, a transforms.json or a built-in rig such as human6.");
        }
        byte[] bytes = Files.readAllBytes(file);
        boolean nerf = new String(bytes, StandardCharsets.UTF_8).contains("\"transform_matrix\"");
        return nerf ? NerfTransforms.parse(bytes, file).rig(file.toString())
                : OpencvCameraFile.parse(bytes, file, OpencvCameraFile.Options.RIG).rig(file.toString());
    }
}
