package org.mouselift.pipeline.verify;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.mouselift.data.golden.GoldenCase;
import org.mouselift.data.golden.GoldenException;
import org.mouselift.data.golden.GoldenFolder;
import org.mouselift.data.image.ClipImageProcessor;
import org.mouselift.data.image.Image8;
import org.mouselift.engine.DType;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.models.clip.ClipConfig;
import org.mouselift.models.clip.ClipVisionModelWithProjection;
import org.mouselift.models.diffusion.DiffusionObjective;
import org.mouselift.models.diffusion.ExponentialMovingAverage;
import org.mouselift.models.diffusion.ImageEmbeddingNoise;
import org.mouselift.models.diffusion.LearningRate;
import org.mouselift.models.diffusion.NoiseSchedule;
import org.mouselift.models.optim.AdamW;
import org.mouselift.models.optim.GradientRules;
import org.mouselift.models.optim.TrainingStep;
import org.mouselift.models.unet.UNetConfig;
import org.mouselift.models.unet.UNetMV2DConditionModel;
import org.mouselift.models.vae.AutoencoderConfig;
import org.mouselift.models.vae.AutoencoderKL;
import org.mouselift.models.vae.LatentDistribution;
import org.mouselift.pipeline.checkpoint.MappedWeights;
import org.mouselift.pipeline.multiview.PipelineFolder;

/**
 * A few optimiser steps of the multi-view diffusion: losses, clipped gradients, parameter groups, moving averages.
 *
 * <p>Parameters of {@code adamw_3_steps} come to 0.93 of their tolerance. That is the rounding of both sides, not of the update: where
 * a first gradient is some 1e-8 beside 1e-3 in the rest of its tensor, Adam divides one rounding error by another. Against the same
 * steps in float64, the stored float32 parameters are off by 4.0e-9 in the median, 2.9e-6 at 99.99 % and 2.7e-5 at worst; ours by
 * 4.0e-9, 2.2e-6 and 3.1e-5.
 */
public final class DiffusionOptimiserVerifier implements CaseVerifier {
    private static final String DRAWS = "drop_u";

    @Override
    public boolean knows(GoldenFolder folder, String file) throws GoldenException {
        JsonNode entry = folder.entry(file);
        return folder.kind(file).equals("case") && entry.has("checkpoint") && entry.path("optimizer").has("class_embedding_lr_mult");
    }

    @Override
    public List<CheckResult> verify(GoldenCase c) throws IOException {
        for (String other : c.folder().files()) {
            if (c.folder().kind(other).equals("case") && c.folder().declares(other, "batch2." + DRAWS)) {
                try (GoldenCase batches = c.folder().open(other)) {
                    return steps(c, batches);
                }
            }
        }
        throw new GoldenException(c + ": no case of the folder holds the batches of the steps");
    }

    /** The frozen parts of a checkpoint and the network. */
    private record Parts(NoiseSchedule schedule, ClipImageProcessor processor, ClipVisionModelWithProjection encoder, ImageEmbeddingNoise embeddings,
            AutoencoderKL autoencoder, UNetMV2DConditionModel unet) implements AutoCloseable {
        static Parts of(GoldenCase c) throws IOException {
            PipelineFolder f = PipelineFolder.open(c.folder().path().resolve(c.entry().path("checkpoint").asText()).normalize());
            String at = f.path().toString();
            try (MappedWeights normalizer = f.mapped("image_normalizer"); MappedWeights encoder = f.mapped("image_encoder"); MappedWeights vae = f.mapped("vae");
                    MappedWeights unet = f.mapped("unet")) {
                return new Parts(NoiseSchedule.of(f.config("scheduler", "scheduler_config.json"), false, at),
                        ClipImageProcessor.read(f.path().resolve("feature_extractor/preprocessor_config.json")),
                        ClipVisionModelWithProjection.load(ClipConfig.vision(f.config("image_encoder", "config.json"), at), DType.F32, encoder.state(), at),
                        new ImageEmbeddingNoise(Ops.cast(Ops.copy(normalizer.state().get("mean")), DType.F32), Ops.cast(Ops.copy(normalizer.state().get("std")), DType.F32),
                                NoiseSchedule.of(f.config("image_noising_scheduler", "scheduler_config.json"), true, at)),
                        AutoencoderKL.load(AutoencoderConfig.of(f.config("vae", "config.json"), at), DType.F32, vae.state(), at),
                        UNetMV2DConditionModel.load(UNetConfig.of(f.config("unet", "config.json"), at), DType.F32, unet.state(), at));
            }
        }

        @Override
        public void close() {
            encoder.close();
            autoencoder.close();
            unet.close();
        }
    }

