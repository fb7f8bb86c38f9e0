package org.mouselift.pipeline.verify;

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
import org.mouselift.models.unet.AttentionRule;
import org.mouselift.models.unet.UNetConfig;
import org.mouselift.models.unet.UNetMV2DConditionModel;

/** The multi-view UNet in float32: outputs of all attention rules, activations, gradients (golden folders with UNet checkpoints). */
public final class UNetVerifier implements CaseVerifier {
    private static final Map<String, AttentionRule> RULES = Map.of("output_dense", AttentionRule.DENSE, "output_plain", AttentionRule.PLAIN);

    @Override
    public boolean knows(GoldenFolder folder, String file) throws GoldenException {
        return DiffusionGoldens.uses(folder, file, "UNetMV2DConditionModel");
    }

    @Override
    public List<CheckResult> verify(GoldenCase c) throws IOException {
        return DiffusionGoldens.withInputs(c, inputs -> verify(c, inputs));
    }

    private static List<CheckResult> verify(GoldenCase c, GoldenCase inputs) throws IOException {
        List<CheckResult> checks = new ArrayList<>();
        String checkpoint = c.entry().path("checkpoint").asText();
        UNetConfig config = UNetConfig.of(DiffusionGoldens.config(c.folder(), checkpoint), checkpoint);
        if (c.has("target")) {
            gradients(checks, c, inputs, config, checkpoint);
            return checks;
        }
        List<String> activations = c.expected().stream().filter(n -> !n.startsWith("output")).toList();
        try (Scope scope = Scope.open(c.toString()); UNetMV2DConditionModel model = model(c, config, checkpoint)) {
            Map<String, double[]> seen = new HashMap<>();
            for (String name : activations) {
                model.hook(name, (path, in, out) -> {
                    seen.put(name, out.toDoubles());
                    return out;
                });
            }
            double[] output = predict(model, inputs).toDoubles();
            for (String name : activations) {
                checks.add(CheckResult.of(c.compare(name, seen.get(name))));
            }
            if (c.has("output")) {
                checks.add(CheckResult.of(c.compare("output", output)));
            }
        }
        for (Map.Entry<String, AttentionRule> other : RULES.entrySet()) {
            if (c.has(other.getKey())) {
                try (Scope scope = Scope.open(c.toString()); UNetMV2DConditionModel model = model(c, config.withRule(other.getValue()), checkpoint)) {
                    checks.add(CheckResult.of(c.compare(other.getKey(), predict(model, inputs).toDoubles())));
                }
            }
        }
        return checks;
    }

    private static UNetMV2DConditionModel model(GoldenCase c, UNetConfig config, String checkpoint) throws IOException {
        try (Scope scope = Scope.open(checkpoint)) {
            return UNetMV2DConditionModel.load(config, DType.F32, DiffusionGoldens.weights(c.folder(), checkpoint), checkpoint);
        }
    }

    private static Tensor predict(UNetMV2DConditionModel model, GoldenCase c) throws IOException {
        return predict(model, DiffusionGoldens.tensor(c, "sample"), c);
    }

    /** The prediction for a sample with the other inputs of a case. */
    static Tensor predict(UNetMV2DConditionModel model, Tensor sample, GoldenCase c) throws IOException {
        return model.predict(sample, c.longs("timestep"), DiffusionGoldens.tensor(c, "encoder_hidden_states"), DiffusionGoldens.tensor(c, "class_labels"));
    }

    /** The gradients of all parameters for the mean squared difference to a case's target. */
    static Map<String, double[]> parameterGradients(GoldenCase c) throws IOException {
        String checkpoint = c.entry().path("checkpoint").asText();
        UNetConfig config = UNetConfig.of(DiffusionGoldens.config(c.folder(), checkpoint), checkpoint);
        return DiffusionGoldens.withInputs(c, inputs -> {
            try (Scope scope = Scope.open(c.toString()); UNetMV2DConditionModel model = model(c, config, checkpoint)) {
                Map<String, double[]> out = new java.util.LinkedHashMap<>();
                differentiated(model, inputs, c, 0).parameters().forEach((name, g) -> out.put(name, g.toDoubles()));
                return out;
            }
        });
    }

    /** Mean squared difference to a case's target. */
    private static LossGradients differentiated(UNetMV2DConditionModel model, GoldenCase inputs, GoldenCase c, int leaves) throws IOException {
        Tensor sample = DiffusionGoldens.tensor(inputs, "sample");
        List<Tensor> operands = List.of(sample, DiffusionGoldens.tensor(inputs, "encoder_hidden_states"), DiffusionGoldens.tensor(inputs, "class_labels"),
                model.waves(inputs.longs("timestep"), sample.dim(0)), DiffusionGoldens.tensor(c, "target"));
        return LossGradients.of(c.toString(), model.stateDict(), leaves, operands,
                in -> List.of(Ops.mean(Ops.square(Ops.sub(model.predict(in.get(0), in.get(3), in.get(1), in.get(2)), in.get(4))))));
    }

    private static void gradients(List<CheckResult> checks, GoldenCase c, GoldenCase inputs, UNetConfig config, String checkpoint) throws IOException {
        for (boolean checkpointing : new boolean[] {false, true}) {
            try (Scope scope = Scope.open(c.toString()); UNetMV2DConditionModel model = model(c, config, checkpoint)) {
                model.gradientCheckpointing(checkpointing);
                LossGradients g = differentiated(model, inputs, c, 3);
                Map<String, Tensor> found = new HashMap<>(Map.of("grad.sample", g.operands().get(0), "grad.encoder_hidden_states", g.operands().get(1),
                        "grad.class_labels", g.operands().get(2)));
                double squares = 0;
                for (Map.Entry<String, Tensor> p : g.parameters().entrySet()) {
                    found.put("grad.param." + p.getKey(), p.getValue());
                    for (double v : p.getValue().toDoubles()) {
                        squares += v * v;
                    }
                }
                checks.add(CheckResult.of(c.compare("loss", g.values().getFirst().item())));
                checks.add(CheckResult.of(c.compare("grad_global_norm", Math.sqrt(squares))));
                for (String name : c.expected()) {
                    if (found.containsKey(name)) {
                        checks.add(CheckResult.of(c.compare(name, found.get(name).toDoubles())));
                    }
                }
            }
        }
    }
}
