package org.mouselift.pipeline.fit;

import org.mouselift.data.ply.GaussianCloud;
import org.mouselift.models.splat.GaussianParameters;

/** The Gaussians being fitted: five parameter groups of the same count. */
final class SplatModel {
    final int degree;
    final ParameterGroup means, logScales, quaternions, logits, sh;

    SplatModel(GaussianCloud start) {
        degree = start.degree();
        means = new ParameterGroup(3, start.xyz());
        logScales = new ParameterGroup(3, start.scaling());
        quaternions = new ParameterGroup(4, start.rotation());
        logits = new ParameterGroup(1, start.opacity());
        sh = new ParameterGroup(3 * start.coefficients(), start.features());
    }

    int count() {
        return logits.count();
    }

    GaussianParameters parameters() {
        return new GaussianParameters(count(), degree, means.valueSegment(), logScales.valueSegment(), quaternions.valueSegment(),
            logits.valueSegment(), sh.valueSegment());
    }

    GaussianParameters gradients() {
        return new GaussianParameters(count(), degree, means.gradientSegment(), logScales.gradientSegment(), quaternions.gradientSegment(),
            logits.gradientSegment(), sh.gradientSegment());
    }

    void rebuild(int[] sources, boolean[] fresh) {
        means.rebuild(sources, fresh);
        logScales.rebuild(sources, fresh);
        quaternions.rebuild(sources, fresh);
        logits.rebuild(sources, fresh);
        sh.rebuild(sources, fresh);
    }

    GaussianCloud cloud() {
        return new GaussianCloud(count(), degree, means.copy(), sh.copy(), logScales.copy(), quaternions.copy(), logits.copy());
    }
}
