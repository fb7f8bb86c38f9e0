package org.mouselift.pipeline.multiview;

import java.io.IOException;

/** A pipeline folder, prompt file or photo that cannot be used: its code (mouse specification §5.6), the place, the problem and the remedy. */
public final class MultiViewException extends IOException {
    private static final long serialVersionUID = 1L;

    private final String code;

    MultiViewException(String code, Object place, String problem, String remedy, Throwable cause) {
        super(code + ": " + place + ": " + problem + (remedy.isEmpty() ? "" : " (" + remedy + ")"), cause);
        this.code = code;
    }

    MultiViewException(String code, Object place, String problem, String remedy) {
        this(code, place, problem, remedy, null);
    }

    /** Code of the fail-fast list. */
    public String code() {
        return code;
    }
}
