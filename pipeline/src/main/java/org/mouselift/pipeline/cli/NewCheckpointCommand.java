package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.Stream;
import org.mouselift.data.checkpoint.Checkpoint;
import org.mouselift.pipeline.checkpoint.DoubledPrefix;
import org.mouselift.pipeline.multiview.StartPipeline;
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
        footer = {"", "The weights are made while they are written: memory for one tensor is enough.", "", "Examples:",
            "  mouselift new-checkpoint --model gslrm --size tiny --seed 4 -o checkpoints/gslrm/start",
            "  mouselift new-checkpoint --model pipeline --size full -o checkpoints/mvdiffusion/pipeckpts"})
final class NewCheckpointCommand implements Callable<Integer> {
    /** Networks this command can make. */
    enum Model { GSLRM, UNET, PIPELINE }

    /** How large; what that means is the network's affair. */
    enum Size { FULL, SMALL, TINY }

    private static final List<String> COMPONENTS = List.of("unet", "vae", "image_encoder", "text_encoder");

    @Option(names = "--model", paramLabel = "NAME", required = true, description = "${COMPLETION-CANDIDATES}: the reconstructor, the multi-view UNet alone, or the whole "
            + "multi-view pipeline.")
    private Model model;

    @Option(names = "--size", paramLabel = "SIZE", defaultValue = "TINY", description = "FULL (as published: GS-LRM 1.2 GB, UNet 3.5 GB, pipeline 5.6 GB), SMALL or TINY "
            + "(default).")
    private Size size;

    @Option(names = "--seed", paramLabel = "N", defaultValue = "0", description = "Seed of the weights (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(names = {"-o", "--output"}, required = true, paramLabel = "DIR", description = "New or empty folder.")
    @PathRole(PathRole.Kind.OUTPUT_FOLDER)
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
        switch (model) {
            case GSLRM -> {
                StartCheckpoint.Size gslrm = StartCheckpoint.Size.valueOf(size.name());
                StartCheckpoint.write(output, gslrm, seed);
                report(output.resolve(StartCheckpoint.FILE), "gslrm", gslrm.network().parameterCount());
            }
            case UNET -> {
                StartPipeline.writeUNet(output, StartPipeline.Size.valueOf(size.name()), seed);
                report(Checkpoint.weightsIn(output).orElseThrow(), "unet", StartPipeline.parameters("unet", StartPipeline.Size.valueOf(size.name())));
            }
            case PIPELINE -> {
                StartPipeline.write(output, StartPipeline.Size.valueOf(size.name()), seed);
                for (String component : COMPONENTS) {
                    report(Checkpoint.weightsIn(output.resolve(component)).orElseThrow(), component,
                            StartPipeline.parameters(component, StartPipeline.Size.valueOf(size.name())));
                }
            }
        }
        Origin.of(spec, model == Model.GSLRM ? "gslrm" : "mvdiffusion").write(output);
        return ExitCode.OK;
    }

    private void report(Path file, String network, long parameters) throws IOException {
        spec.commandLine().getOut().printf(Locale.ROOT, "%s: %s, %s, %,d parameters, %,d bytes, seed %d%n", file, network, size.name().toLowerCase(Locale.ROOT), parameters,
                Files.size(file), seed);
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
