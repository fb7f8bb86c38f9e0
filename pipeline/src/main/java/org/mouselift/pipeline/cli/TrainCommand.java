package org.mouselift.pipeline.cli;

import java.io.IOException;
import org.mouselift.pipeline.train.TrainingRun;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** Groups the training commands. */
@Command(name = "train", description = "Train a network.", subcommands = {TrainGslrmCommand.class, TrainDiffusionCommand.class, TrainAutoencoderCommand.class},
        synopsisSubcommandLabel = "NETWORK")
final class TrainCommand implements Runnable {
    private static final long PATIENCE_MILLIS = 60_000;

    @ParentCommand
    Mouselift mouselift;

    @Spec
    private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "which network? For example: mouselift train gslrm --config gslrm.yaml");
    }

    /** Trains with a Ctrl-C handler that lets the current pass finish and the checkpoint be written. */
    static void run(TrainingRun training) throws IOException {
        Thread main = Thread.currentThread();
        Thread hook = new Thread(() -> {
            training.requestStop();
            try {
                main.join(PATIENCE_MILLIS);
            } catch (InterruptedException e) {
                Thread.currentThread().interrupt();
            }
        }, "stop-training");
        Runtime.getRuntime().addShutdownHook(hook);
        try {
            training.run();
        } finally {
            try {
                Runtime.getRuntime().removeShutdownHook(hook);
            } catch (IllegalStateException e) {
                // The JVM is already shutting down: the hook is what made the run end.
                System.getLogger(TrainCommand.class.getName()).log(System.Logger.Level.DEBUG, "interrupted", e);
            }
        }
    }
}
