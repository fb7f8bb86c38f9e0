package org.mouselift.data.ply;

import java.io.IOException;
import java.nio.file.Path;

/** A PLY file that is damaged or holds something else than Gaussian splats. Names the file, the place, the fault and a remedy. */
public final class PlyException extends IOException {
    private static final long serialVersionUID = 1L;

    PlyException(Path path, String place, String fault, String remedy) {
        super(path + ": " + place + ": " + fault + (remedy.isEmpty() ? "" : " (" + remedy + ")"));
    }
}
