package org.mouselift.data.pickle;

import java.io.IOException;

/** A pickle that is damaged, or asks for something that is not on the allow-list. Names the source and the byte offset. */
public final class PickleException extends IOException {
    private static final long serialVersionUID = 1L;
    private final String source;
    private final int offset;

    public PickleException(String source, int offset, String problem) {
        super(source + ": at byte " + offset + ": " + problem);
        this.source = source;
        this.offset = offset;
    }

    /** The file, or what else was read. */
    public String source() {
        return source;
    }

    /** Position of the opcode that failed. */
    public int offset() {
        return offset;
    }
}
