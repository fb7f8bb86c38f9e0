package org.mouselift.data.safetensors;

import java.io.IOException;
import java.nio.file.Path;

/** A safetensors file that breaks a rule of the format. Names the file, the field, the fault and a remedy. */
public final class SafetensorsException extends IOException {
    private static final long serialVersionUID = 1L;
    private final transient Path path;
    private final String field;

    public SafetensorsException(Path path, String field, String fault, String remedy) {
        super(path + ": " + field + ": " + fault + (remedy.isEmpty() ? "" : " (" + remedy + ")"));
        this.path = path;
        this.field = field;
    }

    SafetensorsException(Path path, String field, String fault, String remedy, Throwable cause) {
        this(path, field, fault, remedy);
        initCause(cause);
    }

    /** The file with the fault. */
    public Path path() {
        return path;
    }

    /** Where in the file: {@code header}, {@code tensor 'name' shape}, ... */
    public String field() {
        return field;
    }
}
