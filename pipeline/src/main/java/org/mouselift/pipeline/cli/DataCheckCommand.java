package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.mouselift.data.dataset.DatasetException;
import org.mouselift.data.dataset.DatasetLineage;
import org.mouselift.data.preprocess.QualityGrade;
import org.mouselift.data.preprocess.QualityMetrics;
import org.mouselift.pipeline.mousedata.DatasetCheck;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code mouselift data check}: whether a data set can be trained on. */
@Command(name = "check", mixinStandardHelpOptions = true, sortOptions = false, description = "Say whether a data set can be trained on: samples, cameras, masks, lists, lineage, 3D consistency.",
        footer = {"", "Exit code 0: it can; 1: it cannot, the reasons are printed; 3: it is no data set."})
final class DataCheckCommand implements Callable<Integer> {
    private static final int SHOWN = 20;

    @Parameters(paramLabel = "DIR", description = "Data set folder.")
    private Path folder;

    @Option(names = "--geometry-samples", defaultValue = "10", paramLabel = "N", description = "Samples whose hull is carved; 0 checks nothing in 3D (default: ${DEFAULT-VALUE}).")
    private int geometrySamples;

    @Option(names = "--allow-frozen-intrinsics", description = "Cameras left behind by the pictures are a warning only (Stage 1).")
    private boolean allowFrozen;

    @Option(names = "--max-clipped", defaultValue = "" + DatasetCheck.MAX_CLIPPED_VIEWS, paramLabel = "SHARE",
            description = "Views whose mouse may be cut off (default: ${DEFAULT-VALUE}).")
    private double maxClipped;

    @Option(names = "--expect", split = ",", paramLabel = "STEPS", description = "Steps that must have been made, in order: prepare,hull3d (MFL-D07).")
    private List<String> expected = new ArrayList<>();

    @ParentCommand
    private DataCommand parent;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        if (!(maxClipped >= 0 && maxClipped <= 1)) {
            throw CommandException.usage("--max-clipped " + maxClipped + ": expected 0 to 1", "");
        }
        DatasetCheck.Report r;
        try (Progress progress = parent.mouselift.progress("data check", 0, "samples")) {
            r = new DatasetCheck(folder, geometrySamples, allowFrozen, maxClipped).run(progress::advance);
        }
        PrintWriter out = spec.commandLine().getOut();
        DatasetCheck.Counts c = r.counts();
        out.printf("samples     %d with %d views; %d to train, %d to validate%n", r.samples(), r.views(), c.train(), c.validation());
        if (c.firstFrame() >= 0) {
            out.printf("frames      %d to %d, %d poses at least half a second apart%n", c.firstFrame(), c.lastFrame(), c.distinctPoses());
        }
        out.printf("made by     %s%n", r.chain().isEmpty() ? "unknown" : String.join(" → ", r.chain()));
        if (r.metrics() != null) {
            QualityMetrics.Summary s = r.metrics().summary();
            out.printf(Locale.ROOT, "2D          %s: size %.1f %% (CV %.2f %%), centre offset %.1f px, %.1f %% of the views touch the border%n",
                    QualityGrade.of(s, r.metrics().imageSize()).text(), 100 * s.size().mean(), s.size().cv(), s.offset().mean(), 100 * r.borderViews());
        }
        if (!r.geometry().isEmpty()) {
            out.printf(Locale.ROOT, "3D          %s: frontier points %.2f px, mask centres %.2f px, smallest hull coverage %.1f %% (%d samples)%n",
                    r.grade().text(), r.meanTangency(), r.meanReprojection(), 100 * r.minCoverage(), r.geometry().size());
        }
        boolean made = made(out);
        r.warnings().stream().limit(SHOWN).forEach(w -> out.println("warning: " + w));
        r.problems().stream().limit(SHOWN).forEach(p -> out.println("problem: " + p));
        if (r.warnings().size() > SHOWN || r.problems().size() > SHOWN) {
            out.printf("(%d warnings and %d problems in all)%n", r.warnings().size(), r.problems().size());
        }
        out.println(r.trainable() && made ? "The data set can be trained on." : "The data set cannot be trained on.");
        return r.trainable() && made ? ExitCode.OK : ExitCode.CHECK_FAILED;
    }

    private boolean made(PrintWriter out) throws IOException {
        try {
            DatasetLineage.of(folder).require(expected);
            return true;
        } catch (DatasetException e) {
            out.println("problem: " + e.getMessage());
            return false;
        }
    }
}
