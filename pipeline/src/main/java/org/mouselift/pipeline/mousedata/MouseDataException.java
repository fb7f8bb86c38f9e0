package org.mouselift.pipeline.mousedata;

import java.io.IOException;
import java.nio.file.Path;

/** A data set that cannot be made or used: where, what was found, how to mend it. */
public final class MouseDataException extends IOException {
    private static final long serialVersionUID = 1L;

    MouseDataException(Path place, String problem, String remedy) {
        super(place + ": " + problem + (remedy.isEmpty() ? "" : "; " + remedy));
    }

    MouseDataException(Path place, String problem, String remedy, Throwable cause) {
        super(place + ": " + problem + (remedy.isEmpty() ? "" : "; " + remedy), cause);
    }
}
