package org.mouselift.engine.trace;

import java.util.List;
import org.mouselift.engine.Operation;
import org.mouselift.engine.ViewOperation;

/**
 * One step of a program.
 *
 * @param operation what is done, with its parameters
 * @param inputs operands, defined earlier or weights and constants
 * @param outputs results; none for an operation that overwrites an operand
 * @param path state-dict path of the module that was running, empty outside of modules
 */
public record Node(Operation operation, List<Value> inputs, List<Value> outputs, String path) {
    public Node {
        inputs = List.copyOf(inputs);
        outputs = List.copyOf(outputs);
    }

    /** True if the result is a window on the operand's buffer and nothing is computed. */
    public boolean isView() {
        return operation instanceof ViewOperation;
    }

    /** The operand that is overwritten, or null. */
    public Value overwritten() {
        return operation.overwrites() < 0 ? null : inputs.get(operation.overwrites());
    }
}
