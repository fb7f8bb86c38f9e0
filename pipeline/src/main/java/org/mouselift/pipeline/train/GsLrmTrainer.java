package org.mouselift.pipeline.train;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.IntStream;
import org.mouselift.engine.MemoryPool;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Philox;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.models.gslrm.GsLrm;
import org.mouselift.models.gslrm.GsLrmOutput;
import org.mouselift.models.gslrm.ViewRenderer;
import org.mouselift.models.losses.LossReport;
import org.mouselift.models.losses.ReconstructionLoss;
import org.mouselift.models.optim.GradientRules;
import org.mouselift.models.optim.Optimizer;
import org.mouselift.models.optim.Schedule;
import org.mouselift.models.optim.TrainingStep;
import org.mouselift.pipeline.reconstruct.ViewMetrics;

/**
 * Training of GS-LRM (GS-LRM specification §6, mouse specification §6.4): passes, updates, validation, pictures and
 * checkpoints. Everything random is a function of (seed, pass), so a run that is killed and started again continues bit for
 * bit from its newest checkpoint.
 */
public final class GsLrmTrainer implements AutoCloseable {
    private static final int SKIP_WINDOW = 100;
    private static final double SKIP_LIMIT = 0.3;

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
            int pictureEvery, int validateEvery, int validationScenes, String configuration, String provenance) {}

    private final GsLrm model;
    private final ReconstructionLoss loss;
    private final Optimizer optimiser;
    private final TrainingStep step;
    private final SceneSource train;
    private final SceneSource validation;
    private final Plan plan;
    private final TrainingListener listener;
    private long skipped;
    private String recentSkips = "";
    private volatile boolean stopRequested;

    /**
     * @param optimiser of the model's parameters; closed with the trainer
     * @param validation null for none
     */
    public GsLrmTrainer(GsLrm model, ReconstructionLoss loss, Optimizer optimiser, Schedule schedule, GradientRules rules, SceneSource train,
            SceneSource validation, Plan plan, TrainingListener listener) {
        this.model = model;
        this.loss = loss;
        this.optimiser = optimiser;
        this.step = new TrainingStep(optimiser, schedule, rules, plan.accumulation());
        this.train = train;
        this.validation = validation;
        this.plan = plan;
        this.listener = listener;
    }

    /** Asks the run to end after the current pass, with a checkpoint. Safe from any thread. */
    public void requestStop() {
        stopRequested = true;
    }

    /** Passes done so far. */
    public long passes() {
        return step.passes();
    }

    /**
     * Continues from the newest readable checkpoint of the folder, if there is one.
     *
     * @return true if a checkpoint was loaded
     */
    public boolean resume() throws IOException {
        Optional<TrainingCheckpoint.Found> found = TrainingCheckpoint.newest(plan.folder());
        if (found.isEmpty()) {
            return false;
        }
        found.get().passedOver().forEach(p -> listener.note("passed over a damaged checkpoint: " + p));
        Path file = found.get().file();
        TrainingCheckpoint.Counters c;
        try (Scope s = Scope.open("resume")) {
            c = TrainingCheckpoint.restore(file, state());
        }
        if (c.seed() != plan.seed()) {
            throw new IOException(file + " belongs to a run with seed " + c.seed() + ", this one has " + plan.seed()
                    + "; set the same seed, or choose another checkpoint folder");
        }
        // A run that was killed between a checkpoint and the clearing up after it left one too many.
        TrainingCheckpoint.prune(plan.folder(), plan.keep());
        optimiser.updates(c.updateStep());
        step.resume(c.fwdbwdStep(), c.scheduleStep(), c.updateStep());
        skipped = c.skipped();
        recentSkips = c.recentSkips();
        listener.note("continuing from " + file + " (pass " + c.fwdbwdStep() + ", update " + c.updateStep() + ")");
        return true;
    }

    private TrainingCheckpoint.State state() {
        return new TrainingCheckpoint.State(model.stateDict(), optimiser.firstMoments(), optimiser.secondMoments());
    }

    /**
     * Trains until the planned end, a stop request, or an error; leaves a checkpoint in the first two cases. Whatever is
     * recorded at a pass is recorded before that pass's checkpoint, so that a run killed in between does it again.
     */
    public void run() throws IOException {
        if (step.passes() >= plan.passes()) {
            throw new IOException("MFL-E208: checkpoint is at step " + step.passes() + ", limit is " + plan.passes()
                    + ": training would end immediately. Set reset_training_state: true or raise the limit.");
        }
        long saved = -1;
        long validated = -1;
        while (step.passes() < plan.passes() && !stopRequested) {
            onePass(step.passes());
            long done = step.passes();
            boolean boundary = done % plan.accumulation() == 0;
            if (plan.validateEvery() > 0 && done % plan.validateEvery() == 0) {
                validate();
                validated = done;
            }
            if (plan.checkpointEvery() > 0 && done % plan.checkpointEvery() == 0 && boundary && done < plan.passes()) {
                save();
                saved = done;
            }
        }
        // A checkpoint inside an accumulation window would lose the gradients collected so far: finish the window.
        while (step.passes() % plan.accumulation() != 0) {
            onePass(step.passes());
        }
        if (!stopRequested && validated != step.passes()) {
            validate();
        }
        if (saved != step.passes()) {
            save();
        }
        listener.note(stopRequested && step.passes() < plan.passes()
                ? "stopped at pass " + step.passes() + "; run the same command again to continue" : "finished at pass " + step.passes());
    }

    private void onePass(long pass) throws IOException {
        long begin = System.nanoTime();
        SceneBatch batch = SceneBatch.of(train, plan.views(), plan.seed(), pass, plan.batch());
        boolean picture = plan.pictureEvery() > 0 && (pass % plan.pictureEvery() == 0);
        Map<String, Double> numbers = new LinkedHashMap<>();
        List<SupervisionGrid.View> grid = new ArrayList<>();
        TrainingStep.Result result;
        try {
            result = step.pass(() -> forward(pass, batch, numbers, picture ? grid : null));
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
        if (!Double.isFinite(result.loss())) {
            listener.note("pass " + result.pass() + ": the loss is " + result.loss() + " on " + batch.input().stream().map(Scene::id).toList());
        }
        Map<String, Double> values = new LinkedHashMap<>();
        numbers.forEach((k, v) -> values.put("train/" + k, v));
        values.put("metrics/fwdbwd_pass_step", (double) result.pass());
        values.put("metrics/param_update_step", (double) result.updates());
        values.put("metrics/lr", result.rate());
        if (!Double.isNaN(result.gradientNorm())) {
            values.put("metrics/grad_norm", result.gradientNorm());
        }
        values.put("metrics/epoch", (double) (pass / Math.max(1, train.size() / plan.batch())));
        watchSkips(result, values);
        values.put("metrics/iter_time", (System.nanoTime() - begin) * 1e-9);
        values.put("metrics/peak_memory_bytes", (double) MemoryPool.usage().peakBytes());
        listener.pass(result.pass(), plan.passes(), values);
        if (picture && !grid.isEmpty()) {
            listener.picture(result.pass(), "train/supervision_0", SupervisionGrid.draw(grid));
        }
    }

    private Tensor forward(long pass, SceneBatch batch, Map<String, Double> numbers, List<SupervisionGrid.View> grid) {
        boolean clip = model.config().clipXyzActive() && !loss.config().warmsUpPoints(pass);
        GsLrmOutput out = model.reconstruct(SceneBatch.images(batch.input()), SceneBatch.c2w(batch.input()), SceneBatch.intrinsics(batch.input()), clip);
        Scene first = batch.target().getFirst();
        Tensor rendering = ViewRenderer.render(out.gaussians(), SceneBatch.c2w(batch.target()), SceneBatch.intrinsics(batch.target()), first.height(),
                first.width(), model.config().scalingModifier());
        boolean depth = loss.config().weightsAt(pass).depth() > 0;
        ReconstructionLoss.Geometry geometry = needsGeometry(pass)
                ? new ReconstructionLoss.Geometry(out.pixelAlignedXyz(), out.rays().origin(), out.rays().direction(),
                        depth ? SceneBatch.axes(batch.input()) : null, depth ? SceneBatch.depth(batch.input()) : null) : null;
        LossReport report = loss.evaluate(pass, rendering, SceneBatch.images(batch.target()), geometry);
        Tape.pause(() -> {
            numbers.putAll(report.numbers());
            numbers.put("gaussians_usage", out.gaussians().usage().item());
            if (grid != null) {
                float[] pictures = Ops.slice(rendering, 0, 0, 1).toFloats();
                int image = 3 * first.height() * first.width();
                for (int v = 0; v < Math.min(10, first.views()); v++) {
                    grid.add(new SupervisionGrid.View(first.rgb(v), Arrays.copyOfRange(pictures, v * image, (v + 1) * image), first.width(),
                            first.height()));
                }
            }
            return null;
        });
        return report.total();
    }

    private boolean needsGeometry(long pass) {
        var w = loss.config().weightsAt(pass);
        return w.pixelAlign() > 0 || w.pointsDist() > 0 || w.depth() > 0;
    }

    /** Counts skipped updates and ends a run that mostly skips (mouse specification §6.4, K-32). */
    private void watchSkips(TrainingStep.Result result, Map<String, Double> values) throws IOException {
        if (result.skip() == TrainingStep.Skip.ACCUMULATING) {
            return;
        }
        boolean skip = !result.updated();
        skipped += skip ? 1 : 0;
        recentSkips += skip ? "1" : "0";
        if (recentSkips.length() > SKIP_WINDOW) {
            recentSkips = recentSkips.substring(1);
        }
        double share = recentSkips.chars().filter(c -> c == '1').count() / (double) recentSkips.length();
        values.put("metrics/skipped_updates", (double) skipped);
        values.put("metrics/skipped_share", share);
        if (recentSkips.length() == SKIP_WINDOW && share > SKIP_LIMIT) {
            throw new IOException("pass " + result.pass() + ": " + Math.round(share * 100) + " % of the last " + SKIP_WINDOW
                    + " updates were skipped (last reason " + result.skip() + ", gradient norm " + result.gradientNorm()
                    + "); lower training.optimizer.lr, lengthen the warm-up, or raise grad_clip_norm");
        }
    }

    private void save() throws IOException {
        try (Scope s = Scope.open("checkpoint")) {
            var counters = new TrainingCheckpoint.Counters(step.passes(), step.updates(), step.opportunities(), skipped, recentSkips, plan.seed());
            listener.saved(TrainingCheckpoint.save(plan.folder(), counters, state(), plan.configuration(), plan.provenance(), plan.keep()));
        }
    }

    /** Means over the same scenes every time, and the picture of the first. */
    private void validate() throws IOException {
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
                shown.add(ViewMetrics.of(renderings.get(v), target.rgb(v), target.mask(v), target.height(), target.width(), name));
                white.add(ViewMetrics.ofWhite(target.rgb(v), target.mask(v), target.height(), target.width(), name));
            }
            values(ViewMetrics.mean(shown), ViewMetrics.mean(white)).forEach((k, v) -> sums.merge("val/" + k, v / n, Double::sum));
            if (i == 0) {
                List<SupervisionGrid.View> grid = new ArrayList<>();
                for (int v = 0; v < Math.min(10, target.views()); v++) {
                    grid.add(new SupervisionGrid.View(target.rgb(v), renderings.get(v), target.width(), target.height()));
                }
                listener.picture(step.passes(), "val/gt_vs_pred_0", SupervisionGrid.draw(grid));
            }
        }
        listener.validated(step.passes(), sums);
    }

    /** The original's names; foreground, mask and the white picture only where the views have alpha. */
    private static Map<String, Double> values(ViewMetrics shown, ViewMetrics white) {
        Map<String, Double> out = new LinkedHashMap<>();
        out.put("psnr", shown.psnr());
        out.put("ssim", shown.ssim());
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
            GsLrmOutput out = model.reconstruct(SceneBatch.images(batch.input()), SceneBatch.c2w(batch.input()), SceneBatch.intrinsics(batch.input()));
            Scene target = batch.target().getFirst();
            float[] all = Ops.clamp(ViewRenderer.render(out.gaussians(), SceneBatch.c2w(batch.target()), SceneBatch.intrinsics(batch.target()),
                    target.height(), target.width(), model.config().scalingModifier()), 0, 1).toFloats();
            int image = 3 * target.height() * target.width();
            return IntStream.range(0, target.views()).mapToObj(v -> Arrays.copyOfRange(all, v * image, (v + 1) * image)).toList();
        }
    }

    @Override
    public void close() {
        step.close();
        optimiser.close();
    }
}
