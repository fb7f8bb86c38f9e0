package org.mouselift.data.image;

import java.io.IOException;

/** A picture file that is damaged, too large or of an unsupported kind. Names the file, the offset and the fault. */
public final class ImageFormatException extends IOException {
    private static final long serialVersionUID = 1L;
    private final long offset;

    ImageFormatException(String source, long offset, String fault) {
        super(source + ": " + (offset >= 0 ? "at byte " + offset + ": " : "") + fault);
        this.offset = offset;
    }

    ImageFormatException(String source, long offset, String fault, Throwable cause) {
        this(source, offset, fault);
        initCause(cause);
    }

    /** Where in the file the fault was found; -1 where the decoder does not say. */
    public long offset() {
        return offset;
    }
}
