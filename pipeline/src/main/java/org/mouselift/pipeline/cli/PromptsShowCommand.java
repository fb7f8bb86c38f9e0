package org.mouselift.pipeline.cli;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.mouselift.data.checkpoint.Checkpoint;
import org.mouselift.data.checkpoint.TensorStatistics;
import org.mouselift.data.prompts.PromptMetadata;
import org.mouselift.data.prompts.PromptSlot;
import org.mouselift.pipeline.prompts.PromptEmbeddings;
import org.mouselift.pipeline.prompts.PromptFile;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code mouselift prompts show}: what prompt embeddings say and how far apart their rows are. */
@Command(
        name = "show",
        mixinStandardHelpOptions = true,
        description = "Show prompt embeddings: tensors, sentences, directions, norms, and the cosine between every two rows.",
        sortOptions = false,
        footer = {"", "--write-metadata puts on record what a set without metadata stands for: the sentences of --style for --rig.", "",
            "Examples:", "  mouselift prompts show clr_embeds.pt", "  mouselift prompts show old/clr_embeds.pt --write-metadata --style mouse_elevated --rig mouse6"})
final class PromptsShowCommand implements Callable<Integer> {
    @Parameters(paramLabel = "FILE", description = "Prompt embeddings, .pt or .safetensors.")
    @PathRole(PathRole.Kind.NAMED_BY_COMMAND)
    private Path file;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @Option(names = "--write-metadata", description = "Write the metadata of a set that has none; needs --rig.")
    private boolean write;

    @Option(names = "--learned", description = "With --write-metadata: the embeddings are trained weights without sentences.")
    private boolean learned;

    @Mixin
    private PromptTextArguments text;

    @Spec
    private CommandSpec spec;

    /** One tensor. */
    private record Shown(String kind, String type, long[] shape, String tensorSha256, TensorStatistics statistics, List<Double> norms, double[][] cosines) {}

    private record Report(String file, String sha256, String metadataFrom, @JsonInclude(JsonInclude.Include.NON_NULL) JsonNode metadata, List<Shown> tensors) {}

    @Override
    public Integer call() throws IOException {
        if (write) {
            writeMetadata();
        }
        List<PromptEmbeddings> all = PromptEmbeddings.readAll(file);
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            PromptEmbeddings first = all.getFirst();
            JsonNode metadata = first.metadata().isPresent() ? new ObjectMapper().readTree(first.metadata().get().toJson()) : null;
            out.println(Json.write(new Report(file.toString(), first.sha256(), first.metadataFrom(), metadata, all.stream().map(PromptsShowCommand::shown).toList())));
            return ExitCode.OK;
        }
        try (Checkpoint stored = Checkpoint.open(file)) {
            out.printf(Locale.ROOT, "%s: %s, %d tensors%n", file, stored.format().label(), stored.tensors().size());
            TensorTree.of(stored.tensors().values()).print(out);
        }
        describe(out, all.getFirst());
        for (PromptEmbeddings one : all) {
            table(out, one);
        }
        return ExitCode.OK;
    }

    private void writeMetadata() throws IOException {
        if (!text.namesRig()) {
            throw CommandException.usage("--write-metadata needs the cameras that the slots stand for", "Name them with --rig.");
        }
        PromptEmbeddings read = PromptEmbeddings.read(file);
        String command = "mouselift " + String.join(" ", spec.root().commandLine().getParseResult().originalArgs());
        Path written = PromptFile.describe(read, text.text(), learned, command);
        spec.commandLine().getErr().println("wrote " + written);
    }

    private static Shown shown(PromptEmbeddings one) {
        int n = one.rows();
        List<Double> norms = new ArrayList<>();
        double[][] cosines = new double[n][n];
        for (int i = 0; i < n; i++) {
            norms.add(one.norm(i));
            for (int j = 0; j < n; j++) {
                cosines[i][j] = one.cosine(i, j);
            }
        }
        double[] wide = new double[one.values().length];
        Arrays.setAll(wide, i -> one.values()[i]);
        return new Shown(one.kind().name().toLowerCase(Locale.ROOT), one.type().name(), one.shape(), one.tensorSha256(), TensorStatistics.of(wide), norms, cosines);
    }

    private static void describe(PrintWriter out, PromptEmbeddings first) {
        out.println("metadata: " + first.metadataFrom());
        Optional<PromptMetadata> metadata = first.metadata();
        if (metadata.isEmpty()) {
            return;
        }
        PromptMetadata m = metadata.get();
        out.println("  style " + or(m.template()) + ", rig " + or(m.rig()) + ", text encoder " + or(m.model()) + (m.learned() ? "; learnt, without sentences" : ""));
        for (int i = 0; i < Math.max(m.slots().size(), m.colour().size()); i++) {
            PromptSlot slot = i < m.slots().size() ? m.slots().get(i) : null;
            out.printf(Locale.ROOT, "  %d  %-16s %-36s %s%n", i, slot == null ? "" : slot.name(),
                    slot == null ? "" : String.format(Locale.ROOT, "azimuth %6.1f°, elevation %5.1f°", slot.azimuth(), slot.elevation()), i < m.colour().size() ? m.colour().get(i) : "");
        }
        m.normal().forEach(sentence -> out.println("  normal: " + sentence));
        if (!m.createdBy().isEmpty()) {
            out.println("  made by: " + m.createdBy());
        }
    }

    private static String or(String text) {
        return text.isEmpty() ? "not recorded" : text;
    }

    private static void table(PrintWriter out, PromptEmbeddings one) {
        Shown s = shown(one);
        out.println(s.kind + " " + one.describe() + ": " + s.statistics);
        out.println("  SHA-256 of the numbers " + s.tensorSha256);
        out.println("  row      norm   cosine with row" + row(s.norms.size(), "%8d", i -> i));
        for (int i = 0; i < s.norms.size(); i++) {
            double[] cosines = s.cosines[i];
            out.printf(Locale.ROOT, "  %3d  %8.4f                  %s%n", i, s.norms.get(i), row(i + 1, "%8.4f", j -> cosines[j]));
        }
    }

    private static String row(int n, String format, java.util.function.IntFunction<Object> value) {
        StringBuilder line = new StringBuilder();
        for (int i = 0; i < n; i++) {
            line.append(String.format(Locale.ROOT, format, value.apply(i)));
        }
        return line.toString();
    }
}
