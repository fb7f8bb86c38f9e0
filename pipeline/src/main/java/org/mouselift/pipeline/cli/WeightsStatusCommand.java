package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.mouselift.data.checkpoint.Checkpoint;
import org.mouselift.pipeline.checkpoint.Artefact;
import org.mouselift.pipeline.checkpoint.CheckpointRegistry;
import org.mouselift.pipeline.checkpoint.Species;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code mouselift weights status}. */
@Command(
        name = "status",
        mixinStandardHelpOptions = true,
        description = "Say which weights are in a folder, and whether one photo can become splats with them.",
        footer = {"", "Only headers are read; mouselift weights verify compares hashes.",
            "The exit code is 1 unless there is a reconstructor and a multi-view pipeline, both readable.", "",
            "Example:", "  mouselift weights status checkpoints"})
final class WeightsStatusCommand implements Callable<Integer> {
    @Parameters(arity = "0..1", paramLabel = "DIR", description = "Folder (default: weights of Mouselift).")
    @PathRole(PathRole.Kind.NAMED_BY_COMMAND)
    private Path folder;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        CheckpointRegistry registry = CheckpointCommand.registry(folder != null ? folder : Path.of(System.getProperty(WeightsArgument.ROOT_PROPERTY, "")).resolve("weights"));
        PrintWriter out = spec.commandLine().getOut();
        boolean reconstructor = false;
        boolean pipeline = false;
        for (Artefact artefact : registry.artefacts()) {
            Optional<String> problem = CheckpointRegistry.damage(artefact).or(() -> artefact.status().invalidation().map(i -> "invalidated: " + i.reason()));
            String state = problem.isPresent() ? "BAD" : artefact.provenance().isPresent() && !artefact.provenance().get().files().isEmpty() ? "ok" : "no hashes";
            out.printf(Locale.ROOT, "%-10s %-22s %s, %,d bytes%s%s%n", state, artefact.kind().label(), artefact.name(), artefact.bytes(), problem.isPresent() ? "" : tensors(artefact),
                    Species.of(artefact.path()).map(s -> ", " + s).orElse(""));
            problem.ifPresent(p -> out.println("           " + p));
            reconstructor |= problem.isEmpty() && (artefact.kind() == Artefact.Kind.WEIGHTS || artefact.kind() == Artefact.Kind.ORIGINAL);
            pipeline |= problem.isEmpty() && artefact.kind() == Artefact.Kind.PIPELINE;
        }
        out.println((reconstructor ? "" : "no readable reconstructor (ckpt_<step>.pt, or model.safetensors with config.yaml)" + System.lineSeparator())
                + (pipeline ? "" : "no readable multi-view pipeline (model_index.json and its components)" + System.lineSeparator())
                + (reconstructor && pipeline ? "one photo can become splats: a reconstructor and a multi-view pipeline are there" : "mouselift weights import takes them in from a folder"));
        return reconstructor && pipeline ? ExitCode.OK : ExitCode.CHECK_FAILED;
    }

    private static String tensors(Artefact artefact) throws IOException {
        try (Checkpoint stored = Checkpoint.open(artefact.path())) {
            return String.format(Locale.ROOT, ", %,d tensors", stored.tensors().size());
        }
    }
}
