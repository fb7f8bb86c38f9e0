package org.mouselift.pipeline.evaluate;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.ToDoubleFunction;

/**
 * Several ways to tell a network its views (words, numbers, cameras; mouse specification §5 and §9.3) on the same photos with the same
 * seeds: metrics of each, and the differences from the first one, sample by sample. A sample counts once, with the mean over its seeds.
 */
public final class PromptComparison {
    /** The metric that is the share of views nearest to their own true view. */
    public static final String DIRECTIONS = "directions";
    /** In the place of a slot: the mean over all slots but the photo's own. */
    public static final String ALL = "all";

    /**
     * A difference from the first candidate.
     *
     * @param view {@value #ALL}, or number and direction of a slot
     * @param metric psnr, ssim, foregroundPsnr, maskIou or {@value #DIRECTIONS}; more is better in all of them
     */
    public record Line(String candidate, String view, String metric, PairedDifference difference) {}

    /**
     * Everything.
     *
     * @param rig where the slots stand
     * @param allowed checks that failed and were allowed to
     * @param results of each candidate, by name
     * @param differences of all candidates but the first
     * @param statements what may be concluded, and what may not
     */
    public record Report(String rig, int samples, List<Long> seeds, int size, int steps, double guidance, double eta, List<String> allowed, List<PromptCandidate> candidates,
            Map<String, MultiViewEvaluation.Report> results, List<Line> differences, List<String> statements) {}

    private final Map<PromptCandidate, MultiViewEvaluation.Report> results = new LinkedHashMap<>();

    /** Adds a candidate; the first one is what the others are compared with. */
    public void add(PromptCandidate candidate, MultiViewEvaluation.Report result) {
        results.put(candidate, result);
    }

    /**
     * Compares what was added.
     *
     * @param control name of the candidate that is a control, or null
     */
    public Report report(String rig, int steps, double guidance, double eta, List<String> allowed, String control) {
        List<PromptCandidate> candidates = List.copyOf(results.keySet());
        MultiViewEvaluation.Report base = results.get(candidates.getFirst());
        List<Line> lines = new ArrayList<>();
        Map<String, MultiViewEvaluation.Report> byName = new LinkedHashMap<>();
        results.forEach((candidate, result) -> {
            byName.put(candidate.name(), result);
            if (result != base) {
                lines.addAll(lines(candidate.name(), base, result));
            }
        });
        List<String> statements = new ArrayList<>(overall(candidates, lines));
        statements.addAll(limits(candidates, lines, base, control, allowed));
        return new Report(rig, base.samples(), base.seeds(), base.size(), steps, guidance, eta, List.copyOf(allowed), candidates, byName, lines, statements);
    }

    private static List<Line> lines(String name, MultiViewEvaluation.Report base, MultiViewEvaluation.Report other) {
        List<String> metrics = new ArrayList<>(base.slots().getFirst().mean().keySet());
        List<Line> lines = new ArrayList<>();
        for (String metric : metrics) {
            lines.add(new Line(name, ALL, metric, of(base, other, s -> number(s.views().get("generated").get(metric)))));
        }
        lines.add(new Line(name, ALL, DIRECTIONS, of(base, other, MultiViewEvaluation.SampleResult::directions)));
        for (int i = 0; i < base.slots().size(); i++) {
            int slot = i;
            String view = base.slots().get(i).slot() + " " + base.slots().get(i).direction();
            for (String metric : metrics) {
                lines.add(new Line(name, view, metric, of(base, other, s -> number(s.slots().get(slot).mean().get(metric)))));
            }
            lines.add(new Line(name, view, DIRECTIONS, of(base, other, s -> s.slots().get(slot).directions())));
        }
        return lines;
    }

    private static PairedDifference of(MultiViewEvaluation.Report base, MultiViewEvaluation.Report other, ToDoubleFunction<MultiViewEvaluation.SampleResult> value) {
        return PairedDifference.of(base.perSample().stream().mapToDouble(value).toArray(), other.perSample().stream().mapToDouble(value).toArray());
    }

    private static double number(Double value) {
        return value == null ? Double.NaN : value;
    }

