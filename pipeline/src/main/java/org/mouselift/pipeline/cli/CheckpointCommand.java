package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.mouselift.pipeline.checkpoint.CheckpointRegistry;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code mouselift checkpoint}: the checkpoints of a folder, and what is known and said about them. */
@Command(
        name = "checkpoint",
        mixinStandardHelpOptions = true,
        description = "List, check, tag, invalidate and clear away checkpoints.",
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {CheckpointListCommand.class, CheckpointShowCommand.class, CheckpointVerifyCommand.class, CheckpointTagCommand.class,
            CheckpointInvalidateCommand.class, CheckpointPruneCommand.class})
final class CheckpointCommand implements Runnable {
    @ParentCommand
    Mouselift mouselift;

    @Spec
    private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "do what? For example: mouselift checkpoint list checkpoints");
    }

    /** The registry of a folder that must exist. */
    static CheckpointRegistry registry(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            throw CommandException.badInput("no such folder of checkpoints: " + folder + "; " + CheckpointRegistry.near(folder), "");
        }
        return CheckpointRegistry.of(folder);
    }
}
