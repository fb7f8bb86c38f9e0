package org.mouselift.pipeline.verify;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Function;
import org.mouselift.engine.Gradients;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.nn.PlacedFunction;

/**
 * A loss and its gradients, computed where this thread computes: on the CPU, or as one program on a device.
 *
 * @param values results of the function, the loss first
 * @param operands gradients of the operands that were asked for
 * @param parameters gradients of the parameters by name
 */
record LossGradients(List<Tensor> values, List<Tensor> operands, Map<String, Tensor> parameters) {
    /**
     * @param parameters all weights of the function; gradients are those of the ones that require one
     * @param leaves so many first operands get a gradient
     * @param body loss (one element) and other results of the operands
     */
    static LossGradients of(String name, Map<String, Tensor> parameters, int leaves, List<Tensor> operands, Function<List<Tensor>, List<Tensor>> body) {
        int[] results = new int[1];
        List<String> names = parameters.entrySet().stream().filter(p -> p.getValue().requiresGrad()).map(Map.Entry::getKey).toList();
        List<Tensor> out;
        try (PlacedFunction function = new PlacedFunction(name, parameters, in -> {
            try (Tape tape = Tape.open()) {
                List<Tensor> wanted = in.subList(0, leaves);
                wanted.forEach(t -> t.requiresGrad(true));
                List<Tensor> all = new ArrayList<>(body.apply(in));
                results[0] = all.size();
                Gradients g = tape.backward(all.getFirst());
                wanted.forEach(t -> all.add(g.of(t)));
                names.forEach(n -> all.add(g.of(parameters.get(n))));
                return all;
            }
        })) {
            out = function.apply(operands);
        }
        Map<String, Tensor> byName = new LinkedHashMap<>();
        for (int i = 0; i < names.size(); i++) {
            byName.put(names.get(i), out.get(results[0] + leaves + i));
        }
        return new LossGradients(out.subList(0, results[0]), out.subList(results[0], results[0] + leaves), byName);
    }
}
