package org.mouselift.pipeline.verify;

import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;

class RendererVerifierTest {
    @TestFactory
    Stream<DynamicTest> everyRendererCase() throws IOException {
        Path folder = Path.of(System.getProperty("mouselift.shared", "shared"), "golden/gslrm/renderer");
        Assumptions.assumeTrue(Files.isDirectory(folder), "SKIPPED: renderer goldens not found at " + folder + " (set -Dmouselift.shared)");
        GoldenVerification verification = new GoldenVerification(List.of(new RendererVerifier()));
        return verification.plan(folder).stream().map(planned -> DynamicTest.dynamicTest(planned.file(), () -> {
            CaseReport report = verification.run(planned);
            System.out.printf("%-32s worst ratio %.3f %s%n", report.name(), report.worstRatio(), report.checks().stream()
                .max(java.util.Comparator.comparingDouble(CheckResult::ratio)).map(CheckResult::name).orElse(""));
            if (report.error() != null) {
                throw report.error();
            }
            assertTrue(report.outcome() == CaseReport.Outcome.PASS, report.explanation());
        }));
    }
}
