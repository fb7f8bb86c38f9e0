package org.mouselift.tornado.plan;

import java.util.ArrayList;
import java.util.List;
import org.mouselift.engine.DType;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.device.DeviceException;
import org.mouselift.engine.device.DevicePrecision;
import org.mouselift.engine.trace.Node;
import org.mouselift.engine.trace.Value;
import org.mouselift.tornado.launch.Copy;

/** Where the rules of the operations put their kernel launches while a program is lowered. */
public final class Emission {
    private final Lowering lowering;
    private final List<Step> steps = new ArrayList<>();
    private final List<Block> blocks = new ArrayList<>();
    private Node node;
    private Overflows overflows;

    Emission(Lowering lowering) {
        this.lowering = lowering;
    }

    /** Begins the launches of a node. */
    void at(Node current) {
        node = current;
    }

    List<Step> steps() {
        return steps;
    }

    List<Block> blocks() {
        return blocks;
    }

    /** The node that is being lowered. */
    public Node node() {
        return node;
    }

    /** Operand i of the node. */
    public Operand in(int i) {
        return operand(node.inputs().get(i));
    }

    /** Result i of the node. */
    public Operand out(int i) {
        return operand(node.outputs().get(i));
    }

    /** Where a value lies. */
    public Operand operand(Value value) {
        return lowering.operand(value);
    }

    /** Operand i in row-major order without gaps: itself, or a copy. */
    public Operand packed(int i) {
        return packed(in(i));
    }

    /** The elements in row-major order without gaps: the operand itself, or a copy. */
    public Operand packed(Operand x) {
        if (x.isContiguous()) {
            return x;
        }
        Operand copy = scratch(x.spec(), "copy");
        Copy.emit(this, x, copy);
        return copy;
    }

    /** Fresh memory until the last launch that touches it. */
    public Operand scratch(TensorSpec spec, String label) {
        Block b = block(spec, label, false);
        return Operand.whole(b, spec);
    }

    /** Fresh floats. */
    public Operand scratch(long n, String label) {
        return scratch(TensorSpec.of(DType.F32, n), label);
    }

    /** What the factors of matrix products are rounded to. */
    public DevicePrecision precision() {
        return lowering.precision();
    }

    /** The word on the device that says which rounding met a number too large; one for all of them. */
    public Overflows overflows(Operand rounded) {
        if (overflows == null) {
            overflows = new Overflows(block(TensorSpec.of(DType.I32, 1), "fp16 overflow", true), new ArrayList<>());
        }
        overflows.places().add(node.operation().name() + (node.path().isEmpty() ? "" : " in " + node.path()) + ", " + rounded.block().label() + " (of shape "
                + rounded.shape() + ")");
        return overflows;
    }

    Overflows overflows() {
        return overflows;
    }

    /** Fresh ints. */
    public Operand scratchInts(long n, String label) {
        return scratch(TensorSpec.of(DType.I32, n), label);
    }

    Block block(TensorSpec spec, String label, boolean lasting) {
        Block b = new Block(Space.of(spec, label), spec.numel(), label, lasting);
        blocks.add(b);
        return b;
    }

    /** Adds a launch for the node. */
    public void launch(String kernel, Grid grid, Arguments arguments, List<Operand> reads, List<Operand> writes) {
        if (grid.y() > 65535 || grid.z() > 65535) {
            throw refusal("needs a grid of " + grid + "; devices take 65535 groups in the second and third dimension");
        }
        add(new Launch(kernel, grid, arguments, reads.stream().map(Operand::block).toList(), writes.stream().map(Operand::block).toList(),
                node == null ? "" : node.path(), node == null ? "result" : node.operation().name()));
    }

    /** The library that products are offered to first, or null. */
    public ProductLibrary productLibrary() {
        return lowering.productLibrary();
    }

    /** Leaves a product of the node to the library; operands as in {@link LibraryProduct}. */
    public void product(Gemm gemm, Operand a, Operand b, Operand result, Operand bias, int activation, Operand residual) {
        add(new LibraryProduct(productLibrary().name(), gemm, a, b, result, bias, activation, residual, node.path(), node.operation().name()));
    }

    void add(Step step) {
        int index = steps.size();
        step.reads().forEach(b -> b.touch(index));
        step.writes().forEach(b -> b.touch(index));
        steps.add(step);
    }

    /** An error about the node. */
    public DeviceException refusal(String problem) {
        return lowering.refusal(node, problem);
    }
}
