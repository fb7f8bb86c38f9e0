package org.mouselift.pipeline.web;

import java.io.IOException;
import java.nio.file.Path;

/** A splat file cannot be put into one page. */
public final class ViewerPageException extends IOException {
    private static final long serialVersionUID = 1L;

    private final transient Path splats;

    ViewerPageException(Path splats, long bytes, long most) {
        super(bytes == 0 ? splats + ": the splat file is empty"
                : splats + ": " + bytes + " bytes are too many for one page (at most " + most + "); write fewer Gaussians, for example with a higher opacity threshold");
        this.splats = splats;
    }

    /** The splat file. */
    public Path splats() {
        return splats;
    }
}
