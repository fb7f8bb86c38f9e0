package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.mouselift.pipeline.checkpoint.Artefact;
import org.mouselift.pipeline.checkpoint.CheckpointRegistry;
import org.mouselift.pipeline.checkpoint.PrunePlan;
import org.mouselift.pipeline.checkpoint.Trash;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code mouselift checkpoint prune}. */
@Command(
        name = "prune",
        mixinStandardHelpOptions = true,
        description = "Move old checkpoints of trainings to the trash, DIR/.trash. Without --yes it only says what it would do.",
        sortOptions = false,
        footer = {"", "Of every training the newest stay, multiples of --every, those tagged keep or best, the one with the",
            "best --metric, and those that others were made from. Exported weights and pipelines are never moved",
            "unless they are named.",
            "Moving a folder of the trash back restores it; only --purge deletes.", "",
            "Examples:", "  mouselift checkpoint prune checkpoints --keep 3 --every 5000",
            "  mouselift checkpoint prune checkpoints --keep 3 --yes", "  mouselift checkpoint prune checkpoints --purge 30 --yes"})
final class CheckpointPruneCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "DIR", description = "Folder.")
    @PathRole(PathRole.Kind.NAMED_BY_COMMAND)
    private Path folder;

    @Parameters(index = "1..*", arity = "0..*", paramLabel = "NAME", description = "Exactly these instead of what the rules say; protected ones are refused.")
    private List<String> names = new ArrayList<>();

    @Option(names = "--keep", defaultValue = "3", paramLabel = "N", description = "Newest checkpoints of a training that stay (default: ${DEFAULT-VALUE}).")
    private int keep;

    @Option(names = "--every", defaultValue = "0", paramLabel = "N", description = "Steps that are multiples of N stay (default: none).")
    private long every;

    @Option(names = "--metric", defaultValue = "val/psnr", paramLabel = "NAME", description = "Recorded number whose largest value is the best (default: ${DEFAULT-VALUE}).")
    private String metric;

    @Option(names = "--invalid", description = "Also move all that were invalidated, whatever their number.")
    private boolean invalid;

    @Option(names = "--purge", paramLabel = "DAYS", description = "Delete for good what has been in the trash for so many days; moves nothing.")
    private Integer purge;

    @Option(names = "--yes", description = "Do it.")
    private boolean yes;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        if (keep < 1 || every < 0 || purge != null && purge < 0) {
            throw CommandException.usage("--keep is at least 1, --every and --purge at least 0", "");
        }
        CheckpointRegistry registry = CheckpointCommand.registry(folder);
        Trash trash = new Trash(registry.root());
        PrintWriter out = spec.commandLine().getOut();
        if (purge != null) {
            if (!yes) {
                throw CommandException.usage("--purge deletes for good", "Add --yes.");
            }
            List<Path> deleted = trash.purge(Duration.ofDays(purge), Instant.now());
            deleted.forEach(place -> out.println("deleted   " + place));
            out.println(deleted.size() + " folders of the trash deleted");
            return ExitCode.OK;
        }
        List<Artefact> cleared = names.isEmpty() ? byRule(registry, out) : named(registry);
        if (cleared.isEmpty()) {
            out.println("nothing to move");
            return ExitCode.OK;
        }
        if (!yes) {
            cleared.forEach(artefact -> out.println("would go  " + artefact.name()));
            out.printf(Locale.ROOT, "%d of them, %,d bytes, would go to the trash; --yes moves them%n", cleared.size(), cleared.stream().mapToLong(Artefact::bytes).sum());
            return ExitCode.OK;
        }
        Path place = trash.move(cleared, Instant.now());
        cleared.forEach(artefact -> out.println("moved     " + artefact.name()));
        out.printf(Locale.ROOT, "%d, %,d bytes, are in %s%n", cleared.size(), cleared.stream().mapToLong(Artefact::bytes).sum(), place);
        return ExitCode.OK;
    }

    private List<Artefact> byRule(CheckpointRegistry registry, PrintWriter out) throws IOException {
        PrunePlan plan = PrunePlan.of(registry, new PrunePlan.Rules(keep, every, metric, invalid));
        plan.decisions().stream().filter(d -> d.kept().isPresent()).forEach(d -> out.println("stays     " + d.artefact().name() + " (" + d.kept().get() + ")"));
        return plan.cleared();
    }

    private List<Artefact> named(CheckpointRegistry registry) throws IOException {
        List<Artefact> all = new ArrayList<>();
        for (String name : names) {
            Artefact artefact = registry.find(name);
            Optional<String> why = PrunePlan.protection(registry, artefact);
            if (why.isPresent()) {
                throw CommandException.badInput(artefact.name() + " stays: " + why.get(), why.get().startsWith("tagged") ? "mouselift checkpoint tag --remove takes the tag away."
                        : "Move what was made from it first.");
            }
            all.add(artefact);
        }
        return all;
    }
}
