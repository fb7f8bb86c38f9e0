package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.mouselift.pipeline.reconstruct.GsLrmWeights;
import picocli.CommandLine.Option;

/** {@code --weights}: which reconstructor a command uses. */
final class WeightsArgument {
    /** Set by the launcher: the root of the repository. */
    static final String ROOT_PROPERTY = "mouselift.root";
    /** The reconstructor that comes with the repository, relative to its root. */
    static final Path STANDARD = Path.of("weights", "gslrm-mouse-128");

    @Option(names = "--weights", paramLabel = "DIR", description = "Folder with model.safetensors and config.yaml (default: weights/gslrm-mouse-128 of Mouselift).")
    private Path weights;

    boolean given() {
        return weights != null;
    }

    GsLrmWeights open() throws IOException {
        Path folder = weights != null ? weights : Path.of(System.getProperty(ROOT_PROPERTY, "")).resolve(STANDARD);
        if (weights == null && !Files.isDirectory(folder)) {
            throw CommandException.badInput("the weights of the mouse model are not there: " + folder,
                    "Restore the folder, or name another one with --weights DIR; mouselift train gslrm makes one.");
        }
        return GsLrmWeights.open(folder);
    }
}
