package org.mouselift.pipeline.verify;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.mouselift.data.golden.GoldenCase;
import org.mouselift.data.golden.GoldenException;
import org.mouselift.data.golden.GoldenFolder;
import org.mouselift.engine.Gradients;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.models.losses.LossReport;
import org.mouselift.models.losses.ReconstructionLoss;
import org.mouselift.models.losses.Ssim;
import org.mouselift.models.metrics.ImageMetrics;

/** Reconstruction losses with their gradients, and image metrics (golden folder {@code losses}), without the VGG terms. */
public final class LossesVerifier implements CaseVerifier {
    @Override
    public boolean knows(GoldenFolder folder, String file) throws GoldenException {
        if (!folder.name().equals("losses") || !folder.kind(file).equals("case")) {
            return false;
        }
        JsonNode losses = folder.entry(file).path("losses");
        boolean loss = losses.isObject() && folder.declares(file, "rendering") && !GsLrmGoldens.needsVgg(losses);
        return loss || (folder.declares(file, "x") && folder.declares(file, "y")
                && (folder.declares(file, "ssim_metric") || folder.declares(file, "grad.x")));
    }

    @Override
    public List<CheckResult> verify(GoldenCase c) throws IOException {
        try (Scope scope = Scope.open(c.toString()); Tape tape = Tape.open()) {
            return c.has("rendering") ? loss(c, tape) : c.has("grad.x") ? unclampedSsim(c, tape) : metrics(c);
        }
    }

    private static List<CheckResult> loss(GoldenCase c, Tape tape) throws IOException {
        List<CheckResult> checks = new ArrayList<>();
        Tensor rendering = GsLrmGoldens.tensor(c, "rendering").requiresGrad(true);
        Tensor xyz = c.has("xyz") ? GsLrmGoldens.tensor(c, "xyz").requiresGrad(true) : null;
        ReconstructionLoss.Geometry geometry = xyz == null ? null
                : new ReconstructionLoss.Geometry(xyz, GsLrmGoldens.tensor(c, "ray_o"), GsLrmGoldens.tensor(c, "ray_d"));
        LossReport report = new ReconstructionLoss(GsLrmGoldens.losses(c.entry().path("losses")), null, null)
                .evaluate(0, rendering, GsLrmGoldens.tensor(c, "target"), geometry);
        for (Map.Entry<String, Double> number : report.numbers().entrySet()) {
            if (c.expected().contains(number.getKey())) {
                checks.add(CheckResult.of(c.compare(number.getKey(), number.getValue())));
            }
        }
        Gradients gradients = tape.backward(report.total());
        gradient(checks, c, "grad.rendering", rendering, gradients);
        gradient(checks, c, "grad.xyz", xyz, gradients);
        return checks;
    }

    private static void gradient(List<CheckResult> checks, GoldenCase c, String name, Tensor leaf, Gradients gradients) throws IOException {
        if (c.has(name)) {
            checks.add(CheckResult.of(c.compare(name, gradients.of(leaf).toDoubles())));
        }
    }

    private static List<CheckResult> unclampedSsim(GoldenCase c, Tape tape) throws IOException {
        Tensor x = GsLrmGoldens.tensor(c, "x").requiresGrad(true);
        Tensor loss = Ops.affine(Ssim.of(x, GsLrmGoldens.tensor(c, "y")), -1, 1);
        List<CheckResult> checks = new ArrayList<>(List.of(CheckResult.of(c.compare("loss", loss.item()))));
        gradient(checks, c, "grad.x", x, tape.backward(loss));
        return checks;
    }

    private static List<CheckResult> metrics(GoldenCase c) throws IOException {
        Tensor x = GsLrmGoldens.tensor(c, "x");
        Tensor y = GsLrmGoldens.tensor(c, "y");
        return List.of(CheckResult.of(c.compare("ssim_train", ImageMetrics.trainingSsim(x, y))),
                CheckResult.of(c.compare("ssim_metric", ImageMetrics.ssim(x, y))),
                CheckResult.of(c.compare("mse", ImageMetrics.mse(x, y))),
                CheckResult.of(c.compare("psnr", ImageMetrics.psnr(x, y))));
    }
}
