package org.mouselift.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.File;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Stream;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.Images;
import org.mouselift.data.ply.GaussianCloud;
import org.mouselift.data.ply.SplatPly;

/** Commands with {@code --device} as processes of their own, against the same commands on the CPU; and what is refused there. */
class CommandsOnDeviceTest {
    private static final String SDK = "TORNADOVM_HOME";

    @TempDir
    Path box;

    private record Said(int exit, String text) {}

    /** A JVM as the launcher starts it. */
    private Said mouselift(boolean withFlags, String... arguments) throws IOException, InterruptedException {
        File out = Files.createTempFile(box, "out", ".txt").toFile();
        String root = System.getProperty("mouselift.root");
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "@" + root + "/conf/jvm.options", "-Xmx1g"));
        if (withFlags) {
            command.addAll(List.of("@" + System.getenv(SDK) + "/tornado-argfile", "@" + root + "/conf/device.options"));
        }
        command.addAll(List.of("-Dmouselift.root=" + root, "-Dmouselift.terminal=false", "-cp", System.getProperty("java.class.path"), "org.mouselift.pipeline.cli.Mouselift"));
        command.addAll(List.of(arguments));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).redirectOutput(out).start();
        if (!process.waitFor(400, TimeUnit.SECONDS)) {
            process.destroyForcibly().waitFor();
            throw new AssertionError(String.join(" ", arguments) + " did not end: " + Files.readString(out.toPath()));
        }
        return new Said(process.exitValue(), Files.readString(out.toPath()));
    }

    private void requireDevice() throws IOException, InterruptedException {
        String home = System.getenv(SDK);
        Assumptions.assumeTrue(home != null && Files.isRegularFile(Path.of(home, "tornado-argfile")), "SKIPPED: " + SDK + " names no TornadoVM SDK, so that no command can use a device");
        String doctor = mouselift(false, "doctor", "--no-measure").text;
        Assumptions.assumeTrue(doctor.contains("opencl:0"), "SKIPPED: no OpenCL device: " + doctor.lines().filter(l -> l.contains(" GPU ")).findFirst().orElse(doctor));
    }

    @Test
    void gaussiansAndPicturesOfADeviceAreThoseOfTheCpu() throws Exception {
        requireDevice();
        Said made = mouselift(false, "synth-mice", "-n", "1", "--first", "22000", "--size", "64", "--rig", "human6", "--novel-views", "1", "--no-geometry", "-o", box.resolve("mice").toString());
        assertEquals(0, made.exit, made.text);
        Path sample;
        try (Stream<Path> folders = Files.list(box.resolve("mice"))) {
            sample = folders.filter(Files::isDirectory).findFirst().orElseThrow();
        }
        for (String device : List.of("cpu", "opencl")) {
            Said said = mouselift(device.equals("opencl"), "splat", sample.toString(), "--size", "64", "--turntable", "2", "--frames", "-o", box.resolve(device).toString(), "--device", device);
            assertEquals(0, said.exit, said.text);
            assertEquals(device.equals("opencl"), said.text.contains("pictures run on opencl:0"), said.text);
        }
        GaussianCloud a = SplatPly.read(box.resolve("cpu/gaussians.ply"));
        GaussianCloud b = SplatPly.read(box.resolve("opencl/gaussians.ply"));
        assertEquals(a.count(), b.count());
        assertTrue(a.count() > 100, a.count() + " Gaussians");
        close("centres", a.xyz(), b.xyz(), 1e-3);
        close("scales", a.scaling(), b.scaling(), 2e-2);
        close("opacities", a.opacity(), b.opacity(), 2e-2);
        int pictures = 0;
        for (String name : List.of("output.png", "unseen.png", "frames/frame_0000.png", "frames/frame_0001.png")) {
            double psnr = psnr(Images.read(box.resolve("cpu").resolve(name)), Images.read(box.resolve("opencl").resolve(name)));
            assertTrue(psnr > 60, name + " differs: PSNR " + psnr + " dB");
            pictures++;
        }
        assertEquals(4, pictures);
    }

    private static void close(String what, float[] a, float[] b, double tolerance) {
        for (int i = 0; i < a.length; i++) {
            assertEquals(a[i], b[i], tolerance * (1 + Math.abs(a[i])), what + ", number " + i);
        }
    }

    private static double psnr(Image8 a, Image8 b) {
        assertEquals(a.data().length, b.data().length);
        double squares = 0;
        for (int i = 0; i < a.data().length; i++) {
            double d = (a.data()[i] & 0xff) - (b.data()[i] & 0xff);
            squares += d * d;
        }
        return 10 * Math.log10(255.0 * 255 * a.data().length / Math.max(squares, 1));
    }

    @Test
    void whatIsNotThereIsNamedWithWhatIs() throws Exception {
        requireDevice();
        String[] demo = {"demo", "-o", box.resolve("never").toString(), "--device"};
        says(mouselift(true, with(demo, "opencl:9")), "device 'opencl:9' does not exist", "opencl:0", "mouselift doctor");
        says(mouselift(true, with(demo, "ptx")), "device 'ptx' does not exist", "opencl:0");
        says(mouselift(true, with(demo, "vulkan")), "expected cpu, opencl, ptx or cuda");
        assertTrue(Files.notExists(box.resolve("never")), "something was written");
    }

    /** Whoever starts the JVM by hand and forgets its flags. */
    @Test
    void withoutTheRuntimesFlagsTheRemedyIsTheLauncher() throws Exception {
        Said said = mouselift(false, "demo", "-o", box.resolve("never").toString(), "--device", "opencl");
        says(said, "./mouselift");
        assertTrue(Files.notExists(box.resolve("never")), "something was written");
    }

    private static String[] with(String[] arguments, String last) {
        return Stream.concat(Stream.of(arguments), Stream.of(last)).toArray(String[]::new);
    }

    private static void says(Said said, String... parts) {
        assertTrue(said.exit != 0, said.text);
        for (String part : parts) {
            assertTrue(said.text.contains(part), "expected '" + part + "' in: " + said.text);
        }
        assertTrue(!said.text.contains("a defect of Mouselift") && !said.text.contains("\tat "), said.text);
    }
}
