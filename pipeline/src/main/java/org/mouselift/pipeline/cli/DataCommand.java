package org.mouselift.pipeline.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** Groups the commands that make and judge data sets of real mice. */
@Command(name = "data", description = "Make and check data sets from recordings.", synopsisSubcommandLabel = "COMMAND",
        subcommands = {DataRecordCommand.class, DataPrepareCommand.class, DataPreprocessCommand.class, DataCheckCommand.class,
            DataReportCommand.class, DataCompareCommand.class, DataGapCommand.class, DataGateCommand.class, DataCalibrationCommand.class,
            DataMixCommand.class, DataGenerateCommand.class})
final class DataCommand implements Runnable {
    @ParentCommand
    Mouselift mouselift;

    @Spec
    private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "which command? For example: mouselift data check data_mouse");
    }
}
