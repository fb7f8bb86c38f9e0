package org.mouselift.pipeline.train.diffusion;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.mouselift.data.checkpoint.Provenance;
import org.mouselift.engine.Philox;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.nn.Placement;
import org.mouselift.models.diffusion.DiffusionObjective;
import org.mouselift.models.diffusion.ExponentialMovingAverage;
import org.mouselift.models.diffusion.LearningRate;
import org.mouselift.models.optim.AccumulationWindows;
import org.mouselift.models.optim.GradientRules;
import org.mouselift.models.optim.Optimizer;
import org.mouselift.models.optim.TrainingStep;
import org.mouselift.pipeline.multiview.ImageConditions;
import org.mouselift.pipeline.multiview.LatentSpace;
import org.mouselift.pipeline.train.TrainingListener;
import org.mouselift.pipeline.train.TrainingRun;

/**
 * Training of the multi-view diffusion (multi-view diffusion specification §4.4 to §4.11). Samples come in an order shuffled anew each
 * epoch; the last batch of an epoch may be incomplete, and the weights are updated at its end however few passes were collected
 * (§4.2, §4.5). All draws are functions of (seed, pass), so a run that is killed and
 * started again continues bit for bit.
 */
public final class DiffusionTrainer extends TrainingRun {
    private static final ObjectMapper JSON = new ObjectMapper();

    private static final long ORDER = 1L << 40;
    private static final long DRAWS = 2L << 40;
    private static final String LOSS = "loss";
    private static final String MSE = "mse";
    private static final String AVERAGE = "ema.";
    private static final int TIMESTEP_BUCKETS = 4;

    /**
     * How to train.
     *
     * @param course checkpoints and validations come every so many updates, not passes
     * @param batch objects a pass
     * @param references views that may be the input
     * @param scaleReference scales reference latents like the others
     * @param firstValidation validates after the first update, too
     */
    public record Plan(Course course, int batch, List<Integer> references, boolean scaleReference, boolean firstValidation) {
        public Plan {
            references = List.copyOf(references);
        }
    }

    private final DiffusionModel model;
    private final DiffusionObjective objective;
    private final LatentSpace space;
    private final ImageConditions conditions;
    private final EncodedViews train;
    private final DiffusionValidation validation;
    private final ExponentialMovingAverage average;
    private final Plan plan;
    private final AccumulationWindows windows;
    private long validatedFirst = -1;

    /**
     * @param conditions null without image branch
     * @param optimiser closed with the trainer
     * @param average null for none; closed with the trainer
     * @param validation null for none
     */
    public DiffusionTrainer(DiffusionModel model, DiffusionObjective objective, LatentSpace space, ImageConditions conditions, EncodedViews train,
            DiffusionValidation validation, Optimizer optimiser, LearningRate rate, GradientRules rules, ExponentialMovingAverage average, Plan plan,
            TrainingListener listener) {
        super(stored(model, average), optimiser, new TrainingStep(optimiser, rate::rate, rules, windows(train.size(), plan.batch(), plan.course().accumulation())), plan.course(),
                listener);
        this.windows = windows(train.size(), plan.batch(), plan.course().accumulation());
        this.model = model;
        this.objective = objective;
        this.space = space;
        this.conditions = conditions;
        this.train = train;
        this.validation = validation;
        this.average = average;
        this.plan = plan;
        if (average != null) {
            follow(new TrainingStep.Follower(average.shadows(), average::share, average::move));
        }
    }

    /** Which passes make an update. */
    public static AccumulationWindows windows(int samples, int batch, int accumulation) {
        return new AccumulationWindows(accumulation, passesPerEpoch(samples, batch));
    }

    private static long passesPerEpoch(int samples, int batch) {
        return (samples + batch - 1L) / batch;
    }

    private static Map<String, Tensor> stored(DiffusionModel model, ExponentialMovingAverage average) {
        Map<String, Tensor> all = new LinkedHashMap<>(model.weights());
        if (average != null) {
            average.shadows().forEach((name, t) -> all.put(AVERAGE + name, t));
        }
        return all;
    }

