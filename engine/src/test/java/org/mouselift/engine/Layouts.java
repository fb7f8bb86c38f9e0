package org.mouselift.engine;

import java.util.ArrayList;
import java.util.List;

/** The same contents in different memory layouts: kernels must not care. */
public final class Layouts {
    private Layouts() {}

    /** Number of layouts that {@link #of} offers. */
    public static final int COUNT = 4;

    /** Row-major values as a tensor: 0 contiguous, 1 contiguous at an offset, 2 axes stored in reverse, 3 every second element of a larger block. */
    public static Tensor of(int layout, DType dtype, double[] values, long... dims) {
        Tensor t = place(layout, dtype, dims);
        Elements.forEach(t, (i, at) -> {
            if (dtype.isFloat()) {
                Elements.set(t, at, values[(int) i]);
            } else {
                Elements.setLong(t, at, (long) values[(int) i]);
            }
        });
        return t;
    }

    private static Tensor place(int layout, DType dtype, long... dims) {
        int rank = dims.length;
        switch (layout) {
            case 0 -> {
                return Tensor.empty(dtype, dims);
            }
            case 1 -> {
                Shape s = Shape.of(dims);
                Tensor block = filled(dtype, s.numel() + 7);
                return block.view(new TensorSpec(dtype, s), s.contiguousStrides(), 5);
            }
            case 2 -> {
                long[] reversed = new long[rank];
                for (int i = 0; i < rank; i++) {
                    reversed[i] = dims[rank - 1 - i];
                }
                long[] stored = Shape.of(reversed).contiguousStrides();
                long[] strides = new long[rank];
                for (int i = 0; i < rank; i++) {
                    strides[i] = stored[rank - 1 - i];
                }
                Tensor block = filled(dtype, Shape.of(dims).numel());
                return block.view(TensorSpec.of(dtype, dims), strides, 0);
            }
            case 3 -> {
                long[] wide = new long[rank];
                for (int i = 0; i < rank; i++) {
                    wide[i] = 2 * dims[i] + 3;
                }
                long[] strides = Shape.of(wide).contiguousStrides();
                long offset = 0;
                for (int i = 0; i < rank; i++) {
                    offset += strides[i];
                    strides[i] *= 2;
                }
                return filled(dtype, Shape.of(wide).numel()).view(TensorSpec.of(dtype, dims), strides, offset);
            }
            default -> throw new IllegalArgumentException("layout " + layout);
        }
    }

    /** A block that is poisoned wherever no element is stored later. */
    private static Tensor filled(DType dtype, long n) {
        Tensor t = Tensor.empty(dtype, n);
        Elements.forEach(t, (i, at) -> {
            if (dtype.isFloat()) {
                Elements.set(t, at, Double.NaN);
            } else {
                Elements.setLong(t, at, 99);
            }
        });
        return t;
    }

    /** The contents of a tensor in every layout. */
    public static List<Tensor> all(Tensor t) {
        List<Tensor> out = new ArrayList<>();
        for (int i = 0; i < COUNT; i++) {
            out.add(of(i, t.dtype(), t.toDoubles(), t.shape().dims()));
        }
        return out;
    }
}
