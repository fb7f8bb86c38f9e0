package org.mouselift.pipeline.train;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.LongToDoubleFunction;
import java.util.function.Function;
import java.util.stream.IntStream;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Philox;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.nn.PlacedFunction;
import org.mouselift.engine.nn.Placement;
import org.mouselift.models.gslrm.GsLrm;
import org.mouselift.models.gslrm.GsLrmOutput;
import org.mouselift.models.gslrm.ViewRenderer;
import org.mouselift.models.losses.LossReport;
import org.mouselift.models.losses.LossWeights;
import org.mouselift.models.losses.ReconstructionLoss;
import org.mouselift.models.optim.GradientRules;
import org.mouselift.models.optim.Optimizer;
import org.mouselift.models.optim.TrainingStep;
import org.mouselift.pipeline.evaluate.LpipsNetwork;
import org.mouselift.pipeline.reconstruct.ViewMetrics;

/**
 * Training of GS-LRM (GS-LRM specification §6, mouse specification §6.4): passes, updates, validation, pictures and
 * checkpoints. Everything random is a function of (seed, pass), so a run that is killed and started again continues bit for
 * bit from its newest checkpoint.
 */
public final class GsLrmTrainer extends TrainingRun {
    /**
     * How to train.
     *
     * @param folder checkpoints
     * @param seed order of the data and all draws
     * @param batch scenes a pass
     * @param accumulation passes an update
     * @param passes forward/backward passes of the run; it ends exactly there
     * @param views which views are inputs and targets
     * @param checkpointEvery passes between checkpoints; one is also written at the end
     * @param keep newest checkpoints that stay, 0 for all
     * @param pictureEvery passes between pictures of the current batch, 0 for none
     * @param validateEvery passes between validations, 0 for none; one also runs at the end
     * @param validationScenes at most so many scenes, always the same
     * @param configuration text that is stored with every checkpoint
     * @param provenance JSON object that is stored with every checkpoint: what the run is trained with
     */
    public record Plan(Path folder, long seed, int batch, int accumulation, long passes, SceneBatch.ViewRule views, int checkpointEvery, int keep,
            int pictureEvery, int validateEvery, int validationScenes, String configuration, String provenance) {
        Course course() {
            return new Course(folder, seed, accumulation, passes, checkpointEvery, keep, validateEvery, configuration, provenance);
        }
    }

    private static final String USAGE = "gaussians_usage";
    private static final String RENDERING = "rendering";

    private final GsLrm model;
    private final ReconstructionLoss loss;
    private final SceneSource train;
    private final SceneSource validation;
    private final Plan plan;
    private final LpipsNetwork lpips;

    /**
     * @param optimiser of the model's parameters; closed with the trainer
     * @param validation null for none
     * @param lpips measures {@code val/lpips}; null to leave it out. Stays open
     */
    public GsLrmTrainer(GsLrm model, ReconstructionLoss loss, Optimizer optimiser, LongToDoubleFunction schedule, GradientRules rules, SceneSource train,
            SceneSource validation, LpipsNetwork lpips, Plan plan, TrainingListener listener) {
        super(model.stateDict(), optimiser, new TrainingStep(optimiser, schedule, rules, plan.accumulation()), plan.course(), listener);
        this.model = model;
        this.loss = loss;
        this.train = train;
        this.validation = validation;
        this.plan = plan;
        this.lpips = lpips;
    }

