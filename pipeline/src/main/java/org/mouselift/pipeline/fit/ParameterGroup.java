package org.mouselift.pipeline.fit;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import org.mouselift.engine.cpu.Workers;

/**
 * One kind of Gaussian parameter, [N,width], with the moments of Adam (Kingma & Ba 2015). N changes when Gaussians are
 * added or removed; the moments move along, new rows start with zeros.
 */
final class ParameterGroup {
    private static final double BETA1 = 0.9, BETA2 = 0.999, EPSILON = 1e-15;

    private final int width;
    private int count;
    private float[] values, gradients, first, second;

    ParameterGroup(int width, float[] values) {
        this.width = width;
        this.values = values.clone();
        this.count = values.length / width;
        gradients = new float[values.length];
        first = new float[values.length];
        second = new float[values.length];
    }

    int count() {
        return count;
    }

    /** Values in place; valid up to count·width, until the next {@link #rebuild}. */
    float[] values() {
        return values;
    }

    float[] gradients() {
        return gradients;
    }

    float[] copy() {
        return Arrays.copyOf(values, count * width);
    }

    MemorySegment valueSegment() {
        return MemorySegment.ofArray(values).asSlice(0, 4L * count * width);
    }

    MemorySegment gradientSegment() {
        return MemorySegment.ofArray(gradients).asSlice(0, 4L * count * width);
    }

    /** One Adam step with bias correction; {@code rate(column)} is the learning rate of a column. Clears the gradients. */
    void step(int step, float[] rates) {
        double correction1 = 1 - Math.pow(BETA1, step), correction2 = Math.sqrt(1 - Math.pow(BETA2, step));
        float b1 = (float) BETA1, b2 = (float) BETA2, scale = (float) (correction2 / correction1), epsilon = (float) (EPSILON * correction2);
        float[] p = values, g = gradients, m = first, v = second;
        Workers.split(count, 1024, (worker, from, to) -> {
            for (int row = (int) from; row < to; row++) {
                for (int k = 0; k < width; k++) {
                    int i = row * width + k;
                    float gradient = g[i];
                    g[i] = 0;
                    m[i] = b1 * m[i] + (1 - b1) * gradient;
                    v[i] = b2 * v[i] + (1 - b2) * gradient * gradient;
                    p[i] -= rates[k] * scale * m[i] / ((float) Math.sqrt(v[i]) + epsilon);
                }
            }
        });
    }

    /** Keeps rows {@code sources[j]} in this order; those with {@code fresh[j]} start with zero moments. Gradients become zero. */
    void rebuild(int[] sources, boolean[] fresh) {
        float[] p = new float[sources.length * width], m = new float[p.length], v = new float[p.length];
        for (int j = 0; j < sources.length; j++) {
            System.arraycopy(values, sources[j] * width, p, j * width, width);
            if (!fresh[j]) {
                System.arraycopy(first, sources[j] * width, m, j * width, width);
                System.arraycopy(second, sources[j] * width, v, j * width, width);
            }
        }
        values = p;
        first = m;
        second = v;
        gradients = new float[p.length];
        count = sources.length;
    }

    /** Forgets the moments, for values that were set by hand. */
    void forget() {
        Arrays.fill(first, 0);
        Arrays.fill(second, 0);
    }
}
