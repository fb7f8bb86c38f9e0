package org.mouselift.pipeline.mousedata;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.LongConsumer;
import java.util.stream.Stream;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.OpencvCameraFile;
import org.mouselift.data.camera.OpencvFrame;
import org.mouselift.data.camera.RigCheck;
import org.mouselift.data.checkpoint.InvalidatedException;
import org.mouselift.data.dataset.DatasetException;
import org.mouselift.data.dataset.SampleList;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.Images;
import org.mouselift.data.preprocess.GeometryConsistency;
import org.mouselift.data.preprocess.MaskStatistics;
import org.mouselift.data.preprocess.PreprocessException;
import org.mouselift.data.preprocess.QualityMetrics;
import org.mouselift.engine.cpu.Workers;

/** Whether a data set can be trained on: samples, cameras, masks, lists, lineage and consistency in 3D. */
public final class DatasetCheck {
    /** Validation frames nearer than this to a training frame are nearly the same picture. */
    private static final int NEIGHBOUR_FRAMES = 2;
    private static final double MAX_CLIPPED_VIEWS = 0.05;
    /** Frames nearer than this (half a second) show nearly the same pose. */
    private static final int POSE_FRAMES = 15;
    /** Fewer training samples are learned by heart. */
    private static final int FEW_SAMPLES = 500;

    /**
     * Samples by purpose and time.
     *
     * @param firstFrame    of the recording, −1 when the samples do not say
     * @param distinctPoses samples that are at least half a second apart; −1 as above
     */
    public record Counts(int train, int validation, int firstFrame, int lastFrame, int distinctPoses) {}

    /**
     * What was found.
     *
     * @param problems why it cannot be trained on; empty: it can
     * @param warnings what a user should know
     * @param metrics  2D statistics, null when no view has a mask
     * @param geometry one entry per sample that was looked at in 3D, in name order
     */
    public record Report(int samples, int views, List<String> problems, List<String> warnings, QualityMetrics metrics,
            Map<String, GeometryConsistency> geometry, double borderViews, List<String> chain, Counts counts) {
        public boolean trainable() {
            return problems.isEmpty();
        }

        /** Mean reprojection error of the mask centres of the samples looked at, pixels at 512. */
        public double meanReprojection() {
            return geometry.values().stream().mapToDouble(GeometryConsistency::meanReprojection).average().orElse(Double.NaN);
        }

        /** Mean error of the frontier points of the samples looked at, pixels at 512. */
        public double meanTangency() {
            return geometry.values().stream().mapToDouble(GeometryConsistency::meanTangency).filter(t -> !Double.isNaN(t)).average().orElse(Double.NaN);
        }

        /** The geometry grade of the whole set. */
        public GeometryConsistency.Grade grade() {
            return GeometryConsistency.grade(Double.isNaN(meanTangency()) ? meanReprojection() : meanTangency(), minCoverage());
        }

        /** Smallest hull coverage of all views looked at. */
        public double minCoverage() {
            return geometry.values().stream().mapToDouble(GeometryConsistency::minCoverage).filter(c -> !Double.isNaN(c)).min().orElse(Double.NaN);
        }
    }

    private record Sample(String problem, QualityMetrics.Sample metrics, GeometryConsistency geometry, int views, int border, int imageSize, int sourceFrame,
            List<String> warnings) {
        static Sample broken(String problem) {
            return new Sample(problem, null, null, 0, 0, 0, -1, List.of());
        }
    }

    private final Path folder;
    private final int geometrySamples;
    private final boolean allowFrozen;
    private final int limit;

    /**
     * @param geometrySamples samples that are checked in 3D, spread over the set
     * @param allowFrozen     cameras that were left behind by the pictures are a warning only (Stage 1)
     */
    public DatasetCheck(Path folder, int geometrySamples, boolean allowFrozen) {
        this(folder, geometrySamples, allowFrozen, Integer.MAX_VALUE);
    }

    private DatasetCheck(Path folder, int geometrySamples, boolean allowFrozen, int limit) {
        this.folder = folder;
        this.geometrySamples = geometrySamples;
        this.allowFrozen = allowFrozen;
        this.limit = limit;
    }

    /** The same check of the first {@code n} samples only. */
    public DatasetCheck first(int n) {
        return new DatasetCheck(folder, geometrySamples, allowFrozen, n);
    }

