package org.mouselift.data.golden;

import java.io.IOException;

/** A golden folder, index or case that cannot be used as asked; the message names the folder, the file and the tensor. */
public final class GoldenException extends IOException {
    private static final long serialVersionUID = 1L;

    public GoldenException(String message) {
        super(message);
    }

    GoldenException(String message, Throwable cause) {
        super(message, cause);
    }
}