    @Override
    protected Pass pass(long number) throws IOException {
        SceneBatch batch = SceneBatch.of(train, plan.views(), plan.seed(), number, plan.batch());
        boolean picture = plan.pictureEvery() > 0 && (number % plan.pictureEvery() == 0);
        List<SupervisionGrid.View> grid = new ArrayList<>();
        LossWeights weights = loss.config().weightsAt(number);
        boolean clip = model.config().clipXyzActive() && !loss.config().warmsUpPoints(number);
        return new Pass() {
            @Override
            public Object kind() {
                return new Kind(weights, clip);
            }

            @Override
            public List<Tensor> operands() {
                List<Tensor> in = new ArrayList<>(List.of(SceneBatch.images(batch.input()), SceneBatch.c2w(batch.input()), SceneBatch.intrinsics(batch.input()),
                        SceneBatch.images(batch.target()), SceneBatch.c2w(batch.target()), SceneBatch.intrinsics(batch.target())));
                if (weights.depth() > 0) {
                    in.add(SceneBatch.axes(batch.input()));
                    in.add(SceneBatch.depth(batch.input()));
                }
                return in;
            }

            @Override
            public TrainingStep.Outcome compute(List<Tensor> operands) {
                return forward(number, operands, clip);
            }

            @Override
            public void read(Map<String, Tensor> values, Map<String, Double> numbers) {
                Map<String, Tensor> scalars = new LinkedHashMap<>(values);
                Tensor usage = scalars.remove(USAGE);
                Tensor rendering = scalars.remove(RENDERING);
                numbers.putAll(LossReport.numbers(scalars));
                numbers.put(USAGE, usage.item());
                if (picture) {
                    grid.addAll(pictures(batch.target().getFirst(), rendering.toFloats()));
                }
            }

            @Override
            public String subjects() {
                return batch.input().stream().map(Scene::id).toList().toString();
            }

            @Override
            public long epoch() {
                return number / Math.max(1, train.size() / plan.batch());
            }

            @Override
            public void done(long pass) throws IOException {
                if (picture && !grid.isEmpty()) {
                    listener().picture(pass, "train/supervision_0", SupervisionGrid.draw(grid));
                }
            }
        };
    }

    /** What tells passes with different computations apart. */
    private record Kind(LossWeights weights, boolean clip) {}

    private TrainingStep.Outcome forward(long pass, List<Tensor> in, boolean clip) {
        GsLrmOutput out = model.reconstruct(in.get(0), in.get(1), in.get(2), clip);
        Tensor target = in.get(3);
        Tensor rendering = ViewRenderer.render(out.gaussians(), in.get(4), in.get(5), (int) target.dim(3), (int) target.dim(4), model.config().scalingModifier());
        boolean depth = loss.config().weightsAt(pass).depth() > 0;
        ReconstructionLoss.Geometry geometry = needsGeometry(pass)
                ? new ReconstructionLoss.Geometry(out.pixelAlignedXyz(), out.rays().origin(), out.rays().direction(), depth ? in.get(6) : null, depth ? in.get(7) : null) : null;
        LossReport report = loss.evaluate(pass, rendering, target, geometry);
        Map<String, Tensor> values = report.values();
        return Tape.pause(() -> {
            values.put(USAGE, out.gaussians().usage());
            // In every pass of a run with pictures: one without would be another program.
            if (plan.pictureEvery() > 0) {
                values.put(RENDERING, Ops.slice(rendering, 0, 0, 1));
            }
            return new TrainingStep.Outcome(report.total(), values);
        });
    }

    /** Truth and renderings of a scene's first views. */
    private static List<SupervisionGrid.View> pictures(Scene scene, float[] renderings) {
        int image = 3 * scene.height() * scene.width();
        return IntStream.range(0, Math.min(10, scene.views()))
                .mapToObj(v -> new SupervisionGrid.View(scene.rgb(v), Arrays.copyOfRange(renderings, v * image, (v + 1) * image), scene.width(), scene.height())).toList();
    }

    @Override
    protected Map<String, Tensor> fixed() {
        return loss.weights();
    }

    private boolean needsGeometry(long pass) {
        var w = loss.config().weightsAt(pass);
        return w.pixelAlign() > 0 || w.pointsDist() > 0 || w.depth() > 0;
    }

