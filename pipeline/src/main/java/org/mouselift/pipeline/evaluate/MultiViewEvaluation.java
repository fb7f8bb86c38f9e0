package org.mouselift.pipeline.evaluate;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.PngWriter;
import org.mouselift.pipeline.multiview.GeneratedViews;
import org.mouselift.pipeline.multiview.MultiViewPipeline;
import org.mouselift.pipeline.multiview.PosedSlots;
import org.mouselift.pipeline.multiview.SamplingOptions;
import org.mouselift.pipeline.multiview.Subject;
import org.mouselift.pipeline.prompts.PromptEmbeddings;
import org.mouselift.pipeline.prompts.ViewDirections;
import org.mouselift.pipeline.reconstruct.GsLrmWeights;
import org.mouselift.pipeline.reconstruct.Pictures;
import org.mouselift.pipeline.reconstruct.PosedView;
import org.mouselift.pipeline.reconstruct.PosedViewReader;
import org.mouselift.pipeline.reconstruct.Reconstruction;
import org.mouselift.pipeline.reconstruct.ViewMetrics;

/**
 * Drawn views, and what is reconstructed from them, beside the truth of samples (mouse specification §5.7, §9.4). The slot of
 * the photo itself counts nowhere: it would flatter every mean.
 */
public final class MultiViewEvaluation {
    private final MultiViewPipeline pipeline;
    private final PromptEmbeddings prompts;
    private final SamplingOptions options;
    private final List<Long> seeds;
    private final CameraRig rig;
    private final int size;
    private final NearestSample nearest;
    private final GsLrmWeights weights;
    private final LpipsNetwork lpips;
    private final Map<String, List<ViewMetrics>> views = new LinkedHashMap<>();
    private final Map<String, List<ViewMetrics>> novel = new LinkedHashMap<>();
    private final List<SampleResult> samples = new ArrayList<>();
    private final List<SlotCount> slots = new ArrayList<>();

    /** What is summed up of one slot. */
    private static final class SlotCount {
        private final List<ViewMetrics> generated = new ArrayList<>();
        private int own;
        private double differences;
        private int pairs;

        private void add(SlotCount other) {
            generated.addAll(other.generated);
            own += other.own;
            differences += other.differences;
            pairs += other.pairs;
        }
    }

    /** Where pictures of a sample go. */
    public interface Sheet {
        /**
         * @param truth true view of every slot
         * @param drawn drawn views of every slot, for every seed
         */
        void show(List<Image8> truth, List<List<Image8>> drawn) throws IOException;
    }

    /**
     * The drawn views of one slot, over samples and seeds, or over the seeds of one sample.
     *
     * @param slot from 1; 0 is the photo
     * @param direction from where it is seen, such as "back"
     * @param mean metrics against the true view
     * @param directions share of the views that are nearest to this slot's true view
     * @param diversity root mean squared difference between two seeds, mean over samples and pairs; null with one seed
     */
    public record SlotResult(int slot, String direction, Map<String, Double> mean, double directions, Double diversity) {}

    /**
     * One sample.
     *
     * @param views means over seeds and slots of "generated" and the guesses "copyInput", "nearestSample", "white"
     * @param slots every slot but the photo's own
     * @param directions share of drawn views whose nearest true slot is their own; a guess by chance reaches 1/slots
     * @param diversity root mean squared difference of one slot between two seeds, mean over slots and pairs; null with one seed
     * @param novel means over views beyond the slots, reconstructed from "generated", "trueViews" (the upper bound),
     *     "nearestSample"; "white" without any; empty without a reconstructor
     */
    public record SampleResult(String name, Map<String, Map<String, Double>> views, List<SlotResult> slots, double directions, Double diversity,
            Map<String, Map<String, Double>> novel) {}

    /** Everything; fields as in {@link SampleResult}, over all samples. */
    public record Report(int samples, List<Long> seeds, int size, Map<String, GslrmEvaluation.Numbers> views, double directions, double chance, Double diversity,
            List<SlotResult> slots, Map<String, GslrmEvaluation.Numbers> novel, List<SampleResult> perSample) {}

