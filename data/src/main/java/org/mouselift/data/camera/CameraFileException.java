package org.mouselift.data.camera;

import java.io.IOException;
import java.nio.file.Path;

/** A camera file that cannot be used: which file, which field, what was found, how to fix it. */
public class CameraFileException extends IOException {
    private static final long serialVersionUID = 1L;
    private final String file;
    private final String field;
    private final String remedy;

    /**
     * @param file    the file
     * @param field   the place inside it, for example {@code frames[3].w2c}, or null for the file as a whole
     * @param problem what was found and what was expected
     * @param remedy  how to fix it
     */
    public CameraFileException(Path file, String field, String problem, String remedy) {
        this(file, field, problem, remedy, null);
    }

    public CameraFileException(Path file, String field, String problem, String remedy, Throwable cause) {
        super(file + (field == null ? "" : ": " + field) + ": " + problem + "; " + remedy, cause);
        this.file = file.toString();
        this.field = field;
        this.remedy = remedy;
    }

    public Path file() {
        return Path.of(file);
    }

    /** The place inside the file, or null. */
    public String field() {
        return field;
    }

    public String remedy() {
        return remedy;
    }
}
