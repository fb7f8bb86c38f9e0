package org.mouselift.pipeline.cli;

import java.util.Objects;

/** A command cannot go on for a reason the user can mend: what happened, what to do, and the exit code. */
public final class CommandException extends RuntimeException {
    private static final long serialVersionUID = 1L;

    private final int exitCode;
    private final String remedy;

    /** @param exitCode one of {@link ExitCode}; @param remedy what the user can do, or an empty string */
    public CommandException(int exitCode, String message, String remedy) {
        super(Objects.requireNonNull(message, "message"));
        this.exitCode = exitCode;
        this.remedy = Objects.requireNonNull(remedy, "remedy");
    }

    /** An input that is missing or not what it should be. */
    public static CommandException badInput(String message, String remedy) {
        return new CommandException(ExitCode.BAD_INPUT, message, remedy);
    }

    /** A combination of arguments that makes no sense. */
    public static CommandException usage(String message, String remedy) {
        return new CommandException(ExitCode.USAGE, message, remedy);
    }

    public int exitCode() {
        return exitCode;
    }

    public String remedy() {
        return remedy;
    }
}
