package org.mouselift.pipeline.cli;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
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
import picocli.CommandLine.Spec;

/** {@code mouselift checkpoint list}. */
@Command(
        name = "list",
        mixinStandardHelpOptions = true,
        description = "Show all checkpoints, weights and pipelines below a folder; those of a training by number, newest first.",
        sortOptions = false,
        footer = {"", "State: ok; DAMAGED, by its header; INVALID, of itself or of something it was made from.", "",
            "Example:", "  mouselift checkpoint list checkpoints --json > checkpoints/index.json"})
final class CheckpointListCommand implements Callable<Integer> {
    /** Numbers of a provenance that are shown, the first that is there. */
    private static final List<String> METRICS = List.of("val/psnr", "val/loss");

    @Parameters(paramLabel = "DIR", description = "Folder.")
    @PathRole(PathRole.Kind.NAMED_BY_COMMAND)
    private Path folder;

    @Option(names = "--json", description = "Print one JSON object with everything that is recorded.")
    private boolean json;

    @Spec
    private CommandSpec spec;

    /** One artefact of the JSON form. */
    record Row(String name, String kind, Long step, long bytes, String state, String problem, List<String> tags, JsonNode provenance) {}

    /** @param artefacts sorted by folder, those of a training newest first */
    record Listing(String root, List<Row> artefacts) {}

    @Override
    public Integer call() throws IOException {
        CheckpointRegistry registry = CheckpointCommand.registry(folder);
        List<Row> rows = new ArrayList<>();
        for (Artefact artefact : registry.artefacts()) {
            rows.add(row(artefact));
        }
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            out.println(Json.write(new Listing(registry.root().toString(), rows)));
            return ExitCode.OK;
        }
        int width = rows.stream().mapToInt(r -> r.name.length()).max().orElse(0);
        for (Row r : rows) {
            out.println(String.format(Locale.ROOT, "%-" + Math.max(1, width) + "s  %-20s %12s  %-8s %s", r.name, r.kind, String.format(Locale.ROOT, "%,d", r.bytes), r.state,
                    about(r)).stripTrailing());
        }
        out.printf(Locale.ROOT, "%d artefacts, %,d bytes in %s%n", rows.size(), rows.stream().mapToLong(Row::bytes).sum(), registry.root());
        return ExitCode.OK;
    }

    static Row row(Artefact artefact) throws IOException {
        Optional<String> refusal = CheckpointRegistry.refusal(artefact);
        Optional<String> damage = CheckpointRegistry.damage(artefact);
        ObjectNode provenance = artefact.provenance().map(p -> p.json(artefact.path().getParent())).orElse(null);
        return new Row(artefact.name(), artefact.kind().label(), artefact.step().isPresent() ? artefact.step().getAsLong() : null, artefact.bytes(),
                refusal.isPresent() ? "INVALID" : damage.isPresent() ? "DAMAGED" : "ok", refusal.or(() -> damage).orElse(null), List.copyOf(artefact.status().tags()),
                provenance);
    }

    /** Step, tags, the main number, parents, the problem. */
    private static String about(Row r) {
        List<String> parts = new ArrayList<>();
        if (r.step != null) {
            parts.add("step " + r.step);
        }
        if (!r.tags.isEmpty()) {
            parts.add("tags " + String.join(" ", r.tags));
        }
        if (r.provenance != null) {
            METRICS.stream().filter(m -> r.provenance.path(m).isNumber()).findFirst()
                    .ifPresent(m -> parts.add(String.format(Locale.ROOT, "%s %.3f", m, r.provenance.get(m).asDouble())));
            List<String> parents = new ArrayList<>();
            for (JsonNode parent : r.provenance.path("parents")) {
                parents.add(parent.path("role").asText() + " " + parent.path("path").asText());
            }
            if (!parents.isEmpty()) {
                parts.add("from " + String.join(", ", parents));
            }
        } else {
            parts.add("no " + Provenance.NAME + " recorded");
        }
        if (r.problem != null) {
            parts.add(r.problem);
        }
        return String.join("; ", parts);
    }
}
