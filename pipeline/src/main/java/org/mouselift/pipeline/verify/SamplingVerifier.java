package org.mouselift.pipeline.verify;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.mouselift.data.golden.GoldenCase;
import org.mouselift.data.golden.GoldenException;
import org.mouselift.data.golden.GoldenFolder;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.Quantization;
import org.mouselift.data.safetensors.SafetensorsFile;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.models.diffusion.DiffusionSampler;
import org.mouselift.pipeline.multiview.MultiViewPipeline;
import org.mouselift.pipeline.multiview.NoiseSource;
import org.mouselift.pipeline.multiview.PipelineFolder;
import org.mouselift.pipeline.multiview.SamplingOptions;

/** Whole samplings of the multi-view pipeline with given noises: conditions, every step, pictures. */
public final class SamplingVerifier implements CaseVerifier {
    @Override
    public boolean knows(GoldenFolder folder, String file) throws GoldenException {
        return folder.kind(file).equals("case") && folder.entry(file).path("call").has("num_inference_steps");
    }

    @Override
    public List<CheckResult> verify(GoldenCase c) throws IOException {
        JsonNode call = c.entry().path("call");
        SamplingOptions options = new SamplingOptions(call.path("num_inference_steps").asInt(), call.path("guidance_scale").asDouble(),
                call.path("eta").asDouble(), call.path("noise_level").asInt(0), DiffusionSampler.Kind.DDIM);
        Map<String, double[]> got = new HashMap<>();
        PipelineFolder folder = PipelineFolder.open(c.folder().resolve(c.entry().path("checkpoint").asText()));
        try (Scope scope = Scope.open(c.toString()); MultiViewPipeline pipeline = MultiViewPipeline.load(folder)) {
            Tensor images = pipeline.generate(pictures(c), prompts(c), options, new Given(c), new Recorder(got, options.guidance() != 1));
            got.put("image", images.toDoubles());
            got.put("image_u8", hwc(images));
        }
        List<CheckResult> checks = new ArrayList<>();
        for (String name : c.expected()) {
            if (!got.containsKey(name)) {
                checks.add(CheckResult.fail(name, "is not computed"));
            } else if (name.equals("reference_latents")) {
                // Some cases store the conditional half alone.
                double[] all = got.get(name);
                int n = Math.toIntExact(c.tensor(name).elements());
                checks.add(CheckResult.of(c.compare(name, Arrays.copyOfRange(all, all.length - n, all.length))));
            } else {
                checks.add(CheckResult.of(c.compare(name, got.get(name))));
            }
        }
        return checks;
    }

    private static List<Image8> pictures(GoldenCase c) throws IOException {
        if (c.has("image_rgb")) {
            long[] shape = c.shape("image_rgb");
            return List.of(new Image8((int) shape[1], (int) shape[0], 3, c.tensor("image_rgb").bytes()));
        }
        long[] shape = c.shape("image_tensor");
        float[] values = c.floats("image_tensor");
        int picture = values.length / (int) shape[0];
        List<Image8> out = new ArrayList<>();
        for (int i = 0; i < shape[0]; i++) {
            out.add(Quantization.TRUNCATE.fromChw(Arrays.copyOfRange(values, i * picture, (i + 1) * picture), 3, (int) shape[2], (int) shape[3]));
        }
        return out;
    }

    private static Tensor prompts(GoldenCase c) throws IOException {
        if (c.has("prompt_embeds")) {
            return DiffusionGoldens.tensor(c, "prompt_embeds");
        }
        // The prompt file's content, rounded as it is stored.
        String file = "prompt_embeddings.safetensors";
        try (SafetensorsFile f = SafetensorsFile.open(c.folder().resolve(file))) {
            return Tensor.of(f.get("embeddings_f16").floats(), f.get("embeddings_f16").shape());
        }
    }

    private static double[] hwc(Tensor images) {
        int n = (int) images.dim(0);
        int height = (int) images.dim(2);
        int width = (int) images.dim(3);
        float[] all = images.toFloats();
        double[] out = new double[all.length];
        int each = 3 * height * width;
        for (int i = 0; i < n; i++) {
            byte[] data = Quantization.ROUND.fromChw(Arrays.copyOfRange(all, i * each, (i + 1) * each), 3, height, width).data();
            for (int j = 0; j < each; j++) {
                out[i * each + j] = data[j] & 0xFF;
            }
        }
        return out;
    }

    /** The stored noises in the order in which they are asked for. */
    private static final class Given implements NoiseSource {
        private final GoldenCase c;
        private int asked;

        Given(GoldenCase c) {
            this.c = c;
        }

        @Override
        public Tensor normal(long... shape) {
            try {
                int at = asked++;
                if (at < 2) {
                    return DiffusionGoldens.tensor(c, at == 0 ? "noise.embedding" : "noise.initial_latents");
                }
                float[] steps = c.floats("noise.steps");
                int each = steps.length / (int) c.shape("noise.steps")[0];
                return Tensor.of(Arrays.copyOfRange(steps, (at - 2) * each, (at - 1) * each), shape);
            } catch (IOException e) {
                throw new java.io.UncheckedIOException(e);
            }
        }
    }

    private record Recorder(Map<String, double[]> got, boolean guided) implements MultiViewPipeline.Listener {
        @Override
        public void conditions(Tensor pixelValues, Tensor imageEmbeds, Tensor classLabels, Tensor referenceLatents) {
            got.put("pixel_values", pixelValues.toDoubles());
            got.put("image_embeds", imageEmbeds.toDoubles());
            got.put("class_labels", classLabels.toDoubles());
            got.put("reference_latents", referenceLatents.toDoubles());
        }

        @Override
        public void step(int index, int steps, int timestep, Tensor prediction, Tensor latents) {
            got.put("unet_output.step" + index, prediction.toDoubles());
            got.put("latents.step" + index, latents.toDoubles());
            double[] visited = got.computeIfAbsent("timesteps", k -> new double[steps]);
            visited[index] = timestep;
        }
    }
}
