package org.mouselift.pipeline.train;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Optional;
import org.mouselift.data.checkpoint.ArtefactStatus;
import org.mouselift.data.checkpoint.Checkpoint;
import org.mouselift.data.checkpoint.Provenance;
import org.mouselift.engine.MemoryPool;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.device.DeviceMemoryException;
import org.mouselift.engine.nn.Placement;
import org.mouselift.models.optim.AdamW;
import org.mouselift.models.optim.Optimizer;
import org.mouselift.models.optim.TrainingStep;

/**
 * A training of any model: passes, updates, validations, checkpoints, the same for all stages (GS-LRM specification §6, mouse
 * specification §6.4). Everything random must be a function of (seed, pass), so that a run that is killed and started again
 * continues bit for bit from its newest checkpoint.
 */
public abstract class TrainingRun implements AutoCloseable {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int SKIP_WINDOW = 100;
    private static final double SKIP_LIMIT = 0.3;

    /**
     * How long, and what is kept.
     *
     * @param folder checkpoints
     * @param seed order of the data and all draws
     * @param accumulation passes an update
     * @param passes forward/backward passes of the run; it ends exactly there
     * @param checkpointEvery passes between checkpoints (see {@link #due}); one is also written at the end
     * @param keep newest checkpoints that stay, 0 for all
     * @param validateEvery passes between validations (see {@link #due}), 0 for none; one also runs at the end
     * @param configuration text that is stored with every checkpoint
     * @param provenance JSON object that is stored with every checkpoint: what the run is trained with
     */
    public record Course(Path folder, long seed, int accumulation, long passes, int checkpointEvery, int keep, int validateEvery, String configuration,
            String provenance) {}

    /** One forward pass, with its data at hand. */
    protected interface Pass extends TrainingStep.Pass {
        /**
         * Reads the values of the pass, wherever they were computed.
         *
         * @param numbers takes what the log shall say of this pass, without a prefix; {@code loss} and {@code psnr} among it
         */
        void read(Map<String, Tensor> values, Map<String, Double> numbers);

        /** What the pass learns from, for messages. */
        String subjects();

        /** Passes through the whole data before this one. */
        long epoch();

        /** Adds to what the log says of the pass, after its update; {@code metrics/iter_time}, in seconds, is among it. */
        default void log(Map<String, Double> values) {}

        /** After the pass, with its number from 1: pictures. */
        default void done(long pass) throws IOException {}
    }

    private final Map<String, Tensor> weights;
    private final Optimizer optimiser;
    private final TrainingStep step;
    private final Course course;
    private final TrainingListener listener;
    private long skipped;
    private String recentSkips = "";
    private volatile boolean stopRequested;
    /** Passes done at the last validation of this process. */
    private long validated = -1;

    /**
     * @param weights all of the model, by state-dict name
     * @param optimiser of the weights that learn; closed with the run
     * @param step of the same optimiser and the course's accumulation; closed with the run
     */
    protected TrainingRun(Map<String, Tensor> weights, Optimizer optimiser, TrainingStep step, Course course, TrainingListener listener) {
        this.weights = weights;
        this.optimiser = optimiser;
        this.step = step;
        this.course = course;
        this.listener = listener;
    }

    /** Takes the data of a pass, numbered from 0. */
    protected abstract Pass pass(long number) throws IOException;

    /** Measures the model at its present state and tells the listener; nothing without validation data. */
    protected abstract void validate() throws IOException;

    /** Weights of the loss that stay as they are, by name. */
    protected Map<String, Tensor> fixed() {
        return Map.of();
    }

    private Map<String, Tensor> used() {
        Map<String, Tensor> all = new LinkedHashMap<>(weights);
        all.putAll(fixed());
        return all;
    }

    /** Lets something move along with the weights where passes are programs; see {@link TrainingStep#follow}. */
    protected final void follow(TrainingStep.Follower what) {
        step.follow(what);
    }

    /** Whether what happens every so many passes is due now; a run that counts updates instead says so here. */
    protected boolean due(int every) {
        return step.passes() % every == 0;
    }

