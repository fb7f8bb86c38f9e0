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
import org.mouselift.data.image.ClipImageProcessor;
import org.mouselift.engine.DType;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.models.clip.ClipConfig;
import org.mouselift.models.clip.ClipVisionModelWithProjection;
import org.mouselift.models.diffusion.DiffusionObjective;
import org.mouselift.models.diffusion.ImageEmbeddingNoise;
import org.mouselift.models.diffusion.NoiseSchedule;
import org.mouselift.models.unet.UNetConfig;
import org.mouselift.models.unet.UNetMV2DConditionModel;
import org.mouselift.models.vae.AutoencoderConfig;
import org.mouselift.models.vae.AutoencoderKL;
import org.mouselift.models.vae.LatentDistribution;
import org.mouselift.pipeline.checkpoint.MappedWeights;
import org.mouselift.pipeline.multiview.PipelineFolder;

/** One training loss of the multi-view UNet with everything given: conditions, dropout, loss, gradients. */
public final class DiffusionTrainingVerifier implements CaseVerifier {
    @Override
    public boolean knows(GoldenFolder folder, String file) throws GoldenException {
        return folder.kind(file).equals("case") && folder.declares(file, "drop_u") && folder.declares(file, "loss_per_image");
    }

    @Override
    public List<CheckResult> verify(GoldenCase c) throws IOException {
        Map<String, double[]> got = new HashMap<>();
        PipelineFolder folder = PipelineFolder.open(c.folder().path().resolve(c.entry().path("checkpoint").asText()).normalize());
        try (Scope scope = Scope.open(c.toString())) {
            compute(got, c, folder);
        }
        List<CheckResult> checks = new ArrayList<>();
        for (String name : c.expected()) {
            checks.add(got.containsKey(name) ? CheckResult.of(c.compare(name, got.get(name))) : CheckResult.fail(name, "is not computed"));
        }
        return checks;
    }

    private static void compute(Map<String, double[]> got, GoldenCase c, PipelineFolder folder) throws IOException {
        JsonNode settings = c.entry().path("config");
        long[] shape = c.shape("images_u8");
        int objects = (int) shape[0];
        int views = (int) shape[1];
        int size = (int) shape[2];
        Tensor images = images(c.tensor("images_u8").bytes(), objects * views, size);
        Tensor inputs = references(images, objects, views);
        NoiseSchedule schedule = NoiseSchedule.of(folder.config("scheduler", "scheduler_config.json"), false, "scheduler");
        AutoencoderConfig vaeConfig = AutoencoderConfig.of(folder.config("vae", "config.json"), "vae");
        double scale = settings.path("scale_input_latents").asBoolean(true) ? vaeConfig.scalingFactor() : 1;
        Tensor labels = labels(got, c, folder, inputs, objects, views);
        Tensor latents;
        Tensor reference;
        try (MappedWeights stored = folder.mapped("vae"); AutoencoderKL vae = AutoencoderKL.load(vaeConfig, DType.F32, stored.state(), "vae")) {
            Tensor cond = vae.encode(Ops.affine(inputs, 2, -1)).mode();
            LatentDistribution target = vae.encode(Ops.affine(images, 2, -1));
            got.put("cond_mean", cond.toDoubles());
            got.put("target_mean", target.mean().toDoubles());
            got.put("target_logvar", target.logvar().toDoubles());
            latents = Ops.affine(target.sample(DiffusionGoldens.tensor(c, "vae_noise")), vaeConfig.scalingFactor(), 0);
            reference = repeated(Ops.affine(cond, scale, 0), views);
            got.put("latents", latents.toDoubles());
        }
        Tensor prompts = repeatedAll(DiffusionGoldens.tensor(c, "prompt_embeds"), objects);
        int[] t = Arrays.stream(c.longs("timesteps")).mapToInt(Math::toIntExact).toArray();
        float[] u = c.floats("drop_u");
        double gamma = settings.path("snr_gamma").isNumber() ? settings.path("snr_gamma").asDouble() : Double.NaN;
        DiffusionObjective objective = new DiffusionObjective(schedule, settings.path("condition_drop_rate").asDouble(0),
                settings.path("drop_type").asText("").equals("drop_independent"), gamma, DiffusionObjective.Weighting.MIN_SNR_OVER_SNR);
        got.put("mask_latents", doubles(objective.keepsReference(u)));
        got.put("mask_class", doubles(objective.keepsClass(u)));
        UNetConfig unetConfig = UNetConfig.of(folder.config("unet", "config.json"), "unet");
        try (MappedWeights stored = folder.mapped("unet"); UNetMV2DConditionModel unet = UNetMV2DConditionModel.load(unetConfig, DType.F32, stored.state(), "unet")) {
            DiffusionObjective.Prepared batch = objective.prepare(unet, new DiffusionObjective.Batch(latents, reference, labels, prompts,
                    DiffusionGoldens.tensor(c, "noise"), t, u));
            List<Tensor> operands = new ArrayList<>(batch.tensors());
            operands.add(prompts);
            LossGradients g = LossGradients.of(c.toString(), unet.stateDict(), 0, operands, in -> {
                DiffusionObjective.Report r = objective.evaluate(unet, batch.with(in.subList(0, in.size() - 1), in.getLast()));
                return List.of(r.loss(), r.noisy(), r.reference(), r.classLabels(), r.prediction(), r.target(), r.perImage(), r.weights());
            });
            double[] perImage = g.values().get(6).toDoubles();
            got.put("noisy_latents", g.values().get(1).toDoubles());
            got.put("cond_after_drop", g.values().get(2).toDoubles());
            got.put("class_labels", g.values().get(3).toDoubles());
            got.put("timesteps_per_image", java.util.stream.IntStream.range(0, objects * views).mapToDouble(i -> t[i / views]).toArray());
            got.put("pred", g.values().get(4).toDoubles());
            got.put("target", g.values().get(5).toDoubles());
            got.put("loss_per_image", perImage);
            got.put("snr_weight", g.values().get(7).toDoubles());
            got.put("loss", g.values().get(0).toDoubles());
            got.put("loss_without_snr_weight", new double[] {Arrays.stream(perImage).average().orElseThrow()});
            g.parameters().forEach((name, t2) -> got.put("grad." + name, t2.toDoubles()));
        }
    }

