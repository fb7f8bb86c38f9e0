package org.mouselift.pipeline.verify;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.mouselift.data.golden.GoldenCase;
import org.mouselift.data.golden.GoldenException;
import org.mouselift.data.golden.GoldenFolder;
import org.mouselift.data.safetensors.SafetensorsEntry;
import org.mouselift.data.safetensors.SafetensorsFile;
import org.mouselift.engine.Tensor;

/** Configurations, weights and tensors of the multi-view diffusion golden cases. */
final class DiffusionGoldens {
    private static final ObjectMapper JSON = new ObjectMapper();

    private DiffusionGoldens() {}

    /** A component's {@code config.json} as plain objects. */
    @SuppressWarnings("unchecked")
    static Map<String, Object> config(GoldenFolder folder, String component) throws IOException {
        return JSON.convertValue(GoldenFolder.readJson(folder.resolve(component + "/config.json")), Map.class);
    }

    /** True if the case names a checkpoint folder that has a configuration of the given class. */
    static boolean uses(GoldenFolder folder, String file, String className) throws GoldenException {
        JsonNode entry = folder.entry(file);
        String checkpoint = entry.path("checkpoint").asText("");
        // A pipeline folder beside this one belongs to other verifiers.
        if (!folder.kind(file).equals("case") || checkpoint.isEmpty() || checkpoint.startsWith("..")) {
            return false;
        }
        Path config = folder.resolve(checkpoint + "/config.json");
        try {
            return Files.isRegularFile(config) && GoldenFolder.readJson(config).path("_class_name").asText("").equals(className);
        } catch (IOException e) {
            throw new GoldenException(config + ": " + e.getMessage());
        }
    }

    /** The weights of a component folder as f32 in the current scope. */
    static Map<String, Tensor> weights(GoldenFolder folder, String component) throws IOException {
        for (String name : new String[] {"diffusion_pytorch_model.safetensors", "model.safetensors"}) {
            Path file = folder.resolve(component + "/" + name);
            if (Files.isRegularFile(file)) {
                return weights(file);
            }
        }
        throw new GoldenException(folder.path() + ": component '" + component + "' has no safetensors weights");
    }

    /** The tensors of a file as f32 in the current scope. */
    static Map<String, Tensor> weights(Path file) throws IOException {
        Map<String, Tensor> state = new LinkedHashMap<>();
        try (SafetensorsFile f = SafetensorsFile.open(file)) {
            for (SafetensorsEntry e : f.entries().values()) {
                state.put(e.name(), Tensor.of(e.floats(), e.shape()));
            }
        }
        return state;
    }

    /** A stored tensor as f32 in the current scope. */
    static Tensor tensor(GoldenCase c, String name) throws IOException {
        return Tensor.of(c.floats(name), c.shape(name));
    }

    /** The case that holds the inputs: the one named {@code inputs_from}, or the case itself. */
    static <R> R withInputs(GoldenCase c, Body<R> body) throws IOException {
        String inputs = c.entry().path("inputs_from").asText("");
        if (inputs.isEmpty()) {
            return body.run(c);
        }
        try (GoldenCase other = c.folder().open(inputs)) {
            return body.run(other);
        }
    }

    /** Work on a case. */
    interface Body<R> {
        R run(GoldenCase inputs) throws IOException;
    }
}
