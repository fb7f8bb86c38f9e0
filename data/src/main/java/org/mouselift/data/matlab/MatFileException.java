package org.mouselift.data.matlab;

import java.io.IOException;
import java.nio.file.Path;

/** A MATLAB file that cannot be read: the file, where, and what was found there. */
public final class MatFileException extends IOException {
    private static final long serialVersionUID = 1L;

    MatFileException(Path file, String where, String problem) {
        super(file + ": " + where + ": " + problem);
    }

    MatFileException(Path file, String where, String problem, Throwable cause) {
        super(file + ": " + where + ": " + problem, cause);
    }
}
