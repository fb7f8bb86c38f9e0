package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import java.util.stream.IntStream;
import org.mouselift.data.camera.Azimuth;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.Intrinsics;
import org.mouselift.data.camera.RigCatalog;
import org.mouselift.data.camera.Rings;
import org.mouselift.data.image.Image8;
import org.mouselift.data.synth.MouseView;
import org.mouselift.data.synth.SynthMouse;
import org.mouselift.pipeline.reconstruct.GsLrmWeights;
import org.mouselift.pipeline.reconstruct.PosedView;
import org.mouselift.pipeline.reconstruct.ReconstructionFolder;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code mouselift demo}: a synthetic mouse that the model has never seen, photographed, reconstructed and measured. */
@Command(
        name = "demo",
        description = "Reconstruct a synthetic mouse that the model has never seen, and measure the result from unseen cameras.",
        sortOptions = false,
        footer = {"", "The mouse is photographed by the six cameras of the rig human6; eight other cameras between -10 and 40",
            "degrees of elevation are compared with the result (unseen.png: truth, rendering, error).", "",
            "Examples:", "  mouselift demo", "  mouselift demo --mouse 3 --gif -o demo_3"})
final class DemoCommand implements Callable<Integer> {
    /** Unseen cameras stand between those of the rig, at these elevations in degrees. */
    private static final double[] ELEVATIONS = {-10, 40, 5, 30, -5, 20, 0, 10};

    @Option(names = {"-o", "--output"}, defaultValue = "demo_out", paramLabel = "DIR", description = "Folder for the results (default: ${DEFAULT-VALUE}).")
    private Path output;

    @Option(names = "--seed", defaultValue = "777", paramLabel = "N", description = "Population of the mouse; the model was trained on others (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(names = "--mouse", defaultValue = "0", paramLabel = "INDEX", description = "Which mouse of the population (default: ${DEFAULT-VALUE}).")
    private int mouse;

    @Mixin
    private WeightsArgument weightsArgument;

    @Option(names = "--turntable", defaultValue = "120", paramLabel = "N", description = "Frames of the turntable; 0 for none (default: ${DEFAULT-VALUE}).")
    private int turntable;

    @Mixin
    private SplatOptions options;

    @Option(names = "--json", description = "Print metrics.json instead of a summary.")
    private boolean json;

    @Mixin
    private DeviceArgument device;

    @ParentCommand
    private Mouselift mouselift;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws Exception {
        return device.run(mouselift, this::compute);
    }

    private Integer compute() throws IOException {
        if (mouse < 0) {
            throw CommandException.usage("--mouse " + mouse + ": expected 0 or more", "");
        }
        long start = System.nanoTime();
        try (GsLrmWeights weights = weightsArgument.open()) {
            int size = weights.imageSize();
            ReconstructionFolder.Options what = options.of(turntable, size);
            List<PosedView> inputs = photograph(SynthMouse.resized(RigCatalog.human6().cameras(), size), size, "human6");
            if (inputs.size() != weights.inputViews()) {
                throw CommandException.badInput(SplatCommand.VIEW_COUNT + ": " + weights.folder() + " was trained with " + weights.inputViews()
                        + " input views, the demo has " + inputs.size(), "Use weights that were trained with the six views of human6.");
            }
            RigMatch.require(weights, "the demo's rig human6", inputs.stream().map(PosedView::camera).toList(), false,
                    "Use weights that were trained with the six views of human6, or the command splat.").ifPresent(w -> mouselift.note("warning: " + w));
            List<PosedView> unseen = photograph(unseen(size), size, "unseen");
            mouselift.note(String.format(Locale.ROOT, "mouse %d of population %d photographed: %.1f s", mouse, seed, (System.nanoTime() - start) * 1e-9));
            ReconstructionFolder.Report report;
            try (Progress progress = mouselift.progress("demo", ReconstructionFolder.steps(inputs.size(), unseen.size(), what), "steps")) {
                report = ReconstructionFolder.write(output, weights, inputs, unseen, what, List.of(), progress::advance);
            }
            report.warnings().forEach(w -> mouselift.note("warning: " + w));
            RunRecord.write(output, spec, weights, start);
            SplatCommand.print(spec.commandLine().getOut(), output, report, json);
            mouselift.note(String.format(Locale.ROOT, "done in %.1f s; open %s in a browser", (System.nanoTime() - start) * 1e-9, output.resolve("viewer.html")));
        }
        return ExitCode.OK;
    }

    private static List<Camera> unseen(int size) {
        List<Camera> cameras = new ArrayList<>();
        for (int i = 0; i < ELEVATIONS.length; i++) {
            cameras.add(Rings.orbit(Intrinsics.standard(size), Rings.STANDARD_DISTANCE, ELEVATIONS[i], Azimuth.xy(292.5 + 45 * i)));
        }
        return cameras;
    }

    private List<PosedView> photograph(List<Camera> cameras, int size, String name) {
        List<MouseView> views = SynthMouse.of(seed, mouse).render(cameras);
        return IntStream.range(0, cameras.size()).mapToObj(i -> PosedView.of(name + "_" + i,
                new Image8(size, size, 4, views.get(i).rgba()), cameras.get(i), size)).toList();
    }
}
