package org.mouselift.data.recording;

import java.io.IOException;
import java.nio.file.Path;

/** A frame that a source does not have: it costs the sample, not the run (mouse specification §2.5). */
public final class MissingFrameException extends IOException {
    private static final long serialVersionUID = 1L;
    private final int frame;

    public MissingFrameException(Path source, int frame, String reason) {
        super(source + ": frame " + frame + " " + reason);
        this.frame = frame;
    }

    public int frame() {
        return frame;
    }
}
