package org.mouselift.models.splat;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * The raw parameters of N Gaussians, as a network head or a PLY file holds them: float32 in native byte order, on or off
 * the heap, never copied. The renderer applies the activations of GS-LRM specification §1.10: scale = exp(logScales),
 * rotation = q / max(|q|, 1e-12), opacity = sigmoid(logit), colour from spherical harmonics.
 *
 * <p>The same record carries gradients with respect to these parameters.
 *
 * @param count number of Gaussians N ≥ 0
 * @param shDegree degree of the spherical harmonics, 0 … 3; K = (shDegree + 1)²
 * @param means centres, [N,3], world units
 * @param logScales logarithms of the standard deviations, [N,3]
 * @param quaternions rotations (w, x, y, z), not necessarily normalised, [N,4]
 * @param opacityLogits [N]
 * @param sh coefficients, [N,K,3]: coefficient slow, colour (R,G,B) fast
 */
public record GaussianParameters(int count, int shDegree, MemorySegment means, MemorySegment logScales,
        MemorySegment quaternions, MemorySegment opacityLogits, MemorySegment sh) {
    public GaussianParameters {
        if (count < 0) {
            throw new IllegalArgumentException("number of Gaussians is negative: " + count);
        }
        if (shDegree < 0 || shDegree > 3) {
            throw new IllegalArgumentException("spherical-harmonics degree " + shDegree + ", expected 0 to 3");
        }
        int k = (shDegree + 1) * (shDegree + 1);
        check("means", means, count, 3);
        check("logScales", logScales, count, 3);
        check("quaternions", quaternions, count, 4);
        check("opacityLogits", opacityLogits, count, 1);
        check("sh", sh, count, 3 * k);
    }

    private static void check(String name, MemorySegment segment, long count, int width) {
        long expected = Math.multiplyExact(count, 4L * width);
        if (segment.byteSize() != expected) {
            throw new IllegalArgumentException("Gaussian parameter " + name + " has " + segment.byteSize() + " bytes, expected "
                + expected + " (f32[" + count + "," + width + "])");
        }
    }

    /** Number of SH coefficients per colour: (shDegree + 1)². */
    public int coefficients() {
        return (shDegree + 1) * (shDegree + 1);
    }

    /**
     * Checks what the renderer of the CPU checks while it reads the parameters, for renderers that cannot.
     *
     * @throws NonFiniteGaussianException naming the first parameter that is NaN or infinite
     */
    public void requireFinite() {
        requireFinite("means", means, 3);
        requireFinite("logScales", logScales, 3);
        requireFinite("quaternions", quaternions, 4);
        requireFinite("opacityLogits", opacityLogits, 1);
        requireFinite("sh", sh, 3 * coefficients());
    }

    private void requireFinite(String name, MemorySegment segment, int width) {
        for (long i = 0; i < (long) count * width; i++) {
            float value = segment.get(ValueLayout.JAVA_FLOAT_UNALIGNED, 4 * i);
            if (!Float.isFinite(value)) {
                throw new NonFiniteGaussianException((int) (i / width), name, (int) (i % width), value);
            }
        }
    }

    /** Wraps heap arrays of the given layouts without copying. */
    public static GaussianParameters of(int shDegree, float[] means, float[] logScales, float[] quaternions, float[] opacityLogits, float[] sh) {
        return new GaussianParameters(opacityLogits.length, shDegree, MemorySegment.ofArray(means), MemorySegment.ofArray(logScales),
            MemorySegment.ofArray(quaternions), MemorySegment.ofArray(opacityLogits), MemorySegment.ofArray(sh));
    }

    /** New heap arrays of zeros with the sizes of these parameters, for example to collect gradients. */
    public GaussianParameters zerosLike() {
        return of(shDegree, new float[Math.multiplyExact(3, count)], new float[Math.multiplyExact(3, count)],
            new float[Math.multiplyExact(4, count)], new float[count], new float[Math.multiplyExact(3 * coefficients(), count)]);
    }
}
