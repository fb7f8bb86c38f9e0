package org.mouselift.pipeline.verify;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.mouselift.data.golden.GoldenCase;
import org.mouselift.data.golden.GoldenException;
import org.mouselift.data.golden.GoldenFolder;
import org.mouselift.engine.DType;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.nn.Hook;
import org.mouselift.models.gslrm.GaussianBatch;
import org.mouselift.models.gslrm.GsLrm;
import org.mouselift.models.gslrm.GsLrmConfig;
import org.mouselift.models.gslrm.GsLrmOutput;
import org.mouselift.models.gslrm.ViewRenderer;
import org.mouselift.models.losses.LossReport;
import org.mouselift.models.losses.ReconstructionLoss;

/** The GS-LRM network in float32: every stage of the forward pass, Gaussians, renders and losses (golden folder {@code model}). */
public final class GsLrmModelVerifier implements CaseVerifier {
    private static final Map<String, String> STAGES = Map.of("posed_images", GsLrm.POSED_IMAGES, "patches", GsLrm.PATCHES,
            "patch_tokens", "patch_embedder.1", "tokens_in", GsLrm.TOKENS_IN, "tokens_normed", "input_layer_norm",
            "raw_free", "gaussian_upsampler", "raw_pixel", "pixel_gaussian_decoder");
    private static final Map<String, String> BLOCK_PARTS = Map.of("", "", ".norm1", ".norm1", ".qkv", ".attn.to_qkv", ".attn", ".attn",
            ".norm2", ".norm2", ".mlp", ".mlp");
    private static final Pattern BLOCK = Pattern.compile("block(\\d+)(\\.\\w+)?");
    private static final Pattern SOME_VIEWS = Pattern.compile("target views \\[([0-9, ]+)] only");

    @Override
    public boolean knows(GoldenFolder folder, String file) throws GoldenException {
        return isCase(folder, file) && !folder.declares(file, "grad_norm");
    }

    static boolean isCase(GoldenFolder folder, String file) throws GoldenException {
        JsonNode entry = folder.entry(file);
        return folder.name().equals("model") && folder.kind(file).equals("case") && entry.path("config").has("model")
                && entry.path("checkpoint").asText().endsWith(".safetensors")
                && !GsLrmGoldens.needsVgg(entry.path("config").path("training").path("losses"));
    }

    @Override
    public List<CheckResult> verify(GoldenCase c) throws IOException {
        String inputs = c.entry().path("inputs_from").asText("");
        if (inputs.isEmpty()) {
            return verify(c, c);
        }
        try (GoldenCase other = c.folder().open(inputs)) {
            return verify(c, other);
        }
    }

    private static List<CheckResult> verify(GoldenCase c, GoldenCase inputs) throws IOException {
        List<CheckResult> checks = new ArrayList<>();
        JsonNode settings = c.entry().path("config");
        GsLrmConfig config = GsLrmGoldens.network(settings);
        try (Scope scope = Scope.open(c.toString()); GsLrm model = GsLrmGoldens.model(c, config, DType.F32)) {
            Tensor image = GsLrmGoldens.tensor(inputs, "image");
            Tensor c2w = GsLrmGoldens.tensor(inputs, "c2w");
            Tensor lenses = GsLrmGoldens.tensor(inputs, "fxfycxcy");
            int inputViews = settings.path("training").path("dataset").path("num_input_views").asInt();
            Tensor inImage = Ops.slice(image, 1, 0, inputViews);
            Tensor inPoses = Ops.contiguous(Ops.slice(c2w, 1, 0, inputViews));
            Tensor inLenses = Ops.contiguous(Ops.slice(lenses, 1, 0, inputViews));
            stages(checks, c, model, inImage, inPoses, inLenses);
            // Once more without hooks: the fused path that applications take.
            GsLrmOutput output = model.reconstruct(inImage, inPoses, inLenses);
            if (c.has("ray_d")) {
                checks.add(CheckResult.of(c.compare("ray_d", output.rays().direction().toDoubles())));
            }
            gaussians(checks, c, output.gaussians());
            Tensor render = ViewRenderer.render(output.gaussians(), c2w, lenses, (int) image.dim(3), (int) image.dim(4), config.scalingModifier());
            if (c.has("render")) {
                checks.add(CheckResult.of(c.compare("render", renderedViews(c, render).toDoubles())));
            }
            LossReport report = new ReconstructionLoss(GsLrmGoldens.losses(settings.path("training").path("losses")), null, null).evaluate(0, render,
                    image, new ReconstructionLoss.Geometry(output.pixelAlignedXyz(), output.rays().origin(), output.rays().direction()));
            Map<String, Double> numbers = new HashMap<>(report.numbers());
            numbers.put("gaussians_usage", output.gaussians().usage().item());
            for (String name : c.expected()) {
                if (numbers.containsKey(name)) {
                    checks.add(CheckResult.of(c.compare(name, numbers.get(name))));
                }
            }
        }
        return checks;
    }

