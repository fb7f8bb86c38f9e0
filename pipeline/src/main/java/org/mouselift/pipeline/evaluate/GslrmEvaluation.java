package org.mouselift.pipeline.evaluate;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.RigCheck;
import org.mouselift.data.image.PngWriter;
import org.mouselift.pipeline.reconstruct.GsLrmWeights;
import org.mouselift.pipeline.reconstruct.Pictures;
import org.mouselift.pipeline.reconstruct.PosedView;
import org.mouselift.pipeline.reconstruct.PosedViewReader;
import org.mouselift.pipeline.reconstruct.Reconstruction;
import org.mouselift.pipeline.reconstruct.ViewMetrics;
import org.mouselift.pipeline.train.SupervisionGrid;

/**
 * A reconstructor on samples it has not seen: the first views of each are its inputs, the others unseen cameras (GS-LRM
 * specification §4, §6.7). Views are compared before any clean-up of the Gaussians; cameras are used as they are stored.
 */
public final class GslrmEvaluation {
    private static final int GRID_VIEWS = 10;

    private final GsLrmWeights weights;
    private final int size;
    private final List<Baseline> baselines;
    private final LpipsNetwork lpips;
    private final List<SampleResult> results = new ArrayList<>();
    private final Map<String, List<ViewMetrics>> all = new LinkedHashMap<>();

    /** Mean and median over views; what is not defined is null. */
    public record Numbers(Map<String, Double> mean, Map<String, Double> median) {
        static Numbers of(List<ViewMetrics> metrics) {
            return new Numbers(ViewMetrics.mean(metrics).numbers(), ViewMetrics.median(metrics).numbers());
        }
    }

    /**
     * Means over the views of one sample.
     *
     * @param scores "input", "unseen", "white" and the baselines; white and baselines on the unseen views, or on the inputs
     *     where a sample has no others
     */
    public record SampleResult(String name, int unseenViews, Map<String, Map<String, Double>> scores) {}

    /** @param scores as in {@link SampleResult}, over the views of all samples */
    public record Report(String weights, int samples, int size, Map<String, Numbers> scores, List<SampleResult> perSample) {}

    /** @param lpips null to leave LPIPS out */
    public GslrmEvaluation(GsLrmWeights weights, int size, List<Baseline> baselines, LpipsNetwork lpips) {
        this.lpips = lpips;
        this.weights = weights;
        this.size = size;
        this.baselines = List.copyOf(baselines);
    }

    /**
     * Evaluates one sample.
     *
     * @param picture where {@code gt_vs_pred.png} goes (unseen views: truth, rendering, error), or null for none
     */
    public SampleResult add(Path sample, Path picture) throws IOException {
        List<PosedView> views = PosedViewReader.sample(sample, size);
        RigCheck.require(new CameraRig(sample.toString(), views.stream().map(PosedView::camera).toList()));
        int inputs = weights.inputViews();
        if (views.size() < inputs) {
            throw new IllegalArgumentException("MFL-E113: sample " + sample + " has " + views.size() + " views, the model needs " + inputs + " as input");
        }
        List<PosedView> unseen = views.subList(inputs, views.size());
        Reconstruction reconstruction = Reconstruction.of(weights, views.subList(0, inputs));
        Map<String, List<ViewMetrics>> scores = new LinkedHashMap<>();
        List<SupervisionGrid.View> grid = new ArrayList<>();
        for (int i = 0; i < views.size(); i++) {
            PosedView view = views.get(i);
            float[] rendering = reconstruction.render(view.camera());
            score(scores, i < inputs ? "input" : "unseen", measure(rendering, view));
            if (i >= inputs || unseen.isEmpty()) {
                score(scores, "white", measure(white(), view));
                for (Baseline baseline : baselines) {
                    score(scores, baseline.name(), measure(baseline.picture(view.camera()), view));
                }
                if (grid.size() < GRID_VIEWS) {
                    grid.add(new SupervisionGrid.View(view.picture().toFloatChw(), rendering, size, size));
                }
            }
        }
        if (picture != null) {
            PngWriter.write(picture, Pictures.of(SupervisionGrid.draw(grid)));
        }
        Map<String, Map<String, Double>> means = new LinkedHashMap<>();
        scores.forEach((what, metrics) -> {
            means.put(what, ViewMetrics.mean(metrics).numbers());
            all.computeIfAbsent(what, k -> new ArrayList<>()).addAll(metrics);
        });
        SampleResult result = new SampleResult(sample.getFileName().toString(), unseen.size(), means);
        results.add(result);
        return result;
    }

    private ViewMetrics measure(float[] rendering, PosedView view) {
        ViewMetrics metrics = ViewMetrics.of(rendering, view);
        return lpips == null ? metrics : lpips.measured(metrics, rendering, view.picture().toFloatChw(), size, size);
    }

    private float[] white() {
        float[] white = new float[3 * size * size];
        Arrays.fill(white, 1);
        return white;
    }

    private static void score(Map<String, List<ViewMetrics>> scores, String what, ViewMetrics metrics) {
        scores.computeIfAbsent(what, k -> new ArrayList<>()).add(metrics);
    }

    /** Everything so far. */
    public Report report() {
        Map<String, Numbers> numbers = new LinkedHashMap<>();
        all.forEach((what, metrics) -> numbers.put(what, Numbers.of(metrics)));
        return new Report(weights.folder().toString(), results.size(), size, numbers, List.copyOf(results));
    }

    /**
     * {@code summary.csv} of the original's evaluation mode: one row a sample, a blank line, the average. The columns after
     * the name are those of the unseen views (of the inputs where there are no others), then the PSNR of the inputs, of a
     * white picture and of the baselines. Empty where undefined. The column lpips is there where it was measured.
     */
    public static String summary(Report report) {
        List<String> extra = report.scores().keySet().stream().filter(what -> !what.equals("unseen")).toList();
        boolean lpips = report.scores().values().stream().anyMatch(numbers -> numbers.mean().containsKey("lpips"));
        List<String> columns = lpips ? List.of("psnr", "lpips", "ssim", "foregroundPsnr", "maskIou") : List.of("psnr", "ssim", "foregroundPsnr", "maskIou");
        StringBuilder csv = new StringBuilder("basename,psnr," + (lpips ? "lpips," : "") + "ssim,foreground_psnr,mask_iou");
        extra.forEach(what -> csv.append(',').append(what).append("_psnr"));
        csv.append('\n');
        for (SampleResult sample : report.perSample()) {
            row(csv, sample.name(), sample.scores(), columns, extra);
        }
        csv.append('\n');
        Map<String, Map<String, Double>> means = new LinkedHashMap<>();
        report.scores().forEach((what, numbers) -> means.put(what, numbers.mean()));
        row(csv, "average", means, columns, extra);
        return csv.toString();
    }

    private static void row(StringBuilder csv, String name, Map<String, Map<String, Double>> scores, List<String> columns, List<String> extra) {
        csv.append(name.indexOf(',') >= 0 || name.indexOf('"') >= 0 ? '"' + name.replace("\"", "\"\"") + '"' : name);
        Map<String, Double> model = scores.getOrDefault("unseen", scores.get("input"));
        for (String column : columns) {
            number(csv, model.get(column));
        }
        for (String what : extra) {
            Map<String, Double> values = scores.get(what);
            number(csv, values == null ? null : values.get("psnr"));
        }
        csv.append('\n');
    }

    private static void number(StringBuilder csv, Double value) {
        csv.append(',').append(value == null ? "" : String.format(Locale.ROOT, "%.4f", value));
    }
}
