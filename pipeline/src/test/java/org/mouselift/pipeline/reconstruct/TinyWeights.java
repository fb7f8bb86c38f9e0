package org.mouselift.pipeline.reconstruct;

import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.mouselift.engine.DType;
import org.mouselift.models.gslrm.GsLrm;
import org.mouselift.pipeline.config.GslrmConfigReader;
import org.mouselift.pipeline.config.YamlReader;
import org.mouselift.pipeline.train.GslrmSetup;

/** A folder of random weights of a network that runs in milliseconds. */
public final class TinyWeights {
    private TinyWeights() {}

    /** The configuration of an untrained network for square pictures of 32 pixels. */
    public static String yaml(int inputViews) {
        return """
                model:
                  image_tokenizer: {image_size: 32, patch_size: 8, in_channels: 9}
                  transformer: {d: 32, d_head: 16, n_layer: 1}
                  gaussians: {n_gaussians: 2, sh_degree: 0}
                training:
                  dataset: {num_views: %d, num_input_views: %d}
                """.formatted(inputViews, inputViews);
    }

    public static GsLrm model(String yaml) throws IOException {
        return GsLrm.initialised(GslrmSetup.network(GslrmConfigReader.read("tiny", YamlReader.parse("tiny", yaml), List.of()).config()), DType.F32, 5);
    }

    /** Writes the folder and returns it. */
    public static Path write(Path folder, int inputViews, DType storage) throws IOException {
        try (GsLrm model = model(yaml(inputViews))) {
            GsLrmWeights.save(folder, model, yaml(inputViews), storage, null);
        }
        return folder;
    }
}
