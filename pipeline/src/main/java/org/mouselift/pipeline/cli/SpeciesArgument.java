package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.nio.file.Path;
import org.mouselift.pipeline.checkpoint.Species;
import picocli.CommandLine.Option;

/** {@code --species}: refuses weights that are known to be of another one. */
final class SpeciesArgument {
    @Option(names = "--species", paramLabel = "NAME", description = "mouse or human: refuse weights whose provenance says they are of the other (MFL-E209).")
    private Species species;

    /** Checks weights, or nothing where no species was asked for. */
    void require(Path artefact) throws IOException {
        if (species != null) {
            species.require(artefact);
        }
    }
}
