package org.mouselift.data.prompts;

/** Prompt texts that cannot be made: the style or its file, what is wrong, and the remedy. */
public final class PromptTextException extends IllegalArgumentException {
    private static final long serialVersionUID = 1L;

    PromptTextException(String place, String problem, String remedy, Throwable cause) {
        super(place + ": " + problem + (remedy.isEmpty() ? "" : " (" + remedy + ")"), cause);
    }

    PromptTextException(String place, String problem, String remedy) {
        this(place, problem, remedy, null);
    }
}
