package org.mouselift.pipeline.train.diffusion;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
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
    private final boolean learned;

    /**
     * @param unetJson keys of {@code unet/config.json}
     * @param prompts [V,T,D] values
     * @param tokens T
     * @param learned prompts are weights, too
     */
    public DiffusionModel(UNetMV2DConditionModel unet, Map<String, Object> unetJson, float[] prompts, int tokens, boolean learned) {
        this.unet = unet;
        this.unetJson = Collections.unmodifiableMap(new LinkedHashMap<>(unetJson));
        this.learned = learned;
        this.prompts = memory.run(() -> Tensor.of(prompts, unet.config().numViews(), tokens, unet.config().crossAttentionDim()).requiresGrad(learned).named(PROMPTS));
    }

    public UNetMV2DConditionModel unet() {
        return unet;
    }

    /** The UNet's configuration by its original keys. */
    public Map<String, Object> unetJson() {
        return unetJson;
    }

    public boolean learnsPrompts() {
        return learned;
    }

    /** All weights by name: the UNet's, then the prompts if they are learned. */
    public Map<String, Tensor> weights() {
        Map<String, Tensor> all = unet.stateDict();
        if (learned) {
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

    @Override
    public void close() {
        unet.close();
        memory.close();
    }
}