    @Override
    protected Pass pass(long number) throws IOException {
        int views = model.unet().config().numViews();
        int side = space.side(train.pictureSize());
        long perEpoch = passesPerEpoch(train.size(), plan.batch());
        int batch = (int) Math.min(plan.batch(), train.size() - number % perEpoch * plan.batch());
        int[] order = new Philox(plan.course().seed(), ORDER + number / perEpoch).choose(train.size(), train.size());
        int each = space.channels() * side * side;
        int n = batch * views;
        float[] latents = new float[n * each];
        float[] reference = new float[n * each];
        float[] noise = new float[n * each];
        float[] embeddings = new float[conditions == null ? 0 : n * conditions.width()];
        float[] embeddingNoise = new float[embeddings.length];
        int[] timesteps = new int[batch];
        int[] references = new int[batch];
        float[] drop = new float[objective.dropPerView() ? n : batch];
        int told = model.unet().config().cameraNumbers();
        float[] cameras = new float[n * told];
        List<String> names = new ArrayList<>();
        for (int b = 0; b < batch; b++) {
            int sample = order[(int) (number % perEpoch * plan.batch() + b)];
            Philox random = new Philox(plan.course().seed(), DRAWS + number * plan.batch() + b);
            references[b] = plan.references().size() == 1 ? plan.references().getFirst() : plan.references().get(random.below(plan.references().size()));
            Philox augmentation = new Philox(plan.course().seed(), 2 * DRAWS + number * plan.batch() + b);
            boolean mirrored = train.mirrors() && augmentation.nextBoolean();
            EncodedViews.Item item = train.load(sample, mirrored, references[b], augmentation, false);
            names.add(train.name(sample));
            if (told > 0) {
                System.arraycopy(train.cameras(sample, references[b], model.unet().config()), 0, cameras, b * views * told, views * told);
            }
            timesteps[b] = random.below(objective.schedule().length());
            float[] given = space.mean(item.moments()[references[b]]);
            for (int v = 0; v < views; v++) {
                int row = b * views + v;
                float[] target = space.sample(item.moments()[(references[b] + v) % views], side, random::nextGaussian);
                for (int i = 0; i < each; i++) {
                    latents[row * each + i] = (float) (target[i] * space.scale());
                    reference[row * each + i] = (float) (given[i] * (plan.scaleReference() ? space.scale() : 1));
                    noise[row * each + i] = (float) random.nextGaussian();
                }
                if (conditions != null) {
                    System.arraycopy(item.embedding(), 0, embeddings, row * conditions.width(), conditions.width());
                    for (int i = 0; i < conditions.width(); i++) {
                        embeddingNoise[row * conditions.width() + i] = (float) random.nextGaussian();
                    }
                }
                if (objective.dropPerView()) {
                    drop[row] = random.nextFloat();
                }
            }
            if (!objective.dropPerView()) {
                drop[b] = random.nextFloat();
            }
        }
        return new Pass() {
            private DiffusionObjective.Prepared prepared;

            @Override
            public Object kind() {
                return batch;
            }

            @Override
            public List<Tensor> operands() {
                long[] shape = {n, space.channels(), side, side};
                Tensor classes = conditions == null ? null
                        : conditions.classLabels(Tensor.of(embeddings, n, conditions.width()), 0, Tensor.of(embeddingNoise, n, conditions.width()));
                Tensor prompts = model.promptOperand(references);
                prepared = objective.prepare(model.unet(), new DiffusionObjective.Batch(Tensor.of(latents, shape), Tensor.of(reference, shape), classes, prompts,
                        Tensor.of(noise, shape), timesteps, drop));
                List<Tensor> all = new ArrayList<>(prepared.tensors());
                if (told > 0) {
                    all.add(Tensor.of(cameras, n, told));
                }
                all.add(prompts);
                return all;
            }

            @Override
            public TrainingStep.Outcome compute(List<Tensor> in) {
                int own = in.size() - (told > 0 ? 2 : 1);
                DiffusionObjective.Report r = objective.evaluate(model.unet(), prepared.with(in.subList(0, own),
                        model.unet().conditioned(model.promptsOf(in.getLast()), told > 0 ? in.get(own) : null)));
                return new TrainingStep.Outcome(r.loss(), Map.of(LOSS, r.loss(), MSE, r.perImage()));
            }

            @Override
            public void read(Map<String, Tensor> values, Map<String, Double> numbers) {
                numbers.put(LOSS, values.get(LOSS).item());
                double[] perImage = values.get(MSE).toDoubles();
                numbers.put(MSE, Arrays.stream(perImage).average().orElseThrow());
                numbers.putAll(bySlot(perImage, views));
                numbers.putAll(byTimestep(perImage, timesteps, objective.schedule().length()));
            }

            @Override
            public void log(Map<String, Double> values) {
                if (average != null) {
                    values.put("metrics/ema_decay", average.options().at(average.updates()));
                }
                values.put("metrics/images_per_second", n / values.get("metrics/iter_time"));
            }

            @Override
            public String subjects() {
                return names.toString();
            }

            @Override
            public long epoch() {
                return number / perEpoch;
            }

            @Override
            public void done(long pass) throws IOException {
                if (plan.firstValidation() && pass == windows.passes(1) && validatedFirst != pass) {
                    validatedFirst = pass;
                    validateInPlace();
                }
            }
        };
    }

