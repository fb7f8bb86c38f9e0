package org.mouselift.engine;

import java.util.List;

/** Computes one operation for one element type: reads {@code in}, fills {@code out} (allocated, contiguous). */
@FunctionalInterface
public interface Kernel<O extends Operation> {
    void run(O operation, List<Tensor> in, List<Tensor> out);
}
