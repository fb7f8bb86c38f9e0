package org.mouselift.pipeline.verify;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.mouselift.data.checkpoint.Checkpoint;
import org.mouselift.data.checkpoint.StoredTensor;
import org.mouselift.data.golden.GoldenCase;
import org.mouselift.data.golden.GoldenException;
import org.mouselift.data.golden.GoldenFolder;
import org.mouselift.engine.DType;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.models.optim.AdamW;
import org.mouselift.models.optim.Schedule;
import org.mouselift.pipeline.train.OriginalResume;

/** How a training goes on from a checkpoint of the original, for every combination of reset flags (golden {@code optim/resume.json}). */
public final class ResumeVerifier implements CaseVerifier {
    private static final double TOLERANCE = 1e-9;

    @Override
    public boolean knows(GoldenFolder folder, String file) throws GoldenException {
        return folder.name().equals("optim") && folder.kind(file).equals("cases") && file.equals("resume.json");
    }

    @Override
    public List<CheckResult> verify(GoldenCase c) throws IOException {
        JsonNode json = GoldenFolder.readJson(c.path());
        JsonNode configured = json.path("configured");
        Schedule schedule = new Schedule(Schedule.Kind.COSINE, configured.path("lr").asDouble(), configured.path("warmup").asLong(),
                configured.path("num_param_updates").asLong());
        List<CheckResult> checks = new ArrayList<>();
        try (Checkpoint stored = Checkpoint.open(c.path().resolveSibling(json.path("checkpoint").asText()).normalize()); Scope scope = Scope.open(c.toString())) {
            OriginalResume state = OriginalResume.of(stored).orElseThrow(() -> new GoldenException(stored.path() + " holds no optimizer"));
            for (JsonNode e : json.path("cases")) {
                OriginalResume.Resets resets = new OriginalResume.Resets(e.path("reset_lr").asBoolean(), e.path("reset_weight_decay").asBoolean(),
                        e.path("reset_training_state").asBoolean());
                OriginalResume.Plan plan = state.plan(resets, schedule, configured.path("weight_decay").asDouble());
                String name = resets + " ";
                checks.add(CheckResult.check(name + "counters", plan.passes() == e.path("fwdbwd_pass_step").asLong() && plan.updates() == e.path("param_update_step").asLong(),
                        "passes " + plan.passes() + ", updates " + plan.updates()));
                checks.add(CheckResult.check(name + "weight decay", plan.weightDecay() == e.path("weight_decay").get(0).asDouble() && e.path("weight_decay").get(1).asDouble() == 0,
                        "weight decay " + plan.weightDecay()));
                checks.add(CheckResult.check(name + "moments", moments(stored, state, plan) == e.path("has_moments").asBoolean(), "moments taken: " + plan.moments()));
                double worst = 0;
                for (int i = 0; i < e.path("next_learning_rates").size(); i++) {
                    double expected = e.path("next_learning_rates").get(i).asDouble();
                    double actual = plan.rates().applyAsDouble(plan.opportunity() + i);
                    worst = Math.max(worst, Math.abs(actual - expected) / Math.max(Math.abs(expected), Double.MIN_NORMAL));
                }
                checks.add(new CheckResult(name + "learning rates", worst <= TOLERANCE ? CheckResult.Status.PASS : CheckResult.Status.FAIL, worst, worst / TOLERANCE,
                        e.path("next_learning_rates").size() + " learning rates, worst relative error " + worst));
            }
        }
        return checks;
    }

    /** True if the moments of the file are in an optimiser of its parameters afterwards, each at its own. */
    private static boolean moments(Checkpoint stored, OriginalResume state, OriginalResume.Plan plan) throws IOException {
        if (!plan.moments()) {
            return false;
        }
        Map<String, Tensor> parameters = new LinkedHashMap<>();
        for (StoredTensor t : stored.stateDict().values()) {
            parameters.put(t.name(), Tensor.empty(DType.F32, t.shape()).requiresGrad(true));
        }
        try (AdamW optimiser = new AdamW(parameters, AdamW.Options.GS_LRM)) {
            state.restore(stored, optimiser);
            boolean all = optimiser.updates() == state.updates();
            for (int g = 0; g < 2; g++) {
                for (int i = 0; i < optimiser.group(g).size(); i++) {
                    String of = "optimizer.state." + state.optimizer().orElseThrow().groups().get(g).get(i) + ".";
                    String name = optimiser.group(g).get(i);
                    all &= Arrays.equals(stored.tensor(of + "exp_avg").floats(), optimiser.firstMoment(name).toFloats())
                            && Arrays.equals(stored.tensor(of + "exp_avg_sq").floats(), optimiser.secondMoment(name).toFloats());
                }
            }
            return all;
        }
    }
}
