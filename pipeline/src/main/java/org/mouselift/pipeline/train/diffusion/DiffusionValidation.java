package org.mouselift.pipeline.train.diffusion;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.function.Function;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.PngWriter;
import org.mouselift.data.image.Quantization;
import org.mouselift.data.prompts.PromptSlot;
import org.mouselift.engine.DType;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Philox;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.models.diffusion.DiffusionObjective;
import org.mouselift.models.diffusion.DiffusionSampler;
import org.mouselift.models.metrics.ImageMetrics;
import org.mouselift.pipeline.evaluate.LpipsNetwork;
import org.mouselift.pipeline.multiview.ImageConditions;
import org.mouselift.pipeline.multiview.LatentSpace;
import org.mouselift.pipeline.multiview.MultiViewPipeline;
import org.mouselift.pipeline.multiview.NoiseSource;
import org.mouselift.pipeline.multiview.SamplingOptions;
import org.mouselift.pipeline.train.TrainingListener;

/**
 * What a run measures of its model now and then (multi-view diffusion specification §4.9): views sampled from the input of the same
 * objects every time, their PSNR and SSIM, pictures, and the loss at fixed steps and noises. The loss says how training goes; the
 * pictures what it is good for.
 */
public final class DiffusionValidation {
    private static final int LOSS_STEPS = 8;
    private static final long LOSS_NOISE = 7L << 40;
    private static final String DIFFERENCE = "slot_difference";
    private static final double COLLAPSED = 0.5;
    private static final List<String> METRICS = List.of("psnr", "lpips", "ssim");

    /**
     * @param objects at most so many, the first ones
     * @param reference input view
     * @param guidance scales that are sampled
     * @param seed of all noise
     * @param folder gets {@code global_step_N/} with pictures and metrics
     */
    public record Plan(int objects, int reference, List<Double> guidance, DiffusionSampler sampler, boolean scaleReference, long seed, Path folder) {}

    private final EncodedViews data;
    private final LatentSpace space;
    private final ImageConditions conditions;
    private final DiffusionObjective objective;
    private final Plan plan;
    private final LpipsNetwork lpips;

    /**
     * @param conditions null without image branch
     * @param lpips null without: LPIPS is unavailable, not zero
     */
    public DiffusionValidation(EncodedViews data, LatentSpace space, ImageConditions conditions, DiffusionObjective objective, Plan plan, LpipsNetwork lpips) {
        this.data = data;
        this.space = space;
        this.conditions = conditions;
        // No dropout, no weights: the plain squared error.
        this.objective = new DiffusionObjective(objective.schedule(), 0, false, Double.NaN, objective.weighting());
        this.plan = plan;
        this.lpips = lpips;
    }

    /** Measures the model; values by the original's log names. */
    Map<String, Double> run(DiffusionModel model, long updates, long pass, TrainingListener listener) throws IOException {
        Map<String, Double> sums = new LinkedHashMap<>();
        Map<String, Double> slots = new LinkedHashMap<>();
        NoiseSource noise = NoiseSource.seeded(plan.seed());
        int objects = Math.min(plan.objects(), data.size());
        Path folder = plan.folder().resolve(String.format(Locale.ROOT, "global_step_%04d", updates));
        for (int i = 0; i < objects; i++) {
            EncodedViews.Item item = data.load(i, false, plan.reference(), new Philox(plan.seed(), i), true);
            float[] cameras = model.unet().config().cameraNumbers() == 0 ? null : data.cameras(i, plan.reference(), model.unet().config());
            sums.merge("val/loss", loss(model, item, i, cameras) / objects, Double::sum);
            Path own = folder.resolve(String.format(Locale.ROOT, "%04d", i));
            Files.createDirectories(own);
            int size = item.pictures().size();
            float[] truth = truth(item);
            PngWriter.write(own.resolve("input.png"), strip(item.pictures().view(plan.reference()), 1, size));
            PngWriter.write(own.resolve("gt.png"), strip(truth, item.pictures().views(), size));
            for (double scale : plan.guidance()) {
                String label = String.format(Locale.ROOT, "%.1f", scale);
                float[] views = sample(model, item, scale, noise, cameras);
                Map<String, double[]> bySlot = measured(views, truth, item.pictures().views(), size);
                Map<String, Double> measured = new HashMap<>();
                bySlot.forEach((metric, values) -> {
                    measured.put(metric, Arrays.stream(values).average().orElseThrow());
                    for (int v = 0; v < values.length; v++) {
                        slots.merge("val/slot_" + v + name(metric, label).substring("val".length()), values[v] / objects, Double::sum);
                    }
                });
                double spread = spread(truth, item.pictures().views());
                if (spread > 0) {
                    sums.merge(name(DIFFERENCE, label), spread(views, item.pictures().views()) / spread / objects, Double::sum);
                }
                measured.forEach((metric, value) -> sums.merge(name(metric, label), value / objects, Double::sum));
                PngWriter.write(own.resolve("pred_gs_" + label + ".png"), strip(views, item.pictures().views(), size));
                Files.writeString(own.resolve("metrics_gs_" + label + ".txt"), lines("", measured::get));
                if (i == 0) {
                    listener.picture(pass, "comparison/input_gt_pred_cfg" + label, grid(item.pictures().view(plan.reference()), truth, views, columns(model, item.pictures().views()), size));
                }
            }
        }
        for (double scale : plan.guidance()) {
            String label = String.format(Locale.ROOT, "%.1f", scale);
            collapse(sums.getOrDefault(name(DIFFERENCE, label), 1.0), label).ifPresent(listener::note);
        }
        StringBuilder all = new StringBuilder();
        for (double scale : plan.guidance()) {
            String label = String.format(Locale.ROOT, "%.1f", scale);
            // The space is the original's.
            all.append("guidance_scale: ").append(label).append('\n').append(lines(" ", metric -> sums.get(name(metric, label))));
        }
        Files.writeString(folder.resolve("validation-metrics.txt"), all);
        sums.putAll(slots);
        return sums;
    }

