package org.mouselift.pipeline.profile;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.mouselift.engine.DType;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;

class StageProfileTest {
    private double now;

    @Test
    void everyStageHasItsOwnTimeWorkAndMemory() {
        StageProfile profile = new StageProfile(() -> now);
        profile.during(() -> {
            profile.begin("large");
            try (Scope scope = Scope.open("a")) {
                Ops.matmul(Tensor.zeros(DType.F32, 256, 512), Tensor.zeros(DType.F32, 512, 128));
            }
            now += 2e-3;
            profile.begin("small");
            try (Scope scope = Scope.open("b")) {
                Ops.add(Tensor.zeros(DType.F32, 16), Tensor.zeros(DType.F32, 16));
            }
            now += 3e-3;
            profile.end();
            profile.end();
            return null;
        });
        now += 10;
        List<StageProfile.Stage> stages = profile.stages();
        assertEquals(List.of("large", "small"), stages.stream().map(StageProfile.Stage::name).toList());
        assertEquals(2e-3, stages.get(0).seconds(), 1e-9);
        assertEquals(3e-3, stages.get(1).seconds(), 1e-9);
        assertEquals(2.0 * 256 * 512 * 128 * 1e-9, stages.get(0).gflop(), 1e-12);
        assertEquals(2.0 * 256 * 512 * 128 * 1e-9 / 2e-3, stages.get(0).gflops(), 1e-6);
        assertNull(stages.get(1).gflops());
        long matrices = 4L * (256 * 512 + 512 * 128 + 256 * 128);
        assertTrue(stages.get(0).peakTensorBytes() - stages.get(1).peakTensorBytes() >= matrices / 2, stages.toString());
        ProfileReport report = ProfileReport.of("two stages", ProfileReport.Machine.here("a processor", 100.0), stages);
        assertEquals(5e-3, report.seconds(), 1e-9);
        assertEquals(stages.get(0).peakTensorBytes(), report.peakTensorBytes());
        String text = report.text();
        assertTrue(text.contains("two stages") && text.contains("a processor") && text.contains("peak 100 GFLOP/s") && text.contains("matmul"), text);
    }

    @Test
    void whatTheBodyThrowsComesOutAsItIs() {
        StageProfile profile = new StageProfile();
        IOException thrown = new IOException("disk");
        assertEquals(thrown, assertThrows(IOException.class, () -> profile.during(() -> {
            throw thrown;
        })));
        assertThrows(IllegalStateException.class, () -> profile.during(() -> {
            throw new IllegalStateException("defect");
        }));
    }

    /** Memory that is touched is resident, and counts towards the peak after it has gone. */
    @Test
    void thePeakOfAStageIsItsOwn() {
        Assumptions.assumeTrue(Files.isReadable(Path.of("/proc/self/status")) && ProcessMemory.resetPeak(), "SKIPPED: this system does not tell the peak of a stage");
        long before = ProcessMemory.peak().orElseThrow();
        assertTrue(before >= ProcessMemory.residentOfFiles().orElseThrow());
        int bytes = 96 << 20;
        try (java.lang.foreign.Arena arena = java.lang.foreign.Arena.ofConfined()) {
            arena.allocate(bytes).fill((byte) 1);
            assertTrue(ProcessMemory.resident().orElseThrow() > bytes);
        }
        assertTrue(ProcessMemory.peak().orElseThrow() >= before + bytes - (16 << 20), "the peak must have grown by about 96 MiB");
        ProcessMemory.resetPeak();
        assertTrue(ProcessMemory.peak().orElseThrow() < before + bytes - (16 << 20), "the new measurement starts without what is gone");
    }
}
