package org.mouselift.pipeline.cli;

import com.sun.management.HotSpotDiagnosticMXBean;
import com.sun.management.OperatingSystemMXBean;
import java.io.IOException;
import java.lang.management.ManagementFactory;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.mouselift.engine.cpu.Calibration;
import org.mouselift.engine.cpu.VectorWidth;
import org.mouselift.engine.cpu.Workers;

/** What this JVM and machine offer for tensor work, one finding a line, with a remedy where something is amiss. */
final class MachineReport {
    /** How a finding is to be taken. */
    enum State { OK, INFO, WARNING, FAILED }

    /** One fact. {@code remedy} is empty unless the state asks for one. */
    record Finding(String name, State state, String value, String remedy) {}

    private static final String LAUNCHER = "Start through ./mouselift, which passes conf/jvm.options.";

    private final HotSpotDiagnosticMXBean hotspot = ManagementFactory.getPlatformMXBean(HotSpotDiagnosticMXBean.class);
    private final List<Finding> findings = new ArrayList<>();

    /** Collects everything; {@code measure} adds the measured ceilings, which take about a second. */
    static List<Finding> collect(boolean measure) {
        MachineReport report = new MachineReport();
        report.java();
        // Without the module the kernels cannot even be asked.
        if (report.vectorModule()) {
            report.kernels();
        }
        report.flags();
        report.processor();
        report.memory();
        if (measure && report.findings.stream().noneMatch(finding -> finding.state == State.FAILED)) {
            report.ceilings();
        }
        report.devices();
        return List.copyOf(report.findings);
    }

    private void java() {
        Runtime.Version version = Runtime.version();
        boolean fits = version.feature() == 25 && (version.interim() > 0 || version.update() >= 3);
        add("JDK", fits ? State.OK : State.WARNING,
                version + " (" + System.getProperty("java.vendor") + ") in " + System.getProperty("java.home"),
                fits ? "" : "Tested with a JDK ≥ 25.0.3 and < 26.");
        String mode = System.getProperty("java.vm.info");
        boolean mixed = mode != null && mode.startsWith("mixed");
        add("compiler", mixed ? State.OK : State.FAILED, mode, mixed ? "" : "Remove -Xint and -Xcomp: kernels need C1 and C2.");
    }

    private boolean vectorModule() {
        boolean vector = ModuleLayer.boot().findModule("jdk.incubator.vector").isPresent();
        add("vector module", vector ? State.OK : State.FAILED, vector ? "jdk.incubator.vector" : "missing",
                vector ? "" : "Add --add-modules jdk.incubator.vector. " + LAUNCHER);
        return vector;
    }

    private void kernels() {
        int preferred = VectorWidth.preferredBits();
        boolean narrow = VectorWidth.SCALAR || VectorWidth.BITS < preferred;
        add("vector width", narrow ? State.WARNING : State.OK,
                VectorWidth.SCALAR ? "none: kernels run as scalar code" : VectorWidth.BITS + " bits (" + VectorWidth.LANES + " floats)",
                !narrow ? "" : preferred < 128 ? "This JVM prefers no vectors here; is -XX:MaxVectorSize or -XX:UseAVX set?"
                        : "The machine has " + preferred + " bits; remove -D" + VectorWidth.PROPERTY + ".");
    }

    /** What no kernel can exceed here: the yardstick for every measured speed. */
    private void ceilings() {
        Calibration measured = Calibration.measure();
        boolean compiled = measured.gflops() > 1;
        add("measured peak", compiled ? State.OK : State.WARNING, String.format(Locale.ROOT,
                compiled ? "%.0f GFLOP/s of multiply-adds, %.1f GB/s of copies, with %d threads" : "%.3g GFLOP/s of multiply-adds, %.1f GB/s of copies, with %d threads",
                measured.gflops(), measured.copyGBs(), measured.threads()),
                compiled ? "" : "The optimising compiler did not take the kernel: is the machine overloaded? " + LAUNCHER);
    }

    private void flags() {
        long delay = number("Tier3DelayOn", -1);
        add("Tier3DelayOn", delay >= 1000 ? State.OK : State.WARNING, Long.toString(delay),
                delay >= 1000 ? "" : "Large vector kernels can stay in C1 and run many times slower. " + LAUNCHER);
        long tier = number("TieredStopAtLevel", 4);
        add("highest compiler tier", tier == 4 ? State.OK : State.FAILED, Long.toString(tier),
                tier == 4 ? "" : "Remove -XX:TieredStopAtLevel: vector kernels need C2.");
        boolean nativeAccess = Workers.class.getModule().isNativeAccessEnabled();
        add("native access", nativeAccess ? State.OK : State.WARNING, nativeAccess ? "enabled" : "not enabled",
                nativeAccess ? "" : "Pass --enable-native-access=ALL-UNNAMED. " + LAUNCHER);
        add("garbage collector", State.INFO, String.join(", ", ManagementFactory.getGarbageCollectorMXBeans().stream()
                .map(bean -> bean.getName()).toList()), "");
    }

    private void processor() {
        add("processor", State.INFO, processorName(), "");
        int threads = Workers.count();
        int processors = Runtime.getRuntime().availableProcessors();
        boolean fewer = threads < processors;
        add("threads", threads > processors ? State.WARNING : State.OK, threads + " of " + processors + " processors",
                threads > processors ? "More threads than processors slow the kernels down; lower -D" + Workers.THREADS_PROPERTY + "."
                        : fewer ? "Limited by -D" + Workers.THREADS_PROPERTY + "." : "");
    }

    private void memory() {
        OperatingSystemMXBean system = ManagementFactory.getPlatformMXBean(OperatingSystemMXBean.class);
        long total = system.getTotalMemorySize();
        long heap = Runtime.getRuntime().maxMemory();
        add("memory", State.INFO, gib(total) + " (" + gib(system.getFreeMemorySize()) + " free)", "");
        boolean crowded = heap > total * 0.8;
        add("largest heap", crowded ? State.WARNING : State.OK, gib(heap),
                crowded ? "Tensors live outside the heap; leave them room with a smaller -Xmx." : "");
    }

    private void devices() {
        try {
            DeviceProbe.Result found = DeviceProbe.look();
            add("GPU", found.state(), found.value(), found.remedy());
        } catch (IOException e) {
            add("GPU", State.WARNING, "none in use: the search for devices failed: " + e.getMessage(), "");
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
            add("GPU", State.INFO, "the search for devices was interrupted", "");
        }
    }

    private void add(String name, State state, String value, String remedy) {
        findings.add(new Finding(name, state, value, remedy));
    }

    private long number(String flag, long missing) {
        try {
            return Long.parseLong(hotspot.getVMOption(flag).getValue());
        } catch (IllegalArgumentException notInThisJvm) {
            return missing;
        }
    }

    /** Model of the processor, as far as the system tells. */
    static String processorName() {
        Path info = Path.of("/proc/cpuinfo");
        if (Files.isReadable(info)) {
            try (var lines = Files.lines(info)) {
                var name = lines.filter(line -> line.startsWith("model name")).findFirst();
                if (name.isPresent()) {
                    return name.get().substring(name.get().indexOf(':') + 1).trim();
                }
            } catch (IOException unreadable) {
                return System.getProperty("os.arch") + " (" + info + ": " + unreadable.getMessage() + ")";
            }
        }
        return System.getProperty("os.arch");
    }

    private static String gib(long bytes) {
        return String.format(Locale.ROOT, "%.1f GiB", bytes / (double) (1L << 30));
    }
}
