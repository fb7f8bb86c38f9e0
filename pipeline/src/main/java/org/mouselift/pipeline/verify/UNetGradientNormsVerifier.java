package org.mouselift.pipeline.verify;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.mouselift.data.golden.GoldenCase;
import org.mouselift.data.golden.GoldenException;
import org.mouselift.data.golden.GoldenFolder;

/**
 * Norms of the gradients of every UNet parameter: {@code <case>_all_norms.json} beside the case of one regression loss. A norm
 * passes within the file's relative tolerance; the sum within that part of the sum of absolute values.
 */
public final class UNetGradientNormsVerifier implements CaseVerifier {
    private static final String SUFFIX = "_all_norms.json";

    @Override
    public boolean knows(GoldenFolder folder, String file) throws GoldenException {
        return folder.kind(file).equals("json") && file.endsWith(SUFFIX) && folder.files().contains(caseOf(file))
                && DiffusionGoldens.uses(folder, caseOf(file), "UNetMV2DConditionModel");
    }

    private static String caseOf(String file) {
        return file.substring(0, file.length() - SUFFIX.length()) + ".safetensors";
    }

    @Override
    public List<CheckResult> verify(GoldenCase c) throws IOException {
        JsonNode json = GoldenFolder.readJson(c.path());
        double relative = json.path("suggested_relative_tolerance_of_l2").asDouble();
        Map<String, double[]> gradients = new LinkedHashMap<>();
        try (GoldenCase loss = c.folder().open(caseOf(c.file()))) {
            UNetVerifier.parameterGradients(loss).forEach(gradients::put);
        }
        List<CheckResult> checks = new ArrayList<>();
        json.path("parameters").properties().forEach(p -> {
            double[] g = gradients.remove(p.getKey());
            if (g == null) {
                checks.add(CheckResult.fail(p.getKey(), "the model has no such parameter"));
                return;
            }
            double squares = 0;
            double sum = 0;
            double absolute = 0;
            for (double v : g) {
                squares += v * v;
                sum += v;
                absolute += Math.abs(v);
            }
            double norm = p.getValue().path("l2").asDouble();
            double size = p.getValue().path("abs_sum").asDouble();
            double error = Math.abs(Math.sqrt(squares) - norm);
            double ratio = Math.max(error / norm, Math.max(Math.abs(sum - p.getValue().path("sum").asDouble()), Math.abs(absolute - size)) / size) / relative;
            checks.add(new CheckResult(p.getKey(), ratio <= 1 ? CheckResult.Status.PASS : CheckResult.Status.FAIL, error, ratio,
                    "norm " + Math.sqrt(squares) + ", expected " + norm + "; sum " + sum + ", expected " + p.getValue().path("sum").asDouble()));
        });
        gradients.keySet().forEach(name -> checks.add(CheckResult.fail(name, "the file has no norm of this parameter")));
        return checks;
    }
}
