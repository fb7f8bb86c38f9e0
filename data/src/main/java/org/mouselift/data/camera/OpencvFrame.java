package org.mouselift.data.camera;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.Optional;
import java.util.OptionalInt;

/**
 * One view of an {@link OpencvCameraFile}: its camera, its picture and all keys this reader does not interpret.
 *
 * @param filePath the picture, relative to the folder of the camera file; absent in pure rig files
 * @param viewId   {@code view_id}, if stored
 * @param extra    every other key of the frame, preserved when the file is written again
 */
public record OpencvFrame(Camera camera, Optional<String> filePath, OptionalInt viewId, ObjectNode extra) {
    public OpencvFrame {
        extra = extra.deepCopy();
    }

    public static OpencvFrame of(Camera camera, String filePath, int viewId) {
        return new OpencvFrame(camera, Optional.ofNullable(filePath), OptionalInt.of(viewId),
                JsonNodeFactory.instance.objectNode());
    }

    /** A copy; changing it does not change the frame. */
    @Override
    public ObjectNode extra() {
        return extra.deepCopy();
    }

    public OpencvFrame withCamera(Camera c) {
        return new OpencvFrame(c, filePath, viewId, extra);
    }
}
