package org.mouselift.models.nn;

import java.util.ArrayList;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import org.mouselift.engine.DType;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Shape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.nn.NameMismatch;

/**
 * Parameters of a network that computes in f32, taken as they are from stored tensors, for example from a mapped file:
 * matrices and convolution kernels keep their storage type (f32, f16 or bf16; the kernels widen them panel by panel), vectors
 * are widened to f32. Nothing is trainable. The stored tensors must live as long as the network.
 */
public final class StoredParameters implements ParameterSource {
    private final Map<String, Tensor> state;
    private final String source;
    private final Set<String> used = new LinkedHashSet<>();
    private final List<String> wrong = new ArrayList<>();

    /** @param source label of the file for messages */
    public StoredParameters(Map<String, Tensor> state, String source) {
        this.state = Map.copyOf(state);
        this.source = source;
    }

    @Override
    public Tensor parameter(String name, long... dims) {
        used.add(name);
        Tensor t = state.get(name);
        Shape shape = Shape.of(dims);
        if (t != null && (!t.shape().equals(shape) || !t.dtype().isFloat() || t.dtype() == DType.F64)) {
            wrong.add(name + ": file " + t.spec() + ", expected f32, f16 or bf16 " + shape);
        } else if (t != null) {
            return dims.length > 1 ? t : Ops.cast(t, DType.F32);
        }
        return Tensor.empty(DType.F32, dims);
    }

    @Override
    public Tensor summand(String name, long... dims) {
        return Ops.cast(parameter(name, dims), DType.F32);
    }

    /**
     * A network on stored weights; its memory is freed if they do not fit.
     *
     * @param source label of the file for messages
     * @param weights receives what is widened
     * @param network makes the network of its parameters
     */
    public static <M> M network(Map<String, Tensor> state, String source, Scope weights, Function<ParameterSource, M> network) {
        try {
            return weights.run(() -> {
                StoredParameters parameters = new StoredParameters(state, source);
                M made = network.apply(parameters);
                parameters.check();
                return made;
            });
        } catch (RuntimeException e) {
            weights.close();
            throw e;
        }
    }

    /**
     * Call when the network is complete.
     *
     * @throws EngineException naming missing, wrong-shaped and left-over tensors
     */
    public void check() {
        NameMismatch.describe(used, state.keySet(), wrong).ifPresent(problems -> {
            throw new EngineException(source + " does not fit the model: " + problems + "; check that the configuration belongs to this checkpoint");
        });
    }
}