    /**
     * Squared error by slot, mean over the objects: a view that is not learnt shows (mouse specification §6.3).
     *
     * @param perImage slots of an object in a row
     */
    static Map<String, Double> bySlot(double[] perImage, int slots) {
        Map<String, Double> out = new LinkedHashMap<>();
        for (int i = 0; i < perImage.length; i++) {
            out.merge("slot_" + i % slots + "/mse_by_slot", perImage[i] * slots / perImage.length, Double::sum);
        }
        return out;
    }

    /**
     * Squared error by quarter of the steps, mean over the images whose step lies there; quarters without any are left out.
     *
     * @param perImage as many a step, in a row
     * @param length steps of the schedule
     */
    static Map<String, Double> byTimestep(double[] perImage, int[] timesteps, int length) {
        double[] sums = new double[TIMESTEP_BUCKETS];
        int[] counts = new int[TIMESTEP_BUCKETS];
        int each = perImage.length / timesteps.length;
        for (int i = 0; i < perImage.length; i++) {
            int bucket = (int) ((long) timesteps[i / each] * TIMESTEP_BUCKETS / length);
            sums[bucket] += perImage[i];
            counts[bucket]++;
        }
        Map<String, Double> out = new LinkedHashMap<>();
        for (int b = 0; b < TIMESTEP_BUCKETS; b++) {
            if (counts[b] > 0) {
                // First and last step t with t * buckets / length = b.
                out.put("t_" + (b * length + TIMESTEP_BUCKETS - 1) / TIMESTEP_BUCKETS + "_" + (((b + 1) * length + TIMESTEP_BUCKETS - 1) / TIMESTEP_BUCKETS - 1) + "/mse_by_timestep",
                        sums[b] / counts[b]);
            }
        }
        return out;
    }

    @Override
    protected boolean due(int every) {
        return windows.endsAfter(passes()) && windows.windows(passes()) % every == 0;
    }

    @Override
    protected void updated() {
        if (average != null && Placement.current() == null) {
            average.update();
        } else if (average != null) {
            // The averages moved with the program.
            average.updates(average.updates() + 1);
        }
    }

    @Override
    protected void resumed(long updates) throws IOException {
        if (average != null) {
            average.updates(updates);
        }
        DiffusionCheckpoint.repair(plan.course().folder(), updates, model, average, plan.course().keep(), provenance());
    }

    @Override
    protected void saved(Path file, long updates) throws IOException {
        DiffusionCheckpoint.write(plan.course().folder(), updates, model, average, plan.course().keep(), provenance());
    }

    private Provenance provenance() throws IOException {
        return Provenance.of(JSON.readValue(plan.course().provenance(), ObjectNode.class), plan.course().folder());
    }

    /** Runs a body with the averaged weights in place, where there are any. */
    public <T> T averaged(java.util.function.Supplier<T> body) {
        return average == null ? body.get() : average.applied(body);
    }

    @Override
    protected void validate() throws IOException {
        if (validation == null) {
            return;
        }
        try {
            Map<String, Double> values = averaged(() -> Tape.pause(() -> {
                try (Scope scope = Scope.open("validation")) {
                    return validation.run(model, updates(), passes(), listener());
                } catch (IOException e) {
                    throw new UncheckedIOException(e);
                }
            }));
            listener().validated(passes(), values);
        } catch (UncheckedIOException e) {
            throw e.getCause();
        }
    }

    @Override
    public void close() {
        super.close();
        if (average != null) {
            average.close();
        }
    }
}
