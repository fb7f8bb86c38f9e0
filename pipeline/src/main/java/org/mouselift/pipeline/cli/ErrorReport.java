package org.mouselift.pipeline.cli;

import java.io.FileNotFoundException;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.AccessDeniedException;
import java.nio.file.DirectoryNotEmptyException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.nio.file.NotDirectoryException;
import org.mouselift.engine.device.DeviceException;
import org.mouselift.pipeline.multiview.MultiViewPipeline;

/**
 * What a failed command tells the user: one message, one remedy, one exit code. A stack trace is part of it only when
 * it was asked for, or when the failure is a defect of the program and the trace is what a bug report needs.
 */
record ErrorReport(int exitCode, String message, String remedy, String trace) {

    static ErrorReport of(Throwable failure, boolean withTrace) {
        Throwable cause = failure instanceof UncheckedIOException || failure instanceof ExceptionInInitializerError && failure.getCause() != null
                ? failure.getCause() : failure;
        String trace = withTrace ? trace(failure) : "";
        return switch (cause) {
            case CommandException e -> new ErrorReport(e.exitCode(), e.getMessage(), e.remedy(), trace);
            case MultiViewPipeline.CancelledException e -> new ErrorReport(ExitCode.INTERRUPTED, text(e), "", trace);
            case FileSystemException e -> new ErrorReport(ExitCode.BAD_INPUT, fileMessage(e), "", trace);
            case FileNotFoundException e -> new ErrorReport(ExitCode.BAD_INPUT, "file not found: " + e.getMessage(), "", trace);
            case IOException e -> new ErrorReport(ExitCode.BAD_INPUT, text(e), "", trace);
            case DeviceException e -> new ErrorReport(ExitCode.ENVIRONMENT, text(e), "", trace);
            case IllegalArgumentException e -> new ErrorReport(ExitCode.BAD_INPUT, text(e), "", trace);
            case OutOfMemoryError e -> new ErrorReport(ExitCode.ENVIRONMENT, "out of memory: " + e.getMessage(),
                    "Give the heap more with MOUSELIFT_JVM_OPTS=-Xmx8g, or free memory; mouselift doctor shows both.", trace);
            default -> new ErrorReport(ExitCode.INTERNAL, "a defect of Mouselift: " + cause,
                    "Please report it with the stack trace above and the output of mouselift doctor.", trace(failure));
        };
    }

    /** The lines for stderr; {@code trace} first, so that the message stands last on the screen. */
    String render() {
        StringBuilder text = new StringBuilder(trace);
        text.append("error: ").append(Printable.lines(message)).append(System.lineSeparator());
        if (!remedy.isEmpty()) {
            text.append("  ").append(Printable.lines(remedy)).append(System.lineSeparator());
        }
        return text.toString();
    }

    private static String fileMessage(FileSystemException e) {
        return switch (e) {
            case NoSuchFileException missing -> "file not found: " + missing.getFile();
            case AccessDeniedException denied -> "no permission: " + denied.getFile();
            case FileAlreadyExistsException exists -> "file exists already: " + exists.getFile();
            case NotDirectoryException file -> "not a folder: " + file.getFile();
            case DirectoryNotEmptyException folder -> "folder is not empty: " + folder.getFile();
            default -> text(e);
        };
    }

    private static String text(Throwable e) {
        return e.getMessage() == null || e.getMessage().isBlank() ? e.getClass().getSimpleName() : e.getMessage();
    }

    private static String trace(Throwable failure) {
        StringWriter text = new StringWriter();
        failure.printStackTrace(new PrintWriter(text, true));
        return text.toString();
    }
}
