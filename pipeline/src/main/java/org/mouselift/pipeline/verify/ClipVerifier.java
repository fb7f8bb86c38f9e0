package org.mouselift.pipeline.verify;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.mouselift.data.golden.GoldenCase;
import org.mouselift.data.golden.GoldenException;
import org.mouselift.data.golden.GoldenFolder;
import org.mouselift.engine.DType;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.nn.Module;
import org.mouselift.models.clip.ClipConfig;
import org.mouselift.models.clip.ClipTextModel;
import org.mouselift.models.clip.ClipVisionModelWithProjection;

/** The CLIP towers in float32: hidden states of every layer, embeddings, gradients. */
public final class ClipVerifier implements CaseVerifier {
    private static final String HIDDEN = "hidden_states.";

    @Override
    public boolean knows(GoldenFolder folder, String file) throws GoldenException {
        return folder.kind(file).equals("case") && !type(folder, file).isEmpty();
    }

    /** {@code model_type} of the case's checkpoint, empty if it is no CLIP tower. */
    private static String type(GoldenFolder folder, String file) throws GoldenException {
        JsonNode entry = folder.entry(file);
        String checkpoint = entry.path("checkpoint").asText("");
        Path config = checkpoint.isEmpty() || checkpoint.startsWith("..") ? null : folder.resolve(checkpoint + "/config.json");
        if (config == null || !Files.isRegularFile(config)) {
            return "";
        }
        try {
            String type = GoldenFolder.readJson(config).path("model_type").asText("");
            return type.equals("clip_vision_model") || type.equals("clip_text_model") ? type : "";
        } catch (IOException e) {
            throw new GoldenException(config + ": " + e.getMessage());
        }
    }

    @Override
    public List<CheckResult> verify(GoldenCase c) throws IOException {
        return DiffusionGoldens.withInputs(c, inputs -> {
            Map<String, double[]> got = new HashMap<>();
            try (Scope scope = Scope.open(c.toString())) {
                if (type(c.folder(), c.file()).equals("clip_text_model")) {
                    text(got, c, inputs);
                } else {
                    vision(got, c, inputs);
                }
            }
            List<CheckResult> checks = new ArrayList<>();
            for (String name : c.expected()) {
                checks.add(got.containsKey(name) ? CheckResult.of(c.compare(name, got.get(name))) : CheckResult.fail(name, "is not computed"));
            }
            return checks;
        });
    }

    private static void listen(Module model, String path, String name, Map<String, double[]> got) {
        model.hook(path, (at, in, out) -> {
            got.put(name, out.toDoubles());
            return out;
        });
    }

    private static void vision(Map<String, double[]> got, GoldenCase c, GoldenCase inputs) throws IOException {
        String checkpoint = c.entry().path("checkpoint").asText();
        ClipConfig config = ClipConfig.vision(DiffusionGoldens.config(c.folder(), checkpoint), checkpoint);
        Tensor pixels = DiffusionGoldens.tensor(inputs, "pixel_values");
        try (ClipVisionModelWithProjection model = ClipVisionModelWithProjection.load(config, DType.F32, DiffusionGoldens.weights(c.folder(), checkpoint), checkpoint)) {
            if (!c.has("target")) {
                listen(model, "vision_model.pre_layrnorm", HIDDEN + 0, got);
                for (int i = 0; i < config.layers(); i++) {
                    listen(model, "vision_model.encoder.layers." + i, HIDDEN + (i + 1), got);
                }
                listen(model, ClipVisionModelWithProjection.POOLED, "pooled", got);
                got.put("image_embeds", model.embed(pixels).toDoubles());
                got.put("last_hidden_state", got.get(HIDDEN + config.layers()));
                return;
            }
            LossGradients g = LossGradients.of(c.toString(), model.stateDict(), 1, List.of(pixels, DiffusionGoldens.tensor(c, "target")),
                    in -> List.of(Ops.mean(Ops.square(Ops.sub(model.embed(in.get(0)), in.get(1))))));
            got.put("loss", g.values().getFirst().toDoubles());
            got.put("grad.pixel_values", g.operands().getFirst().toDoubles());
            g.parameters().forEach((name, t) -> got.put("grad.param." + name, t.toDoubles()));
        }
    }

    private static void text(Map<String, double[]> got, GoldenCase c, GoldenCase inputs) throws IOException {
        String checkpoint = c.entry().path("checkpoint").asText();
        ClipConfig config = ClipConfig.text(DiffusionGoldens.config(c.folder(), checkpoint), checkpoint);
        long[] flat = inputs.longs("input_ids");
        long[] shape = inputs.shape("input_ids");
        long[][] ids = new long[(int) shape[0]][];
        for (int i = 0; i < ids.length; i++) {
            ids[i] = java.util.Arrays.copyOfRange(flat, i * (int) shape[1], (i + 1) * (int) shape[1]);
        }
        try (ClipTextModel model = ClipTextModel.load(config, DType.F32, DiffusionGoldens.weights(c.folder(), checkpoint), checkpoint)) {
            listen(model, ClipTextModel.EMBEDDINGS, HIDDEN + 0, got);
            Tensor[] penultimate = new Tensor[1];
            for (int i = 0; i < config.layers(); i++) {
                listen(model, "text_model.encoder.layers." + i, HIDDEN + (i + 1), got);
            }
            if (config.layers() > 1) {
                model.hook("text_model.encoder.layers." + (config.layers() - 2), (at, in, out) -> {
                    penultimate[0] = out;
                    return out;
                });
            }
            got.put("last_hidden_state", model.embed(ids).toDoubles());
            if (penultimate[0] != null) {
                got.put("penultimate_with_final_norm_for_contrast", model.modules().get("text_model.final_layer_norm").call(penultimate[0]).toDoubles());
            }
        }
    }
}
