package org.mouselift.pipeline.reconstruct;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.mouselift.data.ply.GaussianCloud;
import org.mouselift.data.ply.GaussianFilter;

class FilterReportTest {
    private static final float WHITE = 1.8f;
    private static final float BLACK = -1.8f;

    /** Opaque balls at heights {@code z}, one colour each. */
    private static FilterReport report(float[] z, float[] colour) {
        int n = z.length;
        float[] xyz = new float[3 * n];
        float[] features = new float[3 * n];
        float[] scaling = new float[3 * n];
        float[] rotation = new float[4 * n];
        float[] opacity = new float[n];
        for (int i = 0; i < n; i++) {
            xyz[3 * i + 2] = z[i];
            java.util.Arrays.fill(features, 3 * i, 3 * i + 3, colour[i]);
            java.util.Arrays.fill(scaling, 3 * i, 3 * i + 3, -5);
            rotation[4 * i] = 1;
            opacity[i] = 5;
        }
        return FilterReport.of(new GaussianCloud(n, 0, xyz, features, scaling, rotation, opacity), GaussianFilter.INFERENCE);
    }

    @Test
    void aWhiteBackgroundOutsideTheBoxIsNotTheSubject() {
        FilterReport report = report(new float[] {0, 0.5f, 2, 2, 2, 2}, new float[] {BLACK, BLACK, WHITE, WHITE, WHITE, WHITE});
        assertEquals(4, report.box());
        assertEquals(new FilterReport.Visible(2, 0, 0, 0), report.visible());
        assertEquals(List.of(), report.warnings());
    }

    @Test
    void aSubjectOutsideTheBoxIsReported() {
        FilterReport report = report(new float[] {0, 2, 2, 0, 0}, new float[] {BLACK, BLACK, BLACK, WHITE, WHITE});
        assertEquals(List.of("the box filter removed 67 % of the Gaussians that are not white: the subject reaches out of the box: centre and scale the cameras "
                + "(splat --normalize)"), report.warnings());
    }
}
