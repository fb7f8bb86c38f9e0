package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.mouselift.pipeline.evaluate.LpipsNetwork;
import org.mouselift.pipeline.evaluate.ViewGate;
import org.mouselift.pipeline.mousedata.PictureSet;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code mouselift data gate}: whether generated views can be trained on (mouse specification §3.11). */
@Command(name = "gate", description = "Say whether generated views can be trained on.",
        footer = {"", "Decisions: ready, ready_with_caution, finetune_mvdiff, finetune_both.", "Exit code 1 unless every sample is ready."})
final class DataGateCommand implements Callable<Integer> {
    @Parameters(paramLabel = "GENERATED", description = "Data set of generated views; slot 0 shows the reference.")
    private Path generated;

    @Option(names = "--source", required = true, paramLabel = "DIR", description = "Data set that they were made from; samples of the same name.")
    private Path source;

    @Option(names = "--reference", defaultValue = "0", paramLabel = "VIEW", description = "View of the source that slot 0 shows (default: ${DEFAULT-VALUE}).")
    private int reference;

    @Option(names = "--samples", defaultValue = "5", paramLabel = "N", description = "The first samples (default: ${DEFAULT-VALUE}).")
    private int samples;

    @Option(names = "--lpips", split = ",", paramLabel = "FILE", description = "Also compare neighbouring views by LPIPS, with these files.")
    private List<Path> lpips = new ArrayList<>();

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        List<Path> folders = PictureSet.folders(generated, Integer.MAX_VALUE);
        if (samples < 1) {
            throw CommandException.usage("--samples " + samples, "Give at least 1.");
        }
        try (LpipsNetwork network = lpips.isEmpty() ? null : LpipsNetwork.open(lpips)) {
            Optional<ViewGate.Distance> distance = Optional.ofNullable(network).map(n -> n::distance);
            ViewGate.Decision worst = ViewGate.Decision.READY;
            for (Path f : folders.subList(0, Math.min(samples, folders.size()))) {
                ViewGate.Verdict v = judge(f, distance);
                print(f, v);
                worst = v.decision().compareTo(worst) > 0 ? v.decision() : worst;
            }
            spec.commandLine().getOut().println(worst.id());
            return worst.compareTo(ViewGate.Decision.READY_WITH_CAUTION) <= 0 ? ExitCode.OK : ExitCode.CHECK_FAILED;
        }
    }

    private ViewGate.Verdict judge(Path folder, Optional<ViewGate.Distance> distance) throws IOException {
        Path from = folder.equals(generated) ? source : source.resolve(folder.getFileName().toString());
        if (!Files.isDirectory(from)) {
            throw CommandException.badInput(from + " does not exist: what was " + folder + " made from?", "Name the data set of the references with --source.");
        }
        PictureSet truth = PictureSet.read(from);
        PictureSet views = PictureSet.read(folder);
        if (reference < 0 || reference >= truth.pictures().size()) {
            throw CommandException.badInput(from + " has no view " + reference, "It has " + truth.pictures().size() + " views.");
        }
        return ViewGate.judge(truth.pictures().get(reference), views.pictures(), views.cameras(), distance);
    }

    private void print(Path folder, ViewGate.Verdict v) {
        PrintWriter out = spec.commandLine().getOut();
        out.println(folder.getFileName() + ": " + v.decision().id() + (v.rejected() ? ", rejected" : ""));
        v.findings().forEach(f -> out.printf(Locale.ROOT, "  %-10s %-32s %.3f%n", f.level().name().toLowerCase(Locale.ROOT), f.metric().text(), f.value()));
    }
}
