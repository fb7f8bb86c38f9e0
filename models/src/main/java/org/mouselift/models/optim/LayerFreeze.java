package org.mouselift.models.optim;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.nn.Module;

/**
 * Which parameters of a GS-LRM network stay fixed (GS-LRM specification §6.5). The decoder heads are never frozen.
 *
 * @param enabled false freezes nothing
 * @param blocks transformer blocks 0 … blocks-1 are frozen
 * @param patchEmbedder freezes {@code patch_embedder.*} and {@code input_layer_norm.*}
 * @param positionEmbeddings freezes every name with {@code position_embeddings}
 */
public record LayerFreeze(boolean enabled, int blocks, boolean patchEmbedder, boolean positionEmbeddings) {
    public static final LayerFreeze NONE = new LayerFreeze(false, 20, true, false);

    /** True if a parameter of this state-dict name is frozen. */
    public boolean freezes(String name) {
        if (!enabled) {
            return false;
        }
        if (name.startsWith("patch_embedder.") || name.startsWith("input_layer_norm.")) {
            return patchEmbedder;
        }
        if (name.startsWith("transformer_layers.")) {
            String rest = name.substring("transformer_layers.".length());
            return Integer.parseInt(rest.substring(0, rest.indexOf('.'))) < blocks;
        }
        return positionEmbeddings && name.contains("position_embeddings");
    }

    /** Sets {@code requiresGrad} of every parameter accordingly and returns the names of the frozen ones. */
    public List<String> apply(Module model) {
        List<String> frozen = new ArrayList<>();
        for (Map.Entry<String, Tensor> e : model.stateDict().entrySet()) {
            boolean freeze = freezes(e.getKey());
            e.getValue().requiresGrad(!freeze);
            if (freeze) {
                frozen.add(e.getKey());
            }
        }
        return frozen;
    }
}
