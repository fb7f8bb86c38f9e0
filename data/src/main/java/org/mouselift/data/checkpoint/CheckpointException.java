package org.mouselift.data.checkpoint;

import java.io.IOException;
import java.nio.file.Path;

/** A checkpoint that is not what it should be: a missing tensor, a shard that does not fit, an unknown format. */
public class CheckpointException extends IOException {
    private static final long serialVersionUID = 1L;
    private final transient Path path;

    public CheckpointException(Path path, String problem, String remedy) {
        super(path + ": " + problem + (remedy.isEmpty() ? "" : " (" + remedy + ")"));
        this.path = path;
    }

    public CheckpointException(Path path, String problem, String remedy, Throwable cause) {
        this(path, problem, remedy);
        initCause(cause);
    }

    /** The file or folder with the fault. */
    public Path path() {
        return path;
    }
}
