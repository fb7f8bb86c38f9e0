package org.mouselift.pipeline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNull;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;
import org.mouselift.engine.DType;
import org.mouselift.engine.Operation;
import org.mouselift.engine.device.Device;
import org.mouselift.engine.device.DeviceInfo;
import org.mouselift.engine.device.DeviceProgram;
import org.mouselift.engine.nn.Placement;
import org.mouselift.engine.trace.Program;

/** What records of results say about the device and the libraries of its maker. */
class DeviceUseTest {
    private record Card(List<String> libraries) implements Device {
        @Override
        public DeviceInfo info() {
            return new DeviceInfo("cuda", 0, "a card", 1L << 30, true);
        }

        @Override
        public boolean computes(Operation operation, DType dtype) {
            return true;
        }

        @Override
        public DeviceProgram prepare(Program program) {
            throw new UnsupportedOperationException("nothing runs here");
        }

        @Override
        public long allocatedBytes() {
            return 0;
        }

        @Override
        public void close() {}
    }

    private static String record(DeviceUse device) {
        return Json.write(new RunRecord(List.of("splat"), "v", "25", "weights", "0", null, device, 1)).replaceAll("\\s", "");
    }

    @Test
    void recordsNameTheDeviceAndItsLibraries() throws Exception {
        assertNull(DeviceUse.now());
        assertFalse(record(DeviceUse.now()).contains("device"));
        for (List<String> libraries : List.of(List.<String>of(), List.of("cuBLAS"))) {
            try (Device card = new Card(libraries); Placement placement = new Placement(card)) {
                placement.during(() -> {
                    assertEquals(libraries, DeviceUse.now().vendorLibraries());
                    String json = record(DeviceUse.now());
                    assertTrue(json.contains("\"cuda:0acard(GPU,1.0GiB)\"") && json.contains("\"vendorLibraries\":[" + (libraries.isEmpty() ? "" : "\"cuBLAS\"") + "]"), json);
                    return null;
                });
            }
        }
        assertNull(DeviceUse.now());
    }
}
