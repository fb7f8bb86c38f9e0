package org.mouselift.pipeline.train.diffusion;

import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.mouselift.data.AtomicFile;
import org.mouselift.data.checkpoint.Provenance;
import org.mouselift.engine.DType;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.models.diffusion.ExponentialMovingAverage;
import org.mouselift.pipeline.config.DiffusionConfig;
import org.mouselift.pipeline.multiview.PipelineFolder;

/**
 * The pipeline folder that a finished training leaves (multi-view diffusion specification §5.3): the averaged UNet, and the frozen
 * components as they were. Prompt embeddings lie beside the components in {@code prompt_embeds/}.
 */
public final class DiffusionExport {
    /** Frozen components that are copied, with library and class. */
    private static final Map<String, List<String>> FROZEN = Map.of("feature_extractor", List.of("transformers", "CLIPImageProcessor"), "image_encoder",
            List.of("transformers", "CLIPVisionModelWithProjection"), "image_noising_scheduler", List.of("diffusers", "DDPMScheduler"), "image_normalizer",
            List.of("stable_diffusion", "StableUnCLIPImageNormalizer"), "text_encoder", List.of("transformers", "CLIPTextModel"), "tokenizer",
            List.of("transformers", "CLIPTokenizer"));

    private static final String INDEX = "model_index.json";

    private DiffusionExport() {}

    /** Writes the folder; {@code model_index.json} comes after all components, so that a folder with it is complete, then its record. */
    public static Path write(Path folder, DiffusionConfig c, DiffusionModel model, ExponentialMovingAverage average, Provenance provenance) throws IOException {
        Files.deleteIfExists(folder.resolve(INDEX));
        Map<String, Object> index = new LinkedHashMap<>();
        index.put("_class_name", "StableUnCLIPImg2ImgPipeline");
        Map<String, Tensor> weights = average == null ? model.weights() : average.shadows();
        Map<String, Tensor> all = new LinkedHashMap<>(model.weights());
        all.putAll(weights);
        Tensor prompts = model.learnsPrompts() ? all.get(DiffusionModel.PROMPTS) : model.prompts();
        try (Scope scope = Scope.open("pipeline to save")) {
            if (c.export().half()) {
                all.replaceAll((name, t) -> half(name, t));
            }
            DiffusionCheckpoint.unet(folder.resolve("unet"), model.unetJson(), all, model.promptSource().record(prompts.toFloats()));
            model.writeCameras(folder.resolve("unet"));
        }
        index.put("unet", List.of("mvdiffusion.models.unet_mv2d_condition", "UNetMV2DConditionModel"));
        model.promptSource().write(folder.resolve("prompt_embeds"), prompts);
        Path scheduler = folder.resolve("scheduler");
        Files.createDirectories(scheduler);
        if (c.source().pipeline().isPresent()) {
            copy(c.source().pipeline().get().resolve("scheduler"), scheduler);
            for (String name : FROZEN.keySet().stream().sorted().toList()) {
                Path from = c.source().pipeline().get().resolve(name);
                if (Files.isDirectory(from)) {
                    copy(from, folder.resolve(name));
                    index.put(name, FROZEN.get(name));
                }
            }
        }
        if (c.source().pipeline().isEmpty() || !c.source().scheduler().isEmpty()) {
            DiffusionCheckpoint.json(scheduler.resolve("scheduler_config.json"), DiffusionSetup.scheduler(c));
        }
        index.put("scheduler", List.of("diffusers", "DDIMScheduler"));
        if (c.source().pixels()) {
            index.put(PipelineFolder.LATENT_SPACE, PipelineFolder.PICTURES);
        } else {
            copy(c.source().autoencoder().or(() -> c.source().pipeline().map(p -> p.resolve("vae"))).orElseThrow(), folder.resolve("vae"));
            index.put("vae", List.of("diffusers", "AutoencoderKL"));
        }
        if (!c.export().sampling().isEmpty()) {
            index.put(PipelineFolder.SAMPLING, c.export().sampling());
        }
        DiffusionCheckpoint.json(folder.resolve(INDEX), index);
        provenance.write(folder);
        return folder;
    }

    private static Tensor half(String name, Tensor t) {
        Tensor stored = Ops.contiguous(Ops.cast(t, DType.F16));
        for (float value : stored.toFloats()) {
            if (!Float.isFinite(value)) {
                throw new IllegalStateException("export.dtype float16: '" + name + "' has a weight beyond 65504; export float32");
            }
        }
        return stored;
    }

    private static void copy(Path from, Path to) throws IOException {
        Files.createDirectories(to);
        AtomicFile.deleteAbandoned(to);
        List<Path> files;
        try (Stream<Path> list = Files.list(from)) {
            files = list.filter(Files::isRegularFile).filter(f -> !Provenance.isRecord(f)).toList();
        }
        for (Path file : files) {
            try (FileChannel in = FileChannel.open(file)) {
                AtomicFile.write(to.resolve(file.getFileName()), out -> {
                    for (long at = 0; at < in.size();) {
                        at += in.transferTo(at, in.size() - at, out);
                    }
                });
            }
        }
    }
}
