package org.mouselift.data.synth;

import java.io.IOException;
import java.nio.file.Path;

/** A folder that cannot take the synthetic mice asked for: which, what is wrong with it and what to do. */
public final class SynthMiceException extends IOException {
    private static final long serialVersionUID = 1L;

    private final transient Path path;

    SynthMiceException(Path path, String problem, String remedy) {
        super(path + " " + problem + "; " + remedy);
        this.path = path;
    }

    /** The file or folder. */
    public Path path() {
        return path;
    }
}
