package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.mouselift.pipeline.checkpoint.Artefact;
import org.mouselift.pipeline.checkpoint.CheckpointRegistry;
import org.mouselift.pipeline.checkpoint.PrunePlan;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code mouselift checkpoint show}. */
@Command(
        name = "show",
        mixinStandardHelpOptions = true,
        description = "Show everything that is known about one checkpoint: where it comes from, its files and hashes, what was made from it.",
        footer = {"", "Example:", "  mouselift checkpoint show checkpoints gslrm/mouse/ckpt_0000000000002000.safetensors"})
final class CheckpointShowCommand implements Callable<Integer> {
    @Parameters(index = "0", paramLabel = "DIR", description = "Folder.")
    @PathRole(PathRole.Kind.NAMED_BY_COMMAND)
    private Path folder;

    @Parameters(index = "1", paramLabel = "NAME", description = "Name as in the list, or a path.")
    private String name;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Spec
    private CommandSpec spec;

    private record Shown(CheckpointListCommand.Row artefact, List<String> children) {}

    @Override
    public Integer call() throws IOException {
        CheckpointRegistry registry = CheckpointCommand.registry(folder);
        Artefact artefact = registry.find(name);
        CheckpointListCommand.Row row = CheckpointListCommand.row(artefact);
        List<String> children = registry.descendants(artefact).stream().map(Artefact::name).toList();
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            out.println(Json.write(new Shown(row, children)));
            return ExitCode.OK;
        }
        out.printf(Locale.ROOT, "%s%n  %s, %,d bytes, %s%s%n", artefact.path(), row.kind(), row.bytes(), row.state(), row.problem() == null ? "" : ": " + row.problem());
        if (!row.tags().isEmpty()) {
            out.println("  tags      " + String.join(" ", row.tags()));
        }
        PrunePlan.protection(registry, artefact).ifPresent(why -> out.println("  protected " + why));
        artefact.provenance().ifPresentOrElse(p -> {
            p.keys().properties().forEach(e -> out.printf("  %-9s %s%n", e.getKey(), e.getValue().isTextual() ? e.getValue().asText() : e.getValue().toString()));
            p.parents().forEach(parent -> out.println("  parent    " + parent.role() + " " + parent.path() + parent.sha256().map(h -> " SHA-256 " + h).orElse("")));
            p.files().forEach(file -> out.printf(Locale.ROOT, "  file      %s, %,d bytes, SHA-256 %s%n", file.name(), file.bytes(), file.sha256()));
        }, () -> out.println("  no provenance recorded"));
        children.forEach(child -> out.println("  child     " + child));
        return ExitCode.OK;
    }
}
