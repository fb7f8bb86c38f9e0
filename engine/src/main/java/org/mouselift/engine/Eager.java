package org.mouselift.engine;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;

/** Computes every operation at once on the CPU. */
public final class Eager implements Executor {
    public static final Eager INSTANCE = new Eager();

    private Eager() {}

    @Override
    public List<Tensor> execute(Operation operation, List<Tensor> inputs, List<TensorSpec> specs) {
        for (Tensor t : inputs) {
            if (t.isSymbolic()) {
                throw new EngineException(operation.name() + ": " + t + " belongs to a traced program and has no contents here; "
                        + "return it from the traced function and use the result of Program.run" + ModulePath.suffix());
            }
        }
        if (operation instanceof ViewOperation view) {
            return List.of(view.view(inputs.getFirst()));
        }
        List<Tensor> out = new ArrayList<>(specs.size());
        for (TensorSpec spec : specs) {
            out.add(Tensor.empty(spec, operation.name()));
        }
        compute(operation, inputs, out);
        return out;
    }

    /** Computes into given contiguous results, for executors that manage their own memory. The operands have been checked. */
    public void compute(Operation operation, List<Tensor> inputs, List<Tensor> out) {
        // Copies that a kernel makes of awkwardly laid out operands end with it.
        try (Scope temporaries = Scope.open("kernel")) {
            kernel(operation, inputs).run(operation, inputs, out);
        }
    }

    /** The kernel for an operation, or a clear refusal. */
    static Kernel<Operation> kernel(Operation operation, List<Tensor> inputs) {
        DType dtype = kernelType(operation, inputs);
        Optional<Kernel<Operation>> kernel = Kernels.find(operation, dtype);
        return kernel.orElseThrow(() -> new EngineException(operation.name() + ": no CPU kernel for element type " + dtype.label()
                + " (operands " + describe(inputs) + "); cast to f32 first" + ModulePath.suffix()));
    }

    /** Kernels are keyed by the first operand's type; constants without operands by their result's. */
    static DType kernelType(Operation operation, List<Tensor> inputs) {
        return inputs.isEmpty() ? operation.infer(List.of()).getFirst().dtype() : inputs.getFirst().dtype();
    }

    static String describe(List<Tensor> tensors) {
        List<String> parts = new ArrayList<>();
        for (Tensor t : tensors) {
            parts.add(t.toString());
        }
        return String.join(", ", parts);
    }
}
