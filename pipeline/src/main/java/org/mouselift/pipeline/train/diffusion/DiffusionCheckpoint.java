package org.mouselift.pipeline.train.diffusion;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.mouselift.data.AtomicFile;
import org.mouselift.data.checkpoint.ArtefactStatus;
import org.mouselift.data.checkpoint.Provenance;
import org.mouselift.data.safetensors.SafetensorsWriter;
import org.mouselift.engine.Tensor;
import org.mouselift.models.diffusion.ExponentialMovingAverage;
import org.mouselift.pipeline.prompts.TrainedPrompts;

/**
 * Weights of a training in the original's layout (multi-view diffusion specification §4.10): {@code checkpoint-N/unet},
 * {@code unet_ema} and, where they are learned, {@code prompt_embeds} and {@code prompt_embeds_ema}. Other tools read these; the run
 * itself continues from its own file, which also holds optimiser and counters.
 */
public final class DiffusionCheckpoint {
    private static final Pattern NAME = Pattern.compile("checkpoint-(\\d{1,18})");
    private static final String PARTIAL = ".partial";
    private static final ObjectMapper JSON = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);
    /** File of prompt embeddings. */
    public static final String PROMPT_FILE = "clr_embeds.safetensors";

    private DiffusionCheckpoint() {}

    /** Writes {@code checkpoint-N}, which appears when it is complete, then deletes the oldest beyond {@code keep} (0 keeps all). */
    static Path write(Path folder, long updates, DiffusionModel model, ExponentialMovingAverage average, int keep, Provenance provenance) throws IOException {
        Path target = folder.resolve("checkpoint-" + updates);
        Path partial = folder.resolve(target.getFileName() + PARTIAL);
        delete(partial);
        unet(partial.resolve("unet"), model.unetJson(), model.weights(), model.promptSource().record(model.prompts().toFloats()));
        model.writeCameras(partial.resolve("unet"));
        if (model.learnsPrompts()) {
            model.promptSource().write(partial.resolve("prompt_embeds"), model.prompts());
        }
        if (average != null) {
            Tensor averaged = model.learnsPrompts() ? average.shadows().get(DiffusionModel.PROMPTS) : model.prompts();
            unet(partial.resolve("unet_ema"), withAverage(model.unetJson(), average), average.shadows(), model.promptSource().record(averaged.toFloats()));
            model.writeCameras(partial.resolve("unet_ema"));
            if (model.learnsPrompts()) {
                model.promptSource().write(partial.resolve("prompt_embeds_ema"), averaged);
            }
        }
        provenance.with(JsonNodeFactory.instance.objectNode().put("updates", updates)).write(partial);
        delete(target);
        Files.move(partial, target, StandardCopyOption.ATOMIC_MOVE);
        prune(folder, keep);
        return target;
    }

    private static void prune(Path folder, int keep) throws IOException {
        int kept = 0;
        for (Path checkpoint : keep > 0 ? list(folder) : List.<Path>of()) {
            // Those tagged to stay stay, and are not counted.
            if (!ArtefactStatus.read(checkpoint).isProtected() && ++kept > keep) {
                delete(checkpoint);
            }
        }
    }

    /**
     * Does what a run that was killed while it wrote did not come to: deletes unfinished folders and those too many, and writes the
     * folder of the update that the run continues from, if that is missing.
     */
    static void repair(Path folder, long updates, DiffusionModel model, ExponentialMovingAverage average, int keep, Provenance provenance) throws IOException {
        List<Path> unfinished;
        try (Stream<Path> children = Files.list(folder)) {
            unfinished = children.filter(f -> f.getFileName().toString().endsWith(PARTIAL)).toList();
        }
        for (Path f : unfinished) {
            delete(f);
        }
        if (list(folder).stream().noneMatch(f -> f.getFileName().toString().equals("checkpoint-" + updates))) {
            write(folder, updates, model, average, keep, provenance);
        }
        prune(folder, keep);
    }

    /** Complete checkpoint folders, newest first; anything else that begins with "checkpoint" is passed over. */
    public static List<Path> list(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> children = Files.list(folder)) {
            return children.filter(f -> NAME.matcher(f.getFileName().toString()).matches())
                    .filter(f -> Files.isRegularFile(f.resolve("unet").resolve("diffusion_pytorch_model.safetensors")))
                    .sorted(Comparator.comparingLong((Path f) -> Long.parseLong(f.getFileName().toString().substring("checkpoint-".length()))).reversed()).toList();
        }
    }

    /** A UNet folder: {@code config.json}, weights in float32 and the record of its prompts. */
    static void unet(Path folder, Map<String, Object> json, Map<String, Tensor> weights, TrainedPrompts record) throws IOException {
        Files.createDirectories(folder);
        AtomicFile.deleteAbandoned(folder);
        SafetensorsWriter writer = new SafetensorsWriter().metadata("format", "pt");
        weights.forEach((name, t) -> {
            if (!name.equals(DiffusionModel.PROMPTS)) {
                writer.add(name, t.dtype(), t.shape().dims(), t.contiguousSegment());
            }
        });
        writer.write(folder.resolve("diffusion_pytorch_model.safetensors"));
        record.write(folder);
        json(folder.resolve("config.json"), json);
    }

    /** Writes an object as JSON. */
    static void json(Path file, Object value) throws IOException {
        ByteBuffer bytes = ByteBuffer.wrap(JSON.writeValueAsBytes(value));
        AtomicFile.write(file, channel -> {
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        });
    }

    /** The configuration of {@code unet_ema}: the fields of the average beside those of the UNet, so that its step counter survives. */
    private static Map<String, Object> withAverage(Map<String, Object> json, ExponentialMovingAverage average) {
        ExponentialMovingAverage.Options o = average.options();
        Map<String, Object> out = new LinkedHashMap<>(json);
        out.put("decay", o.decay());
        out.put("min_decay", o.minDecay());
        out.put("optimization_step", average.updates());
        out.put("update_after_step", o.updateAfterStep());
        out.put("use_ema_warmup", o.warmup());
        out.put("inv_gamma", o.invGamma());
        out.put("power", o.power());
        return out;
    }

    private static void delete(Path folder) throws IOException {
        if (!Files.exists(folder)) {
            return;
        }
        List<Path> all;
        try (Stream<Path> walk = Files.walk(folder)) {
            all = walk.sorted(Comparator.reverseOrder()).toList();
        }
        for (Path p : all) {
            Files.delete(p);
        }
    }
}
