package org.mouselift.data.dataset;

import java.io.IOException;
import java.nio.file.Path;

/**
 * A data set, sample or view that cannot be used. The message has the form {@code CODE: place problem (remedy)}; codes are
 * those of the mouse specification §5.6 (MFL-D01 missing picture, D02 wrong size, D03 not square, D04 camera count, D05
 * unreadable picture, E113 view count, E134 missing alpha).
 */
public final class DatasetException extends IOException {
    private static final long serialVersionUID = 1L;
    private final String code;

    /** {@code code} is null where the specification has none. */
    DatasetException(String code, Path place, String problem, String remedy, Throwable cause) {
        super((code == null ? "" : code + ": ") + place + ": " + problem + (remedy.isEmpty() ? "" : " (" + remedy + ")"), cause);
        this.code = code;
    }

    DatasetException(String code, Path place, String problem, String remedy) {
        this(code, place, problem, remedy, null);
    }

    /** The code of the fail-fast list, or null. */
    public String code() {
        return code;
    }
}
