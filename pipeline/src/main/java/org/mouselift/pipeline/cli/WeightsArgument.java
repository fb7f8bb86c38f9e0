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

    @Option(names = "--weights", paramLabel = "PATH", description = "Folder with model.safetensors and config.yaml, or a checkpoint file such as the "
            + "original's ckpt_*.pt (default: weights/gslrm-mouse-128 of Mouselift).")
    @PathRole(code = "MFL-E207")
    private Path weights;

    @Option(names = "--weights-config", paramLabel = "FILE", description = "Configuration of a checkpoint file (default: config.yaml beside it).")
    private Path configuration;

    boolean given() {
        return weights != null;
    }

    /** What the command line names, or the weights that come with the repository. */
    Path path() {
        return weights != null ? weights : Path.of(System.getProperty(ROOT_PROPERTY, "")).resolve(STANDARD);
    }

    GsLrmWeights open() throws IOException {
        Path folder = path();
        if (weights == null && !Files.isDirectory(folder)) {
            throw CommandException.badInput("the weights of the mouse model are not there: " + folder,
                    "Restore the folder, or name another one with --weights DIR; mouselift train gslrm makes one.");
        }
        if (configuration != null && Files.isDirectory(folder)) {
            throw CommandException.usage("--weights-config belongs to a checkpoint file; " + folder + " is a folder and has its own config.yaml",
                    "Leave it out, or name a file with --weights.");
        }
        return configuration == null ? GsLrmWeights.open(folder) : GsLrmWeights.open(folder, configuration);
    }
}
