package org.mouselift.tornado.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.mouselift.engine.device.DeviceException;
import org.mouselift.engine.device.DeviceInfo;
import org.mouselift.engine.device.DeviceRuntime;
import org.mouselift.tornado.StandInLibrary;
import org.mouselift.tornado.plan.Gemm;

/** The yardsticks' graphs on an OpenCL device with a library that stands in for cuBLAS: that each task arrives as often as it is timed. */
class LibraryYardsticksTest {
    @Test
    void everyTimedTaskRuns() throws Exception {
        List<DeviceInfo> there;
        try {
            there = DeviceRuntime.installed().getFirst().devices().stream().filter(d -> d.kind().equals("opencl")).toList();
        } catch (DeviceException e) {
            there = Assumptions.abort("SKIPPED: no device to test on: " + e.getMessage());
        }
        Assumptions.assumeFalse(there.isEmpty(), "SKIPPED: no OpenCL device");
        // C [40,24] = A [40,32] B^T, B [24,32], row-major.
        Gemm g = LibraryYardsticks.plain(40, 24, 32, true);
        assertEquals(new Gemm(true, false, 24, 40, 32, 1, 32, 0, 32, 0, 0, 24, 0, 1), g);
        assertEquals(new Gemm(false, false, 24, 40, 32, 1, 24, 0, 32, 0, 0, 24, 0, 1), LibraryYardsticks.plain(40, 24, 32, false));
        try (StandInLibrary standIn = new StandInLibrary()) {
            double seconds = LibraryYardsticks.singles(DeviceBench.device(there.getFirst()), g);
            assertTrue(seconds > 0, "each product takes time, got " + seconds);
            assertEquals((1 + LibraryYardsticks.ROUNDS) * (1 + 1 + LibraryYardsticks.REPEATS), standIn.calls.size());
            assertTrue(standIn.calls.stream().allMatch(c -> c.function().equals("cublasSgemm") && c.gemm().equals(g)));
        }
        assertEquals(List.of(), LibraryYardsticks.of(DeviceBench.device(there.getFirst()), "opencl", "matmul 4096", 1));
    }
}
