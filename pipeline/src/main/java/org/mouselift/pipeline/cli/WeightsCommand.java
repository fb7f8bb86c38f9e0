package org.mouselift.pipeline.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code mouselift weights}: trained weights of others, from this machine. */
@Command(
        name = "weights",
        mixinStandardHelpOptions = true,
        description = "Say which weights are there, check them, and take weights of others in. Nothing is downloaded.",
        synopsisSubcommandLabel = "COMMAND",
        subcommands = {WeightsStatusCommand.class, WeightsImportCommand.class, WeightsVerifyCommand.class})
final class WeightsCommand implements Runnable {
    @ParentCommand
    Mouselift mouselift;

    @Spec
    private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "do what? For example: mouselift weights status checkpoints");
    }
}