    /** After every update of the weights. */
    protected void updated() {}

    /**
     * After a checkpoint was loaded.
     *
     * @param updates updates done before
     */
    protected void resumed(long updates) throws IOException {}

    /**
     * After a checkpoint was written, before anybody is told.
     *
     * @param updates updates done so far
     */
    protected void saved(Path file, long updates) throws IOException {}

    /** Updates done so far. */
    public final long updates() {
        return step.updates();
    }

    protected final TrainingListener listener() {
        return listener;
    }

    /** Asks the run to end after the current pass, with a checkpoint. Safe from any thread. */
    public final void requestStop() {
        stopRequested = true;
    }

    /** Passes done so far. */
    public final long passes() {
        return step.passes();
    }

    /**
     * Continues from the newest readable checkpoint of the folder, if there is one.
     *
     * @return true if a checkpoint was loaded
     */
    public final boolean resume() throws IOException {
        Optional<TrainingCheckpoint.Found> found = TrainingCheckpoint.newest(course.folder());
        if (found.isEmpty()) {
            return false;
        }
        found.get().passedOver().forEach(p -> listener.note("passed over a damaged checkpoint: " + p));
        Path file = found.get().file();
        ArtefactStatus.requireUsable(file);
        TrainingCheckpoint.Counters c;
        try (Scope s = Scope.open("resume")) {
            c = TrainingCheckpoint.restore(file, state());
        }
        if (c.seed() != course.seed()) {
            throw new IOException(file + " belongs to a run with seed " + c.seed() + ", this one has " + course.seed()
                    + "; set the same seed, or choose another checkpoint folder");
        }
        // A run that was killed between a checkpoint and the clearing up after it left one too many.
        TrainingCheckpoint.prune(course.folder(), course.keep());
        optimiser.updates(c.optimiserSteps() == null ? c.updateStep() : c.optimiserSteps());
        step.resume(c.fwdbwdStep(), c.scheduleStep(), c.updateStep());
        resumed(c.updateStep());
        if (!Files.exists(Provenance.file(file))) {
            record(file, false);
        }
        skipped = c.skipped();
        recentSkips = c.recentSkips();
        listener.note("continuing from " + file + " (pass " + c.fwdbwdStep() + ", update " + c.updateStep() + ")");
        return true;
    }

    /**
     * Begins with the training state of an original checkpoint whose weights the model has: counters, moments, position of the
     * schedule. Called instead of {@link #resume} when the folder has no run yet.
     *
     * @param plan with the learning rates that this run was made with
     */
    public final void begin(OriginalResume original, OriginalResume.Plan plan) throws IOException {
        if (plan.moments()) {
            if (!(optimiser instanceof AdamW adamw)) {
                throw new IOException(original.file() + " holds the state of AdamW; set training.optimizer.name adamw, or"
                        + " training.optimizer.reset_training_state true to take the weights alone");
            }
            try (Checkpoint stored = Checkpoint.open(original.file())) {
                original.restore(stored, adamw);
            }
        }
        step.resume(plan.passes(), plan.opportunity(), plan.updates());
        listener.note("continuing the training of " + original.file() + " (pass " + plan.passes() + ", update " + plan.updates()
                + (plan.moments() ? ")" : "); it holds no optimizer state, the moments begin at zero"));
    }

    private TrainingCheckpoint.State state() {
        return new TrainingCheckpoint.State(weights, optimiser.firstMoments(), optimiser.secondMoments());
    }

    /**
     * Trains until the planned end, a stop request, or an error; leaves a checkpoint in the first two cases. Whatever is
     * recorded at a pass is recorded before that pass's checkpoint, so that a run killed in between does it again.
     */
    public final void run() throws IOException {
        requireWork(step.passes(), course.passes());
        long saved = -1;
        validated = -1;
        while (step.passes() < course.passes() && !stopRequested) {
            onePass(step.passes());
            long done = step.passes();
            if (course.validateEvery() > 0 && due(course.validateEvery())) {
                validateInPlace();
                validated = done;
            }
            if (course.checkpointEvery() > 0 && due(course.checkpointEvery()) && step.betweenWindows() && done < course.passes()) {
                save();
                saved = done;
            }
        }
        // A checkpoint inside an accumulation window would lose the gradients collected so far: finish the window.
        while (!step.betweenWindows()) {
            onePass(step.passes());
        }
        if (!stopRequested && validated != step.passes()) {
            validateInPlace();
        }
        if (saved != step.passes()) {
            save();
        }
        listener.note(stopRequested && step.passes() < course.passes()
                ? "stopped at pass " + step.passes() + "; run the same command again to continue" : "finished at pass " + step.passes());
    }