    /**
     * @param nearest null to leave that guess out
     * @param weights the reconstructor; null to evaluate the drawn views alone
     * @param lpips null to leave LPIPS out
     */
    public MultiViewEvaluation(MultiViewPipeline pipeline, PromptEmbeddings prompts, SamplingOptions options, List<Long> seeds, CameraRig rig, int size,
            NearestSample nearest, GsLrmWeights weights, LpipsNetwork lpips) {
        if (seeds.isEmpty()) {
            throw new IllegalArgumentException("evaluation: no seed");
        }
        this.pipeline = pipeline;
        this.prompts = prompts;
        this.options = options;
        this.seeds = List.copyOf(seeds);
        this.rig = rig;
        this.size = size;
        this.nearest = nearest;
        this.weights = weights;
        this.lpips = lpips;
        slots.addAll(counts());
    }

    private List<SlotCount> counts() {
        return IntStream.range(1, rig.size()).mapToObj(i -> new SlotCount()).toList();
    }

    /**
     * Evaluates a sample.
     *
     * @param picture where truth and drawn views go, a row each, or null
     */
    public SampleResult add(Subject subject, Path picture, MultiViewPipeline.Listener listener) throws IOException {
        return add(subject, picture == null ? (truth, drawn) -> {} : (truth, drawn) -> PngWriter.write(picture, rows(truth, drawn)), listener);
    }

    /** Evaluates a sample. */
    public SampleResult add(Subject subject, Sheet sheet, MultiViewPipeline.Listener listener) throws IOException {
        Path sample = subject.sample().orElseThrow(() -> new IllegalArgumentException(subject.photo() + " is not a sample folder"));
        SlotTruth truth = SlotTruth.of(sample, PosedViewReader.sample(sample, size), rig)
                .orElseThrow(() -> new IllegalArgumentException("MFL-E113: sample " + sample + " has fewer views than the rig " + rig.id() + " (" + rig.size() + ")"));
        Image8 photo = truth.views().getFirst().picture();
        List<List<Image8>> drawn = new ArrayList<>();
        for (long seed : seeds) {
            drawn.add(GeneratedViews.sample(pipeline, prompts, photo, options, seed, listener).views());
        }
        Path remembered = nearest == null ? null : nearest.of(sample, photo);
        Map<String, List<ViewMetrics>> scores = new LinkedHashMap<>();
        List<SlotCount> own = counts();
        for (List<Image8> d : drawn) {
            List<ViewMetrics> generated = unseen(truth, d);
            scores.computeIfAbsent("generated", k -> new ArrayList<>()).addAll(generated);
            for (int i = 0; i < generated.size(); i++) {
                own.get(i).generated.add(generated.get(i));
            }
        }
        scores.put("copyInput", unseen(truth, Collections.nCopies(rig.size(), photo)));
        if (remembered != null) {
            scores.put("nearestSample", unseen(truth, NearestSample.views(remembered, rig.size(), size).stream().map(PosedView::picture).toList()));
        }
        scores.put("white", truth.views().stream().skip(1).map(this::white).toList());
        Map<String, List<ViewMetrics>> reconstructed = weights == null ? Map.of() : novel(sample, drawn.getFirst(), remembered);
        sheet.show(truth.views().stream().map(PosedView::picture).toList(), drawn);
        double directions = directions(truth, drawn, own);
        Double diversity = diversity(drawn, own);
        for (int i = 0; i < own.size(); i++) {
            slots.get(i).add(own.get(i));
        }
        SampleResult result = new SampleResult(subject.name(), means(scores, views), results(own), directions, diversity, means(reconstructed, novel));
        samples.add(result);
        return result;
    }

    private Map<String, List<ViewMetrics>> novel(Path sample, List<Image8> drawn, Path remembered) throws IOException {
        int pixels = weights.imageSize();
        List<PosedView> all = PosedViewReader.sample(sample, pixels);
        List<PosedView> unseen = all.subList(rig.size(), all.size());
        if (unseen.isEmpty()) {
            throw new IllegalArgumentException("MFL-E113: sample " + sample + " has no views beyond the " + rig.size() + " slots to judge a reconstruction with");
        }
        Map<String, List<ViewMetrics>> scores = new LinkedHashMap<>();
        scores.put("generated", compare(PosedSlots.of(drawn, rig, pixels), unseen));
        scores.put("trueViews", compare(all.subList(0, rig.size()), unseen));
        if (remembered != null) {
            scores.put("nearestSample", compare(NearestSample.views(remembered, rig.size(), pixels), unseen));
        }
        scores.put("white", unseen.stream().map(this::white).toList());
        return scores;
    }