    public Report run(LongConsumer progress) throws IOException {
        List<Path> samples = Files.isDirectory(folder) ? SampleFolder.list(folder) : List.of();
        if (samples.isEmpty()) {
            throw new MouseDataException(folder, "holds no sample_NNNNNN folders", "give a data set folder");
        }
        samples = samples.subList(0, Math.min(limit, samples.size()));
        int step = Math.max(1, samples.size() / Math.max(1, geometrySamples));
        List<Path> all = samples;
        Sample[] found = new Sample[all.size()];
        Workers.each(found.length, (worker, i) -> {
            found[i] = sample(all.get(i), geometrySamples > 0 && i % step == 0 && i / step < geometrySamples);
            progress.accept(1);
        });
        List<String> problems = new ArrayList<>();
        List<String> warnings = new ArrayList<>();
        List<QualityMetrics.Sample> metrics = new ArrayList<>();
        Map<String, GeometryConsistency> geometry = new TreeMap<>();
        Map<String, Integer> frames = new HashMap<>();
        TreeSet<Integer> viewCounts = new TreeSet<>();
        int views = 0;
        int border = 0;
        int size = 0;
        for (int i = 0; i < found.length; i++) {
            Sample s = found[i];
            String name = samples.get(i).getFileName().toString();
            if (s.problem != null) {
                problems.add(s.problem);
                continue;
            }
            warnings.addAll(s.warnings);
            viewCounts.add(s.views);
            views += s.views;
            border += s.border;
            size = s.imageSize;
            metrics.add(s.metrics);
            frames.put(name, s.sourceFrame);
            if (s.geometry != null) {
                geometry.put(name, s.geometry);
            }
        }
        if (viewCounts.size() > 1) {
            problems.add("MFL-D04: the samples have different numbers of views: " + viewCounts + "; make the set again");
        }
        double borderShare = views == 0 ? 0 : (double) border / views;
        if (borderShare > MAX_CLIPPED_VIEWS) {
            warnings.add(String.format(Locale.ROOT, "%.1f %% of the views touch the border: the subject is cut off", 100 * borderShare));
        }
        geometry.forEach((name, g) -> judge(name, g, allowFrozen ? warnings : problems, warnings));
        Counts counts = lists(frames, problems, warnings);
        List<String> chain = lineage(problems, warnings);
        return new Report(samples.size(), views, List.copyOf(problems), List.copyOf(warnings),
                metrics.isEmpty() ? null : new QualityMetrics(folder.toAbsolutePath().normalize().getFileName().toString(), size, metrics), geometry, borderShare, chain, counts);
    }

    private static void judge(String name, GeometryConsistency g, List<String> problems, List<String> warnings) {
        if (g.suspect().isPresent()) {
            int camera = g.suspect().getAsInt();
            (g.tangency()[camera] < GeometryConsistency.Grade.GB.limit() ? warnings : problems).add(String.format(Locale.ROOT,
                    "%s: camera %d contradicts the others (frontier points %.1f px off, median view %.1f px); calibrate it again or leave its view out", name, camera,
                    g.tangency()[camera], QualityMetrics.percentile(Arrays.stream(g.tangency()).filter(t -> !Double.isNaN(t)).toArray(), 50)));
        } else if (g.minCoverage() < GeometryConsistency.MIN_COVERAGE || g.grade() == GeometryConsistency.Grade.GD) {
            problems.add(String.format(Locale.ROOT, "%s: pictures and cameras disagree (%s: frontier points %.1f px off; the hull of the other views covers only "
                    + "%.0f %% of a mask); use a method with exact intrinsics", name, g.grade().text(), g.meanTangency(), 100 * g.minCoverage()));
        }
    }

    private Sample sample(Path folder, boolean inSpace) {
        List<String> warnings = new ArrayList<>();
        try {
            OpencvCameraFile file = OpencvCameraFile.read(folder.resolve(OpencvCameraFile.FILE_NAME), OpencvCameraFile.Options.SAMPLE);
            warnings.addAll(file.warnings());
            CameraRig rig = file.rig(folder.getFileName().toString());
            for (RigCheck.Finding f : RigCheck.inspect(rig, RigCheck.Limits.STANDARD)) {
                if (f.severity() == RigCheck.Severity.ERROR) {
                    return Sample.broken(folder + ": " + f.message());
                }
                warnings.add(f.message());
            }
            List<Image8> images = new ArrayList<>();
            List<QualityMetrics.View> views = new ArrayList<>();
            int border = 0;
            for (OpencvFrame f : file.frames()) {
                Path picture = folder.resolve(f.filePath().orElseThrow());
                Image8 image = Images.read(picture);
                if (image.width() != f.camera().intrinsics().width() || image.height() != f.camera().intrinsics().height()) {
                    return Sample.broken("MFL-D02: " + picture + " is " + image.width() + "x" + image.height() + ", its camera says "
                            + f.camera().intrinsics().width() + "x" + f.camera().intrinsics().height() + "; correct the camera file");
                }
                if (image.width() != image.height()) {
                    return Sample.broken("MFL-D03: " + picture + " is " + image.width() + "x" + image.height() + ", not square; crop it");
                }
                if (!image.hasAlpha()) {
                    return Sample.broken("MFL-E134: " + picture + " has no alpha channel; run mouselift data preprocess --method add-alpha");
                }
                MaskStatistics m = MaskStatistics.of(image);
                if (m.isEmpty()) {
                    return Sample.broken(picture + ": the mask is empty; remove the sample");
                }
                border += m.onBorder() > 0 ? 1 : 0;
                views.add(QualityMetrics.View.of(views.size(), m));
                images.add(image);
            }
            GeometryConsistency geometry = inSpace && images.size() > 1 ? GeometryConsistency.of(images, rig) : null;
            JsonNode frame = file.extra().path("recording_info").path("source_frame");
            return new Sample(null, new QualityMetrics.Sample(folder.getFileName().toString(), views), geometry, images.size(), border, images.getFirst().width(),
                    frame.asInt(-1), warnings);
        } catch (IOException | PreprocessException e) {
            return Sample.broken(e.getMessage().contains(folder.toString()) ? e.getMessage() : folder + ": " + e.getMessage());
        }
    }