    /**
     * Validates. Programs of a validation have weights of their own on a device, so they go with it; where there is no room for them
     * beside the training's, that one goes first and comes back with the next pass.
     */
    protected final void validateInPlace() throws IOException {
        Placement here = Placement.current();
        if (here == null) {
            validate();
            return;
        }
        try {
            validateApart(here);
        } catch (DeviceMemoryException full) {
            step.release();
            validateApart(here);
        }
    }

    private void validateApart(Placement here) throws IOException {
        try (Placement own = new Placement(here.device())) {
            own.during(() -> {
                validate();
                return null;
            });
        }
    }

    /** Refuses to begin at or after the end (MFL-E208). */
    public static void requireWork(long done, long limit) throws IOException {
        if (done >= limit) {
            throw new IOException("MFL-E208: Checkpoint is at step " + done + ", limit is " + limit
                    + ": training would end immediately. Set reset_training_state: true or raise the limit.");
        }
    }

    private void onePass(long number) throws IOException {
        long begin = System.nanoTime();
        Pass pass = pass(number);
        Map<String, Double> numbers = new LinkedHashMap<>();
        TrainingStep.Result result;
        try {
            result = step.pass(pass, used(), values -> pass.read(values, numbers));
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
        if (result.updated()) {
            updated();
        }
        if (!Double.isFinite(result.loss())) {
            listener.note("pass " + result.pass() + ": the loss is " + result.loss() + " on " + pass.subjects());
        }
        Map<String, Double> values = new LinkedHashMap<>();
        numbers.forEach((k, v) -> values.put("train/" + k, v));
        values.put("metrics/fwdbwd_pass_step", (double) result.pass());
        values.put("metrics/param_update_step", (double) result.updates());
        values.put("metrics/lr", result.rate());
        if (!Double.isNaN(result.gradientNorm())) {
            values.put("metrics/grad_norm", result.gradientNorm());
        }
        values.put("metrics/epoch", (double) pass.epoch());
        watchSkips(result, values);
        values.put("metrics/iter_time", (System.nanoTime() - begin) * 1e-9);
        values.put("metrics/peak_memory_bytes", (double) MemoryPool.usage().peakBytes());
        pass.log(values);
        listener.pass(result.pass(), course.passes(), values);
        pass.done(result.pass());
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
            var counters = new TrainingCheckpoint.Counters(step.passes(), step.updates(), step.opportunities(), skipped, recentSkips, course.seed(),
                    optimiser.updates() == step.updates() ? null : (Long) optimiser.updates());
            Path file = TrainingCheckpoint.save(course.folder(), counters, state(), course.configuration(), course.provenance(), course.keep());
            record(file, validated == step.passes());
            saved(file, step.updates());
            listener.saved(file);
        }
    }

    /** Writes where a checkpoint comes from and its hash beside it (mouse specification §8.1). */
    private void record(Path file, boolean justValidated) throws IOException {
        ObjectNode keys = JSON.createObjectNode().put("passes", step.passes()).put("updates", step.updates()).put("seed", course.seed());
        if (justValidated) {
            listener.lastValidation().forEach(keys::put);
        }
        if (!(JSON.readTree(course.provenance()) instanceof ObjectNode known)) {
            throw new IllegalArgumentException("the provenance of a run is a JSON object, not " + course.provenance());
        }
        Provenance.of(known, course.folder()).with(keys).write(file);
    }

    @Override
    public void close() {
        step.close();
        optimiser.close();
    }
}
