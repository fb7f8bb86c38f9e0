package org.mouselift.pipeline.verify;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.mouselift.data.golden.GoldenCase;
import org.mouselift.data.golden.GoldenException;
import org.mouselift.data.golden.GoldenFolder;
import org.mouselift.engine.DType;
import org.mouselift.engine.Gradients;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.nn.PlacedFunction;
import org.mouselift.models.gslrm.GaussianBatch;
import org.mouselift.models.gslrm.GsLrm;
import org.mouselift.models.gslrm.GsLrmConfig;
import org.mouselift.models.gslrm.GsLrmOutput;
import org.mouselift.models.gslrm.ViewRenderer;
import org.mouselift.models.losses.ReconstructionLoss;

/** Gradients of the GS-LRM network in float32, for every parameter and for the Gaussians (golden folder {@code model}). */
public final class GsLrmGradientVerifier implements CaseVerifier {
    private static final List<String> QUANTITIES = List.of("xyz", "features", "scaling", "rotation", "opacity");

    @Override
    public boolean knows(GoldenFolder folder, String file) throws GoldenException {
        return GsLrmModelVerifier.isCase(folder, file) && folder.declares(file, "grad_norm");
    }

    @Override
    public List<CheckResult> verify(GoldenCase c) throws IOException {
        List<CheckResult> checks = new ArrayList<>();
        GsLrmConfig config = GsLrmGoldens.network(c.entry().path("config"));
        try (Scope scope = Scope.open(c.toString()); GsLrm model = GsLrmGoldens.model(c, config, DType.F32)) {
            List<Tensor> operands = new ArrayList<>(List.of(GsLrmGoldens.tensor(c, "image"), GsLrmGoldens.tensor(c, "c2w"), GsLrmGoldens.tensor(c, "fxfycxcy")));
            boolean linear = c.has("w.xyz");
            for (int i = 0; linear && i < QUANTITIES.size(); i++) {
                operands.add(GsLrmGoldens.tensor(c, "w." + QUANTITIES.get(i)));
            }
            List<Tensor> out;
            try (PlacedFunction function = new PlacedFunction(c.toString(), model.stateDict(), in -> differentiated(c, config, model, in, linear))) {
                out = function.apply(operands);
            }
            checks.add(CheckResult.of(c.compare("loss", out.getFirst().item())));
            for (int i = 0; i < QUANTITIES.size(); i++) {
                String name = "grad.gaussians." + QUANTITIES.get(i);
                if (c.has(name)) {
                    checks.add(CheckResult.of(c.compare(name, out.get(1 + i).toDoubles())));
                }
            }
            parameters(checks, c, model, out.subList(1 + QUANTITIES.size(), out.size()));
        }
        return checks;
    }

    /** Loss, gradients of the Gaussians' quantities, gradients of the parameters in state-dict order. */
    private static List<Tensor> differentiated(GoldenCase c, GsLrmConfig config, GsLrm model, List<Tensor> in, boolean linear) {
        try (Tape network = Tape.open()) {
            GsLrmOutput output = model.reconstruct(in.get(0), in.get(1), in.get(2));
            List<Tensor> results = parts(output.gaussians());
            // The loss is differentiated on a tape of its own up to the Gaussians, then through the network.
            List<Tensor> leaves = results.stream().map(t -> t.view(t.spec(), t.strides(), t.offset()).requiresGrad(true)).toList();
            List<Tensor> out = new ArrayList<>();
            try (Tape upper = Tape.open()) {
                Tensor loss = linear ? linear(leaves, in.subList(3, in.size())) : rendered(c, config, output, leaves, in.get(0), in.get(1), in.get(2));
                Gradients g = upper.backward(loss);
                out.add(loss);
                leaves.forEach(t -> out.add(g.of(t)));
            }
            Gradients g = network.backward(results, List.copyOf(out.subList(1, out.size())));
            model.stateDict().values().forEach(p -> out.add(g.of(p)));
            return out;
        }
    }

    private static void parameters(List<CheckResult> checks, GoldenCase c, GsLrm model, List<Tensor> gradients) throws IOException {
        double squares = 0;
        int i = 0;
        for (String parameter : model.stateDict().keySet()) {
            double[] g = gradients.get(i++).toDoubles();
            for (double value : g) {
                squares += value * value;
            }
            String name = "grad.param." + parameter;
            if (c.has(name)) {
                checks.add(CheckResult.of(c.compare(name, g)));
            }
        }
        checks.add(CheckResult.of(c.compare("grad_norm", Math.sqrt(squares))));
    }

    private static List<Tensor> parts(GaussianBatch g) {
        return List.of(g.xyz(), g.features(), g.scaling(), g.rotation(), g.opacity());
    }

    private static Tensor linear(List<Tensor> leaves, List<Tensor> factors) {
        Tensor loss = null;
        for (int i = 0; i < leaves.size(); i++) {
            Tensor term = Ops.sum(Ops.mul(leaves.get(i), factors.get(i)));
            loss = loss == null ? term : Ops.add(loss, term);
        }
        return loss;
    }

    private static Tensor rendered(GoldenCase c, GsLrmConfig config, GsLrmOutput output, List<Tensor> leaves, Tensor image, Tensor c2w,
            Tensor lenses) {
        JsonNode losses = c.entry().path("config").path("training").path("losses");
        GaussianBatch g = new GaussianBatch(leaves.get(0), leaves.get(1), leaves.get(2), leaves.get(3), leaves.get(4));
        Tensor aligned = Ops.slice(g.xyz(), 1, config.freeGaussians(), g.count());
        GsLrmOutput cut = new GsLrmOutput(g, aligned, output.imageTokens(), output.rays(), output.patchSize());
        Tensor render = ViewRenderer.render(g, c2w, lenses, (int) image.dim(3), (int) image.dim(4), config.scalingModifier());
        return new ReconstructionLoss(GsLrmGoldens.losses(losses), null, null).evaluate(0, render, image,
                new ReconstructionLoss.Geometry(cut.pixelAlignedXyz(), output.rays().origin(), output.rays().direction())).total();
    }
}