    /** Root mean squared difference of two of an object's n pictures, mean over all pairs. */
    static double spread(float[] views, int n) {
        int each = views.length / n;
        double sum = 0;
        for (int a = 0; a < n; a++) {
            for (int b = 0; b < a; b++) {
                double squares = 0;
                for (int i = 0; i < each; i++) {
                    double d = views[a * each + i] - views[b * each + i];
                    squares += d * d;
                }
                sum += Math.sqrt(squares / each);
            }
        }
        return n < 2 ? 0 : sum / (n * (n - 1) / 2);
    }

    /** What is to be said of views that differ much less than the true ones (mouse specification §6.1, K-39). */
    static Optional<String> collapse(double difference, String guidance) {
        return difference >= COLLAPSED ? Optional.empty() : Optional.of(String.format(Locale.ROOT, "alarm: the drawn views of an object differ from each other by %.0f %% of what the"
                + " true ones do (guidance %s): they show the same view instead of one each; look at the pictures, the prompts and reference_view_idx", 100 * difference, guidance));
    }

    private static String name(String metric, String scale) {
        return "val/" + metric + "-guidance_scale-" + scale;
    }

    private static String lines(String indent, Function<String, Double> values) {
        return indent + METRICS.stream().map(metric -> metric + ": " + (values.apply(metric) == null ? "unavailable" : values.apply(metric)) + "\n").collect(Collectors.joining());
    }

    /** Pictures of the views in the model's order, the reference first. */
    private float[] truth(EncodedViews.Item item) {
        int views = item.pictures().views();
        int each = item.pictures().images().length / views;
        float[] out = new float[views * each];
        for (int v = 0; v < views; v++) {
            System.arraycopy(item.pictures().images(), (plan.reference() + v) % views * each, out, v * each, each);
        }
        return out;
    }

    private float[] reference(EncodedViews.Item item) {
        float[] mean = space.mean(item.moments()[plan.reference()]);
        for (int i = 0; i < mean.length; i++) {
            mean[i] = (float) (mean[i] * (plan.scaleReference() ? space.scale() : 1));
        }
        return mean;
    }

    /** The prompts of an object, with its cameras where the network is told them. */
    private Tensor conditioned(DiffusionModel model, float[] cameras) {
        Tensor prompts = model.prompts(new int[] {plan.reference()});
        return model.unet().conditioned(prompts, cameras == null ? null : Tensor.of(cameras, prompts.dim(0), model.unet().config().cameraNumbers()));
    }

    private static Tensor repeated(float[] one, int n, long... shape) {
        Tensor x = Tensor.of(one, shape);
        return Ops.concat(0, java.util.Collections.nCopies(n, x));
    }

    /** Views [V,3,s,s] of an object as the finished pipeline draws them: from the input in 8 bits, by the same code. */
    private float[] sample(DiffusionModel model, EncodedViews.Item item, double scale, NoiseSource noise, float[] cameras) {
        int size = item.pictures().size();
        Image8 input = Quantization.TRUNCATE.fromChw(item.pictures().view(plan.reference()), 3, size, size);
        DiffusionSampler s = plan.sampler();
        try (Scope scope = Scope.open("sampling for validation");
                MultiViewPipeline pipeline = new MultiViewPipeline(model.unet(), space, conditions, s.schedule(), plan.scaleReference())) {
            pipeline.cameras(cameras);
            return pipeline.generate(List.of(input), model.prompts(new int[] {plan.reference()}), new SamplingOptions(s.steps(), scale, s.eta(), 0, s.kind()), noise,
                    MultiViewPipeline.Listener.NONE).toFloats();
        }
    }

