package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.mouselift.engine.cpu.Calibration;
import org.mouselift.pipeline.profile.ForwardProfile;
import org.mouselift.pipeline.profile.ProfileReport;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code mouselift profile}: what a forward pass of a checkpoint costs on this machine. */
@Command(
        name = "profile",
        description = "Run forward passes of a checkpoint on random inputs: seconds, GFLOP/s and peak memory, by kind of operation.",
        sortOptions = false,
        footer = {"", "Time and memory do not depend on what the weights have learned: mouselift new-checkpoint makes weights",
            "of any size. GFLOP count products, convolutions and attention by their definition. Resident memory",
            "includes what of the mapped weights is in use. The whole way from a photo to Gaussians is profiled by",
            "mouselift reconstruct --profile.", "",
            "Examples:", "  mouselift profile checkpoints/gslrm/start", "  mouselift profile pipeckpts/unet --passes 2 --json"})
final class ProfileCommand implements Callable<Integer> {
    @Parameters(paramLabel = "CHECKPOINT", description = "Folder or file of a reconstructor, folder of a UNet, or pipeline folder, whose UNet is taken.")
    private Path model;

    @Option(names = "--size", defaultValue = "0", paramLabel = "N", description = "Side of the inputs: pixels, of a UNet latent pixels (default: as trained).")
    private int size;

    @Option(names = "--views", defaultValue = "0", paramLabel = "N", description = "Input views; twice the UNet's views are a step with guidance (default: as trained).")
    private int views;

    @Option(names = "--passes", defaultValue = "1", paramLabel = "N", description = "Forward passes; the first one also warms up (default: ${DEFAULT-VALUE}).")
    private int passes;

    @Option(names = "--json", description = "Print one JSON object.")
    private boolean json;

    @ParentCommand
    private Mouselift mouselift;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        ProfileReport report;
        try (Progress progress = mouselift.progress("profile", passes, "passes")) {
            ForwardProfile forward;
            try {
                forward = new ForwardProfile(size, views, passes, progress::advance);
            } catch (IllegalArgumentException e) {
                throw CommandException.usage(e.getMessage(), "");
            }
            report = forward.of(model, ProfileReport.Machine.here(MachineReport.processorName(), Calibration.fmaPeak()));
        }
        spec.commandLine().getOut().println(json ? Json.write(report) : report.text());
        return ExitCode.OK;
    }
}
