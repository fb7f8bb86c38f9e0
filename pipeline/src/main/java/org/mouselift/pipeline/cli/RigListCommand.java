package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Collection;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.mouselift.data.camera.RigCatalog;
import org.mouselift.data.camera.RigComparison;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Spec;

/** {@code mouselift rig list}: the named rigs. */
@Command(name = "list", description = "List the named rigs.")
final class RigListCommand implements Callable<Integer> {
    @Option(names = "--rigs", paramLabel = "FILE", description = "Also those of a rig file.")
    private Path file;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        Collection<RigCatalog.Entry> entries = (file == null ? RigCatalog.builtIn() : RigCatalog.builtIn().with(file)).entries();
        PrintWriter out = spec.commandLine().getOut();
        out.println("rig                     cameras  elevation        distance   FOV    what it is");
        for (RigCatalog.Entry e : entries) {
            RigComparison.Summary s = RigComparison.Summary.of(e.rig());
            String elevation = s.elevation().max() - s.elevation().min() < 0.05 ? String.format(Locale.ROOT, "%.1f°", s.elevation().mean())
                    : String.format(Locale.ROOT, "%.1f° to %.1f°", s.elevation().min(), s.elevation().max());
            out.printf(Locale.ROOT, "%-22s  %7d  %-15s  %8.3f  %4.1f°  %s%n", e.id(), s.cameras(), elevation, s.distance().mean(), s.fov(),
                    e.description() + (e.verified() ? "" : " (numbers not verified)") + (e.sourceUnits() ? " (source units)" : ""));
        }
        return ExitCode.OK;
    }
}
