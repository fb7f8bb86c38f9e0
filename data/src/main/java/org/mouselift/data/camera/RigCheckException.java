package org.mouselift.data.camera;

import java.util.List;
import java.util.stream.Collectors;

/** A rig that {@link RigCheck} refuses; the message lists every finding. */
public final class RigCheckException extends CameraException {
    private static final long serialVersionUID = 1L;
    private final transient List<RigCheck.Finding> findings;

    RigCheckException(String rig, List<RigCheck.Finding> findings) {
        super(firstError(findings).code(), "rig " + rig, "is not usable:\n"
                + findings.stream().map(f -> "  " + f.message()).collect(Collectors.joining("\n")),
                "correct the cameras named above");
        this.findings = List.copyOf(findings);
    }

    private static RigCheck.Finding firstError(List<RigCheck.Finding> findings) {
        return findings.stream().filter(f -> f.severity() == RigCheck.Severity.ERROR).findFirst().orElseThrow();
    }

    public List<RigCheck.Finding> findings() {
        return findings;
    }
}
