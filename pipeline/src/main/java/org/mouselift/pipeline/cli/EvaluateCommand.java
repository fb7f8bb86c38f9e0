package org.mouselift.pipeline.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** Groups the evaluations. */
@Command(name = "evaluate", description = "Measure a trained network on data it has not seen.", subcommands = {EvaluateGslrmCommand.class, EvaluateViewsCommand.class, EvaluateReconstructCommand.class, EvaluatePromptsCommand.class},
        synopsisSubcommandLabel = "NETWORK")
final class EvaluateCommand implements Runnable {
    @ParentCommand
    Mouselift mouselift;

    @Spec
    private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "which network? For example: mouselift evaluate gslrm --data data_mice/data_val.txt");
    }
}
