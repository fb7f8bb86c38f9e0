package org.mouselift.pipeline.multiview;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.mouselift.data.AtomicFile;
import org.mouselift.data.safetensors.SafetensorsWriter;
import org.mouselift.engine.DType;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;

/** Writing of one component of a pipeline folder: {@code config.json} and safetensors weights (multi-view diffusion specification §5.3). */
public final class ComponentFolder {
    private static final ObjectMapper JSON = new ObjectMapper();

    private ComponentFolder() {}

    /**
     * Writes a component; every file appears under its name only when complete.
     *
     * @param file name of the weights: {@code diffusion_pytorch_model.safetensors} or {@code model.safetensors}
     * @param storage F16 or F32; F16 refuses weights beyond ±65504
     */
    public static void write(Path folder, String file, JsonNode config, Map<String, Tensor> state, DType storage) throws IOException {
        Files.createDirectories(folder);
        try (Scope scope = Scope.open("weights to save")) {
            SafetensorsWriter writer = new SafetensorsWriter().metadata("format", "pt");
            for (Map.Entry<String, Tensor> e : state.entrySet()) {
                Tensor stored = Ops.contiguous(Ops.cast(e.getValue(), storage));
                for (float value : stored.toFloats()) {
                    if (!Float.isFinite(value)) {
                        throw new IOException(folder + ": tensor '" + e.getKey() + "' has numbers that are not finite in " + storage.label() + "; nothing was written");
                    }
                }
                writer.add(e.getKey(), storage, stored.shape().dims(), stored.contiguousSegment());
            }
            writer.write(folder.resolve(file));
        }
        ByteBuffer text = ByteBuffer.wrap((JSON.writerWithDefaultPrettyPrinter().writeValueAsString(config) + "\n").getBytes(StandardCharsets.UTF_8));
        AtomicFile.write(folder.resolve("config.json"), channel -> {
            while (text.hasRemaining()) {
                channel.write(text);
            }
        });
    }
}
