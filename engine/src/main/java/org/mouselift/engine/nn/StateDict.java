package org.mouselift.engine.nn;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;

/** Strict loading of named tensors into a module: nothing missing, nothing left over, nothing reshaped. */
public final class StateDict {
    private StateDict() {}

    /**
     * Copies values into the parameters of a module, converting between float types.
     *
     * @param source label of the file or model the values come from, for the message
     * @throws EngineException naming the first 20 missing, unexpected and wrong-shaped entries with the nearest names;
     *     nothing is copied then
     */
    public static void load(Module module, Map<String, Tensor> values, String source) {
        Map<String, Tensor> own = module.stateDict();
        List<String> wrong = new ArrayList<>();
        own.forEach((name, p) -> {
            Tensor v = values.get(name);
            if (v != null && (!v.shape().equals(p.shape()) || v.dtype().isFloat() != p.dtype().isFloat())) {
                wrong.add(name + ": file " + v.spec() + ", model " + p.spec());
            }
        });
        NameMismatch.describe(own.keySet(), values.keySet(), wrong).ifPresent(problems -> {
            throw new EngineException(source + " does not fit the model: " + problems + "; check that the configuration belongs to this checkpoint");
        });
        Tape.pause(() -> {
            try (Scope s = Scope.open("load " + source)) {
                own.forEach((name, p) -> Ops.assign(p, Ops.cast(values.get(name), p.dtype())));
            }
            return null;
        });
    }

    /**
     * A new model with given values; it is closed if they do not fit.
     *
     * @param close frees the model
     * @return the model
     */
    public static <M extends Module> M loaded(M model, Map<String, Tensor> values, String source, Consumer<M> close) {
        try {
            load(model, values, source);
        } catch (RuntimeException | Error e) {
            close.accept(model);
            throw e;
        }
        return model;
    }
}
