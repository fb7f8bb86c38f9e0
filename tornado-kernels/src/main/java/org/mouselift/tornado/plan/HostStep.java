package org.mouselift.tornado.plan;

import java.util.List;
import org.mouselift.engine.trace.Node;

/**
 * An operation that the device has no kernel for, computed on the CPU with transfers around it; only where that was allowed.
 *
 * @param inputs its operands, row-major
 * @param outputs its results, row-major; for an operation that overwrites, the overwritten operand
 */
public record HostStep(Node node, List<Operand> inputs, List<Operand> outputs) implements Step {
    @Override
    public List<Block> reads() {
        return inputs.stream().map(Operand::block).toList();
    }

    @Override
    public List<Block> writes() {
        return outputs.stream().map(Operand::block).toList();
    }

    @Override
    public String path() {
        return node.path();
    }

    @Override
    public String operation() {
        return node.operation().name() + " on the CPU";
    }
}
