package org.mouselift.engine;

import java.util.List;

/** What a gradient rule sees: the operands and results of the forward call and the gradients of the results. */
public final class Vjp {
    private final List<Tensor> inputs;
    private final List<Tensor> outputs;
    private final Tensor[] gradients;
    private final boolean[] needed;

    Vjp(List<Tensor> inputs, List<Tensor> outputs, Tensor[] gradients, boolean[] needed) {
        this.inputs = inputs;
        this.outputs = outputs;
        this.gradients = gradients;
        this.needed = needed;
    }

    public Tensor input(int i) {
        return inputs.get(i);
    }

    public List<Tensor> inputs() {
        return inputs;
    }

    public Tensor output(int i) {
        return outputs.get(i);
    }

    /** True if the gradient of an input is wanted; skip expensive work otherwise. */
    public boolean needs(int input) {
        return needed[input];
    }

    /** Gradient of the first output. Never null: an operation whose first output has no gradient is not asked. */
    public Tensor grad() {
        if (gradients[0] == null) {
            gradients[0] = Ops.fill(outputs.get(0).spec(), 0);
        }
        return gradients[0];
    }

    /** Gradient of an output, or null if none flows into it. */
    public Tensor gradOrNull(int output) {
        return gradients[output];
    }

    /** Gradient of an output; zeros if none flows into it. */
    public Tensor grad(int output) {
        if (gradients[output] == null) {
            gradients[output] = Ops.fill(outputs.get(output).spec(), 0);
        }
        return gradients[output];
    }
}
