package org.mouselift.pipeline.verify;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;

import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** The golden folders of cameras and rays, through the same verifiers as {@code mouselift verify}. */
class CameraGoldensTest {
    @ParameterizedTest
    @ValueSource(strings = {"gslrm/cameras", "gslrm/rays"})
    void everyCasePasses(String folder) throws Exception {
        Path path = Path.of(System.getProperty("mouselift.shared", "missing"), "golden", folder);
        Assumptions.assumeTrue(Files.isDirectory(path), () -> "SKIPPED: no golden files at " + path);
        List<CaseReport> reports = GoldenVerification.registered().run(path, r -> System.out.printf("%-7s %-45s worst ratio %.3g (error %.3g)%n",
                r.outcome(), r.name(), r.worstRatio(), r.worstError()));
        assertFalse(reports.isEmpty());
        for (CaseReport r : reports) {
            assertEquals(CaseReport.Outcome.PASS, r.outcome(), () -> r.name() + "\n" + r.explanation());
        }
    }
}
