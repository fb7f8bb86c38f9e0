package org.mouselift.data.checkpoint;

import java.nio.file.Path;

/** A readable checkpoint whose tensor names no network can have: a prefix too many, or one name twice. */
public final class TensorNamesException extends CheckpointException {
    private static final long serialVersionUID = 1L;

    TensorNamesException(Path path, String problem, String remedy) {
        super(path, problem, remedy);
    }
}
