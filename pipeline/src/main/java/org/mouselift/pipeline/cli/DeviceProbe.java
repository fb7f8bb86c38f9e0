package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.concurrent.TimeUnit;
import java.util.stream.Collectors;
import org.mouselift.engine.device.DeviceException;
import org.mouselift.engine.device.DeviceInfo;
import org.mouselift.engine.device.DeviceRuntime;
import org.mouselift.engine.device.VendorLibrary;
import org.mouselift.pipeline.cli.MachineReport.State;

/**
 * Looks for devices in a JVM of its own, started with the flags of the TornadoVM SDK: a broken SDK can keep a JVM from starting or
 * end it, and {@code doctor} shall live to tell.
 */
final class DeviceProbe {
    private static final String SDK = "TORNADOVM_HOME";
    private static final String FOUND = "mouselift device: ";
    private static final String NONE = "mouselift no runtime";
    private static final String FAILED = "mouselift failure: ";
    private static final int SECONDS = 60;
    private static final int MOST_OUTPUT = 1 << 16;

    /** What was found. */
    record Result(State state, String value, String remedy) {}

    private DeviceProbe() {}

    /** What the JVM that looks for devices does. */
    public static void main(String[] arguments) {
        try {
            List<DeviceRuntime> runtimes = DeviceRuntime.installed();
            if (runtimes.isEmpty()) {
                System.out.println(NONE);
            }
            for (DeviceRuntime runtime : runtimes) {
                for (DeviceInfo device : runtime.devices()) {
                    List<VendorLibrary> libraries = runtime.libraries(device);
                    System.out.println(FOUND + device + ", " + (libraries.isEmpty() ? "no vendor libraries offered"
                            : "vendor libraries: " + libraries.stream().map(VendorLibrary::toString).collect(Collectors.joining(", "))));
                }
            }
        } catch (DeviceException e) {
            System.out.println(FAILED + e.getMessage().replace('\n', ' '));
        }
    }

    /** Looks at the SDK that the environment names. */
    static Result look() throws IOException, InterruptedException {
        String home = System.getenv(SDK);
        if (home == null || home.isBlank()) {
            return new Result(State.INFO, "none in use: " + SDK + " is not set; the CPU executor runs everything", "");
        }
        return look(Path.of(home));
    }

    static Result look(Path home) throws IOException, InterruptedException {
        String remedy = "Point " + SDK + " at a TornadoVM SDK for JDK 25 with one backend, or unset it: the CPU executor runs everything.";
        if (!Files.isDirectory(home)) {
            return new Result(State.WARNING, "none in use: " + SDK + " names a folder that does not exist: " + home, remedy);
        }
        Path flags = home.resolve("tornado-argfile");
        if (!Files.isRegularFile(flags)) {
            return new Result(State.WARNING, "none in use: broken SDK: " + flags + " is missing", remedy);
        }
        Path root = Path.of(System.getProperty(WeightsArgument.ROOT_PROPERTY, ""));
        List<String> command = new ArrayList<>(List.of(Path.of(System.getProperty("java.home"), "bin", "java").toString(), "@" + root.resolve("conf/jvm.options"),
                "@" + flags, "@" + root.resolve("conf/device.options"), "-Xmx512m", "-cp", System.getProperty("java.class.path"), DeviceProbe.class.getName()));
        Process process = new ProcessBuilder(command).redirectErrorStream(true).start();
        process.getOutputStream().close();
        String said;
        try (InputStream out = process.getInputStream()) {
            Thread end = Thread.ofVirtual().start(() -> endAfter(process));
            said = new String(out.readNBytes(MOST_OUTPUT), StandardCharsets.UTF_8);
            process.destroy();
            process.waitFor();
            end.interrupt();
        }
        return judge(home, process.exitValue(), said, remedy);
    }

    private static void endAfter(Process process) {
        try {
            if (!process.waitFor(SECONDS, TimeUnit.SECONDS)) {
                process.destroyForcibly();
            }
        } catch (InterruptedException done) {
            Thread.currentThread().interrupt();
        }
    }

    private static Result judge(Path home, int exit, String said, String remedy) {
        List<String> lines = said.lines().map(String::strip).filter(l -> !l.isEmpty()).toList();
        List<String> devices = lines.stream().filter(l -> l.startsWith(FOUND)).map(l -> l.substring(FOUND.length())).toList();
        if (!devices.isEmpty()) {
            return new Result(State.OK, String.join("; ", devices) + " through the TornadoVM SDK " + home + "; in use with --device", "");
        }
        for (String line : lines) {
            if (line.startsWith(FAILED)) {
                return new Result(State.WARNING, "none in use: the SDK " + home + " does not start: " + line.substring(FAILED.length()), remedy);
            }
            if (line.equals(NONE)) {
                return new Result(State.WARNING, "none in use: this build has no GPU executor", "Run ./mouselift build with " + SDK + " set.");
            }
        }
        if (exit == 0) {
            return new Result(State.INFO, "none in use: the SDK " + home + " works but finds no device",
                    "Install the driver of your card; a CPU can be used through PoCL (Debian: pocl-opencl-icd), to check results.");
        }
        int error = 0;
        while (error < lines.size() - 1 && !lines.get(error).matches(".*([Ee]rror|Exception|Unrecognized|[Nn]ot found).*")) {
            error++;
        }
        String first = lines.isEmpty() ? "no output" : String.join(" ", lines.subList(error, Math.min(lines.size(), error + 2)));
        return new Result(State.WARNING, "none in use: broken SDK " + home + ": a JVM with its flags ended with exit code " + exit + ": " + first, remedy);
    }
}