    /** Means over the same scenes every time, and the picture of the first. */
    @Override
    protected void validate() throws IOException {
        if (validation == null) {
            return;
        }
        Map<String, Double> sums = new LinkedHashMap<>();
        int n = Math.min(validation.size(), plan.validationScenes());
        for (int i = 0; i < n; i++) {
            Scene scene = validation.load(i, new Philox(plan.seed(), i));
            SceneBatch batch = SceneBatch.whole(scene, plan.views().inputViews(), plan.views().withInputs());
            Scene target = batch.target().getFirst();
            List<float[]> renderings = renderings(batch);
            List<ViewMetrics> shown = new ArrayList<>();
            List<ViewMetrics> white = new ArrayList<>();
            for (int v = 0; v < target.views(); v++) {
                String name = scene.id() + ", view " + v;
                ViewMetrics metrics = ViewMetrics.of(renderings.get(v), target.rgb(v), target.mask(v), target.height(), target.width(), name);
                shown.add(lpips == null ? metrics : lpips.measured(metrics, renderings.get(v), target.rgb(v), target.height(), target.width()));
                white.add(ViewMetrics.ofWhite(target.rgb(v), target.mask(v), target.height(), target.width(), name));
            }
            values(ViewMetrics.mean(shown), ViewMetrics.mean(white)).forEach((k, v) -> sums.merge("val/" + k, v / n, Double::sum));
            if (i == 0) {
                List<SupervisionGrid.View> grid = new ArrayList<>();
                for (int v = 0; v < Math.min(10, target.views()); v++) {
                    grid.add(new SupervisionGrid.View(target.rgb(v), renderings.get(v), target.width(), target.height()));
                }
                listener().picture(passes(), "val/gt_vs_pred_0", SupervisionGrid.draw(grid));
            }
        }
        listener().validated(passes(), sums);
    }

    /** The original's names; foreground, mask and the white picture only where the views have alpha. */
    private static Map<String, Double> values(ViewMetrics shown, ViewMetrics white) {
        Map<String, Double> out = new LinkedHashMap<>();
        out.put("psnr", shown.psnr());
        out.put("ssim", shown.ssim());
        if (!Double.isNaN(shown.lpips())) {
            out.put("lpips", shown.lpips());
        }
        if (!Double.isNaN(shown.maskIou())) {
            out.put("foreground_psnr", shown.foregroundPsnr());
            out.put("mask_iou", shown.maskIou());
            out.put("white_psnr", white.psnr());
        }
        return out;
    }

    /** Reconstructs a scene from its input views; RGB [3,H,W] of every target view, clipped to [0,1]. */
    private List<float[]> renderings(SceneBatch batch) {
        try (Scope s = Scope.open("validation")) {
            Scene target = batch.target().getFirst();
            List<Tensor> operands = List.of(SceneBatch.images(batch.input()), SceneBatch.c2w(batch.input()), SceneBatch.intrinsics(batch.input()),
                    SceneBatch.c2w(batch.target()), SceneBatch.intrinsics(batch.target()));
            float[] all = Tape.pause(() -> renderer(target.height(), target.width()).apply(operands)).getFirst().toFloats();
            int image = 3 * target.height() * target.width();
            return IntStream.range(0, target.views()).mapToObj(v -> Arrays.copyOfRange(all, v * image, (v + 1) * image)).toList();
        }
    }

    private Function<List<Tensor>, List<Tensor>> renderer(int height, int width) {
        Function<List<Tensor>, List<Tensor>> body = in -> rendered(in, height, width);
        Placement placement = Placement.current();
        if (placement == null) {
            return body;
        }
        return placement.kept("validation at " + height + "x" + width, PlacedFunction.class,
                () -> new PlacedFunction("validation at " + height + "x" + width, model.stateDict(), body))::apply;
    }

    private List<Tensor> rendered(List<Tensor> in, int height, int width) {
        GsLrmOutput out = model.reconstruct(in.get(0), in.get(1), in.get(2));
        return List.of(Ops.clamp(ViewRenderer.render(out.gaussians(), in.get(3), in.get(4), height, width, model.config().scalingModifier()), 0, 1));
    }
}
