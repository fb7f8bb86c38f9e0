package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.mouselift.data.AtomicFile;
import org.mouselift.data.image.PngWriter;
import org.mouselift.data.ply.SplatPly;
import org.mouselift.engine.cpu.Workers;
import org.mouselift.pipeline.fit.FitDataset;
import org.mouselift.pipeline.fit.FitOptions;
import org.mouselift.pipeline.fit.FitReport;
import org.mouselift.pipeline.fit.FitView;
import org.mouselift.pipeline.fit.SplatFit;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code mouselift fit}: splats optimised directly from calibrated views, without a network. */
@Command(
        name = "fit",
        description = "Fit splats to calibrated views with alpha by optimisation (3D Gaussian splatting), without a network.",
        sortOptions = false,
        footer = {"", "DIR holds opencv_cameras.json (or transforms.json) and the RGBA pictures it names; they are",
            "compared on white.",
            "Writes gaussians.ply, metrics.json and, with views held out, held_out.png (picture, rendering,", "4 x difference).", "", "Examples:",
            "  mouselift fit sample_000 -o fit_000",
            "  mouselift fit sample_000 -o quick --size 128 --iterations 600 --hold-out 0"})
final class FitCommand implements Callable<Integer> {
    @Parameters(paramLabel = "DIR", description = "Sample folder: cameras and pictures.")
    private Path input;

    @Option(names = {"-o", "--output"}, required = true, paramLabel = "DIR", description = "Folder for the results.")
    @PathRole(PathRole.Kind.OUTPUT_FOLDER)
    private Path output;

    @Option(names = "--size", defaultValue = "256", paramLabel = "PIXELS",
            description = "Shrink pictures to this longest side, 0 = as they are (default: ${DEFAULT-VALUE}).")
    private int size;

    @Option(names = "--hold-out", defaultValue = "4", paramLabel = "N",
            description = "Keep every N-th view back to judge the result, 0 = none (default: ${DEFAULT-VALUE}).")
    private int holdOut;

    @Option(names = "--iterations", paramLabel = "N", description = "Optimisation steps, one view each (default: ${DEFAULT-VALUE}).")
    private int iterations = FitOptions.DEFAULT.iterations();

    @Option(names = "--sh-degree", paramLabel = "0..3", description = "Degree of the spherical harmonics (default: ${DEFAULT-VALUE}).")
    private int shDegree = FitOptions.DEFAULT.shDegree();

    @Option(names = "--max-gaussians", paramLabel = "N", description = "Upper limit of densification (default: ${DEFAULT-VALUE}).")
    private int maxGaussians = FitOptions.DEFAULT.maxGaussians();

    @Option(names = "--hull", paramLabel = "VOXELS", description = "Resolution of the visual hull at the start (default: ${DEFAULT-VALUE}).")
    private int hull = FitOptions.DEFAULT.hullResolution();

    @Option(names = "--init", paramLabel = "PLY", description = "Begin with these splats instead of the visual hull.")
    private Path init;

    @Option(names = "--opacity-reset", paramLabel = "N", description = "Make all splats nearly transparent every N steps, 0 = never (default: ${DEFAULT-VALUE}).")
    private int opacityReset = FitOptions.DEFAULT.opacityReset();

    @Option(names = "--seed", paramLabel = "N", description = "Seed of the view order (default: ${DEFAULT-VALUE}).")
    private long seed = FitOptions.DEFAULT.seed();

    @Option(names = "--json", description = "Print the contents of metrics.json instead of a summary.")
    private boolean json;

    @ParentCommand
    private Mouselift mouselift;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        FitOptions options = options();
        List<FitView> views = FitDataset.read(input, size);
        if (holdOut > 0 && views.size() < 2) {
            throw CommandException.usage("--hold-out " + holdOut + " leaves none of the views to fit: " + input + " has " + views.size(), "Give 0 to fit all views.");
        }
        FitDataset data = FitDataset.split(views, holdOut);
        Files.createDirectories(output);
        SplatFit fit = init == null ? new SplatFit(data.train(), options) : new SplatFit(data.train(), options, SplatPly.read(init));
        int initial = fit.gaussians();
        mouselift.note(String.format(Locale.ROOT, "%s: %d views of %dx%d to fit, %d held out; %d Gaussians %s", input, data.train().size(),
                views.getFirst().width(), views.getFirst().height(), data.heldOut().size(), initial, init == null ? "from the visual hull" : "from " + init));
        long start = System.nanoTime();
        try (Progress progress = mouselift.progress("fit", options.iterations(), "steps")) {
            fit.run((iteration, loss, psnr, gaussians) -> {
                progress.note(String.format(Locale.ROOT, "loss %.4f  PSNR %.1f dB  %d Gaussians", loss, psnr, gaussians));
                progress.to(iteration);
            });
        }
        double seconds = (System.nanoTime() - start) * 1e-9;
        FitReport report = FitReport.of(input.toString(), data, fit, options, Workers.count(), initial, seconds);
        SplatPly.write(output.resolve("gaussians.ply"), fit.cloud(), SplatPly.Padding.VIEWER);
        String metrics = Json.write(report);
        AtomicFile.write(output.resolve("metrics.json"), channel -> {
            ByteBuffer bytes = ByteBuffer.wrap((metrics + "\n").getBytes(StandardCharsets.UTF_8));
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        });
        if (!data.heldOut().isEmpty()) {
            PngWriter.write(output.resolve("held_out.png"), fit.comparison(data.heldOut()));
        }
        PrintWriter out = spec.commandLine().getOut();
        if (json) {
            out.println(metrics);
        } else {
            summary(out, report);
        }
        return ExitCode.OK;
    }

    private FitOptions options() {
        if (size < 0 || holdOut < 0) {
            throw CommandException.usage("--size " + size + " and --hold-out " + holdOut + " must not be negative", "mouselift fit --help shows the options.");
        }
        if (holdOut == 1) {
            throw CommandException.usage("--hold-out 1 leaves no view to fit", "Give 2 or more, or 0 to fit all views.");
        }
        FitOptions d = FitOptions.DEFAULT;
        try {
            return new FitOptions(iterations, shDegree, seed, hull, maxGaussians, d.loss(), d.rates(), d.densifyGradient(), d.densifyEvery(), opacityReset);
        } catch (IllegalArgumentException e) {
            throw CommandException.usage(e.getMessage(), "mouselift fit --help shows the options.");
        }
    }

    private void summary(PrintWriter out, FitReport report) {
        out.printf(Locale.ROOT, "%d Gaussians in %.1f s (%d steps, %d threads)%n", report.gaussians(), report.seconds(), report.options().iterations(), report.threads());
        out.printf(Locale.ROOT, "fitted views    %2d  PSNR %.2f dB  SSIM %.4f%n", report.train().views(), report.train().psnr(), report.train().ssim());
        if (report.heldOut().views() > 0) {
            out.printf(Locale.ROOT, "held-out views  %2d  PSNR %.2f dB  SSIM %.4f%n", report.heldOut().views(), report.heldOut().psnr(), report.heldOut().ssim());
        }
        out.println(output);
    }
}
