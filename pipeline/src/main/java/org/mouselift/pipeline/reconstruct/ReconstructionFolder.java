package org.mouselift.pipeline.reconstruct;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.LongConsumer;
import org.mouselift.data.AtomicFile;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.Rings;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.PngWriter;
import org.mouselift.data.image.Quantization;
import org.mouselift.data.ply.GaussianCloud;
import org.mouselift.data.ply.GaussianFilter;
import org.mouselift.data.ply.SplatPly;
import org.mouselift.engine.MemoryPool;
import org.mouselift.pipeline.render.SplatScene;
import org.mouselift.pipeline.train.SupervisionGrid;
import org.mouselift.pipeline.video.VideoWriter;
import org.mouselift.pipeline.web.ViewerPage;

/**
 * Everything a user gets of one reconstruction, in one folder (GS-LRM specification §7.2): {@code multiview.png} (the
 * inputs), {@code gaussians.ply} (filtered), {@code output.png} (the inputs' cameras, before filtering), {@code
 * turntable.mp4}, {@code viewer.html}, {@code metrics.json}, and {@code unseen.png} where there are pictures that were not
 * inputs: truth, rendering and error.
 */
public final class ReconstructionFolder {
    private static final int GRID_VIEWS = 10;
    private static final double FIELD_OF_VIEW = 50;
    private static final ObjectMapper JSON = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

    /**
     * @param filter null keeps all Gaussians
     * @param turntable frames; 0 for no turntable
     * @param turntableSize pixels
     * @param gif also writes {@code turntable.gif}
     * @param frames also writes the frames as PNG files
     */
    public record Options(GaussianFilter filter, int turntable, int turntableSize, int framesPerSecond, boolean gif, boolean frames, boolean viewer) {
        public Options {
            if (turntable < 0 || turntable > 100_000 || turntableSize < 1 || turntableSize > VideoWriter.MAX_SIDE) {
                throw new IllegalArgumentException("turntable of " + turntable + " frames with " + turntableSize + " pixels: expected 0 to 100000 frames of 1 to "
                        + VideoWriter.MAX_SIDE + " pixels");
            }
        }
    }

    /** Seconds of the steps. */
    public record Seconds(double reconstruct, double render, double turntable) {}

    /** Metrics of one picture; numbers that are not defined are null. */
    public record ViewReport(String name, boolean input, Map<String, Double> metrics) {}

    /**
     * Content of {@code metrics.json}.
     *
     * @param input means over the input views
     * @param unseen means over the other views; null without any
     * @param whiteBaseline means of an empty white picture over the unseen views, or over the inputs if there are none
     */
    public record Report(String weights, int size, FilterReport gaussians, Map<String, Double> input, Map<String, Double> unseen,
            Map<String, Double> whiteBaseline, List<ViewReport> views, Seconds seconds, List<String> warnings, List<String> files) {}

    private final Path folder;
    private final Options options;
    private final LongConsumer progress;
    private final Consumer<String> stages;
    private final List<String> files = new ArrayList<>();

    private ReconstructionFolder(Path folder, Options options, LongConsumer progress, Consumer<String> stages) {
        this.folder = folder;
        this.options = options;
        this.progress = progress;
        this.stages = stages;
    }

    /** Steps of {@link #write}, for a progress line. */
    public static long steps(int inputs, int others, Options options) {
        return 1L + inputs + others + options.turntable;
    }

    /**
     * Reconstructs the inputs, compares with all views, and writes the folder.
     *
     * @param others further views of the same subject, compared but not used; may be empty
     * @param warnings what the caller has to say, stored with the metrics
     * @param progress gets 1 for every step
     */
    public static Report write(Path folder, GsLrmWeights weights, List<PosedView> inputs, List<PosedView> others, Options options, List<String> warnings,
            LongConsumer progress) throws IOException {
        return write(folder, weights, inputs, others, options, warnings, progress, stage -> {});
    }

    /**
     * The same for somebody who wants to know which part of the work begins.
     *
     * @param stages gets its name
     */
    public static Report write(Path folder, GsLrmWeights weights, List<PosedView> inputs, List<PosedView> others, Options options, List<String> warnings,
            LongConsumer progress, Consumer<String> stages) throws IOException {
        Files.createDirectories(folder);
        return new ReconstructionFolder(folder, options, progress, stages).all(weights, inputs, others, warnings);
    }