    /** What does not change from batch to batch: the pictures' embeddings and distributions. */
    private record Encoded(Tensor embeddings, LatentDistribution targets, Tensor reference, Tensor prompts, int objects, int views) {
        static Encoded of(GoldenCase c, Parts parts) throws IOException {
            long[] shape = c.shape("images_u8");
            int objects = (int) shape[0];
            int views = (int) shape[1];
            int height = (int) shape[2];
            int width = (int) shape[3];
            byte[] all = c.tensor("images_u8").bytes();
            int each = height * width * 3;
            float[] planes = new float[all.length];
            float[] clip = null;
            for (int n = 0; n < objects * views; n++) {
                float[] picture = new Image8(width, height, 3, Arrays.copyOfRange(all, n * each, (n + 1) * each)).toFloatChw();
                System.arraycopy(picture, 0, planes, n * each, each);
                if (n % views == 0) {
                    float[] input = parts.processor.processFloat(picture, height, width);
                    clip = clip == null ? new float[objects * input.length] : clip;
                    System.arraycopy(input, 0, clip, n / views * input.length, input.length);
                }
            }
            Tensor pictures = Ops.affine(Tensor.of(planes, (long) objects * views, 3, height, width), 2, -1);
            Tensor inputs = Ops.slice(Ops.reshape(pictures, objects, views, 3, height, width), 1, 0, 1);
            Tensor embeddings = parts.encoder.embed(Tensor.of(clip, objects, 3, parts.processor.cropHeight(), parts.processor.cropWidth()));
            Tensor reference = parts.autoencoder.encode(Ops.contiguous(Ops.reshape(inputs, objects, 3, height, width))).mode();
            Tensor prompts = DiffusionGoldens.tensor(c, "prompt_embeds");
            return new Encoded(embeddings, parts.autoencoder.encode(pictures), reference, replicated(prompts, objects), objects, views);
        }

        /** Rows [V,…] for every object: [B V,…]. */
        private static Tensor replicated(Tensor rows, int objects) {
            return Ops.concat(0, java.util.Collections.nCopies(objects, rows));
        }

        /** Each row of [B,…] for all views of its object. */
        Tensor each(Tensor x) {
            List<Tensor> rows = new ArrayList<>();
            for (int i = 0; i < objects * views; i++) {
                rows.add(Ops.slice(x, 0, i / views, i / views + 1));
            }
            return Ops.concat(0, rows);
        }
    }

    private static DiffusionObjective.Batch batch(GoldenCase c, Parts parts, Encoded e, String prefix) throws IOException {
        double scale = parts.autoencoder.config().scalingFactor();
        double referenceScale = c.entry().path("config").path("scale_input_latents").asBoolean() ? scale : 1;
        return new DiffusionObjective.Batch(Ops.affine(e.targets.sample(DiffusionGoldens.tensor(c, prefix + "vae_noise")), scale, 0),
                e.each(Ops.affine(e.reference, referenceScale, 0)),
                parts.embeddings.classLabels(e.each(e.embeddings), 0, DiffusionGoldens.tensor(c, prefix + "embedding_noise")), e.prompts,
                DiffusionGoldens.tensor(c, prefix + "noise"), Arrays.stream(c.longs(prefix + "timesteps")).mapToInt(Math::toIntExact).toArray(),
                c.floats(prefix + DRAWS));
    }