    /** Path of the module or tap that computes a stage. */
    private static Optional<String> stagePath(String name) {
        if (STAGES.containsKey(name)) {
            return Optional.of(STAGES.get(name));
        }
        Matcher block = BLOCK.matcher(name);
        if (!block.matches()) {
            return Optional.empty();
        }
        String part = BLOCK_PARTS.get(block.group(2) == null ? "" : block.group(2));
        return part == null ? Optional.empty() : Optional.of("transformer_layers." + block.group(1) + part);
    }

    private static void stages(List<CheckResult> checks, GoldenCase c, GsLrm model, Tensor image, Tensor c2w, Tensor lenses) throws IOException {
        Map<String, double[]> seen = new HashMap<>();
        List<Hook.Handle> handles = new ArrayList<>();
        List<String> names = c.expected().stream().filter(n -> stagePath(n).isPresent()).toList();
        if (names.isEmpty()) {
            return;
        }
        for (String name : names) {
            handles.add(model.hook(stagePath(name).orElseThrow(), (path, in, out) -> {
                seen.put(name, out.toDoubles());
                return out;
            }));
        }
        model.reconstruct(image, c2w, lenses);
        handles.forEach(Hook.Handle::close);
        for (String name : names) {
            checks.add(CheckResult.of(c.compare(name, seen.get(name))));
        }
    }

    private static void gaussians(List<CheckResult> checks, GoldenCase c, GaussianBatch g) throws IOException {
        Map<String, Tensor> all = Map.of("xyz", g.xyz(), "features", g.features(), "scaling", g.scaling(), "rotation", g.rotation(),
                "opacity", g.opacity());
        for (Map.Entry<String, Tensor> e : all.entrySet()) {
            if (c.has(e.getKey())) {
                checks.add(CheckResult.of(c.compare(e.getKey(), rows(c, e.getValue()))));
            }
        }
    }

    /** All rows, or those that the case stores. */
    private static double[] rows(GoldenCase c, Tensor t) throws IOException {
        double[] all = t.toDoubles();
        if (!c.has("gaussian_indices")) {
            return all;
        }
        long[] indices = c.longs("gaussian_indices");
        int batch = (int) t.dim(0);
        int width = all.length / batch / (int) t.dim(1);
        double[] out = new double[batch * indices.length * width];
        for (int b = 0; b < batch; b++) {
            for (int i = 0; i < indices.length; i++) {
                System.arraycopy(all, (b * (int) t.dim(1) + (int) indices[i]) * width, out, (b * indices.length + i) * width, width);
            }
        }
        return out;
    }

    private static Tensor renderedViews(GoldenCase c, Tensor render) throws GoldenException {
        Matcher some = SOME_VIEWS.matcher(c.tensorEntry("render").path("meaning").asText());
        if (!some.find()) {
            return render;
        }
        List<Tensor> views = new ArrayList<>();
        for (String view : some.group(1).split(",")) {
            int v = Integer.parseInt(view.strip());
            views.add(Ops.slice(render, 1, v, v + 1));
        }
        return Ops.concat(1, views);
    }
}
