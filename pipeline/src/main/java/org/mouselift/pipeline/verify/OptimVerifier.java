package org.mouselift.pipeline.verify;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.mouselift.data.golden.GoldenCase;
import org.mouselift.data.golden.GoldenException;
import org.mouselift.data.golden.GoldenFolder;
import org.mouselift.engine.DType;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.models.gslrm.GsLrm;
import org.mouselift.models.gslrm.GsLrmConfig;
import org.mouselift.models.optim.AdamW;
import org.mouselift.models.optim.GradientRules;
import org.mouselift.models.optim.JobPlan;
import org.mouselift.models.optim.LayerFreeze;
import org.mouselift.models.optim.Schedule;

/** AdamW, clipping, schedules, step arithmetic, parameter groups and freezing (golden folder {@code optim}). */
public final class OptimVerifier implements CaseVerifier {
    @Override
    public boolean knows(GoldenFolder folder, String file) throws GoldenException {
        if (!folder.name().equals("optim")) {
            return false;
        }
        if (folder.kind(file).equals("case")) {
            JsonNode entry = folder.entry(file);
            return entry.has("learning_rates") || (entry.has("allowed_gradnorm_factor") && entry.has("skipped"));
        }
        return folder.kind(file).equals("cases") && List.of("schedules.json", "job_overview.json", "groups_and_freezing.json").contains(file);
    }

    @Override
    public List<CheckResult> verify(GoldenCase c) throws IOException {
        if (c.kind().equals("case")) {
            return c.entry().has("learning_rates") ? adamw(c) : clip(c);
        }
        JsonNode json = GoldenFolder.readJson(c.path());
        return switch (c.file()) {
            case "schedules.json" -> schedules(json);
            case "job_overview.json" -> jobs(json);
            default -> groups(json);
        };
    }

    private static List<CheckResult> adamw(GoldenCase c) throws IOException {
        List<CheckResult> checks = new ArrayList<>();
        JsonNode rates = c.entry().path("learning_rates");
        try (Scope scope = Scope.open(c.toString())) {
            Map<String, Tensor> parameters = new LinkedHashMap<>();
            Map<String, double[]> steps = new LinkedHashMap<>();
            for (String input : c.inputs()) {
                if (input.startsWith("p0.")) {
                    Tensor p = GsLrmGoldens.tensor(c, input).requiresGrad(true);
                    parameters.put(input.substring(3), p);
                    steps.put(input.substring(3), new double[(int) p.numel() * rates.size()]);
                }
            }
            AdamW.Options options = new AdamW.Options(0.9, 0.95, 1e-8, c.entry().path("weight_decay").asDouble());
            try (AdamW optimiser = new AdamW(parameters, options)) {
                for (int s = 0; s < rates.size(); s++) {
                    Map<Tensor, Tensor> gradients = new java.util.IdentityHashMap<>();
                    for (Map.Entry<String, Tensor> p : parameters.entrySet()) {
                        int n = (int) p.getValue().numel();
                        float[] all = c.floats("grads." + p.getKey());
                        gradients.put(p.getValue(), Tensor.of(Arrays.copyOfRange(all, s * n, (s + 1) * n), p.getValue().shape().dims()));
                    }
                    optimiser.step(gradients::get, 1, rates.get(s).asDouble());
                    for (Map.Entry<String, Tensor> p : parameters.entrySet()) {
                        double[] now = p.getValue().toDoubles();
                        System.arraycopy(now, 0, steps.get(p.getKey()), s * now.length, now.length);
                    }
                }
                for (String name : parameters.keySet()) {
                    checks.add(CheckResult.of(c.compare("p." + name, steps.get(name))));
                    checks.add(CheckResult.of(c.compare("exp_avg." + name, optimiser.firstMoment(name).toDoubles())));
                    checks.add(CheckResult.of(c.compare("exp_avg_sq." + name, optimiser.secondMoment(name).toDoubles())));
                }
            }
        }
        return checks;
    }

    private static List<CheckResult> clip(GoldenCase c) throws IOException {
        List<CheckResult> checks = new ArrayList<>();
        try (Scope scope = Scope.open(c.toString())) {
            Map<String, Tensor> gradients = new LinkedHashMap<>();
            for (String input : c.inputs()) {
                gradients.put(input.substring("grad.".length()), GsLrmGoldens.tensor(c, input));
            }
            GradientRules rules = new GradientRules(c.entry().path("grad_clip_norm").asDouble(), c.entry().path("allowed_gradnorm_factor").asDouble(),
                    true, true);
            GradientRules.Decision decision = rules.judge(gradients.values());
            boolean skipped = c.entry().path("skipped").asBoolean();
            checks.add(CheckResult.check("skipped", decision.skip() == skipped, "skipped " + decision.skip() + ", expected " + skipped));
            if (c.has("norm")) {
                checks.add(CheckResult.of(c.compare("norm", decision.norm())));
            }
            for (Map.Entry<String, Tensor> g : gradients.entrySet()) {
                double[] clipped = Arrays.stream(g.getValue().toDoubles()).map(v -> v * decision.coefficient()).toArray();
                checks.add(CheckResult.of(c.compare("clipped." + g.getKey(), clipped)));
            }
        }
        return checks;
    }

