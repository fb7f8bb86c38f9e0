package org.mouselift.engine.cpu;

import java.lang.foreign.MemorySegment;
import org.mouselift.engine.DType;
import org.mouselift.engine.op.Binary;

/**
 * One Muon update of a contiguous float32 matrix (Jordan et al. 2024) on one thread:
 * {@code m = mu m + g; u = g + mu m; p = p - decay p - scale orthogonal(u)}.
 *
 * @param momentum      mu in [0, 1)
 * @param gradientScale factor of the gradient before everything else (clipping, averaging); 1 for none
 * @param decay         share of the parameter that goes: learning rate times weight decay
 * @param orthogonal    brings the singular values near 1
 */
public record MuonStep(double momentum, double gradientScale, double decay, NewtonSchulz orthogonal) {
    private static final int SLOT = Scratch.BLOCK_0;
    private static final String KERNEL = "muon";

    public MuonStep {
        if (!(momentum >= 0 && momentum < 1) || !Double.isFinite(gradientScale) || !Double.isFinite(decay)) {
            throw new IllegalArgumentException(KERNEL + ": momentum " + momentum + " (in [0, 1)), gradient scale " + gradientScale + ", decay " + decay
                    + " (finite)");
        }
    }

    /**
     * Updates p and m in place.
     *
     * @param parts matrices [rows / parts, columns] that are stacked along the rows, each brought to singular values near 1 by itself
     * @param scale of the update
     */
    public void apply(MemorySegment p, long pOffset, MemorySegment g, long gOffset, MemorySegment m, long mOffset, int rows, int columns, int parts, double scale) {
        long n = (long) rows * columns;
        Bounds.range(KERNEL, "p", p, DType.F32, pOffset, n);
        Bounds.range(KERNEL, "g", g, DType.F32, gOffset, n);
        Bounds.range(KERNEL, "m", m, DType.F32, mOffset, n);
        Bounds.writable(KERNEL, "p", p);
        Bounds.writable(KERNEL, "m", m);
        if (parts < 1 || rows % parts != 0) {
            throw new IllegalArgumentException(KERNEL + ": " + rows + " rows are not " + parts + " matrices");
        }
        MemorySegment direction = Scratch.local().memory(SLOT, n * 4);
        FloatRows.applyRight(Binary.Kind.MUL, g, gOffset, (float) gradientScale, direction, 0, n);
        FloatRows.applyRight(Binary.Kind.MUL, m, mOffset, (float) momentum, m, mOffset, n);
        FloatRows.apply(Binary.Kind.ADD, m, mOffset, direction, 0, m, mOffset, n);
        FloatRows.axpy((float) momentum, m, mOffset, direction, 0, n);
        for (int i = 0; i < parts; i++) {
            orthogonal.apply(direction, n / parts * i, rows / parts, columns);
        }
        FloatRows.axpy((float) -decay, p, pOffset, p, pOffset, n);
        FloatRows.axpy((float) -scale, direction, 0, p, pOffset, n);
    }
}
