package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import org.mouselift.pipeline.checkpoint.Artefact;
import org.mouselift.pipeline.checkpoint.CheckpointRegistry;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code mouselift weights verify}. */
@Command(
        name = "verify",
        mixinStandardHelpOptions = true,
        description = "Compare sizes and SHA-256 of all weights of a folder with what was recorded.",
        footer = {"", "The exit code is 1 if anything differs, is damaged or is invalid, or if nothing is there.", "",
            "Example:", "  mouselift weights verify"})
final class WeightsVerifyCommand implements Callable<Integer> {
    @Parameters(arity = "0..1", paramLabel = "DIR", description = "Folder (default: weights of Mouselift).")
    @PathRole(PathRole.Kind.NAMED_BY_COMMAND)
    private Path folder;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        CheckpointRegistry registry = CheckpointCommand.registry(folder != null ? folder : Path.of(System.getProperty(WeightsArgument.ROOT_PROPERTY, "")).resolve("weights"));
        PrintWriter out = spec.commandLine().getOut();
        int bad = 0;
        for (Artefact artefact : registry.artefacts()) {
            List<String> problems = CheckpointVerifyCommand.problems(artefact);
            boolean known = artefact.provenance().isPresent() && !artefact.provenance().get().files().isEmpty();
            if (problems.isEmpty()) {
                out.println((known ? "ok        " : "no hashes ") + artefact.name());
            } else {
                bad++;
                problems.forEach(problem -> out.println("BAD       " + artefact.name() + ": " + problem));
            }
        }
        out.println(registry.artefacts().size() - bad + " of " + registry.artefacts().size() + " weights are sound");
        return bad == 0 && !registry.artefacts().isEmpty() ? ExitCode.OK : ExitCode.CHECK_FAILED;
    }
}
