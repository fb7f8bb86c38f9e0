package org.mouselift.data.torch;

import java.io.IOException;
import java.nio.file.Path;

/** A PyTorch file that breaks a rule of its format. Names the file, the place, the fault and a remedy. */
public final class TorchFileException extends IOException {
    private static final long serialVersionUID = 1L;
    private final transient Path path;
    private final String field;

    public TorchFileException(Path path, String field, String fault, String remedy) {
        super(path + ": " + field + ": " + fault + (remedy.isEmpty() ? "" : " (" + remedy + ")"));
        this.path = path;
        this.field = field;
    }

    /** The file with the fault. */
    public Path path() {
        return path;
    }

    /** Where in the file: {@code zip directory}, {@code entry 'x/data/0'}, {@code tensor 'model.w'}, ... */
    public String field() {
        return field;
    }
}
