package org.mouselift.pipeline.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** Groups the training commands. */
@Command(name = "train", description = "Train a network.", subcommands = TrainGslrmCommand.class, synopsisSubcommandLabel = "NETWORK")
final class TrainCommand implements Runnable {
    @ParentCommand
    Mouselift mouselift;

    @Spec
    private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "which network? For example: mouselift train gslrm --config gslrm.yaml");
    }
}