    private static List<String> overall(List<PromptCandidate> candidates, List<Line> lines) {
        List<String> out = new ArrayList<>();
        for (PromptCandidate c : candidates.subList(1, candidates.size())) {
            List<String> parts = lines.stream().filter(l -> l.candidate().equals(c.name()) && l.view().equals(ALL)).map(l -> l.metric() + " " + text(l.difference())).toList();
            out.add(c.name() + " compared with " + candidates.getFirst().name() + ": " + String.join("; ", parts) + ".");
        }
        return out;
    }

    /** {@code +0.12 [-0.05, 0.29], within noise}. */
    public static String text(PairedDifference d) {
        if (d.mean() == null) {
            return "not defined";
        }
        String mean = String.format(Locale.ROOT, "%+.3f", d.mean());
        return d.low() == null ? mean + " (one sample, no interval)" : mean + String.format(Locale.ROOT, " [%.3f, %.3f], %s", d.low(), d.high(), d.verdict().text());
    }

    private static List<String> limits(List<PromptCandidate> candidates, List<Line> lines, MultiViewEvaluation.Report base, String control, List<String> allowed) {
        List<String> out = new ArrayList<>();
        List<PromptCandidate.Told> told = candidates.stream().filter(c -> !c.name().equals(control)).map(PromptCandidate::told).toList();
        if (!told.contains(PromptCandidate.Told.WORDS) || !told.contains(PromptCandidate.Told.NUMBERS)) {
            out.add("This is no comparison of words with numbers: the prompts say their directions with " + String.join(", ", told.stream().map(PromptCandidate.Told::text).distinct().toList())
                    + ". Sentences of another style need a text encoder (mouselift prompts make) and a network trained with them.");
        }
        boolean trained = candidates.stream().map(PromptCandidate::unetSha256).distinct().count() > 1;
        if (trained) {
            out.add("The networks differ, not only their prompts. Each was trained once: the intervals cover which samples and seeds were drawn, not what another seed of the training "
                    + "would have changed. A difference that is no noise here may be one between two trainings; train each twice to tell.");
        }
        long clear = lines.stream().filter(l -> l.difference().verdict() == PairedDifference.Verdict.MORE || l.difference().verdict() == PairedDifference.Verdict.LESS).count();
        long intervals = lines.stream().filter(l -> l.difference().low() != null).count();
        if (intervals == 0) {
            out.add("With one sample there are no intervals: nothing is shown.");
        } else {
            out.add("More is better in all metrics. Directions are shares: of few samples their intervals are rough, and one of width zero only says that all samples agree.");
            out.add(String.format(Locale.ROOT, "%d of %d intervals leave zero out; were there no difference at all, about %.0f would.", clear, intervals, 0.05 * intervals));
            boolean noise = lines.stream().filter(l -> l.view().equals(ALL) && !l.candidate().equals(control)).allMatch(l -> l.difference().verdict() == PairedDifference.Verdict.NOISE
                    || l.difference().verdict() == PairedDifference.Verdict.EQUAL);
            if (noise && lines.stream().anyMatch(l -> !l.candidate().equals(control))) {
                out.add("Over all slots every difference is within the noise of " + base.samples() + " samples: these prompts cannot be told apart by what was drawn. That is no proof that they are"
                        + " alike: the intervals say how large a difference may still be.");
            }
        }
        if (control != null) {
            boolean heeds = lines.stream().anyMatch(l -> l.candidate().equals(control) && l.view().equals(ALL) && l.metric().equals(DIRECTIONS)
                    && l.difference().verdict() == PairedDifference.Verdict.LESS);
            String first = candidates.getFirst().name();
            out.add("The control gives every slot but the photo's the prompts of the next one. " + (heeds ? "It is clearly worse in directions: the network of " + first + " heeds its prompts."
                    : "It is not clearly worse in directions: that the network of " + first + " heeds its prompts was not shown, and then nothing follows about how good they are."));
        }
        if (!allowed.isEmpty()) {
            out.add("Checks that were allowed to fail: " + String.join(", ", allowed) + ". With MFL-E124 a network may have got prompts that it was not trained with; then the set it was trained with is"
                    + " at an advantage.");
        }
        return out;
    }
}