    /** Samples of several lists, and validation frames next to training frames. */
    private Counts lists(Map<String, Integer> frames, List<String> problems, List<String> warnings) throws IOException {
        List<Path> lists;
        try (Stream<Path> files = Files.list(folder)) {
            lists = files.filter(f -> f.getFileName().toString().matches("data.*_(train|val)\\.txt")).sorted().toList();
        }
        TreeSet<Path> train = new TreeSet<>();
        TreeSet<Path> validation = new TreeSet<>();
        for (Path list : lists) {
            if (Files.size(list) == 0) {
                warnings.add(list.getFileName() + " is empty");
                continue;
            }
            try {
                for (Path p : SampleList.read(list).samples()) {
                    (list.toString().endsWith("_val.txt") ? validation : train).add(p.toAbsolutePath().normalize());
                }
            } catch (DatasetException | InvalidatedException e) {
                problems.add(e.getMessage());
                return new Counts(0, 0, -1, -1, -1);
            }
        }
        if (train.isEmpty()) {
            problems.add(folder + ": no training list names a sample; expected data_*_train.txt");
        }
        TreeSet<Path> both = new TreeSet<>(train);
        both.retainAll(validation);
        if (!both.isEmpty()) {
            problems.add(both.size() + " samples are in the training and in the validation list, the first: " + both.first().getFileName() + "; split again");
        }
        TreeSet<Integer> trained = new TreeSet<>();
        train.forEach(p -> trained.add(frames.getOrDefault(p.getFileName().toString(), -1)));
        trained.remove(-1);
        long near = validation.stream().map(p -> frames.getOrDefault(p.getFileName().toString(), -1)).filter(f -> f >= 0
                && !trained.subSet(f - NEIGHBOUR_FRAMES, true, f + NEIGHBOUR_FRAMES, true).isEmpty()).count();
        if (near > 0) {
            warnings.add(near + " of " + validation.size() + " validation samples are within " + NEIGHBOUR_FRAMES
                    + " frames of a training sample: the validation is too easy; use --split blocks --guard N");
        }
        if (!train.isEmpty() && train.size() < FEW_SAMPLES) {
            warnings.add(train.size() + " training samples are learned by heart quickly; " + FEW_SAMPLES + " or more are better");
        }
        TreeSet<Integer> known = new TreeSet<>(frames.values());
        known.remove(-1);
        return known.isEmpty() ? new Counts(train.size(), validation.size(), -1, -1, -1)
                : new Counts(train.size(), validation.size(), known.first(), known.last(), distinct(known));
    }

    private static int distinct(TreeSet<Integer> frames) {
        int count = 0;
        int last = Integer.MIN_VALUE;
        for (int f : frames) {
            if (count == 0 || f - last >= POSE_FRAMES) {
                count++;
                last = f;
            }
        }
        return count;
    }

    private List<String> lineage(List<String> problems, List<String> warnings) throws IOException {
        Path file = folder.resolve(SampleFolder.PROVENANCE);
        if (!Files.exists(file)) {
            warnings.add(folder + ": has no " + SampleFolder.PROVENANCE + ": nobody can tell how it was made (MFL-D07 when a configuration expects steps)");
            return List.of();
        }
        JsonNode root = SampleFolder.read(file);
        List<String> chain = new ArrayList<>();
        for (JsonNode step : root.path("chain")) {
            boolean frozen = step.path("intrinsics").asText().equals("frozen");
            chain.add(step.path("step").asText() + (frozen ? " (frozen intrinsics)" : ""));
            if (frozen) {
                (allowFrozen ? warnings : problems).add(file + ": step " + step.path("step").asText()
                        + " moved the pictures and left the cameras: unusable for Stage 2; use exact intrinsics, or --allow-frozen-intrinsics for Stage 1");
            }
        }
        return List.copyOf(chain);
    }
}
