package org.mouselift.pipeline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import org.junit.jupiter.api.Test;

/** What {@code --device-precision} refuses before anything is read. */
class DeviceArgumentTest {
    private static void refused(String message, String... arguments) {
        StringWriter err = new StringWriter();
        int exit = Mouselift.commandLine().setOut(new PrintWriter(new StringWriter())).setErr(new PrintWriter(err, true)).execute(arguments);
        assertEquals(ExitCode.USAGE, exit, err.toString());
        assertTrue(err.toString().contains(message), err.toString());
    }

    @Test
    void precisionsThatDoNotFitAreRefused() {
        refused("device precision 'bf16', expected fp32 or fp16", "verify", ".", "--device", "ptx", "--device-precision", "bf16");
        refused("--device-precision fp16 is for devices, the CPU computes in float32", "verify", ".", "--device-precision", "fp16");
        refused("--device-precision fp16: training computes in float32", "train", "gslrm", "--config", "pom.xml", "--device", "ptx", "--device-precision", "fp16");
        refused("--device-precision fp16: training computes in float32", "train", "diffusion", "--config", "pom.xml", "--device", "ptx", "--device-precision", "fp16");
    }
}
