package org.mouselift.pipeline.cli;

import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** Groups the commands about cameras. */
@Command(name = "rig", description = "Show, convert and compare camera rigs; find the rig that fits some pictures.", synopsisSubcommandLabel = "COMMAND",
        subcommands = {RigListCommand.class, RigShowCommand.class, RigCompareCommand.class, RigProbeCommand.class, RigEncodingsCommand.class, RigTestCommand.class},
        footer = {"", "A RIG is a built-in name (rig list), ring:n=6,elev=20,dist=2.7,fov=50, turntable:n=120,elev=0, an",
            "opencv_cameras.json or the sample folder that holds one, a transforms.json, or a rig file (FILE or FILE:ID)."})
final class RigCommand implements Runnable {
    @ParentCommand
    Mouselift mouselift;

    @Spec
    private CommandSpec spec;

    @Override
    public void run() {
        throw new ParameterException(spec.commandLine(), "which command? For example: mouselift rig show human6");
    }
}
