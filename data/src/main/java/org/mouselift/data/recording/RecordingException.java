package org.mouselift.data.recording;

import java.io.IOException;
import java.nio.file.Path;

/** A recording that cannot be used: which file, what was found, how to mend it. */
public final class RecordingException extends IOException {
    private static final long serialVersionUID = 1L;
    private final String remedy;

    public RecordingException(Path place, String problem, String remedy) {
        this(place, problem, remedy, null);
    }

    public RecordingException(Path place, String problem, String remedy, Throwable cause) {
        super(place + ": " + problem + (remedy.isEmpty() ? "" : "; " + remedy), cause);
        this.remedy = remedy;
    }

    public String remedy() {
        return remedy;
    }
}
