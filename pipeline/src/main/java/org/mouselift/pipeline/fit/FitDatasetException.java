package org.mouselift.pipeline.fit;

import java.io.IOException;

/** The views of a folder cannot be fitted; the message names the file, what is wrong with it and what is expected. */
public final class FitDatasetException extends IOException {
    private static final long serialVersionUID = 1L;

    FitDatasetException(String message) {
        super(message);
    }
}
