package org.mouselift.pipeline.checkpoint;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import org.mouselift.data.checkpoint.Provenance;

/** What weights were made for, where their provenance says so (mouse specification §5.6, MFL-E209). */
public enum Species {
    /** Mice. */
    MOUSE,
    /** Human faces: the published base models. */
    HUMAN;

    /** Key of the provenance. */
    public static final String KEY = "species";
    /** Levels above a file on which a record may lie: pipeline/unet/weights. */
    private static final int LEVELS = 3;

    /** As it is written. */
    public String word() {
        return name().toLowerCase(Locale.ROOT);
    }

    /** What the nearest record of an artefact, of its folder or of the pipeline around it says; empty if none does. */
    public static Optional<String> of(Path artefact) throws IOException {
        Path place = artefact.toAbsolutePath().normalize();
        for (int level = 0; level < LEVELS && place != null; level++, place = place.getParent()) {
            Optional<String> said = Provenance.read(place).map(p -> p.keys().path(KEY)).filter(node -> node.isTextual()).map(node -> node.asText());
            if (said.isPresent()) {
                return said;
            }
        }
        return Optional.empty();
    }

    /**
     * Refuses weights that are known to be of another species; weights that say nothing pass.
     *
     * @throws SpeciesException MFL-E209
     */
    public void require(Path artefact) throws IOException {
        Optional<String> said = of(artefact);
        if (said.isPresent() && !said.get().equals(word())) {
            throw new SpeciesException("MFL-E209: Checkpoint " + artefact + " is " + said.get() + ", wanted is " + word()
                    + " (name weights of a " + word() + ", or --species " + said.get() + ")");
        }
    }

    /** Weights of another species. */
    public static final class SpeciesException extends IOException {
        private static final long serialVersionUID = 1L;

        SpeciesException(String message) {
            super(message);
        }
    }
}
