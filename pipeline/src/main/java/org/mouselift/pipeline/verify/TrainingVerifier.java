package org.mouselift.pipeline.verify;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.mouselift.data.golden.GoldenCase;
import org.mouselift.data.golden.GoldenException;
import org.mouselift.data.golden.GoldenFolder;
import org.mouselift.engine.DType;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.models.gslrm.GsLrm;
import org.mouselift.models.gslrm.GsLrmConfig;
import org.mouselift.models.gslrm.GsLrmOutput;
import org.mouselift.models.gslrm.ViewRenderer;
import org.mouselift.models.losses.LossConfig;
import org.mouselift.models.losses.LossReport;
import org.mouselift.models.losses.ReconstructionLoss;
import org.mouselift.models.optim.AdamW;
import org.mouselift.models.optim.GradientRules;
import org.mouselift.models.optim.Schedule;
import org.mouselift.models.optim.TrainingStep;

/** Short training runs: losses, gradient norms, learning rates, parameters and moments after every pass (folder {@code optim}). */
public final class TrainingVerifier implements CaseVerifier {
    @Override
    public boolean knows(GoldenFolder folder, String file) throws GoldenException {
        return folder.name().equals("optim") && folder.kind(file).equals("case") && folder.entry(file).has("events")
                && !GsLrmGoldens.needsVgg(folder.entry(file).path("config").path("training").path("losses"));
    }

    @Override
    public List<CheckResult> verify(GoldenCase c) throws IOException {
        JsonNode e = c.entry();
        JsonNode o = e.path("optimizer");
        JsonNode s = e.path("schedule");
        GsLrmConfig config = GsLrmGoldens.network(e.path("config"));
        Schedule schedule = new Schedule(Schedule.Kind.valueOf(s.path("kind").asText().toUpperCase(java.util.Locale.ROOT)), o.path("lr").asDouble(),
                s.path("warmup").asLong(), s.path("total_updates").asLong());
        GradientRules rules = new GradientRules(e.path("grad_clip_norm").asDouble(), e.path("allowed_gradnorm_factor").asDouble(), true, true);
        List<CheckResult> checks = new ArrayList<>();
        try (GsLrm model = GsLrmGoldens.model(c, config, DType.F32);
                AdamW optimiser = new AdamW(model.stateDict(), new AdamW.Options(o.path("beta1").asDouble(), o.path("beta2").asDouble(),
                        o.path("eps").asDouble(), o.path("weight_decay").asDouble()));
                TrainingStep step = new TrainingStep(optimiser, schedule, rules, e.path("grad_accum_steps").asInt())) {
            for (int pass = 1; pass <= e.path("forward_backward_passes").asInt(); pass++) {
                pass(checks, c, pass, model, optimiser, step);
            }
        }
        return checks;
    }