    private Report all(GsLrmWeights weights, List<PosedView> inputs, List<PosedView> others, List<String> warnings) throws IOException {
        png("multiview.png", Pictures.strip(inputs.stream().map(PosedView::picture).toList()));
        long start = System.nanoTime();
        stages.accept("GS-LRM");
        GaussianCloud all;
        List<ViewReport> views = new ArrayList<>();
        Map<String, Double> input;
        Map<String, Double> unseen;
        Map<String, Double> white;
        double reconstructed;
        double rendered;
        try (Reconstruction reconstruction = Reconstruction.of(weights, inputs)) {
            reconstructed = seconds(start);
            // Neither the weights nor what the network worked with is needed to render.
            weights.release();
            MemoryPool.trim();
            progress.accept(1);
            stages.accept("renderings of the views");
            start = System.nanoTime();
            input = compare(reconstruction, inputs, true, "output.png", views);
            unseen = others.isEmpty() ? null : compare(reconstruction, others, false, "unseen.png", views);
            white = ViewMetrics.mean((others.isEmpty() ? inputs : others).stream().map(ViewMetrics::ofWhite).toList()).numbers();
            rendered = seconds(start);
            all = reconstruction.cloud();
        }

        stages.accept("filters");
        GaussianCloud kept = options.filter == null ? all : options.filter.apply(all);
        FilterReport filtered = options.filter == null ? FilterReport.unfiltered(all) : FilterReport.of(all, options.filter);
        stages.accept("PLY file");
        Path ply = folder.resolve("gaussians.ply");
        SplatPly.write(ply, kept, SplatPly.Padding.VIEWER);
        files.add("gaussians.ply");
        start = System.nanoTime();
        if (options.turntable > 0) {
            stages.accept("turntable");
            turntable(kept);
        }
        double turned = seconds(start);
        if (options.viewer) {
            stages.accept("viewer");
            ViewerPage.write(folder.resolve("viewer.html"), ply, ViewerPage.Scene.of(folder.toAbsolutePath().normalize().getFileName().toString()));
            files.add("viewer.html");
        }
        files.add("metrics.json");
        List<String> said = new ArrayList<>(warnings);
        said.addAll(filtered.warnings());
        Report report = new Report(weights.folder().toString(), inputs.getFirst().picture().width(), filtered, input, unseen, white, views,
                new Seconds(reconstructed, rendered, turned), said, files);
        ByteBuffer bytes = ByteBuffer.wrap((JSON.writeValueAsString(report) + "\n").getBytes(StandardCharsets.UTF_8));
        AtomicFile.write(folder.resolve("metrics.json"), channel -> {
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        });
        return report;
    }

    private Map<String, Double> compare(Reconstruction reconstruction, List<PosedView> views, boolean input, String name, List<ViewReport> reports)
            throws IOException {
        List<ViewMetrics> metrics = new ArrayList<>();
        List<Image8> pictures = new ArrayList<>();
        List<SupervisionGrid.View> grid = new ArrayList<>();
        for (PosedView view : views) {
            float[] rendering = reconstruction.render(view.camera());
            ViewMetrics m = ViewMetrics.of(rendering, view);
            metrics.add(m);
            reports.add(new ViewReport(view.name(), input, m.numbers()));
            int w = view.picture().width();
            int h = view.picture().height();
            if (input) {
                pictures.add(Quantization.TRUNCATE.fromChw(rendering, 3, h, w));
            } else if (grid.size() < GRID_VIEWS) {
                grid.add(new SupervisionGrid.View(view.picture().toFloatChw(), rendering, w, h));
            }
            progress.accept(1);
        }
        png(name, input ? Pictures.strip(pictures) : Pictures.of(SupervisionGrid.draw(grid)));
        return ViewMetrics.mean(metrics).numbers();
    }

    private void turntable(GaussianCloud cloud) throws IOException {
        CameraRig rig = Rings.turntable(options.turntable, 0, Rings.STANDARD_DISTANCE, FIELD_OF_VIEW, options.turntableSize, options.turntableSize);
        List<VideoWriter> writers = new ArrayList<>();
        try (SplatScene scene = new SplatScene(cloud)) {
            for (String name : options.gif ? List.of("turntable.mp4", "turntable.gif") : List.of("turntable.mp4")) {
                writers.add(VideoWriter.create(folder.resolve(name), options.framesPerSecond));
                files.add(name);
            }
            if (options.frames) {
                Files.createDirectories(folder.resolve("frames"));
                files.add("frames");
            }
            for (int i = 0; i < rig.size(); i++) {
                Image8 frame = scene.picture(rig.get(i), new float[] {1, 1, 1});
                for (VideoWriter writer : writers) {
                    writer.add(frame);
                }
                if (options.frames) {
                    PngWriter.write(folder.resolve("frames").resolve(String.format(Locale.ROOT, "frame_%04d.png", i)), frame);
                }
                progress.accept(1);
            }
            for (VideoWriter writer : writers) {
                writer.finish();
            }
        } finally {
            for (VideoWriter writer : writers) {
                writer.close();
            }
        }
    }

    private void png(String name, Image8 picture) throws IOException {
        PngWriter.write(folder.resolve(name), picture);
        files.add(name);
    }

    private static double seconds(long start) {
        return (System.nanoTime() - start) * 1e-9;
    }
}
