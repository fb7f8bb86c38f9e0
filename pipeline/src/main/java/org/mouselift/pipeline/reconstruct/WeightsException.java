package org.mouselift.pipeline.reconstruct;

import java.io.IOException;
import java.nio.file.Path;

/** A weights folder that cannot be used: its code (mouse specification §5.6), the place, the problem and the remedy. */
public final class WeightsException extends IOException {
    private static final long serialVersionUID = 1L;

    private final String code;

    WeightsException(String code, Path place, String problem, String remedy, Throwable cause) {
        super(code + ": " + (problem.startsWith(place.toString()) ? "" : place + ": ") + problem + (remedy.isEmpty() ? "" : " (" + remedy + ")"), cause);
        this.code = code;
    }

    /** With the place and remedy of the cause. */
    WeightsException(String code, IOException cause) {
        super(code + ": " + cause.getMessage(), cause);
        this.code = code;
    }

    WeightsException(String code, Path place, String problem, String remedy) {
        this(code, place, problem, remedy, null);
    }

    /** Code of the fail-fast list. */
    public String code() {
        return code;
    }
}