    private List<ViewMetrics> compare(List<PosedView> inputs, List<PosedView> unseen) {
        Reconstruction reconstruction = Reconstruction.of(weights, inputs);
        return unseen.stream().map(view -> measured(reconstruction.render(view.camera()), view)).toList();
    }

    private ViewMetrics measured(float[] rendering, PosedView view) {
        ViewMetrics metrics = ViewMetrics.of(rendering, view);
        return lpips == null ? metrics : lpips.measured(metrics, rendering, view.picture().toFloatChw(), view.picture().height(), view.picture().width());
    }

    private ViewMetrics white(PosedView view) {
        float[] white = new float[3 * view.picture().width() * view.picture().height()];
        Arrays.fill(white, 1);
        return measured(white, view);
    }

    /** Metrics of every slot but the first, which is the photo itself. */
    private List<ViewMetrics> unseen(SlotTruth truth, List<Image8> drawn) {
        List<ViewMetrics> all = new ArrayList<>();
        for (int i = 1; i < truth.views().size(); i++) {
            all.add(measured(drawn.get(i).toFloatChw(), truth.views().get(i)));
        }
        return all;
    }

    private static Map<String, Map<String, Double>> means(Map<String, List<ViewMetrics>> scores, Map<String, List<ViewMetrics>> all) {
        Map<String, Map<String, Double>> means = new LinkedHashMap<>();
        scores.forEach((what, metrics) -> {
            means.put(what, ViewMetrics.mean(metrics).numbers());
            all.computeIfAbsent(what, k -> new ArrayList<>()).addAll(metrics);
        });
        return means;
    }

    private static double directions(SlotTruth truth, List<List<Image8>> drawn, List<SlotCount> slots) {
        int right = 0;
        int count = 0;
        for (List<Image8> views : drawn) {
            List<Integer> found = truth.nearest(views);
            for (int i = 1; i < found.size(); i++) {
                int hit = found.get(i) == i ? 1 : 0;
                slots.get(i - 1).own += hit;
                right += hit;
                count++;
            }
        }
        return (double) right / count;
    }

    private static Double diversity(List<List<Image8>> drawn, List<SlotCount> slots) {
        double sum = 0;
        int count = 0;
        for (int a = 0; a < drawn.size(); a++) {
            for (int b = 0; b < a; b++) {
                for (int i = 1; i < drawn.get(a).size(); i++) {
                    double difference = Math.sqrt(SlotTruth.squaredDistance(drawn.get(a).get(i), drawn.get(b).get(i)));
                    slots.get(i - 1).differences += difference;
                    slots.get(i - 1).pairs++;
                    sum += difference;
                    count++;
                }
            }
        }
        return count == 0 ? null : sum / count;
    }

    /** Truth above, a row of drawn views for every seed below. */
    private static Image8 rows(List<Image8> truth, List<List<Image8>> drawn) {
        List<Image8> strips = new ArrayList<>(List.of(Pictures.strip(truth)));
        drawn.forEach(views -> strips.add(Pictures.strip(views)));
        return Pictures.stack(strips);
    }

    /** Everything so far. */
    public Report report() {
        double[] diversities = samples.stream().filter(s -> s.diversity != null).mapToDouble(SampleResult::diversity).toArray();
        return new Report(samples.size(), seeds, size, numbers(views), samples.stream().mapToDouble(SampleResult::directions).average().orElse(Double.NaN),
                1.0 / rig.size(), diversities.length == 0 ? null : Arrays.stream(diversities).average().getAsDouble(), results(slots), numbers(novel), List.copyOf(samples));
    }

    private List<SlotResult> results(List<SlotCount> counts) {
        ViewDirections directions = ViewDirections.of(rig.cameras());
        List<SlotResult> out = new ArrayList<>();
        for (int i = 1; i < rig.size(); i++) {
            SlotCount slot = counts.get(i - 1);
            out.add(new SlotResult(i, directions.slots().get(i).name(), ViewMetrics.mean(slot.generated).numbers(), (double) slot.own / slot.generated.size(),
                    slot.pairs == 0 ? null : slot.differences / slot.pairs));
        }
        return out;
    }

    private static Map<String, GslrmEvaluation.Numbers> numbers(Map<String, List<ViewMetrics>> all) {
        Map<String, GslrmEvaluation.Numbers> out = new LinkedHashMap<>();
        all.forEach((what, metrics) -> out.put(what, GslrmEvaluation.Numbers.of(metrics)));
        return out;
    }
}
