package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.mouselift.data.checkpoint.Provenance;
import org.mouselift.pipeline.checkpoint.Artefact;
import org.mouselift.pipeline.checkpoint.CheckpointRegistry;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code mouselift checkpoint verify}. */
@Command(
        name = "verify",
        mixinStandardHelpOptions = true,
        description = "Check headers, sizes and SHA-256 of all files against what was recorded when they were written.",
        sortOptions = false,
        footer = {"", "The exit code is 1 if anything differs, is damaged or is invalid.",
            "Artefacts of others have nothing recorded: --record does it now, so that later damage is found.", "",
            "Example:", "  mouselift checkpoint verify checkpoints"})
final class CheckpointVerifyCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "DIR", description = "Folder.")
    @PathRole(PathRole.Kind.NAMED_BY_COMMAND)
    private Path folder;

    @Parameters(index = "1..*", arity = "0..*", paramLabel = "NAME", description = "Only these (default: all).")
    private List<String> names = new ArrayList<>();

    @Option(names = "--record", description = "Record sizes and hashes of undamaged artefacts that have no record.")
    private boolean record;

    @ParentCommand
    private CheckpointCommand parent;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        CheckpointRegistry registry = CheckpointCommand.registry(folder);
        List<Artefact> chosen = new ArrayList<>();
        for (String name : names) {
            chosen.add(registry.find(name));
        }
        List<Artefact> all = names.isEmpty() ? registry.artefacts() : chosen;
        PrintWriter out = spec.commandLine().getOut();
        int bad = 0;
        int unrecorded = 0;
        try (Progress progress = parent.mouselift.progress("verify", all.size(), "artefacts")) {
            for (Artefact artefact : all) {
                List<String> problems = problems(artefact);
                boolean known = artefact.provenance().isPresent() && !artefact.provenance().get().files().isEmpty();
                if (problems.isEmpty() && !known && record) {
                    artefact.provenance().orElse(Provenance.empty()).write(artefact.path());
                    out.println("recorded  " + artefact.name());
                } else if (problems.isEmpty()) {
                    unrecorded += known ? 0 : 1;
                    out.println((known ? "ok        " : "no hashes ") + artefact.name());
                } else {
                    bad++;
                    problems.forEach(problem -> out.println("BAD       " + artefact.name() + ": " + problem));
                }
                progress.advance(1);
            }
        }
        out.printf(Locale.ROOT, "%d of %d artefacts are as they were written%s%n", all.size() - bad - unrecorded, all.size(),
                unrecorded == 0 ? "" : "; of " + unrecorded + " no hashes are recorded (--record does it)");
        return bad == 0 ? ExitCode.OK : ExitCode.CHECK_FAILED;
    }

    /** What differs from the record, is damaged or invalid. */
    static List<String> problems(Artefact artefact) throws IOException {
        List<String> problems = new ArrayList<>();
        Optional<Provenance> provenance = artefact.provenance();
        if (provenance.isPresent()) {
            problems.addAll(provenance.get().differences(artefact.path()));
        }
        CheckpointRegistry.damage(artefact).ifPresent(problems::add);
        CheckpointRegistry.refusal(artefact).ifPresent(problems::add);
        return problems;
    }
}