    /** CLIP input, embedding and class labels before dropout [N,2E]. */
    private static Tensor labels(Map<String, double[]> got, GoldenCase c, PipelineFolder folder, Tensor inputs, int objects, int views) throws IOException {
        ClipImageProcessor processor = ClipImageProcessor.read(folder.path().resolve("feature_extractor").resolve("preprocessor_config.json"));
        ClipConfig config = ClipConfig.vision(folder.config("image_encoder", "config.json"), "image_encoder");
        NoiseSchedule levels = NoiseSchedule.of(folder.config("image_noising_scheduler", "scheduler_config.json"), true, "image_noising_scheduler");
        ImageEmbeddingNoise noising;
        try (MappedWeights statistics = folder.mapped("image_normalizer")) {
            noising = new ImageEmbeddingNoise(Ops.cast(Ops.copy(statistics.state().get("mean")), DType.F32), Ops.cast(Ops.copy(statistics.state().get("std")), DType.F32), levels);
        }
        int size = (int) inputs.dim(2);
        float[] all = inputs.toFloats();
        int each = all.length / objects;
        List<Tensor> pixels = new ArrayList<>();
        for (int i = 0; i < objects; i++) {
            float[] one = processor.processFloat(Arrays.copyOfRange(all, i * each, (i + 1) * each), size, size);
            pixels.add(Tensor.of(one, 1, 3, processor.cropHeight(), processor.cropWidth()));
        }
        Tensor clip = Ops.concat(0, pixels);
        got.put("clip_input", clip.toDoubles());
        try (MappedWeights stored = folder.mapped("image_encoder");
                ClipVisionModelWithProjection encoder = ClipVisionModelWithProjection.load(config, DType.F32, stored.state(), "image_encoder")) {
            Tensor embeds = encoder.embed(clip);
            got.put("image_embeds", embeds.toDoubles());
            Tensor labels = noising.classLabels(repeated(embeds, views), 0, DiffusionGoldens.tensor(c, "embedding_noise"));
            got.put("class_before_drop", labels.toDoubles());
            return labels;
        }
    }

    private static double[] doubles(float[] x) {
        double[] out = new double[x.length];
        Arrays.setAll(out, i -> x[i]);
        return out;
    }

    /** HWC bytes of n pictures as [n,3,s,s] in [0,1]. */
    private static Tensor images(byte[] hwc, int n, int size) {
        float[] out = new float[hwc.length];
        int plane = size * size;
        for (int i = 0; i < n; i++) {
            for (int p = 0; p < plane; p++) {
                for (int ch = 0; ch < 3; ch++) {
                    out[(i * 3 + ch) * plane + p] = (hwc[(i * plane + p) * 3 + ch] & 0xFF) / 255f;
                }
            }
        }
        return Tensor.of(out, n, 3, size, size);
    }

    /** View 0 of every object. */
    private static Tensor references(Tensor images, int objects, int views) {
        List<Tensor> out = new ArrayList<>();
        for (int i = 0; i < objects; i++) {
            out.add(Ops.slice(images, 0, (long) i * views, (long) i * views + 1));
        }
        return Ops.concat(0, out);
    }

    private static Tensor repeated(Tensor x, int views) {
        List<Tensor> out = new ArrayList<>();
        for (long i = 0; i < x.dim(0); i++) {
            for (int v = 0; v < views; v++) {
                out.add(Ops.slice(x, 0, i, i + 1));
            }
        }
        return Ops.concat(0, out);
    }

    private static Tensor repeatedAll(Tensor x, int times) {
        List<Tensor> out = new ArrayList<>();
        for (int i = 0; i < times; i++) {
            out.add(x);
        }
        return Ops.concat(0, out);
    }
}
