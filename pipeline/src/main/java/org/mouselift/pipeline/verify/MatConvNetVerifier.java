package org.mouselift.pipeline.verify;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.mouselift.data.golden.GoldenCase;
import org.mouselift.data.golden.GoldenException;
import org.mouselift.data.golden.GoldenFolder;
import org.mouselift.data.safetensors.SafetensorsEntry;
import org.mouselift.data.safetensors.SafetensorsFile;
import org.mouselift.pipeline.evaluate.MatConvNetVgg;

/** MATLAB files with the nesting of MatConvNet's VGG19, plain and compressed: every convolution as the original reads it. */
public final class MatConvNetVerifier implements CaseVerifier {
    @Override
    public boolean knows(GoldenFolder folder, String file) throws GoldenException {
        return folder.kind(file).equals("mat_v5") && folder.entry(file).has("expected");
    }

    @Override
    public List<CheckResult> verify(GoldenCase c) throws IOException {
        Path file = c.folder().resolve(c.file());
        Map<String, MatConvNetVgg.Entry> read = MatConvNetVgg.read(file);
        List<CheckResult> checks = new ArrayList<>();
        try (SafetensorsFile expected = SafetensorsFile.open(c.folder().resolve(c.entry().path("expected").asText()))) {
            for (SafetensorsEntry e : expected.entries().values()) {
                MatConvNetVgg.Entry got = read.get(e.name());
                boolean same = got != null && Arrays.equals(got.shape(), e.shape()) && Arrays.equals(got.values(), e.floats());
                checks.add(CheckResult.check(e.name(), same, same ? "equal" : got == null ? "is not there" : "differs"));
            }
            boolean all = read.keySet().equals(expected.entries().keySet());
            checks.add(CheckResult.check("names", all, all ? read.size() + " tensors" : read.keySet() + ", expected " + expected.names()));
        }
        return checks;
    }
}
