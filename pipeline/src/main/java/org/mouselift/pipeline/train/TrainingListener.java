package org.mouselift.pipeline.train;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Map;

/** What a training run tells the outside: logs, pictures, progress. */
public interface TrainingListener {
    /** Sentences for a person: where the run starts, what was passed over, why it ends. */
    void note(String text);

    /**
     * After every pass.
     *
     * @param pass number of the pass, from 1
     * @param last number of the last planned pass
     * @param values scalars by the original's log names ({@code train/loss}, {@code metrics/lr}, …)
     */
    void pass(long pass, long last, Map<String, Double> values) throws IOException;

    /** Scalars of a validation ({@code val/psnr}, …). */
    void validated(long pass, Map<String, Double> values) throws IOException;

    /** A picture of the training or validation state; {@code name} as in the original's log. */
    void picture(long pass, String name, BufferedImage picture) throws IOException;

    /** Values of the last validation, also of an earlier process of the run; empty before the first. */
    default Map<String, Double> lastValidation() {
        return Map.of();
    }

    /** A checkpoint was written. */
    void saved(Path file);
}
