package org.mouselift.tornado.plan;

import org.mouselift.engine.Shape;
import org.mouselift.engine.TensorSpec;

/**
 * A strided window on a block.
 *
 * @param offset first element within the block
 * @param strides steps of the axes in elements
 */
public record Operand(Block block, long offset, TensorSpec spec, long[] strides) {
    public Operand {
        strides = strides.clone();
    }

    /** The whole block in row-major order. */
    public static Operand whole(Block block, TensorSpec spec) {
        return new Operand(block, 0, spec, spec.shape().contiguousStrides());
    }

    public Shape shape() {
        return spec.shape();
    }

    public long dim(int axis) {
        return spec.shape().dim(axis);
    }

    public long stride(int axis) {
        return strides[spec.shape().axis(axis)];
    }

    public boolean isContiguous() {
        long step = 1;
        for (int i = strides.length - 1; i >= 0; i--) {
            if (shape().dim(i) != 1 && strides[i] != step) {
                return false;
            }
            step *= shape().dim(i);
        }
        return true;
    }

    /** The same elements broadcast to a shape: axes of size 1 and missing ones get step 0. */
    public long[] stridesFor(Shape wide) {
        long[] out = new long[wide.rank()];
        int lead = wide.rank() - shape().rank();
        for (int i = 0; i < strides.length; i++) {
            out[lead + i] = shape().dim(i) == 1 && wide.dim(lead + i) != 1 ? 0 : strides[i];
        }
        return out;
    }

    /** Another window on the same block. */
    public Operand window(TensorSpec other, long[] otherStrides, long otherOffset) {
        return new Operand(block, otherOffset, other, otherStrides);
    }

    /** The sub-window of n positions of an axis from {@code begin} in steps of {@code step}. */
    public Operand slice(int axis, long begin, long n, long step) {
        long[] s = strides.clone();
        long at = offset + begin * s[axis];
        s[axis] *= step;
        return new Operand(block, at, new TensorSpec(spec.dtype(), spec.shape().with(axis, n)), s);
    }
}
