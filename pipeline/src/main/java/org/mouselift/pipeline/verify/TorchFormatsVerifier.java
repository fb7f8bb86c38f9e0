package org.mouselift.pipeline.verify;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.mouselift.data.checkpoint.Checkpoint;
import org.mouselift.data.checkpoint.StoredTensor;
import org.mouselift.data.golden.GoldenCase;
import org.mouselift.data.golden.GoldenException;
import org.mouselift.data.golden.GoldenFolder;

/**
 * PyTorch files beside a safetensors file of their tensors (golden folder {@code formats}): tensor {@code a.b} is {@code b}
 * of {@code a.bin} where there is such a file, else it is in the {@code .bin} file named like the case.
 */
public final class TorchFormatsVerifier implements CaseVerifier {
    private static final String BIN = ".bin";
    private static final String TENSORS = ".safetensors";
    private static final String GROUPS = "_param_groups.json";

    @Override
    public boolean knows(GoldenFolder folder, String file) throws GoldenException {
        boolean tensors = file.endsWith(TENSORS) && folder.kind(file).equals("case");
        boolean groups = file.endsWith(GROUPS) && folder.kind(file).equals("json");
        return (tensors || groups) && folder.files().contains(binary(file));
    }

    private static String binary(String file) {
        return file.substring(0, file.length() - (file.endsWith(GROUPS) ? GROUPS : TENSORS).length()) + BIN;
    }

    @Override
    public List<CheckResult> verify(GoldenCase c) throws IOException {
        List<CheckResult> checks = new ArrayList<>();
        try (Checkpoint own = Checkpoint.open(c.folder().resolve(binary(c.file())))) {
            if (c.file().endsWith(GROUPS)) {
                JsonNode expected = GoldenFolder.readJson(c.path());
                Object groups = own.root().orElse(null) instanceof Map<?, ?> map ? map.get("param_groups") : null;
                new TorchContentCheck(checks, own).check("param_groups", expected, groups);
                return checks;
            }
            for (String name : c.expected()) {
                String other = name.substring(0, Math.max(0, name.indexOf('.'))) + BIN;
                if (c.folder().files().contains(other)) {
                    try (Checkpoint file = Checkpoint.open(c.folder().resolve(other))) {
                        checks.add(compare(c, name, file.tensor(name.substring(name.indexOf('.') + 1))));
                    }
                } else {
                    checks.add(compare(c, name, own.tensor(name)));
                }
            }
        }
        return checks;
    }

    private static CheckResult compare(GoldenCase c, String name, StoredTensor actual) throws IOException {
        String type = c.tensorEntry(name).path("dtype").asText();
        if (!actual.type().name().equals(type) || !Arrays.equals(actual.shape(), c.shape(name))) {
            return CheckResult.fail(name, "is " + actual.describe() + ", expected " + type + Arrays.toString(c.shape(name)));
        }
        return CheckResult.of(actual.type().isFloat() ? c.compare(name, actual.doubles()) : c.compare(name, actual.longs()));
    }
}
