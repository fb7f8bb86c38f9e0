package org.mouselift.pipeline.verify;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.mouselift.data.golden.GoldenCase;
import org.mouselift.data.golden.GoldenException;
import org.mouselift.data.golden.GoldenFolder;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.models.metrics.ImageMetrics;

/** PSNR and SSIM of the validation of the multi-view diffusion (specification §4.9). */
public final class MetricsVerifier implements CaseVerifier {
    @Override
    public boolean knows(GoldenFolder folder, String file) throws GoldenException {
        return folder.kind(file).equals("case") && folder.entry(file).path("tensors").has("ground_truth") && folder.entry(file).path("tensors").has("psnr");
    }

    @Override
    public List<CheckResult> verify(GoldenCase c) throws IOException {
        List<CheckResult> checks = new ArrayList<>();
        try (Scope scope = Scope.open(c.toString())) {
            Tensor truth = DiffusionGoldens.tensor(c, "ground_truth");
            Tensor predicted = DiffusionGoldens.tensor(c, "predicted");
            for (String name : c.expected()) {
                checks.add(switch (name) {
                    case "psnr" -> CheckResult.of(c.compare(name, ImageMetrics.psnr(predicted, truth)));
                    case "ssim_clipped" -> CheckResult.of(c.compare(name, ImageMetrics.ssim(Ops.clamp(predicted, 0, 1), truth)));
                    case "ssim_unclipped" -> CheckResult.of(c.compare(name, ImageMetrics.ssim(predicted, truth)));
                    default -> CheckResult.fail(name, "is not computed");
                });
            }
        }
        return checks;
    }
}