    private static List<CheckResult> schedules(JsonNode json) {
        List<CheckResult> checks = new ArrayList<>();
        for (JsonNode s : json.path("per_opportunity")) {
            Schedule schedule = schedule(s, s.path("base_lr").asDouble());
            double worst = 0;
            for (int i = 0; i < s.path("lr").size(); i++) {
                worst = Math.max(worst, relative(schedule.rate(i), s.path("lr").get(i).asDouble(), schedule.baseRate()));
            }
            checks.add(new CheckResult(schedule.toString(), worst <= 1e-12 ? CheckResult.Status.PASS : CheckResult.Status.FAIL, worst, worst / 1e-12,
                    s.path("lr").size() + " learning rates, worst relative error " + worst));
        }
        for (JsonNode s : json.path("factors")) {
            Schedule schedule = schedule(s, 1);
            for (int i = 0; i < s.path("steps").size(); i++) {
                double error = relative(schedule.factor(s.path("steps").get(i).asLong()), s.path("factor").get(i).asDouble(), 1);
                checks.add(new CheckResult(schedule + " at " + s.path("steps").get(i), error <= 1e-12 ? CheckResult.Status.PASS : CheckResult.Status.FAIL,
                        error, error / 1e-12, "relative error " + error));
            }
        }
        return checks;
    }

    /** Error relative to the value, or to the rounding of the cosine where that is larger. */
    private static double relative(double actual, double expected, double scale) {
        return Math.abs(actual - expected) / Math.max(Math.abs(expected), 1e-3 * scale);
    }

    private static Schedule schedule(JsonNode s, double base) {
        Schedule.Kind kind = Schedule.Kind.valueOf(s.path("kind").asText("cosine").toUpperCase(java.util.Locale.ROOT));
        return new Schedule(kind, base, s.path("warmup").asLong(), s.path("total").asLong());
    }

    private static List<CheckResult> jobs(JsonNode json) {
        List<CheckResult> checks = new ArrayList<>();
        for (JsonNode job : json) {
            JsonNode a = job.path("arguments");
            JsonNode e = job.path("expected");
            JobPlan plan = JobPlan.of(a.path("num_train_samples").asLong(), a.path("batch_size_per_gpu").asLong(), a.path("num_gpus").asLong(),
                    a.path("gradient_accumulation_steps").asLong(), a.path("num_epochs").asLong(), a.path("max_fwdbwd_passes").asLong());
            JobPlan expected = new JobPlan(e.path("batch_size_per_fwdbwd_pass").asLong(), e.path("batch_size_per_param_update").asLong(),
                    e.path("num_fwdbwd_passes_per_epoch").asLong(), e.path("num_param_updates_per_epoch").asLong(), e.path("num_epochs").asLong(),
                    e.path("num_fwdbwd_passes").asLong(), e.path("num_param_updates").asLong());
            checks.add(CheckResult.check("job " + checks.size(), plan.equals(expected), a + ": " + plan + ", expected " + expected));
        }
        return checks;
    }

    private static final Pattern MODEL = Pattern.compile("d=(\\d+), d_head=(\\d+), (\\d+) layers, (\\d+) free Gaussians, "
            + "add_refsrc_marker (true|false), SH degree (\\d+), patch (\\d+)");

    private static List<CheckResult> groups(JsonNode json) throws GoldenException {
        Matcher m = MODEL.matcher(json.path("model").asText());
        if (!m.matches()) {
            throw new GoldenException("the model is described as '" + json.path("model").asText() + "', expected " + MODEL);
        }
        GsLrmConfig published = GsLrmConfig.published();
        GsLrmConfig config = new GsLrmConfig(published.rays(), Integer.parseInt(m.group(7)), Integer.parseInt(m.group(1)), Integer.parseInt(m.group(2)),
                Integer.parseInt(m.group(3)), Integer.parseInt(m.group(4)), Integer.parseInt(m.group(6)), 1, Boolean.parseBoolean(m.group(5)), true,
                published.depth(), false, 1);
        List<CheckResult> checks = new ArrayList<>();
        try (GsLrm model = GsLrm.initialised(config, DType.F32, 1)) {
            for (JsonNode c : json.path("cases")) {
                JsonNode f = c.path("freeze_layers");
                LayerFreeze freeze = new LayerFreeze(f.path("enabled").asBoolean(false), f.path("freeze_transformer_until").asInt(20),
                        f.path("freeze_patch_embedder").asBoolean(true), f.path("freeze_positional_embeddings").asBoolean(false));
                List<String> frozen = freeze.apply(model);
                String name = "case " + checks.size() / 4 + " ";
                checks.add(CheckResult.check(name + "frozen", frozen.equals(texts(c.path("frozen"))), freeze + ": " + frozen));
                long trainable = model.trainable().stream().mapToLong(Tensor::numel).sum();
                checks.add(CheckResult.check(name + "count", trainable == c.path("trainable_parameters").asLong()
                        && config.parameterCount() == c.path("total_parameters").asLong(), trainable + " of " + config.parameterCount()));
                try (AdamW optimiser = new AdamW(model.stateDict(), AdamW.Options.GS_LRM)) {
                    for (int g = 0; g < 2; g++) {
                        checks.add(CheckResult.check(name + "group " + g, optimiser.group(g).equals(texts(c.path("group" + g))),
                                optimiser.group(g).toString()));
                    }
                }
            }
        }
        return checks;
    }

    private static List<String> texts(JsonNode array) {
        List<String> out = new ArrayList<>();
        array.forEach(v -> out.add(v.asText()));
        return out;
    }
}
