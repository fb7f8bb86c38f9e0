package org.mouselift.data.recording;

import java.io.IOException;
import java.nio.file.Path;

/** A frame that a source does not have, or only damaged: it costs the sample, not the run (mouse specification §2.5). */
public final class MissingFrameException extends IOException {
    private static final long serialVersionUID = 1L;
    private final int frame;

    public MissingFrameException(Path source, int frame, String reason) {
        this(source, frame, reason, null);
    }

    public MissingFrameException(Path source, int frame, String reason, Throwable cause) {
        super(source + ": frame " + frame + " " + reason, cause);
        this.frame = frame;
    }

    public int frame() {
        return frame;
    }
}
