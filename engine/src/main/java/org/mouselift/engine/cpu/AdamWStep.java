package org.mouselift.engine.cpu;

import java.lang.foreign.MemorySegment;
import java.nio.ByteOrder;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;
import org.mouselift.engine.DType;

/**
 * One AdamW update of contiguous float32 parameters (GS-LRM specification §6.3; I. Loshchilov and F. Hutter, 2019):
 * {@code p -= lr wd p; m = b1 m + (1 - b1) g; v = b2 v + (1 - b2) g²; p -= lr (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps)}.
 *
 * @param learningRate lr, of this step
 * @param beta1        b1 in [0, 1)
 * @param beta2        b2 in [0, 1)
 * @param epsilon      eps, positive
 * @param weightDecay  wd, decoupled
 * @param step         t, 1 for the first update
 * @param gradientScale factor of the gradient before everything else (clipping, averaging); 1 for none
 */
public record AdamWStep(double learningRate, double beta1, double beta2, double epsilon, double weightDecay, long step, double gradientScale) {
    private static final VectorSpecies<Float> S = VectorWidth.F32;
    private static final ByteOrder LE = ByteOrder.LITTLE_ENDIAN;
    private static final long GRAIN = 1 << 14;
    /** Elements of one loop, whose byte offsets are ints; a multiple of every vector length. */
    private static final long PIECE = 1 << 26;
    private static final String KERNEL = "adamw";

    public AdamWStep {
        if (step < 1 || !(beta1 >= 0 && beta1 < 1) || !(beta2 >= 0 && beta2 < 1) || !(epsilon > 0) || !Double.isFinite(learningRate)
                || !Double.isFinite(weightDecay) || !Double.isFinite(gradientScale)) {
            throw new IllegalArgumentException(KERNEL + ": step " + step + " (from 1), betas " + beta1 + " and " + beta2 + " (in [0, 1)), epsilon " + epsilon
                    + " (positive), learning rate " + learningRate + ", weight decay " + weightDecay + ", gradient scale " + gradientScale + " (finite)");
        }
    }

    /** Updates p, m and v in place from the gradient g; float32. */
    public void apply(MemorySegment p, long pOffset, MemorySegment g, long gOffset, MemorySegment m, long mOffset, MemorySegment v, long vOffset, long n) {
        check(DType.F32, p, pOffset, g, gOffset, m, mOffset, v, vOffset, n);
        float keep = (float) (1 - learningRate * weightDecay);
        float b1 = (float) beta1;
        float c1 = (float) (1 - beta1);
        float b2 = (float) beta2;
        float c2 = (float) (1 - beta2);
        float rate = (float) (learningRate / (1 - Math.pow(beta1, step)));
        float root = (float) (1 / Math.sqrt(1 - Math.pow(beta2, step)));
        float eps = (float) epsilon;
        float gs = (float) gradientScale;
        Workers.split(n, GRAIN, (worker, begin, end) -> {
            long i = begin;
            if (!VectorWidth.SCALAR) {
                for (long last = end - (end - begin) % VectorWidth.LANES; i < last; i += Math.min(PIECE, last - i)) {
                    int bytes = (int) Math.min(PIECE, last - i) * 4;
                    vectors(p.asSlice((pOffset + i) * 4, bytes), g.asSlice((gOffset + i) * 4, bytes), m.asSlice((mOffset + i) * 4, bytes),
                            v.asSlice((vOffset + i) * 4, bytes), bytes, keep, b1, c1, b2, c2, rate, root, eps, gs);
                }
            }
            for (; i < end; i++) {
                float grad = g.get(DType.LE_F32, (gOffset + i) * 4) * gs;
                float first = m.get(DType.LE_F32, (mOffset + i) * 4) * b1 + grad * c1;
                float second = v.get(DType.LE_F32, (vOffset + i) * 4) * b2 + grad * grad * c2;
                m.set(DType.LE_F32, (mOffset + i) * 4, first);
                v.set(DType.LE_F32, (vOffset + i) * 4, second);
                float change = first * rate / ((float) Math.sqrt(second) * root + eps);
                p.set(DType.LE_F32, (pOffset + i) * 4, p.get(DType.LE_F32, (pOffset + i) * 4) * keep - change);
            }
        });
    }

    private static void vectors(MemorySegment p, MemorySegment g, MemorySegment m, MemorySegment v, int bytes, float keep, float b1, float c1, float b2,
            float c2, float rate, float root, float eps, float gs) {
        for (int i = 0; i < bytes; i += 4 * VectorWidth.LANES) {
            FloatVector grad = FloatVector.fromMemorySegment(S, g, i, LE).mul(gs);
            FloatVector first = FloatVector.fromMemorySegment(S, m, i, LE).mul(b1).add(grad.mul(c1));
            FloatVector second = FloatVector.fromMemorySegment(S, v, i, LE).mul(b2).add(grad.mul(grad).mul(c2));
            first.intoMemorySegment(m, i, LE);
            second.intoMemorySegment(v, i, LE);
            FloatVector change = first.mul(rate).div(second.sqrt().mul(root).add(eps));
            FloatVector.fromMemorySegment(S, p, i, LE).mul(keep).sub(change).intoMemorySegment(p, i, LE);
        }
    }

    /** The same in float64. */
    public void applyF64(MemorySegment p, long pOffset, MemorySegment g, long gOffset, MemorySegment m, long mOffset, MemorySegment v, long vOffset, long n) {
        check(DType.F64, p, pOffset, g, gOffset, m, mOffset, v, vOffset, n);
        double rate = learningRate / (1 - Math.pow(beta1, step));
        double correction = 1 - Math.pow(beta2, step);
        for (long i = 0; i < n; i++) {
            double grad = g.get(DType.LE_F64, (gOffset + i) * 8) * gradientScale;
            double first = beta1 * m.get(DType.LE_F64, (mOffset + i) * 8) + (1 - beta1) * grad;
            double second = beta2 * v.get(DType.LE_F64, (vOffset + i) * 8) + (1 - beta2) * grad * grad;
            m.set(DType.LE_F64, (mOffset + i) * 8, first);
            v.set(DType.LE_F64, (vOffset + i) * 8, second);
            double old = p.get(DType.LE_F64, (pOffset + i) * 8);
            p.set(DType.LE_F64, (pOffset + i) * 8, old - learningRate * weightDecay * old - rate * first / (Math.sqrt(second / correction) + epsilon));
        }
    }

    private static void check(DType type, MemorySegment p, long pOffset, MemorySegment g, long gOffset, MemorySegment m, long mOffset, MemorySegment v,
            long vOffset, long n) {
        Bounds.range(KERNEL, "parameters", p, type, pOffset, n);
        Bounds.range(KERNEL, "gradient", g, type, gOffset, n);
        Bounds.range(KERNEL, "first moment", m, type, mOffset, n);
        Bounds.range(KERNEL, "second moment", v, type, vOffset, n);
        Bounds.writable(KERNEL, "parameters", p);
        Bounds.writable(KERNEL, "first moment", m);
        Bounds.writable(KERNEL, "second moment", v);
    }
}
