package org.mouselift.pipeline.verify;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.mouselift.data.checkpoint.Checkpoint;
import org.mouselift.data.golden.GoldenCase;
import org.mouselift.data.golden.GoldenException;
import org.mouselift.data.golden.GoldenFolder;
import org.mouselift.engine.Gradients;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.models.losses.LossReport;
import org.mouselift.models.losses.Lpips;
import org.mouselift.models.losses.ReconstructionLoss;
import org.mouselift.models.losses.Ssim;
import org.mouselift.models.losses.Vgg19Perceptual;
import org.mouselift.models.metrics.ImageMetrics;

/** Reconstruction losses with their gradients, and image metrics (golden folder {@code losses}). */
public final class LossesVerifier implements CaseVerifier {
    private static final String NO_FACTORS = "needs the learned factors of LPIPS (real/lpips/vgg.pth), which are not here";

    @Override
    public boolean knows(GoldenFolder folder, String file) throws GoldenException {
        if (!folder.name().equals("losses") || !folder.kind(file).equals("case")) {
            return false;
        }
        JsonNode losses = folder.entry(file).path("losses");
        boolean loss = losses.isObject() && folder.declares(file, "rendering");
        return loss || folder.declares(file, "vgg19.tap2") || (folder.declares(file, "x") && folder.declares(file, "y")
                && (folder.declares(file, "ssim_metric") || folder.declares(file, "grad.x")));
    }

    @Override
    public List<CheckResult> verify(GoldenCase c) throws IOException {
        try (Scope scope = Scope.open(c.toString()); Tape tape = Tape.open()) {
            if (c.has("rendering")) {
                return loss(c, tape);
            }
            return c.has("vgg19.tap2") ? vggTaps(c) : c.has("grad.x") ? unclampedSsim(c, tape) : metrics(c);
        }
    }

    private static List<CheckResult> loss(GoldenCase c, Tape tape) throws IOException {
        List<CheckResult> checks = new ArrayList<>();
        Tensor rendering = GsLrmGoldens.tensor(c, "rendering").requiresGrad(true);
        Tensor xyz = c.has("xyz") ? GsLrmGoldens.tensor(c, "xyz").requiresGrad(true) : null;
        ReconstructionLoss.Geometry geometry = xyz == null ? null
                : new ReconstructionLoss.Geometry(xyz, GsLrmGoldens.tensor(c, "ray_o"), GsLrmGoldens.tensor(c, "ray_d"));
        JsonNode rule = c.entry().path("weights_rule");
        Vgg19Perceptual perceptual = rule.isObject() ? new Vgg19Perceptual(VggGoldens.vgg19(rule), rule.toString()) : null;
        Lpips lpips = null;
        if (c.entry().path("losses").path("lpips_loss_weight").asDouble(0) > 0) {
            Optional<Lpips> found = lpips(c, rule);
            if (found.isEmpty()) {
                return c.expected().stream().map(name -> CheckResult.skipped(name, NO_FACTORS)).toList();
            }
            lpips = found.get();
        }
        LossReport report = new ReconstructionLoss(GsLrmGoldens.losses(c.entry().path("losses")), lpips, perceptual)
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

    /** Activations of both networks for the rendering of another case. */
    private static List<CheckResult> vggTaps(GoldenCase c) throws IOException {
        List<CheckResult> checks = new ArrayList<>();
        JsonNode rule = c.entry().path("weights_rule");
        try (GoldenCase inputs = c.folder().open(c.entry().path("inputs_from").asText())) {
            Tensor x = GsLrmGoldens.tensor(inputs, "rendering");
            x = Ops.reshape(x, x.dim(0) * x.dim(1), 3, x.dim(3), x.dim(4));
            checks.add(CheckResult.of(c.compare("lpips.scaled_input", Lpips.scaledInput(x).toDoubles())));
            taps(checks, c, "vgg16", Lpips.features(VggGoldens.vgg16(rule), rule.toString(), x));
            taps(checks, c, "vgg19", new Vgg19Perceptual(VggGoldens.vgg19(rule), rule.toString()).taps(x));
            Optional<Lpips> lpips = lpips(c, rule);
            if (lpips.isPresent()) {
                Tensor y = GsLrmGoldens.tensor(inputs, "target");
                layers(checks, c, lpips.get(), x, Ops.reshape(y, y.dim(0) * y.dim(1), 3, y.dim(3), y.dim(4)));
            } else {
                c.unchecked().forEach(name -> checks.add(CheckResult.skipped(name, NO_FACTORS)));
            }
        }
        return checks;
    }

    private static void layers(List<CheckResult> checks, GoldenCase c, Lpips lpips, Tensor x, Tensor y) throws IOException {
        List<Tensor> layers = lpips.layers(x, y);
        for (int i = 0; i < layers.size(); i++) {
            checks.add(CheckResult.of(c.compare("lpips.layer" + i, layers.get(i).toDoubles())));
        }
        checks.add(CheckResult.of(c.compare("lpips.value", lpips.distances(x, y).toDoubles())));
    }

    /** With generated convolutions and the published factors, which accompany the goldens. */
    private static Optional<Lpips> lpips(GoldenCase c, JsonNode rule) throws IOException {
        Optional<Path> file = c.folder().real("lpips/vgg.pth");
        if (file.isEmpty()) {
            return Optional.empty();
        }
        Map<String, Tensor> factors = new LinkedHashMap<>();
        try (Checkpoint stored = Checkpoint.open(file.get())) {
            stored.tensors().forEach((name, t) -> factors.put(name, Tensor.of(t.floats(), t.shape())));
        }
        return Optional.of(new Lpips(VggGoldens.vgg16(rule), factors, file.get().toString()));
    }

    private static void taps(List<CheckResult> checks, GoldenCase c, String network, List<Tensor> taps) throws IOException {
        for (int i = 0; i < taps.size(); i++) {
            String name = network + ".tap" + i;
            checks.add(CheckResult.of(c.has(name) ? c.compare(name, taps.get(i).toDoubles())
                    : c.compare(name + ".mean_per_channel", Ops.mean(taps.get(i), false, 2, 3).toDoubles())));
        }
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
