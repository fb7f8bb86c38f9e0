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
import java.util.OptionalInt;
import java.util.TreeMap;
import java.util.TreeSet;
import java.util.function.LongConsumer;
import java.util.stream.Stream;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.OpencvCameraFile;
import org.mouselift.data.camera.OpencvFrame;
import org.mouselift.data.camera.RigCheck;
import org.mouselift.data.checkpoint.ArtefactStatus;
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
    /** Share of the views whose subject may be cut off, unless said otherwise. */
    public static final double MAX_CLIPPED_VIEWS = 0.05;
    /** A subject is cut off, and not only its tail, where the border cuts it on more than this share of the side of a square of its size. */
    private static final double CUT = 0.25;
    /** Outlines are known to a pixel or so: smaller errors than this many pixels of the pictures themselves say nothing. */
    private static final double SEEN = 2;
    /** What a mask of A pixels loses by its outline being a pixel off, as a share of its side. */
    private static final double OUTLINE = 5;
    /** The subject of one sample is at most this many times as large in space as usual, or as small: more, and the lens is not that of the pictures. */
    private static final double MAX_SIZE_FACTOR = 1.6;
    /** A mask that covers more than this is none (mouse specification §3.5). */
    private static final double MAX_COVERED = 0.95;
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

    /**
     * @param extent   side of a square of the subject's area at the origin, world units, mean of the views
     * @param tangency errors of the frontier points where the hull was not looked at, else empty
     * @param picture  hash of the first view's file
     */
    private record Sample(String problem, QualityMetrics.Sample metrics, GeometryConsistency geometry, double extent, double[] tangency, int views, int border, int cut, int imageSize,
            int sourceFrame, String picture, List<String> warnings) {
        static Sample broken(String problem) {
            return new Sample(problem, null, null, 0, new double[0], 0, 0, 0, 0, -1, "", List.of());
        }
    }

    private final Path folder;
    private final int geometrySamples;
    private final boolean allowFrozen;
    private final double maxClipped;
    private final int limit;

    /**
     * @param geometrySamples samples whose hull is carved, spread over the set; of the others the frontier points are looked at, unless this is 0
     * @param allowFrozen     cameras that were left behind by the pictures are a warning only (Stage 1)
     */
    public DatasetCheck(Path folder, int geometrySamples, boolean allowFrozen) {
        this(folder, geometrySamples, allowFrozen, MAX_CLIPPED_VIEWS, Integer.MAX_VALUE);
    }

    /** @param maxClipped share of the views whose subject may touch the border */
    public DatasetCheck(Path folder, int geometrySamples, boolean allowFrozen, double maxClipped) {
        this(folder, geometrySamples, allowFrozen, maxClipped, Integer.MAX_VALUE);
    }

    private DatasetCheck(Path folder, int geometrySamples, boolean allowFrozen, double maxClipped, int limit) {
        this.folder = folder;
        this.geometrySamples = geometrySamples;
        this.allowFrozen = allowFrozen;
        this.maxClipped = maxClipped;
        this.limit = limit;
    }

    /** The same check of the first {@code n} samples only. */
    public DatasetCheck first(int n) {
        return new DatasetCheck(folder, geometrySamples, allowFrozen, maxClipped, n);
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
        TreeMap<Integer, String> sizes = new TreeMap<>();
        Map<String, String> pictures = new HashMap<>();
        TreeMap<String, Double> extents = new TreeMap<>();
        String firstCut = "";
        int cut = 0;
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
            sizes.putIfAbsent(size, name);
            firstCut = firstCut.isEmpty() && s.cut > 0 ? name : firstCut;
            cut += s.cut;
            String twin = pictures.putIfAbsent(s.picture, name);
            if (twin != null) {
                problems.add(name + " shows the same picture as " + twin + "; remove one of them");
            }
            if (s.geometry != null || s.tangency.length > 0) {
                judge(name, s, allowFrozen ? warnings : problems, warnings);
            }
            metrics.add(s.metrics);
            extents.put(name, s.extent);
            frames.put(name, s.sourceFrame);
            if (s.geometry != null) {
                geometry.put(name, s.geometry);
            }
        }
        if (viewCounts.size() > 1) {
            problems.add("MFL-D04: the samples have different numbers of views: " + viewCounts + "; make the set again");
        }
        if (sizes.size() > 1) {
            problems.add("MFL-D02: the samples have pictures of different sizes: " + sizes.entrySet().stream().map(e -> e.getKey() + " (first in " + e.getValue() + ")").toList()
                    + "; make the set again");
        }
        double usual = extents.isEmpty() ? 0 : QualityMetrics.percentile(extents.values().stream().mapToDouble(Double::doubleValue).toArray(), 50);
        extents.forEach((name, extent) -> {
            double factor = extent > usual ? extent / usual : usual / extent;
            if (factor > MAX_SIZE_FACTOR) {
                problems.add(String.format(Locale.ROOT, "MFL-E128: %s: image scale and intrinsics disagree: the subject is %.1f times %s in space than in most samples; were pictures"
                        + " rescaled without their cameras?", name, factor, extent > usual ? "larger" : "smaller"));
            }
        });
        double borderShare = views == 0 ? 0 : (double) border / views;
        if (cut > maxClipped * views) {
            problems.add(String.format(Locale.ROOT, "the subject is cut off by the border in %d views, %.1f %% (first in %s); make the set again with a method that fits it into"
                    + " the frame, such as hull3d or uniform-scale, or allow it with --max-clipped", cut, 100.0 * cut / views, firstCut));
        } else if (borderShare > MAX_CLIPPED_VIEWS || cut > 0) {
            warnings.add(String.format(Locale.ROOT, "%.1f %% of the views touch the border, in %d views more than the tail is cut off", 100 * borderShare, cut));
        }
        Counts counts = lists(frames, problems, warnings);
        List<String> chain = lineage(problems, warnings);
        return new Report(samples.size(), views, List.copyOf(problems), List.copyOf(warnings),
                metrics.isEmpty() ? null : new QualityMetrics(folder.toAbsolutePath().normalize().getFileName().toString(), size, metrics), geometry, borderShare, chain, counts);
    }

    /** By the frontier points alone. @param seen smallest error that can be seen in pictures of this size, pixels at 512 */
    private static boolean judge(String name, double[] tangency, double seen, List<String> problems, List<String> warnings) {
        double[] known = Arrays.stream(tangency).filter(t -> !Double.isNaN(t)).toArray();
        OptionalInt suspect = GeometryConsistency.suspect(tangency);
        if (suspect.isPresent()) {
            double own = tangency[suspect.getAsInt()];
            (own < Math.max(seen, GeometryConsistency.Grade.GB.limit()) ? warnings : problems).add(String.format(Locale.ROOT,
                    "%s: camera %d contradicts the others (frontier points %.1f px off, median view %.1f px); calibrate it again or leave its view out", name,
                    suspect.getAsInt(), own, QualityMetrics.percentile(known, 50)));
            return true;
        }
        double mean = Arrays.stream(known).average().orElse(0);
        if (mean > seen && GeometryConsistency.Grade.of(mean) == GeometryConsistency.Grade.GD) {
            problems.add(String.format(Locale.ROOT, "%s: pictures and cameras disagree (frontier points %.1f px off); use a method with exact intrinsics", name, mean));
            return true;
        }
        return false;
    }

    private static void judge(String name, Sample s, List<String> problems, List<String> warnings) {
        double seen = SEEN * 512 / s.imageSize;
        if (judge(name, s.geometry == null ? s.tangency : s.geometry.tangency(), seen, problems, warnings) || s.geometry == null) {
            return;
        }
        double side = s.imageSize * s.metrics.views().stream().mapToDouble(QualityMetrics.View::sizeRatio).min().orElse(1);
        GeometryConsistency g = s.geometry;
        if (g.minCoverage() < Math.min(GeometryConsistency.MIN_COVERAGE, 1 - OUTLINE / side)) {
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
            int cut = 0;
            double extent = 0;
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
                if (m.pixels() > MAX_COVERED * image.width() * image.height()) {
                    return Sample.broken("MFL-E134: " + picture + ": its alpha is opaque almost everywhere, so it is no mask; run mouselift data preprocess --method add-alpha");
                }
                border += m.onBorder() > 0 ? 1 : 0;
                extent += Math.sqrt(m.pixels()) * f.camera().originDepth() / f.camera().intrinsics().fx();
                cut += m.onBorder() > CUT * Math.sqrt(m.pixels()) ? 1 : 0;
                views.add(QualityMetrics.View.of(views.size(), m));
                images.add(image);
            }
            GeometryConsistency geometry = inSpace && images.size() > 1 ? GeometryConsistency.of(images, rig) : null;
            double[] tangency = geometrySamples > 0 && !inSpace && images.size() > 1 ? GeometryConsistency.tangency(images, rig) : new double[0];
            JsonNode frame = file.extra().path("recording_info").path("source_frame");
            return new Sample(null, new QualityMetrics.Sample(folder.getFileName().toString(), views), geometry, extent / images.size(), tangency, images.size(), border, cut, images.getFirst().width(),
                    frame.asInt(-1), SampleFolder.sha256(folder.resolve(file.frames().getFirst().filePath().orElseThrow())), warnings);
        } catch (IOException | PreprocessException e) {
            return Sample.broken(e.getMessage().contains(folder.toString()) ? e.getMessage() : folder + ": " + e.getMessage());
        }
    }

    /** Samples of several lists, and validation frames next to training frames. */
    private Counts lists(Map<String, Integer> frames, List<String> problems, List<String> warnings) throws IOException {
        List<Path> lists;
        try {
            ArtefactStatus.requireUsable(folder);
        } catch (InvalidatedException e) {
            problems.add(e.getMessage());
            return new Counts(0, 0, -1, -1, -1);
        }
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
        TreeSet<Integer> same = new TreeSet<>();
        validation.forEach(p -> same.add(frames.getOrDefault(p.getFileName().toString(), -1)));
        same.remove(-1);
        same.retainAll(trained);
        if (both.isEmpty() && !same.isEmpty()) {
            problems.add(same.size() + " frames of the recording are in the training and in the validation, the first: frame " + same.first() + "; split again");
        } else if (near > 0) {
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