    /** Mean squared error of the prediction over steps spread evenly, with the same noises every time. */
    private double loss(DiffusionModel model, EncodedViews.Item item, int index, float[] cameras) {
        int views = item.moments().length;
        int side = space.side(item.pictures().size());
        double sum = 0;
        for (int k = 0; k < LOSS_STEPS; k++) {
            Philox random = new Philox(plan.seed(), LOSS_NOISE + (long) index * LOSS_STEPS + k);
            int each = space.channels() * side * side;
            float[] latents = new float[views * each];
            float[] noise = new float[views * each];
            for (int v = 0; v < views; v++) {
                float[] mean = space.mean(item.moments()[(plan.reference() + v) % views]);
                for (int i = 0; i < each; i++) {
                    latents[v * each + i] = (float) (mean[i] * space.scale());
                    noise[v * each + i] = (float) random.nextGaussian();
                }
            }
            int step = (2 * k + 1) * objective.schedule().length() / (2 * LOSS_STEPS);
            try (Scope scope = Scope.open("validation loss")) {
                long[] shape = {views, space.channels(), side, side};
                Tensor classes = conditions == null ? null : conditions.classLabels(repeated(item.embedding(), views, 1, conditions.width()), 0,
                        Tensor.zeros(DType.F32, views, conditions.width()));
                DiffusionObjective.Report r = objective.evaluate(model.unet(), new DiffusionObjective.Batch(Tensor.of(latents, shape),
                        repeated(reference(item), views, 1, space.channels(), side, side), classes, conditioned(model, cameras),
                        Tensor.of(noise, shape), new int[] {step}, new float[0]));
                sum += r.loss().item() / LOSS_STEPS;
            }
        }
        return sum;
    }

    /** Of every view, by metric. */
    private Map<String, double[]> measured(float[] views, float[] truth, int n, int size) {
        Map<String, double[]> out = new LinkedHashMap<>();
        try (Scope scope = Scope.open("metrics")) {
            Tensor a = Tensor.of(views, n, 3, size, size);
            Tensor b = Tensor.of(truth, n, 3, size, size);
            out.put("psnr", ImageMetrics.psnr(a, b));
            out.put("ssim", ImageMetrics.ssim(a, b));
        }
        if (lpips != null) {
            int each = 3 * size * size;
            out.put("lpips", IntStream.range(0, n).mapToDouble(v -> lpips.distance(Arrays.copyOfRange(views, v * each, (v + 1) * each),
                    Arrays.copyOfRange(truth, v * each, (v + 1) * each), size, size)).toArray());
        }
        return out;
    }

    /** What stands above the views: slot and camera, and the name of the view its prompt stands for, where one is known. */
    private List<List<String>> columns(DiffusionModel model, int n) {
        List<PromptSlot> names = model.promptSource().slots();
        List<List<String>> out = new ArrayList<>();
        for (int v = 0; v < n; v++) {
            int camera = (plan.reference() + v) % n;
            String place = "slot " + v + ", camera " + camera;
            out.add(camera < names.size() ? List.of(place, names.get(camera).name()) : List.of(place));
        }
        return out;
    }

    /** n pictures [3,s,s] side by side. */
    private static Image8 strip(float[] pictures, int n, int size) {
        float[] wide = new float[pictures.length];
        int plane = size * size;
        for (int i = 0; i < pictures.length; i++) {
            int v = i / (3 * plane);
            int c = i / plane % 3;
            wide[(c * size + i % plane / size) * n * size + v * size + i % size] = pictures[i];
        }
        return Quantization.TRUNCATE.fromChw(wide, 3, size, n * size);
    }

    /** Rows: the input repeated, ground truth, prediction. */
    private static BufferedImage grid(float[] input, float[] truth, float[] views, List<List<String>> columns, int size) {
        int n = columns.size();
        float[] inputs = new float[truth.length];
        for (int v = 0; v < n; v++) {
            System.arraycopy(input, 0, inputs, v * input.length, input.length);
        }
        return LabelledViews.of(List.of(new LabelledViews.Row("Input", strip(inputs, n, size)), new LabelledViews.Row("GT", strip(truth, n, size)),
                new LabelledViews.Row("Pred", strip(views, n, size))), columns, size);
    }
}
