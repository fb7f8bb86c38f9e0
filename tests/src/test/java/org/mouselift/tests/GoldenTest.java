package org.mouselift.tests;

import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.DynamicContainer;
import org.junit.jupiter.api.DynamicNode;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.TestFactory;
import org.mouselift.pipeline.verify.CaseReport;
import org.mouselift.pipeline.verify.GoldenVerification;

/** Every golden case that has a verifier must stay within its tolerances. */
class GoldenTest {
    @TestFactory
    Stream<DynamicNode> goldens() throws IOException {
        Path golden = Path.of(System.getProperty("mouselift.shared", "missing"), "golden");
        assumeTrue(Files.isDirectory(golden), "SKIPPED: no golden files at " + golden + " (set -Dmouselift.shared to the folder that holds golden/)");
        GoldenVerification verification = GoldenVerification.registered();
        Map<String, List<DynamicNode>> byFolder = new LinkedHashMap<>();
        for (GoldenVerification.PlannedCase planned : verification.plan(golden)) {
            if (planned.verifier().isPresent()) {
                byFolder.computeIfAbsent(planned.folder().toString(), _ -> new ArrayList<>()).add(DynamicTest.dynamicTest(planned.file(), () -> {
                    CaseReport report = verification.run(planned);
                    assertNotEquals(CaseReport.Outcome.FAIL, report.outcome(), () -> report.name() + "\n" + report.explanation());
                    assumeTrue(report.outcome() == CaseReport.Outcome.PASS, () -> "SKIPPED " + report.name() + ": " + report.checks());
                }));
            }
        }
        return byFolder.entrySet().stream().map(e -> DynamicContainer.dynamicContainer(e.getKey(), e.getValue()));
    }
}
