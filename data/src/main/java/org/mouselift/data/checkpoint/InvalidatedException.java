package org.mouselift.data.checkpoint;

import java.io.IOException;

/** A checkpoint or data set that somebody declared unusable, or that was made from one ({@link ArtefactStatus}). */
public final class InvalidatedException extends IOException {
    private static final long serialVersionUID = 1L;
    /** Code of the refusal; it continues the list MFL-E201 … MFL-E209 of the mouse specification §5.6. */
    public static final String CODE = "MFL-E210";

    InvalidatedException(String problem, String remedy) {
        super(CODE + ": " + problem + " (" + remedy + ")");
    }
}
