package org.mouselift.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code mouselift doctor} as a process of its own, with no SDK for devices, a broken one, and one that finds no device. */
class DoctorSituationsTest {
    private static final String SDK = "TORNADOVM_HOME";

    @TempDir
    Path box;

    /** The line about devices; doctor must end well whatever it finds. */
    private String gpu(Map<String, String> environment) throws IOException, InterruptedException {
        File out = box.resolve("out.txt").toFile();
        String root = System.getProperty("mouselift.root");
        ProcessBuilder doctor = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "@" + root + "/conf/jvm.options", "-Xmx512m",
                "-Dmouselift.root=" + root, "-Dmouselift.terminal=false", "-cp", System.getProperty("java.class.path"), "org.mouselift.pipeline.cli.Mouselift", "doctor",
                "--no-measure").redirectErrorStream(true).redirectOutput(out);
        doctor.environment().remove(SDK);
        doctor.environment().putAll(environment);
        Process process = doctor.start();
        if (!process.waitFor(120, TimeUnit.SECONDS)) {
            process.destroyForcibly().waitFor();
            throw new AssertionError("doctor did not end: " + Files.readString(out.toPath()));
        }
        String said = Files.readString(out.toPath());
        assertEquals(0, process.exitValue(), said);
        List<String> lines = said.lines().filter(line -> line.strip().startsWith("GPU") || line.contains(" GPU ")).toList();
        assertEquals(1, lines.size(), said);
        return lines.getFirst();
    }

    private void says(String line, String... parts) {
        for (String part : parts) {
            assertTrue(line.contains(part), "expected '" + part + "' in: " + line);
        }
    }

    @Test
    void withoutAnSdk() throws Exception {
        says(gpu(Map.of()), "none in use", SDK + " is not set", "the CPU executor runs everything");
    }

    @Test
    void withAFolderThatIsNoSdk() throws Exception {
        says(gpu(Map.of(SDK, box.resolve("nowhere").toString())), "none in use", "a folder that does not exist", "nowhere");
        Path empty = Files.createDirectories(box.resolve("empty"));
        says(gpu(Map.of(SDK, empty.toString())), "none in use", "broken SDK", "tornado-argfile", "is missing");
    }

    @Test
    void withAnSdkWhoseFlagsNoJvmTakes() throws Exception {
        Path broken = Files.createDirectories(box.resolve("broken"));
        Files.writeString(broken.resolve("tornado-argfile"), "-XX:+NoSuchFlagAnywhere\n");
        says(gpu(Map.of(SDK, broken.toString())), "none in use", "broken SDK", "exit code 1", "NoSuchFlagAnywhere");
    }

    /** An SDK whose jars are not there: its flags are taken, its modules are not found. */
    @Test
    void withAnSdkThatLostItsParts() throws Exception {
        Path broken = Files.createDirectories(box.resolve("half"));
        Files.writeString(broken.resolve("tornado-argfile"), "--module-path " + broken.resolve("share") + "\n--add-modules tornado.runtime\n");
        says(gpu(Map.of(SDK, broken.toString())), "none in use", "broken SDK", "tornado.runtime");
    }

    @Test
    void withAnSdkAndNoDevice() throws Exception {
        String home = System.getenv(SDK);
        boolean there = home != null && Files.isRegularFile(Path.of(home, "tornado-argfile"));
        Assumptions.assumeTrue(there, "SKIPPED: " + SDK + " names no TornadoVM SDK, so that one without a device cannot be tried");
        // The OpenCL loader then knows no driver.
        Path none = Files.createDirectories(box.resolve("no drivers"));
        String line = gpu(Map.of(SDK, home, "OCL_ICD_VENDORS", none.toString()));
        Assumptions.assumeTrue(!line.contains("this build has no GPU executor"), "SKIPPED: the kernels are not on the class path of this run");
        says(line, "none in use", "works but finds no device");
    }
}
