package org.mouselift.pipeline.verify;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.golden.GoldenCase;
import org.mouselift.data.golden.GoldenFolder;
import org.mouselift.data.safetensors.SafetensorsWriter;

class GoldenVerificationTest {
    @TempDir
    Path root;

    /** A verifier for cases with tensors a and b; how it behaves is the test's choice. */
    private record Fake(Check check) implements CaseVerifier {
        interface Check {
            List<CheckResult> verify(GoldenCase c) throws IOException;
        }

        @Override
        public boolean knows(GoldenFolder folder, String file) {
            return file.equals("c.safetensors");
        }

        @Override
        public List<CheckResult> verify(GoldenCase c) throws IOException {
            return check.verify(c);
        }
    }

    @BeforeEach
    void folder() throws IOException {
        Path folder = Files.createDirectories(root.resolve("deep/er"));
        new SafetensorsWriter().add("a", new long[] {1}, new float[] {1}).add("b", new long[] {1}, new float[] {2}).write(folder.resolve("c.safetensors"));
        Files.writeString(folder.resolve("index.json"), """
                {"folder": "f", "files": {
                  "c.safetensors": {"kind": "case", "tensors": {
                    "a": {"role": "expected", "shape": [1], "atol": 0.5}, "b": {"role": "expected", "shape": [1], "atol": 0.5}}},
                  "other.json": {"kind": "cases"}, "weights.safetensors": {"kind": "checkpoint", "tensors": 3}}}
                """);
    }

    private CaseReport run(Fake.Check check) throws IOException {
        List<CaseReport> streamed = new ArrayList<>();
        List<CaseReport> reports = new GoldenVerification(List.of(new Fake(check))).run(root, streamed::add);
        assertEquals(reports, streamed);
        assertEquals(List.of("f/c.safetensors", "f/other.json"), reports.stream().map(CaseReport::name).toList());
        assertEquals(CaseReport.Outcome.UNKNOWN, reports.get(1).outcome());
        return reports.get(0);
    }

    @Test
    void allComparedAndWithinPasses() throws IOException {
        CaseReport report = run(c -> List.of(CheckResult.of(c.compare("a", 1.25)), CheckResult.of(c.compare("b", 2))));
        assertEquals(CaseReport.Outcome.PASS, report.outcome(), report.explanation());
        assertEquals(0.5, report.worstRatio());
        assertEquals(0.25, report.worstError());
    }

    @Test
    void anythingLessFails() throws IOException {
        assertEquals(CaseReport.Outcome.FAIL, run(c -> List.of(CheckResult.of(c.compare("a", 1.25)), CheckResult.of(c.compare("b", 3)))).outcome());
        CaseReport forgotten = run(c -> List.of(CheckResult.of(c.compare("a", 1))));
        assertEquals(CaseReport.Outcome.FAIL, forgotten.outcome());
        assertTrue(forgotten.explanation().contains("b: was not checked"), forgotten.explanation());
        CaseReport dropped = run(c -> {
            c.compare("b", 2);
            return List.of(CheckResult.of(c.compare("a", 1)));
        });
        assertTrue(dropped.explanation().contains("not reported"), dropped.explanation());
        assertEquals(CaseReport.Outcome.FAIL, run(c -> List.of()).outcome());
        CaseReport thrown = run(c -> {
            throw new IllegalStateException("broken");
        });
        assertEquals(CaseReport.Outcome.FAIL, thrown.outcome());
        assertTrue(thrown.explanation().contains("broken"));
    }

    @Test
    void skippedChecksAreNotPasses() throws IOException {
        assertEquals(CaseReport.Outcome.SKIPPED, run(c -> List.of(CheckResult.skipped("a", "no data"), CheckResult.skipped("b", "no data"))).outcome());
    }

    @Test
    void twoClaimantsAreAnError() {
        Fake fake = new Fake(c -> List.of());
        assertThrows(IllegalStateException.class, () -> new GoldenVerification(List.of(fake, fake)).plan(root));
    }
}
