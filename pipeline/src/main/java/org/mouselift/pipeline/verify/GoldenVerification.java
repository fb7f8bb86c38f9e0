package org.mouselift.pipeline.verify;

import java.io.IOException;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Collectors;
import org.mouselift.data.golden.GoldenCase;
import org.mouselift.data.golden.GoldenFolder;

/** Runs every golden case below a folder through the verifier that knows it. */
public final class GoldenVerification {
    /** Files that other cases use; without a verifier of their own they are not cases. */
    private static final Set<String> SUPPORTING_KINDS = Set.of("checkpoint", "config", "data", "expected", "rig", "folder");

    private final List<CaseVerifier> verifiers;

    public GoldenVerification(List<CaseVerifier> verifiers) {
        this.verifiers = List.copyOf(verifiers);
    }

    /** With all registered verifiers. */
    public static GoldenVerification registered() {
        return new GoldenVerification(ServiceLoader.load(CaseVerifier.class).stream().map(ServiceLoader.Provider::get).toList());
    }

    /** A case and the verifier that will check it; no verifier means that the case is unknown. */
    public record PlannedCase(GoldenFolder folder, String file, String kind, Optional<CaseVerifier> verifier) {
        /** {@code image_preprocessing/pil_resize.safetensors}. */
        public String name() {
            return folder.name() + "/" + file;
        }
    }

    /** All cases at or below {@code root}, known and unknown, in a fixed order; reads the indexes only. */
    public List<PlannedCase> plan(Path root) throws IOException {
        List<PlannedCase> plan = new ArrayList<>();
        for (GoldenFolder folder : GoldenFolder.findAll(root)) {
            for (String file : folder.files()) {
                Optional<CaseVerifier> verifier = verifierOf(folder, file);
                if (verifier.isPresent() || !SUPPORTING_KINDS.contains(folder.kind(file))) {
                    plan.add(new PlannedCase(folder, file, folder.kind(file), verifier));
                }
            }
        }
        return plan;
    }

    private Optional<CaseVerifier> verifierOf(GoldenFolder folder, String file) throws IOException {
        List<CaseVerifier> knowing = new ArrayList<>();
        for (CaseVerifier verifier : verifiers) {
            if (verifier.knows(folder, file)) {
                knowing.add(verifier);
            }
        }
        if (knowing.size() > 1) {
            throw new IllegalStateException(folder + ": " + file + " is claimed by several verifiers: "
                    + knowing.stream().map(v -> v.getClass().getName()).collect(Collectors.joining(", ")));
        }
        return knowing.stream().findFirst();
    }

    /** Checks one case. Exceptions of the verifier become a failed report; expected tensors it left out become failures. */
    public CaseReport run(PlannedCase planned) {
        if (planned.verifier().isEmpty()) {
            return CaseReport.unknown(planned.folder(), planned.file(), planned.kind());
        }
        long start = System.nanoTime();
        List<CheckResult> checks = new ArrayList<>();
        Exception error = null;
        try (GoldenCase c = planned.folder().open(planned.file())) {
            checks.addAll(planned.verifier().get().verify(c));
            Set<String> named = checks.stream().map(CheckResult::name).collect(Collectors.toSet());
            for (String name : c.expected()) {
                if (!named.contains(name)) {
                    checks.add(CheckResult.fail(name, c.unchecked().contains(name) ? "was not checked by " + planned.verifier().get().getClass().getSimpleName()
                            : "was compared, but the result was not reported"));
                }
            }
        } catch (IOException | RuntimeException e) {
            error = e;
        }
        return CaseReport.of(planned.folder(), planned.file(), planned.kind(), checks, Duration.ofNanos(System.nanoTime() - start), error);
    }

    /** Checks all cases below {@code root}, handing each report to {@code listener} as it comes; returns all reports. */
    public List<CaseReport> run(Path root, Consumer<CaseReport> listener) throws IOException {
        List<CaseReport> reports = new ArrayList<>();
        for (PlannedCase planned : plan(root)) {
            CaseReport report = run(planned);
            reports.add(report);
            listener.accept(report);
        }
        return reports;
    }
}
