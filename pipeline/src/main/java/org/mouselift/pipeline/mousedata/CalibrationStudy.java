package org.mouselift.pipeline.mousedata;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.OptionalInt;
import java.util.SplittableRandom;
import java.util.function.LongConsumer;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.Intrinsics;
import org.mouselift.data.camera.Mat3;
import org.mouselift.data.camera.Pose;
import org.mouselift.data.camera.Rotations;
import org.mouselift.data.image.Image8;
import org.mouselift.data.preprocess.GeometryConsistency;
import org.mouselift.data.preprocess.PreprocessException;
import org.mouselift.data.preprocess.QualityMetrics;
import org.mouselift.engine.cpu.Workers;

/**
 * How accurate a calibration is, from silhouettes alone (mouse specification §8, K-73 and §9, W-06): the errors of the frontier points camera by camera over many
 * samples, and what known errors put into one camera would do to them. The second says how large an error must be to be seen with this rig and this subject.
 */
public final class CalibrationStudy {
    /** What may be wrong with a camera. */
    public enum Defect {
        ROTATION("turned, degrees", 0.25, 0.5, 1, 2, 4),
        POSITION("moved, % of its distance", 0.25, 0.5, 1, 2, 4),
        FOCAL("focal length, %", 0.5, 1, 2, 4, 8);

        private final String text;
        private final double[] levels;

        Defect(String text, double... levels) {
            this.text = text;
            this.levels = levels;
        }

        public String text() {
            return text;
        }

        public double[] levels() {
            return levels.clone();
        }
    }

    /**
     * One camera over all samples.
     *
     * @param error     median over the samples of its frontier point error, pixels at 512; NaN without frontier points
     * @param worst     largest of them
     * @param suspected samples in which it contradicts all others
     */
    public record CameraError(int camera, double error, double worst, int suspected) {}

    /**
     * One kind and size of error, put into each camera in turn.
     *
     * @param own    mean over cameras and samples of the wrong camera's frontier point error, pixels at 512
     * @param others the same of the others
     * @param found  share of the cameras that the pooled samples name rightly
     */
    public record Level(Defect defect, double size, double own, double others, double found) {}

    /**
     * @param samples  that could be used
     * @param skipped  why others could not
     * @param suspect  the camera that contradicts the others, over all samples
     * @param levels   empty when the study was not asked for
     */
    public record Report(int samples, List<String> skipped, List<CameraError> cameras, OptionalInt suspect, double meanError, List<Level> levels) {}

    private record Sample(List<Image8> views, CameraRig rig) {}

    private CalibrationStudy() {}

    /**
     * @param limit    samples looked at, spread evenly
     * @param study    samples of them into whose cameras errors are put; 0 for none
     * @param progress told 1 for each measured sample or error
     */
    public static Report of(Path dataset, int limit, int study, long seed, LongConsumer progress) throws IOException {
        List<Sample> samples = new ArrayList<>();
        List<String> skipped = new ArrayList<>();
        List<double[]> errors = new ArrayList<>();
        for (Path folder : PictureSet.folders(dataset, limit)) {
            PictureSet set = PictureSet.read(folder);
            if (set.cameras().isEmpty()) {
                throw new MouseDataException(folder, "has no cameras", "give a data set or sample with opencv_cameras.json");
            }
            if (!samples.isEmpty() && set.pictures().size() != samples.getFirst().views.size()) {
                throw new MouseDataException(folder, "has " + set.pictures().size() + " views, others have " + samples.getFirst().views.size(), "one rig at a time");
            }
            try {
                double[] e = GeometryConsistency.tangency(set.pictures(), set.cameras().get());
                errors.add(e);
                samples.add(new Sample(set.pictures(), set.cameras().get()));
            } catch (PreprocessException e) {
                skipped.add(folder.getFileName() + ": " + e.getMessage());
            }
            progress.accept(1);
        }
        if (samples.isEmpty()) {
            throw new MouseDataException(dataset, "holds no sample that can be measured" + (skipped.isEmpty() ? "" : ", the first: " + skipped.getFirst()), "every view needs a mask");
        }
        int n = samples.getFirst().views.size();
        List<CameraError> cameras = new ArrayList<>();
        double[] pooled = pooled(errors, n);
        for (int i = 0; i < n; i++) {
            int camera = i;
            cameras.add(new CameraError(i, pooled[i], errors.stream().mapToDouble(e -> e[camera]).filter(v -> !Double.isNaN(v)).max().orElse(Double.NaN),
                    (int) errors.stream().filter(e -> GeometryConsistency.suspect(e).equals(OptionalInt.of(camera))).count()));
        }
        List<Level> levels = new ArrayList<>();
        if (study > 0) {
            List<Sample> some = samples.subList(0, Math.min(study, samples.size()));
            for (Defect d : Defect.values()) {
                for (double size : d.levels) {
                    levels.add(level(some, d, size, n, seed));
                    progress.accept(1);
                }
            }
        }
        return new Report(samples.size(), List.copyOf(skipped), List.copyOf(cameras), GeometryConsistency.suspect(pooled),
                Arrays.stream(pooled).filter(v -> !Double.isNaN(v)).average().orElse(Double.NaN), List.copyOf(levels));
    }

