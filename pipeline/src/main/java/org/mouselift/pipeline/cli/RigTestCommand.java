package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.concurrent.Callable;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.PngWriter;
import org.mouselift.pipeline.evaluate.CameraHypotheses;
import org.mouselift.pipeline.reconstruct.GsLrmWeights;
import org.mouselift.pipeline.reconstruct.Pictures;
import org.mouselift.pipeline.reconstruct.PosedView;
import org.mouselift.pipeline.reconstruct.PosedViewReader;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code mouselift rig test}: which cameras make the reconstruction look like its pictures. */
@Command(name = "test", sortOptions = false, description = "Reconstruct the same pictures with several rigs: the right one renders the pictures again.",
        footer = {"", "Beside the rigs that are named: the sample's own cameras, and these the other way round. rig probe asks the",
            "silhouettes instead, without a network. Exit code 1 when the own cameras are not the best.", "", "Example:",
            "  mouselift rig test data_mice/sample_000000 --rigs human6,uniform6,mouse6 -o rigs.png"})
final class RigTestCommand implements Callable<Integer> {
    private static final String OWN = "own";

    @Parameters(paramLabel = "DIR", description = "Sample folder, or folder of pictures.")
    private Path folder;

    @Option(names = "--rigs", split = ",", defaultValue = "human6,uniform6,mouse6", paramLabel = "RIGS", description = "Names, descriptions or camera files (default: ${DEFAULT-VALUE}).")
    @PathRole(PathRole.Kind.RIG)
    private List<String> rigs;

    @Option(names = {"-o", "--output"}, paramLabel = "FILE", description = "Contact sheet, PNG: the pictures, then a row for each rig.")
    @PathRole(PathRole.Kind.OUTPUT_FILE)
    private Path output;

    @Mixin
    private WeightsArgument weightsArgument;

    @Option(names = "--size", paramLabel = "PIXELS", description = "Picture size for the model (default: the size it was trained on).")
    private Integer size;

    @ParentCommand
    private RigCommand parent;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        boolean sample = Files.isRegularFile(folder.resolve("opencv_cameras.json")) || Files.isRegularFile(folder.resolve("transforms.json"));
        try (GsLrmWeights weights = weightsArgument.open()) {
            int pixels = size == null ? weights.imageSize() : size;
            int patch = weights.model().config().patchSize();
            if (pixels < patch || pixels > 4096 || pixels % patch != 0) {
                throw CommandException.usage("--size " + pixels + ": expected a multiple of the model's patch size " + patch + " up to 4096", "");
            }
            List<PosedViewReader.PictureFile> index = sample ? PosedViewReader.index(folder) : List.of();
            List<Path> files = sample ? index.stream().map(PosedViewReader.PictureFile::file).toList() : PosedViewReader.list(folder);
            int n = weights.inputViews();
            if (files.size() < n) {
                throw CommandException.badInput(folder + " has " + files.size() + " pictures, the model was trained with " + n, "Give a sample with as many.");
            }
            files = files.subList(0, n);
            Map<String, CameraRig> hypotheses = new LinkedHashMap<>();
            if (sample) {
                CameraRig own = new CameraRig(OWN, index.subList(0, n).stream().map(PosedViewReader.PictureFile::camera).toList());
                hypotheses.put(OWN, own);
                hypotheses.put(OWN + " reversed", CameraHypotheses.reversed(own));
            }
            PrintWriter out = spec.commandLine().getOut();
            for (String r : rigs) {
                CameraRig rig = RigArgument.read(r);
                if (rig.size() == n) {
                    hypotheses.put(r, pictured(rig, hypotheses.get(OWN), pixels));
                } else {
                    out.println("left out: " + r + " has " + rig.size() + " cameras for " + n + " pictures");
                }
            }
            if (hypotheses.isEmpty()) {
                throw CommandException.badInput("no rig with " + n + " cameras was named", "mouselift rig list shows the built-in ones.");
            }
            List<CameraHypotheses.Result> results;
            try (Progress progress = parent.mouselift.progress("rig test", hypotheses.size(), "rigs")) {
                results = CameraHypotheses.run(weights, files, hypotheses, pixels, progress::advance);
            }
            out.println("PSNR     SSIM   mask IoU  cameras");
            results.stream().sorted(Comparator.comparingDouble((CameraHypotheses.Result r) -> -r.metrics().psnr())).forEach(r -> out.printf(Locale.ROOT, "%5.2f dB %6.4f  %8.3f  %s%n",
                    r.metrics().psnr(), r.metrics().ssim(), r.metrics().maskIou(), r.name()));
            CameraHypotheses.Result best = results.stream().max(Comparator.comparingDouble(r -> r.metrics().psnr())).orElseThrow();
            if (output != null) {
                sheet(files, hypotheses, results, pixels);
                out.println(output);
            }
            out.println(!sample ? "The best: " + best.name() : best.name().equals(OWN) ? "The sample's own cameras fit best." : "Not the sample's own cameras fit best, but " + best.name() + ".");
            return sample && !best.name().equals(OWN) ? ExitCode.CHECK_FAILED : ExitCode.OK;
        }
    }

    /** Where the cameras stand is in question, not the lens: that of the pictures is kept where it is known. */
    private static CameraRig pictured(CameraRig rig, CameraRig own, int pixels) {
        List<Camera> cameras = new ArrayList<>();
        for (int i = 0; i < rig.size(); i++) {
            cameras.add(rig.get(i).withIntrinsics(own != null ? own.get(i).intrinsics() : rig.get(i).intrinsics().centerCrop().resize(pixels, pixels)));
        }
        return new CameraRig(rig.id(), cameras);
    }

    private void sheet(List<Path> files, Map<String, CameraRig> hypotheses, List<CameraHypotheses.Result> results, int pixels) throws IOException {
        List<Image8> rows = new ArrayList<>();
        rows.add(Pictures.strip(PosedViewReader.pictures(files, hypotheses.values().iterator().next(), pixels).stream().map(PosedView::picture).toList()));
        results.forEach(r -> rows.add(Pictures.strip(r.pictures())));
        PngWriter.write(output, Pictures.stack(rows));
    }
}
