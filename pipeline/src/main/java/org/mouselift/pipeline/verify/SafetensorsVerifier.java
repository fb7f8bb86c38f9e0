package org.mouselift.pipeline.verify;

import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.mouselift.data.golden.GoldenCase;
import org.mouselift.data.golden.GoldenException;
import org.mouselift.data.golden.GoldenFolder;
import org.mouselift.data.safetensors.SafetensorsEntry;
import org.mouselift.data.safetensors.SafetensorsException;
import org.mouselift.data.safetensors.SafetensorsFile;

/** Safetensors files that must load although they look odd, and files that must be refused. */
public final class SafetensorsVerifier implements CaseVerifier {

    @Override
    public boolean knows(GoldenFolder folder, String file) throws GoldenException {
        String kind = folder.kind(file);
        return file.endsWith(".safetensors") && (kind.equals("must_fail") || kind.equals("valid_odd"));
    }

    @Override
    public List<CheckResult> verify(GoldenCase c) throws IOException {
        boolean mustFail = c.kind().equals("must_fail");
        try (SafetensorsFile file = SafetensorsFile.open(c.path())) {
            if (mustFail) {
                return List.of(CheckResult.fail("refused", "was accepted with tensors " + file.names()));
            }
            List<CheckResult> checks = new ArrayList<>();
            checks.add(CheckResult.pass("opened", file.names().size() + " tensors"));
            for (SafetensorsEntry entry : file.entries().values()) {
                checks.add(CheckResult.check("tensor " + entry.name(), entry.doubles().length == entry.elements(), entry.describe()));
            }
            return checks;
        } catch (SafetensorsException e) {
            return List.of(CheckResult.check(mustFail ? "refused" : "opened", mustFail, e.getMessage()));
        }
    }
}
