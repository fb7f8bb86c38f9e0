package org.mouselift.pipeline.cli;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.mouselift.data.checkpoint.Provenance;
import org.mouselift.pipeline.checkpoint.DoubledPrefix;
import org.mouselift.pipeline.checkpoint.Species;
import org.mouselift.pipeline.checkpoint.WeightsImport;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code mouselift weights import}. */
@Command(
        name = "import",
        mixinStandardHelpOptions = true,
        description = "Copy weights from a file or folder of this machine, check them, and record hashes, licence and species.",
        sortOptions = false,
        footer = {"", "Check sums are those of SHA256SUMS in the folder, or --sha256 for a single file. A licence that lies",
            "in the folder is shown and must be accepted. Nothing is written unless everything can be read.", "",
            "Example:", "  mouselift weights import pipeckpts --species human --accept-licence -o checkpoints/human"})
final class WeightsImportCommand implements Callable<Integer> {
    @Parameters(paramLabel = "SOURCE", description = "File or folder.")
    private Path source;

    @Option(names = {"-o", "--output"}, required = true, paramLabel = "DIR", description = "New or empty folder.")
    @PathRole(PathRole.Kind.OUTPUT_FOLDER)
    private Path output;

    @Option(names = "--sha256", paramLabel = "HEX", description = "Published check sum of a single file.")
    private String sha256;

    @Option(names = "--species", paramLabel = "NAME", description = "mouse or human: what the weights were made for; recorded.")
    private Species species;

    @Option(names = "--accept-licence", description = "The licence that lies with the weights is accepted; recorded.")
    private boolean accept;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        if (sha256 != null && !sha256.matches("[0-9a-fA-F]{64}")) {
            throw CommandException.usage("--sha256 " + sha256 + ": expected 64 hexadecimal digits", "");
        }
        DoubledPrefix.requireSingle(output);
        if (Files.exists(output) && !isEmptyFolder(output)) {
            throw CommandException.badInput("the output is not a new or empty folder: " + output, "Choose another folder; nothing was written.");
        }
        WeightsImport weights = WeightsImport.of(source);
        if (sha256 != null && weights.files().size() != 1) {
            throw CommandException.usage("--sha256 belongs to a single file; " + source + " has " + weights.files().size(), "Put a file SHA256SUMS into the folder.");
        }
        Map<String, String> sums = new LinkedHashMap<>(weights.sums());
        if (sha256 != null) {
            sums.put(weights.files().keySet().iterator().next(), sha256);
        }
        weights.requireSums(sums);
        Map<String, Integer> tensors = weights.requireReadable();
        PrintWriter out = spec.commandLine().getOut();
        if (weights.licence().isPresent() && !accept) {
            out.println(weights.licence().get());
            throw CommandException.badInput("the weights of " + source + " come with the licence above", "Read it, then add --accept-licence; nothing was written.");
        }
        ObjectNode keys = JsonNodeFactory.instance.objectNode();
        if (species != null) {
            keys.put(Species.KEY, species.word());
        }
        weights.licence().ifPresent(text -> keys.put("licence", text.strip().lines().findFirst().orElse("").strip()).put("licence_accepted", true));
        keys.put("checked_sums", sums.size());
        Provenance written = weights.copy(output, keys);
        tensors.forEach((name, count) -> out.printf(Locale.ROOT, "%s: %,d tensors%n", name, count));
        out.printf(Locale.ROOT, "%s: %d files, %,d bytes, hashes recorded%s%n", output, written.files().size(), written.files().stream().mapToLong(Provenance.StoredFile::bytes).sum(),
                sums.isEmpty() ? "; no published check sums were there to compare with" : "; " + sums.size() + " agree with the published check sums");
        return ExitCode.OK;
    }

    private static boolean isEmptyFolder(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            return false;
        }
        try (Stream<Path> files = Files.list(folder)) {
            return files.findAny().isEmpty();
        }
    }
}
