package org.mouselift.engine.nn;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
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
        List<String> missing = new ArrayList<>();
        List<String> unexpected = new ArrayList<>();
        List<String> wrong = new ArrayList<>();
        own.forEach((name, p) -> {
            Tensor v = values.get(name);
            if (v == null) {
                missing.add(name + " (nearest in the file: " + NearestNames.of(name, values.keySet(), 1) + ")");
            } else if (!v.shape().equals(p.shape()) || v.dtype().isFloat() != p.dtype().isFloat()) {
                wrong.add(name + ": file " + v.spec() + ", model " + p.spec());
            }
        });
        for (String name : values.keySet()) {
            if (!own.containsKey(name)) {
                unexpected.add(name);
            }
        }
        if (!missing.isEmpty() || !unexpected.isEmpty() || !wrong.isEmpty()) {
            throw new EngineException(source + " does not fit the model: " + list("missing", missing) + list("unexpected", unexpected)
                    + list("wrong shape or type", wrong) + "check that the configuration belongs to this checkpoint");
        }
        Tape.pause(() -> {
            try (Scope s = Scope.open("load " + source)) {
                own.forEach((name, p) -> Ops.assign(p, Ops.cast(values.get(name), p.dtype())));
            }
            return null;
        });
    }

    private static String list(String what, List<String> names) {
        if (names.isEmpty()) {
            return "";
        }
        return names.size() + " " + what + " " + names.subList(0, Math.min(20, names.size())) + (names.size() > 20 ? " …" : "") + "; ";
    }
}
