package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.mouselift.pipeline.checkpoint.DoubledPrefix;
import org.mouselift.pipeline.reconstruct.StartCheckpoint;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code mouselift new-checkpoint}: a network with random start weights in the layout of the original. */
@Command(
        name = "new-checkpoint",
        description = "Write a checkpoint with random start weights in the layout of the original.",
        footer = {"", "The weights are made while they are written: memory for one tensor is enough.", "", "Example:",
            "  mouselift new-checkpoint --model gslrm --size tiny --seed 4 -o checkpoints/gslrm/start"})
final class NewCheckpointCommand implements Callable<Integer> {
    /** Networks this command can make. */
    enum Model { GSLRM }

    @Option(names = "--model", paramLabel = "NAME", required = true, description = "Network: ${COMPLETION-CANDIDATES}.")
    private Model model;

    @Option(names = "--size", paramLabel = "SIZE", defaultValue = "TINY", description = "FULL (303.6 million parameters, 1.2 GB), SMALL (5.1 million) or TINY (0.2 million; default).")
    private StartCheckpoint.Size size;

    @Option(names = "--seed", paramLabel = "N", defaultValue = "0", description = "Seed of the weights (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(names = {"-o", "--output"}, required = true, paramLabel = "DIR", description = "New or empty folder.")
    private Path output;

    @ParentCommand
    private Mouselift mouselift;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        DoubledPrefix.requireSingle(output);
        if (Files.exists(output) && !isEmptyFolder(output)) {
            throw CommandException.badInput("the output is not a new or empty folder: " + output, "Choose another folder; nothing was written.");
        }
        Files.createDirectories(output);
        StartCheckpoint.write(output, size, seed);
        Origin.of(spec, "gslrm").write(output);
        Path file = output.resolve(StartCheckpoint.FILE);
        spec.commandLine().getOut().printf(Locale.ROOT, "%s: %s, %s, %,d parameters, %,d bytes, seed %d%n", file, model.name().toLowerCase(Locale.ROOT),
                size.name().toLowerCase(Locale.ROOT), size.network().parameterCount(), Files.size(file), seed);
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