    /** Median over the samples, camera by camera. */
    private static double[] pooled(List<double[]> errors, int n) {
        double[] out = new double[n];
        for (int i = 0; i < n; i++) {
            int camera = i;
            double[] known = errors.stream().mapToDouble(e -> e[camera]).filter(v -> !Double.isNaN(v)).toArray();
            out[i] = known.length == 0 ? Double.NaN : QualityMetrics.percentile(known, 50);
        }
        return out;
    }

    private static Level level(List<Sample> samples, Defect defect, double size, int n, long seed) {
        double[][][] errors = new double[n][samples.size()][];
        Workers.each(n * samples.size(), (worker, k) -> {
            int camera = k / samples.size();
            Sample s = samples.get(k % samples.size());
            // One wrong calibration for all samples, as in a recording.
            SplittableRandom random = new SplittableRandom(seed * 1_000_003 + camera * 101L + defect.ordinal());
            List<Camera> cameras = new ArrayList<>(s.rig.cameras());
            cameras.set(camera, wrong(cameras.get(camera), defect, size, random));
            try {
                errors[camera][k % samples.size()] = GeometryConsistency.tangency(s.views, new CameraRig(s.rig.id(), cameras));
            } catch (PreprocessException e) {
                throw new IllegalStateException("the same pictures could be measured before", e);
            }
        });
        double own = 0;
        double others = 0;
        int found = 0;
        for (int c = 0; c < n; c++) {
            double[] pooled = pooled(List.of(errors[c]), n);
            own += pooled[c] / n;
            double sum = 0;
            for (int i = 0; i < n; i++) {
                sum += i == c ? 0 : pooled[i];
            }
            others += sum / (n - 1) / n;
            found += GeometryConsistency.suspect(pooled).equals(OptionalInt.of(c)) ? 1 : 0;
        }
        return new Level(defect, size, own, others, (double) found / n);
    }

    /** A camera with an error of a given size in a random direction. */
    static Camera wrong(Camera camera, Defect defect, double size, SplittableRandom random) {
        Vector3D direction = new Vector3D(random.nextGaussian(), random.nextGaussian(), random.nextGaussian()).normalize();
        Pose p = camera.pose();
        return switch (defect) {
            case ROTATION -> {
                // About an axis across the line of sight: a turn about it changes the roll alone.
                Vector3D across = new Vector3D(direction.getX(), direction.getY(), 0).normalize();
                Mat3 turn = Rotations.aboutAxis(across, Math.toRadians(size));
                yield camera.withPose(Pose.worldToCamera(turn.times(p.rotation()), turn.times(p.translation())));
            }
            case POSITION -> camera.withPose(Pose.worldToCamera(p.rotation(), p.translation().add(direction.scalarMultiply(size / 100 * camera.center().getNorm()))));
            case FOCAL -> {
                Intrinsics k = camera.intrinsics();
                double f = 1 + (random.nextBoolean() ? size : -size) / 100;
                yield camera.withIntrinsics(new Intrinsics(f * k.fx(), f * k.fy(), k.cx(), k.cy(), k.width(), k.height()));
            }
        };
    }
}
