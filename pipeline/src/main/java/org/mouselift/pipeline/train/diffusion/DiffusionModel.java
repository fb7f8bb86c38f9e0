package org.mouselift.pipeline.train.diffusion;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.OpencvCameraFile;
import org.mouselift.engine.DType;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.models.unet.UNetMV2DConditionModel;

/** What stage 1 trains: the UNet, and the prompt embeddings where these are learned. Owns both. */
public final class DiffusionModel implements AutoCloseable {
    /** Name of learned prompt embeddings among the weights. */
    public static final String PROMPTS = "prompt_embeds";

    private final Scope memory = Scope.detached("prompt embeddings");
    private final UNetMV2DConditionModel unet;
    private final Map<String, Object> unetJson;
    private final Tensor prompts;
    private final TrainingPrompts source;
    private final Optional<CameraRig> cameras;

    /**
     * @param unetJson keys of {@code unet/config.json}
     * @param source the prompts
     * @param cameras of the views of all samples, of a network that is told its cameras; empty if it is not, or they differ
     */
    public DiffusionModel(UNetMV2DConditionModel unet, Map<String, Object> unetJson, TrainingPrompts source, Optional<CameraRig> cameras) {
        this.cameras = cameras;
        this.unet = unet;
        this.unetJson = Collections.unmodifiableMap(new LinkedHashMap<>(unetJson));
        this.source = source;
        this.prompts = memory.run(() -> Tensor.of(source.values(), unet.config().numViews(), source.tokens(), unet.config().crossAttentionDim())
                .requiresGrad(source.learned()).named(PROMPTS));
    }

    public UNetMV2DConditionModel unet() {
        return unet;
    }

    /** The UNet's configuration by its original keys. */
    public Map<String, Object> unetJson() {
        return unetJson;
    }

    public boolean learnsPrompts() {
        return source.learned();
    }

    /** Where the prompts come from and what they stand for. */
    TrainingPrompts promptSource() {
        return source;
    }

    /** Puts the cameras on record in a UNet folder, where there is one for all samples. */
    void writeCameras(Path folder) throws IOException {
        Path file = folder.resolve(OpencvCameraFile.FILE_NAME);
        Files.deleteIfExists(file);
        if (cameras.isPresent()) {
            OpencvCameraFile.ofRig(cameras.get()).write(file);
        }
    }

    /** All weights by name: the UNet's, then the prompts if they are learned. */
    public Map<String, Tensor> weights() {
        Map<String, Tensor> all = unet.stateDict();
        if (source.learned()) {
            all.put(PROMPTS, prompts);
        }
        return all;
    }

    /** Prompt embeddings [V,T,D]. */
    public Tensor prompts() {
        return prompts;
    }

    /**
     * Prompt embeddings [N,T,D] for objects whose first view is a given one, the others following around the object.
     *
     * @param references first view of every object
     */
    public Tensor prompts(int[] references) {
        int views = unet.config().numViews();
        List<Tensor> rows = new ArrayList<>();
        for (int reference : references) {
            for (int v = 0; v < views; v++) {
                int row = (reference + v) % views;
                rows.add(Ops.slice(prompts, 0, row, row + 1));
            }
        }
        return Ops.concat(0, rows);
    }

    /**
     * What a pass takes along for its prompts: their rows [N] of {@link #prompts()} where they are learned, else the embeddings
     * [N,T,D] themselves.
     *
     * @param references first view of every object
     */
    Tensor promptOperand(int[] references) {
        if (!source.learned()) {
            return prompts(references);
        }
        int views = unet.config().numViews();
        long[] rows = new long[references.length * views];
        Arrays.setAll(rows, i -> (references[i / views] + i % views) % views);
        return Ops.cast(Tensor.of(rows, rows.length), DType.I32);
    }

    /** Embeddings [N,T,D] of a {@link #promptOperand}. */
    Tensor promptsOf(Tensor operand) {
        if (!source.learned()) {
            return operand;
        }
        Tensor flat = Ops.gatherRows(Ops.reshape(prompts, prompts.dim(0), prompts.dim(1) * prompts.dim(2)), operand);
        return Ops.reshape(flat, operand.dim(0), prompts.dim(1), prompts.dim(2));
    }

    @Override
    public void close() {
        unet.close();
        memory.close();
    }
}
