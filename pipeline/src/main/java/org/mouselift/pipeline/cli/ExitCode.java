package org.mouselift.pipeline.cli;

/** Exit codes of every command; {@code mouselift --help} lists them. */
public final class ExitCode {
    /** The command did what was asked. */
    public static final int OK = 0;
    /** The command ran, and what it checked did not hold: a verification missed its tolerance, a gate failed. */
    public static final int CHECK_FAILED = 1;
    /** The command line is wrong. */
    public static final int USAGE = 2;
    /** An input is missing, unreadable or malformed, or an output cannot be written. */
    public static final int BAD_INPUT = 3;
    /** The machine or the JVM lacks something: memory, a module, a device. */
    public static final int ENVIRONMENT = 4;
    /** A defect of the program; the stack trace is printed. */
    public static final int INTERNAL = 70;
    /** Ended by Ctrl-C; the JVM itself exits with this code. */
    public static final int INTERRUPTED = 130;

    private ExitCode() {}
}
