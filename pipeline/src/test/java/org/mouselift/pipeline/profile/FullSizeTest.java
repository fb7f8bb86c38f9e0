package org.mouselift.pipeline.profile;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Comparator;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Tag;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.pipeline.multiview.StartPipeline;
import org.mouselift.pipeline.reconstruct.StartCheckpoint;

/** Both networks at their published size, written, mapped and run: minutes, 5 GB of disk, 8 GB of memory. */
@Tag("slow")
class FullSizeTest {
    private static final long GIB = 1L << 30;
    private static final ProfileReport.Machine MACHINE = ProfileReport.Machine.here("the processor of the test", null);

    @TempDir
    Path folder;

    @BeforeEach
    void room() throws IOException {
        long free = Files.getFileStore(folder).getUsableSpace();
        Assumptions.assumeTrue(free > 6 * GIB, "SKIPPED: the temporary folder has " + free / GIB + " GiB of room, the checkpoints need 5");
    }

    private static StageProfile.Stage slowest(ProfileReport report) {
        return report.stages().stream().max(Comparator.comparingDouble(StageProfile.Stage::seconds)).orElseThrow();
    }

    /** As many tokens as two views of 256 pixels have. */
    @Test
    void theReconstructor() throws IOException {
        StartCheckpoint.write(folder, StartCheckpoint.Size.FULL, 1);
        ProfileReport report = new ForwardProfile(256, 2, 1, passes -> {}).of(folder, MACHINE);
        assertTrue(report.what().contains("303,565,824 parameters") && report.what().contains("2,050 tokens"), report.what());
        long tokens = 2050;
        double blocks = 24 * (2.0 * 12 * 1024 * 1024 * tokens + 4.0 * 1024 * tokens * tokens);
        assertEquals(blocks, report.gflop() * 1e9, 0.05 * blocks);
        assertTrue(report.peakTensorBytes() < GIB, "tensors " + report.peakTensorBytes());
    }

    /** Latents of 32 pixels: a quarter of the published area. */
    @Test
    void theUNet() throws IOException {
        StartPipeline.writeUNet(folder, StartPipeline.Size.FULL, 1);
        ProfileReport report = new ForwardProfile(32, 0, 1, passes -> {}).of(folder, MACHINE);
        assertTrue(report.what().contains("870,184,644 parameters") && report.what().contains("6 views of 32 x 32"), report.what());
        StageProfile.Stage forward = slowest(report);
        assertTrue(forward.gflop() > 1000 && forward.gflop() < 1300, forward.gflop() + " GFLOP");
        assertTrue(report.peakTensorBytes() < GIB, "tensors " + report.peakTensorBytes());
        if (report.peakResidentBytes() != null) {
            assertTrue(report.peakResidentBytes() < 8 * GIB, "resident " + report.peakResidentBytes());
        }
        assertEquals(List.of("open", "forward pass 1"), report.stages().stream().map(StageProfile.Stage::name).toList());
    }
}