    private static DiffusionObjective objective(GoldenCase c, NoiseSchedule schedule) {
        JsonNode config = c.entry().path("config");
        return new DiffusionObjective(schedule.with(NoiseSchedule.Prediction.valueOf(config.path("prediction_type").asText().toUpperCase(Locale.ROOT))),
                config.path("condition_drop_rate").asDouble(), config.path("drop_type").asText().equals("drop_independent"),
                config.path("snr_gamma").asDouble(Double.NaN), DiffusionObjective.Weighting.MIN_SNR_OVER_SNR);
    }

    private static List<CheckResult> steps(GoldenCase c, GoldenCase batches) throws IOException {
        JsonNode o = c.entry().path("optimizer");
        List<CheckResult> checks = new ArrayList<>();
        try (Scope scope = Scope.open(c.toString()); Parts parts = Parts.of(c)) {
            Encoded e = Encoded.of(batches, parts);
            DiffusionObjective objective = objective(batches, parts.schedule);
            Map<String, Tensor> state = parts.unet.stateDict();
            double factor = o.path("class_embedding_lr_mult").asDouble();
            LearningRate rate = LearningRate.of(o.path("lr_scheduler").asText(), o.path("lr").asDouble(), 0, 0, 1, 1, o.path("step_rules").asText());
            var options = new AdamW.Options(o.path("betas").path(0).asDouble(), o.path("betas").path(1).asDouble(), o.path("eps").asDouble(),
                    o.path("weight_decay").asDouble());
            try (AdamW optimiser = new AdamW(state, options, name -> name.contains("class_embedding") ? factor : 1);
                    ExponentialMovingAverage average = new ExponentialMovingAverage(state, ExponentialMovingAverage.Options.STANDARD);
                    TrainingStep training = new TrainingStep(optimiser, rate::rate, GradientRules.clipOnly(o.path("max_grad_norm").asDouble()), 1)) {
                List<Double> rates = new ArrayList<>();
                for (int k = 1; c.has("loss.step" + k); k++) {
                    DiffusionObjective.Batch batch = batch(batches, parts, e, k == 1 ? "" : "batch" + k + ".");
                    DiffusionObjective.Prepared prepared = objective.prepare(parts.unet, batch);
                    List<Tensor> operands = new ArrayList<>(prepared.tensors());
                    operands.add(batch.prompts());
                    TrainingStep.Result r = training.pass(new FunctionPass("diffusion", operands, in -> new TrainingStep.Outcome(
                            objective.evaluate(parts.unet, prepared.with(in.subList(0, in.size() - 1), in.getLast())).loss(), Map.of())), state, values -> { });
                    average.update();
                    checks.add(CheckResult.of(c.compare("loss.step" + k, r.loss())));
                    checks.add(CheckResult.of(c.compare("grad_norm.step" + k, r.gradientNorm())));
                    rates.add(r.rate());
                    rates.add(r.rate() * factor);
                    compare(checks, c, "param_after_step" + k + ".", state);
                }
                if (c.has("lr")) {
                    checks.add(CheckResult.of(c.compare("lr", rates.stream().mapToDouble(Double::doubleValue).toArray())));
                }
                compare(checks, c, "param.", state);
                compare(checks, c, "ema.", average.shadows());
                compare(checks, c, "exp_avg.", optimiser.firstMoments());
                compare(checks, c, "exp_avg_sq.", optimiser.secondMoments());
            }
        }
        return checks;
    }

    private static void compare(List<CheckResult> checks, GoldenCase c, String prefix, Map<String, Tensor> seen) throws IOException {
        for (String name : c.expected()) {
            if (name.startsWith(prefix)) {
                checks.add(CheckResult.of(c.compare(name, seen.get(name.substring(prefix.length())).toDoubles())));
            }
        }
    }
}
