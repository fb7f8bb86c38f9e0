package org.mouselift.models.losses;

import java.util.ArrayList;
import java.util.List;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Tensor;

/** Arithmetic per colour channel. */
final class Channels {
    private Channels() {}

    /** {@code scale[c] x + shift[c]} for images [N,3,H,W]. */
    static Tensor map(Tensor images, double[] scale, double[] shift) {
        return Ops.add(Ops.mul(images, constant(images, scale)), constant(images, shift));
    }

    private static Tensor constant(Tensor images, double[] values) {
        List<Tensor> parts = new ArrayList<>();
        for (double v : values) {
            parts.add(Ops.reshape(Ops.constantLike(images, v), 1, 1, 1, 1));
        }
        return Ops.concat(1, parts);
    }
}