    private static void pass(List<CheckResult> checks, GoldenCase c, int pass, GsLrm model, AdamW optimiser, TrainingStep step) throws IOException {
        JsonNode config = c.entry().path("config");
        int inputs = config.path("training").path("dataset").path("num_input_views").asInt();
        LossConfig losses = GsLrmGoldens.losses(config.path("training").path("losses"));
        ReconstructionLoss loss = new ReconstructionLoss(losses, null, null);
        String prefix = "pass" + pass + ".";
        Map<String, Double> numbers = new HashMap<>();
        TrainingStep.Result result;
        try (Scope scope = Scope.open(c + " " + pass)) {
            String batch = "batch" + (pass - 1) % batches(c) + ".";
            Tensor image = GsLrmGoldens.tensor(c, batch + "image");
            Tensor c2w = GsLrmGoldens.tensor(c, batch + "c2w");
            Tensor lenses = GsLrmGoldens.tensor(c, batch + "fxfycxcy");
            long now = step.passes();
            List<Tensor> operands = List.of(image, Ops.contiguous(Ops.slice(c2w, 1, 0, inputs)), Ops.contiguous(Ops.slice(lenses, 1, 0, inputs)), c2w, lenses);
            result = step.pass(new FunctionPass(losses.weightsAt(now), operands, in -> {
                GsLrmOutput output = model.reconstruct(Ops.slice(in.get(0), 1, 0, inputs), in.get(1), in.get(2), model.config().clipXyzActive() && !losses.warmsUpPoints(now));
                Tensor render = ViewRenderer.render(output.gaussians(), in.get(3), in.get(4), (int) image.dim(3), (int) image.dim(4),
                        model.config().scalingModifier());
                LossReport report = loss.evaluate(now, render, in.get(0),
                        new ReconstructionLoss.Geometry(output.pixelAlignedXyz(), output.rays().origin(), output.rays().direction()));
                return new TrainingStep.Outcome(report.total(), report.values());
            }), model.stateDict(), values -> numbers.putAll(LossReport.numbers(values)));
        }
        numbers.put("grad_norm", result.gradientNorm());
        for (Map.Entry<String, Double> n : numbers.entrySet()) {
            if (c.expected().contains(prefix + n.getKey())) {
                checks.add(CheckResult.of(c.compare(prefix + n.getKey(), n.getValue())));
            }
        }
        JsonNode event = c.entry().path("events").get(pass - 1);
        checks.add(CheckResult.check(prefix + "event", event.path("updated").asBoolean() == result.updated()
                && event.path("param_update_step").asLong() == result.updates() && close(event.path("lr_used").asDouble(), result.rate())
                && close(event.path("lr_next").asDouble(), step.rate()), result + ", next rate " + step.rate() + ", expected " + event));
        try (Scope scope = Scope.open("state after pass " + pass)) {
            state(checks, c, prefix, model.stateDict(), optimiser);
        }
    }

    private static boolean close(double expected, double actual) {
        return Math.abs(expected - actual) <= 1e-12 * Math.abs(expected) + 1e-18;
    }

    private static int batches(GoldenCase c) {
        int n = 0;
        while (c.has("batch" + n + ".image")) {
            n++;
        }
        return n;
    }

    private static void state(List<CheckResult> checks, GoldenCase c, String prefix, Map<String, Tensor> parameters, AdamW optimiser)
            throws IOException {
        List<String> order = new ArrayList<>();
        c.entry().path("parameter_order").forEach(n -> order.add(n.asText()));
        double[] stats = new double[3 * order.size()];
        double[] first = new double[order.size()];
        double[] second = new double[order.size()];
        for (int i = 0; i < order.size(); i++) {
            double[] p = parameters.get(order.get(i)).toDoubles();
            double absolute = 0;
            for (double v : p) {
                stats[3 * i] += v / p.length;
                absolute += Math.abs(v) / p.length;
            }
            stats[3 * i + 1] = absolute;
            stats[3 * i + 2] = norm(p) / Math.sqrt(p.length);
            first[i] = norm(optimiser.firstMoment(order.get(i)).toDoubles());
            second[i] = norm(optimiser.secondMoment(order.get(i)).toDoubles());
        }
        Map<String, double[]> all = new HashMap<>(Map.of("param_stats", stats, "exp_avg_norms", first, "exp_avg_sq_norms", second));
        for (String name : c.expected()) {
            if (name.startsWith(prefix + "param.")) {
                all.put(name.substring(prefix.length()), parameters.get(name.substring((prefix + "param.").length())).toDoubles());
            }
        }
        for (Map.Entry<String, double[]> v : all.entrySet()) {
            if (c.expected().contains(prefix + v.getKey())) {
                checks.add(CheckResult.of(c.compare(prefix + v.getKey(), v.getValue())));
            }
        }
    }

    private static double norm(double[] v) {
        double sum = 0;
        for (double x : v) {
            sum += x * x;
        }
        return Math.sqrt(sum);
    }
}
