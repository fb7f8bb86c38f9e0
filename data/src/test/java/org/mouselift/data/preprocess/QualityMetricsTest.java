package org.mouselift.data.preprocess;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** The numbers of mouse specification §3.8, from the metrics of 600 real views each. */
class QualityMetricsTest {
    @ParameterizedTest
    @CsvSource({
        "data_mouse_pixel_based, 0.306119, 0.0011928, 0.38966, 0.303194, 0.308964, 1.40399, 0.823939, 4.381753, 2.740316, 3.795852, 0.274217, 0.345532, 0.734245, 0,"
                + "A, 0.306216, 0.164488, 1.458500, 0.260616, 1.947934",
        "data_mouse_uniform_v2, 0.301049, 0.00069785, 0.2318, 0.299313, 0.303401, 45.7966, 25.1133, 95.4148, 89.1339, 94.1218, 8.944655, 0.135654, 23.192490, 227,"
                + "D, 0.301223, 0.198981, 41.9670, 9.2967, 53.5532"})
    void realMetricsAggregateToThePublishedNumbers(String name, String mean, String std, String cv, String min, String max, String offset, String offsetStd,
            String offsetMax, String p95, String p99, String percent, String intraCv, String intraStd, int outliers, QualityGrade grade, String firstMean, String firstCv,
            String firstOffset, String firstStd, String firstMax) throws IOException {
        Path file = Path.of(System.getProperty("mouselift.shared", "shared"), "real/reports/preprocessing_quality", name + "_metrics.json");
        Assumptions.assumeTrue(Files.exists(file), "SKIPPED: real metrics not found: " + file);
        QualityMetrics metrics = QualityMetrics.read(file);
        QualityMetrics.Summary s = metrics.summary();
        assertEquals(600, s.views());
        close(mean, s.size().mean());
        close(std, s.size().std());
        close(cv, s.size().cv());
        close(min, s.size().min());
        close(max, s.size().max());
        close(offset, s.offset().mean());
        close(offsetStd, s.offset().std());
        close(offsetMax, s.offset().max());
        close(p95, s.p95());
        close(p99, s.p99());
        close(percent, s.offsetPercent());
        close(intraCv, s.intraSizeCv());
        close(intraStd, s.intraOffsetStd());
        assertEquals(outliers, s.outliers());
        assertEquals(grade, QualityGrade.of(s, 512));
        QualityMetrics.Summary first = metrics.first(50).summary();
        close(firstMean, first.sampleSize().mean());
        close(firstCv, first.sampleSize().cv());
        close(firstOffset, first.sampleOffset().mean());
        close(firstStd, first.sampleOffset().std());
        close(firstMax, first.sampleOffset().max());
    }

    /** Within one unit of the last published digit. */
    private static void close(String published, double value) {
        int digits = published.length() - published.indexOf('.') - 1;
        assertEquals(Double.parseDouble(published), value, 1.0001 * Math.pow(10, -digits), published);
    }
}
