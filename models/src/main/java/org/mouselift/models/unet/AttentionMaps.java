package org.mouselift.models.unet;

import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Predicate;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.nn.Hook;
import org.mouselift.engine.nn.Module;

/**
 * Records where chosen image tokens look, attention by attention, beside the fused computation: the probabilities of the chosen
 * queries only, within a bound of memory. The full maps of one pass at 512 pixels would take tens of gigabytes. Later passes
 * overwrite the maps of earlier ones. Close it to stop recording and free the maps.
 */
public final class AttentionMaps implements AutoCloseable {
    /** Which tokens of an attention are recorded, as indices below the number of its queries. */
    @FunctionalInterface
    public interface Queries {
        /**
         * @param path state-dict path of the attention
         * @param tokens its number of queries: h*w, or views*h*w with the dense rule
         */
        long[] of(String path, long tokens);

        /** All tokens. */
        static Queries all() {
            return every(1);
        }

        /** Token 0, step, 2 step, … */
        static Queries every(long step) {
            return (path, tokens) -> java.util.stream.LongStream.iterate(0, i -> i < tokens, i -> i + step).toArray();
        }

        /** Given tokens. */
        static Queries at(long... indices) {
            return (path, tokens) -> indices.clone();
        }
    }

    private final Queries queries;
    private final boolean headMean;
    private final long limit;
    private final Scope scope = Scope.detached("attention maps");
    private final Map<String, Tensor> maps = new LinkedHashMap<>();
    private final List<Hook.Handle> handles = new ArrayList<>();

    private AttentionMaps(Queries queries, boolean headMean, long limit) {
        this.queries = queries;
        this.headMean = headMean;
        this.limit = limit;
    }

    /**
     * Starts recording.
     *
     * @param root a model or a part of it; its attentions are the modules ending in {@code attn1} (images) and {@code attn2} (prompts)
     * @param paths which of them, by state-dict path relative to {@code root}
     * @param headMean averages over the heads instead of keeping every one
     * @param limit bytes that all maps together may take; a pass that would need more fails with the numbers
     */
    public static AttentionMaps record(Module root, Predicate<String> paths, Queries queries, boolean headMean, long limit) {
        AttentionMaps maps = new AttentionMaps(queries, headMean, limit);
        List<String> known = new ArrayList<>();
        root.modules().forEach((path, module) -> {
            if (module instanceof UNetAttention attention) {
                known.add(path);
                if (paths.test(path)) {
                    maps.listen(root, path, attention);
                }
            }
        });
        if (maps.handles.isEmpty()) {
            throw new EngineException("attention maps: no attention is chosen; there are " + known);
        }
        return maps;
    }

    private void listen(Module root, String path, UNetAttention attention) {
        String prefix = path.isEmpty() ? "" : path + ".";
        Tensor[] seen = new Tensor[1];
        handles.add(root.hook(prefix + UNetAttention.QUERIES, (at, in, q) -> {
            seen[0] = q;
            return q;
        }));
        handles.add(root.hook(prefix + UNetAttention.KEYS, (at, in, k) -> {
            Tensor q = seen[0];
            seen[0] = null;
            Tape.pause(() -> {
                store(path, attention, q, k);
                return null;
            });
            return k;
        }));
    }

    private void store(String path, UNetAttention attention, Tensor q, Tensor k) {
        if (q.isSymbolic()) {
            throw new EngineException("attention maps: " + path + " runs traced; record an eager pass");
        }
        Tensor old = maps.remove(path);
        if (old != null) {
            old.free();
        }
        long[] chosen = queries.of(path, q.dim(2));
        for (long i : chosen) {
            if (i < 0 || i >= q.dim(2)) {
                throw new EngineException("attention maps: " + path + " has " + q.dim(2) + " queries, token " + i + " was asked for");
            }
        }
        try (Scope step = Scope.open("attention map of " + path)) {
            Tensor keys = attention.sequence(k);
            long heads = q.dim(1);
            long bytes = Math.multiplyExact(Math.multiplyExact(q.dim(0) * (headMean ? 1 : heads), chosen.length), keys.dim(2) * q.dtype().bytes());
            long held = maps.values().stream().mapToLong(t -> t.numel() * t.dtype().bytes()).sum();
            if (bytes > limit - held) {
                throw new EngineException("attention maps: " + path + " needs " + bytes + " bytes for " + chosen.length + " queries of " + q.dim(0) + " x "
                        + heads + " heads and " + keys.dim(2) + " keys beside " + held + " held, the limit is " + limit
                        + "; record fewer queries or paths, or the mean over heads");
            }
            if (chosen.length == 0) {
                return;
            }
            Tensor rows = Ops.permute(Ops.gatherRows(Ops.permute(q, 2, 0, 1, 3), Tensor.of(chosen, chosen.length)), 1, 2, 0, 3);
            Tensor map;
            if (headMean) {
                map = Ops.fill(new org.mouselift.engine.TensorSpec(q.dtype(), org.mouselift.engine.Shape.of(q.dim(0), 1, chosen.length, keys.dim(2))), 0);
                for (long h = 0; h < heads; h++) {
                    // one head at a time: the maps of all heads never exist together
                    try (Scope head = Scope.open("head " + h)) {
                        Ops.addInto(map, Ops.affine(UNetAttention.probabilities(Ops.slice(rows, 1, h, h + 1), Ops.slice(keys, 1, h, h + 1)), 1.0 / heads, 0));
                    }
                }
            } else {
                map = Ops.contiguous(UNetAttention.probabilities(rows, keys));
            }
            maps.put(path, map.moveTo(scope));
        }
    }

    /**
     * Maps of the last pass by state-dict path, [G,heads or 1,chosen queries,keys] in the order of the computation; G is the number
     * of images, or of objects with the dense rule. Keys of the sparse rule: the reference view's, then the view's own; of
     * {@code attn2}: the prompt tokens. They belong to this object.
     */
    public Map<String, Tensor> maps() {
        return Collections.unmodifiableMap(maps);
    }

    @Override
    public void close() {
        handles.forEach(Hook.Handle::close);
        maps.clear();
        scope.close();
    }
}
