package org.mouselift.pipeline.prompts;

import java.io.IOException;

/** Prompt embeddings that cannot be used or made: the code (mouse specification §5.6), the place, the problem and the remedy. */
public final class PromptException extends IOException {
    private static final long serialVersionUID = 1L;

    private final String code;

    PromptException(String code, Object place, String problem, String remedy, Throwable cause) {
        super(code + ": " + place + ": " + problem + (remedy.isEmpty() ? "" : ". " + remedy), cause);
        this.code = code;
    }

    PromptException(String code, Object place, String problem, String remedy) {
        this(code, place, problem, remedy, null);
    }

    PromptException(String code, String message) {
        super(message);
        this.code = code;
    }

    /** Code of the first check that failed. */
    public String code() {
        return code;
    }
}
