package org.mouselift.pipeline.cli;

import java.util.Locale;
import org.mouselift.data.ply.GaussianFilter;
import org.mouselift.pipeline.reconstruct.ReconstructionFolder;
import picocli.CommandLine.Option;

/** Options about what a reconstruction leaves behind. */
final class SplatOptions {
    /** Which Gaussians go into the file. */
    enum Filter {
        INFERENCE(GaussianFilter.INFERENCE), WEB(GaussianFilter.WEB), EVALUATION(GaussianFilter.EVALUATION), NONE(null);

        private final GaussianFilter filter;

        Filter(GaussianFilter filter) {
            this.filter = filter;
        }

        @Override
        public String toString() {
            return name().toLowerCase(Locale.ROOT);
        }
    }

    @Option(names = "--filter", defaultValue = "inference", paramLabel = "PRESET",
            description = "Clean-up before export: ${COMPLETION-CANDIDATES} (default: ${DEFAULT-VALUE}).")
    private Filter filter;

    @Option(names = "--turntable-size", paramLabel = "PIXELS", description = "Size of the turntable (default: that of the pictures, at least 256).")
    private Integer turntableSize;

    @Option(names = "--fps", defaultValue = "30", paramLabel = "N", description = "Frames per second of the turntable (default: ${DEFAULT-VALUE}).")
    private int rate;

    @Option(names = "--gif", description = "Also write turntable.gif.")
    private boolean gif;

    @Option(names = "--frames", description = "Also write the turntable as PNG files.")
    private boolean frames;

    @Option(names = "--viewer", negatable = true, defaultValue = "true", fallbackValue = "true", description = "Write viewer.html, which opens from disk (default: yes).")
    private boolean viewer;

    ReconstructionFolder.Options of(int turntable, int pictures) {
        try {
            return new ReconstructionFolder.Options(filter.filter, turntable, turntableSize == null ? Math.max(256, pictures) : turntableSize, rate, gif, frames,
                    viewer);
        } catch (IllegalArgumentException e) {
            throw CommandException.usage(e.getMessage(), "");
        }
    }
}
