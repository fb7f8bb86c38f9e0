package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.concurrent.Callable;
import org.mouselift.data.recording.FrameSampling;
import org.mouselift.pipeline.mousedata.SyntheticRecording;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code mouselift data synth-recording}: a recording of a procedural mouse with known 3D. */
@Command(name = "synth-recording", mixinStandardHelpOptions = true, sortOptions = false,
        description = "Write a recording of a synthetic mouse in the layout of the real one: videos, mask videos, calibration pickle, truth.json.")
final class DataRecordCommand implements Callable<Integer> {
    @Option(names = {"-o", "--output"}, required = true, paramLabel = "DIR", description = "Folder of the recording.")
    @PathRole(PathRole.Kind.OUTPUT_FOLDER)
    private Path output;

    @Option(names = {"-n", "--frames"}, defaultValue = "30", paramLabel = "N", description = "Frames (default: ${DEFAULT-VALUE}).")
    private int frames;

    @Option(names = "--size", defaultValue = "288x256", paramLabel = "WxH", description = "Frame size (default: ${DEFAULT-VALUE}).")
    private String size;

    @Option(names = "--rig", defaultValue = "mouse6", paramLabel = "NAME", description = "Cameras (default: ${DEFAULT-VALUE}).")
    private String rig;

    @Option(names = "--seed", defaultValue = "0", paramLabel = "N", description = "Seed (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(names = "--folders", description = "Folders of numbered PNG frames instead of MP4 videos.")
    private boolean folders;

    @Option(names = "--joints", defaultValue = "none", paramLabel = "FRAMES", description = "Frames at which another mouse begins, as in a montage: 10,20.")
    private String joints;

    @Option(names = "--bad", description = "Noisy, blurred, badly lit pictures, as --noise 8 --blur 1 --light 0.5.")
    private boolean bad;

    @Option(names = "--noise", paramLabel = "LEVELS", description = "Standard deviation of the sensor noise, grey levels (default: 0).")
    private Double noise;

    @Option(names = "--blur", paramLabel = "PIXELS", description = "Radius of a blur (default: 0).")
    private Integer blur;

    @Option(names = "--light", paramLabel = "RATIO", description = "Brightness at the right border relative to the left (default: 1).")
    private Double light;

    @ParentCommand
    private DataCommand parent;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        var s = SizeArgument.parse("--size", size);
        SyntheticRecording.Defects d = bad ? SyntheticRecording.Defects.BAD : SyntheticRecording.Defects.NONE;
        SyntheticRecording.Options options = new SyntheticRecording.Options(seed, frames, s.width(), s.height(), rig, !folders, FrameSampling.parseSkip(joints),
                new SyntheticRecording.Defects(noise == null ? d.noise() : noise, blur == null ? d.blur() : blur, light == null ? d.light() : light, d.cage()));
        try (Progress progress = parent.mouselift.progress("synth-recording", frames, "frames")) {
            SyntheticRecording.write(output, options, progress::advance);
        }
        spec.commandLine().getOut().printf("%s: %d frames of %d cameras%n", output, frames, SyntheticRecording.rig(options).size());
        return ExitCode.OK;
    }
}
