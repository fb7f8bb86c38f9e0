package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.concurrent.Callable;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.DirectionProbe;
import org.mouselift.data.camera.RigCatalog;
import org.mouselift.pipeline.mousedata.PictureSet;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code mouselift rig probe}: which rig fits some pictures (mouse specification §5.7). */
@Command(name = "probe", description = "Find the rig that fits the silhouettes of some pictures.",
        footer = {"", "Every hypothesis carves the subject from the masks; only the right cameras leave a body that covers the masks",
            "again. A common turn of the rig about the vertical cannot be seen. Exit code 1 when the claimed rig covers",
            "less than 85 %% or is more than 2 %% behind the best.", "", "Examples:",
            "  mouselift rig probe views/photo --claimed human6", "  mouselift rig probe data_mouse --samples 20"})
final class RigProbeCommand implements Callable<Integer> {
    private static final int SHOWN = 6;

    @Parameters(paramLabel = "DIR", description = "Data set, sample, or folder of views (cam_000.png, view_00.png).")
    private Path folder;

    @Option(names = "--claimed", paramLabel = "RIG", description = "What the pictures are said to show: a name with the standard lens, or a camera file as it is (default: each sample's own cameras).")
    @PathRole(PathRole.Kind.RIG)
    private String claimed;

    @Option(names = "--rigs", split = ",", defaultValue = "human6,uniform6,mouse6", paramLabel = "NAMES", description = "Directions to try (default: ${DEFAULT-VALUE}).")
    private List<String> rigs;

    @Option(names = "--samples", defaultValue = "20", paramLabel = "N", description = "Samples of a data set, spread evenly (default: ${DEFAULT-VALUE}).")
    private int limit;

    @ParentCommand
    private RigCommand parent;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        if (limit < 1) {
            throw CommandException.usage("--samples " + limit, "Give at least 1.");
        }
        List<CameraRig> named = new ArrayList<>();
        for (String r : rigs) {
            named.add(RigCatalog.named(r));
        }
        CameraRig stated = claimed == null ? null : RigArgument.read(claimed);
        List<Path> folders = PictureSet.folders(folder, limit);
        List<DirectionProbe.Hypothesis> hypotheses = null;
        List<List<DirectionProbe.Mask>> samples = new ArrayList<>();
        Optional<CameraRig> own = Optional.empty();
        for (Path f : folders) {
            PictureSet set = PictureSet.read(f);
            int side = set.pictures().getFirst().width();
            if (set.pictures().stream().anyMatch(p -> p.width() != side || p.height() != side)) {
                throw CommandException.badInput(f + ": the pictures are not square and equally large (MFL-D03)", "Prepare them first.");
            }
            if (hypotheses == null) {
                own = stated == null ? set.cameras() : Optional.of(Files.exists(Path.of(claimed))
                        ? stated.map(c -> c.withIntrinsics(c.intrinsics().centerCrop().resize(side, side))) : DirectionProbe.pictured(stated, side));
                if (own.isPresent() && own.get().size() != set.pictures().size()) {
                    throw CommandException.badInput("MFL-E114: " + own.get().size() + " cameras for " + set.pictures().size() + " pictures", "Claim a rig with as many.");
                }
                hypotheses = DirectionProbe.hypotheses(own, named, set.pictures().size(), side);
            } else if (stated == null && own.isPresent() && !set.cameras().map(CameraRig::cameras).equals(own.map(CameraRig::cameras))) {
                // Preprocessing per sample gives every sample its own lens; they cannot be judged as one rig.
                continue;
            }
            samples.add(set.masks());
        }
        DirectionProbe.Result result;
        try (Progress progress = parent.mouselift.progress("rig probe", samples.size(), "samples")) {
            result = DirectionProbe.run(samples, hypotheses, own.isPresent());
            progress.advance(samples.size());
        }
        PrintWriter out = spec.commandLine().getOut();
        out.printf("%d hypotheses, %d of %d samples%n", hypotheses.size(), samples.size(), folders.size());
        out.println("coverage  cameras");
        result.ranking().stream().limit(SHOWN).forEach(s -> print(out, s, result));
        result.claimed().filter(c -> result.ranking().indexOf(c) >= SHOWN).ifPresent(c -> print(out, c, result));
        String best = result.found() ? result.best().hypothesis().name() + " fits best" : "no rig that was tried fits";
        if (result.claimed().isEmpty()) {
            out.println("No rig was claimed; " + best + ".");
            return result.found() ? ExitCode.OK : ExitCode.CHECK_FAILED;
        }
        out.println(result.confirmed() ? String.format(Locale.ROOT, "The claimed cameras fit (%.1f %% behind the best).", 100 * result.lead())
                : "The claimed cameras do not fit; " + best + ".");
        return result.confirmed() ? ExitCode.OK : ExitCode.CHECK_FAILED;
    }

    private static void print(PrintWriter out, DirectionProbe.Score s, DirectionProbe.Result r) {
        out.printf(Locale.ROOT, "%7.1f %%  %s%s%n", 100 * s.coverage(), s.hypothesis().name(), r.claimed().filter(s::equals).isPresent() ? " (claimed)" : "");
    }
}
