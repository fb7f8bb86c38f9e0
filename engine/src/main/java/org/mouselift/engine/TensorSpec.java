package org.mouselift.engine;

/** Element type and shape of a tensor; printed as {@code f32[2,24576,1024]}. */
public record TensorSpec(DType dtype, Shape shape) {
    public static TensorSpec of(DType dtype, long... dims) {
        return new TensorSpec(dtype, Shape.of(dims));
    }

    public long numel() {
        return shape.numel();
    }

    /** Bytes of a contiguous tensor of this kind. */
    public long bytes() {
        return Math.multiplyExact(shape.numel(), dtype.bytes());
    }

    @Override
    public String toString() {
        return dtype.label() + shape;
    }
}
