package org.mouselift.pipeline.verify;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.ToDoubleFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.commons.math3.complex.Quaternion;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.mouselift.data.camera.Azimuth;
import org.mouselift.data.camera.CalibrationFile;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.Intrinsics;
import org.mouselift.data.camera.MammalCamera;
import org.mouselift.data.camera.OpencvCameraFile;
import org.mouselift.data.camera.Pose;
import org.mouselift.data.camera.RigCatalog;
import org.mouselift.data.camera.RigCheck;
import org.mouselift.data.camera.RigNormalization;
import org.mouselift.data.camera.Rings;
import org.mouselift.data.camera.Rotations;
import org.mouselift.data.camera.SlotAssignment;
import org.mouselift.data.camera.UpAlignment;
import org.mouselift.data.camera.UpMethod;
import org.mouselift.data.golden.GoldenCase;
import org.mouselift.data.golden.GoldenException;
import org.mouselift.data.golden.GoldenFolder;

/** Rigs, look-at cameras, up alignment and the JSON files of the golden folder {@code cameras}. */
public final class CamerasVerifier implements CaseVerifier {
    private static final Pattern RIG = Pattern.compile("rig (\\w+), radius ([\\d.]+), elevation ([-\\d.]+), azimuths \\[([^]]*)]");
    private static final Pattern TURNTABLE = Pattern.compile("turntable_n(\\d+)_el([-\\d.]+)");
    private static final Pattern ODD_TURNTABLE =
            Pattern.compile("hfov ([\\d.]+), (\\d+) views, (\\d+)x(\\d+), radius ([\\d.]+), elevation ([-\\d.]+)");

    @Override
    public boolean knows(GoldenFolder folder, String file) throws GoldenException {
        if (!folder.name().equals("cameras")) {
            return false;
        }
        return switch (folder.kind(file)) {
            case "case" -> folder.declares(file, "z_up.c2w") || folder.declares(file, "lookat.c2w")
                    || folder.declares(file, "quaternion") || folder.declares(file, "human32.c2w");
            case "rig", "table", "camera_file" -> file.endsWith(".json");
            default -> false;
        };
    }

    @Override
    public List<CheckResult> verify(GoldenCase c) throws IOException {
        return switch (c.kind()) {
            case "rig" -> rigFile(c);
            case "table" -> table(c);
            case "camera_file" -> cameraFile(c);
            default -> c.has("z_up.c2w") ? tiltedRing(c) : rigs(c);
        };
    }

    private static List<CheckResult> tiltedRing(GoldenCase c) throws IOException {
        CameraRig rig = rig("tilted_ring", c.doubles("c2w"), Intrinsics.standard(512));
        CameraRig aligned = UpAlignment.of(rig, new UpMethod.Pca()).rig();
        double[] c2w = c2w(aligned);
        return List.of(CheckResult.of(c.compare("z_up.c2w", c2w)), CheckResult.of(c.compare("fork_z_up.c2w", c2w)),
                CheckResult.of(c.compare("fork_z_up_then_distance.c2w",
                        c2w(RigNormalization.perCameraLegacy(aligned, Rings.STANDARD_DISTANCE)))));
    }

    private static List<CheckResult> rigs(GoldenCase c) throws IOException {
        List<CheckResult> out = new ArrayList<>();
        for (String name : c.expected()) {
            String stem = name.substring(0, name.indexOf('.') < 0 ? name.length() : name.indexOf('.'));
            String meaning = c.tensorEntry(name).path("meaning").asText();
            if (name.equals("lookat.c2w")) {
                out.add(CheckResult.of(c.compare(name, lookAts(c))));
            } else if (name.equals("quaternion.matrix")) {
                double[] q = c.doubles("quaternion");
                List<Double> values = new ArrayList<>();
                for (int i = 0; i < q.length; i += 4) {
                    for (double[] row : Rotations.fromQuaternion(new Quaternion(q[i], q[i + 1], q[i + 2], q[i + 3])).toArray()) {
                        Arrays.stream(row).forEach(values::add);
                    }
                }
                out.add(CheckResult.of(c.compare(name, values.stream().mapToDouble(Double::doubleValue).toArray())));
            } else if (stem.startsWith("turntable")) {
                out.add(turntable(c, name, stem));
            } else if (stem.matches("file\\d+")) {
                out.add(realFile(c, name, stem));
            } else if (RIG.matcher(meaning).find()) {
                out.addAll(lookAtRig(c, name, meaning));
            } else {
                out.add(CheckResult.fail(name, "is not understood by this verifier: " + meaning));
            }
        }
        return out;
    }

    private static double[] lookAts(GoldenCase c) throws IOException {
        double[] from = c.doubles("lookat.center");
        double[] to = c.doubles("lookat.target");
        List<Camera> cameras = new ArrayList<>();
        for (int i = 0; i < from.length; i += 3) {
            cameras.add(new Camera(Intrinsics.standard(512), Pose.lookAt(new Vector3D(from[i], from[i + 1], from[i + 2]),
                    new Vector3D(to[i], to[i + 1], to[i + 2]))));
        }
        return c2w(new CameraRig("lookat", cameras));
    }

    /** A rig described in the index; where the catalogue knows that name, its rig is compared as well. */
    private static List<CheckResult> lookAtRig(GoldenCase c, String name, String meaning) throws IOException {
        Matcher m = RIG.matcher(meaning);
        m.find();
        double radius = Double.parseDouble(m.group(2));
        double elevation = Double.parseDouble(m.group(3));
        List<Camera> cameras = new ArrayList<>();
        for (String azimuth : m.group(4).split(",")) {
            cameras.add(Rings.orbit(Intrinsics.standard(512), radius, elevation, Azimuth.xy(Double.parseDouble(azimuth.strip()))));
        }
        CameraRig built = new CameraRig(m.group(1), cameras);
        List<CheckResult> out = new ArrayList<>();
        out.add(CheckResult.of(c.compare(name, c2w(built))));
        String catalogued = switch (m.group(1)) {
            case "human6_slots" -> "human6";
            case "uniform6" -> elevation == 0 ? "uniform6" : "facelift_standard_6view";
            default -> m.group(1);
        };
        if (RigCatalog.builtIn().entries().stream().anyMatch(e -> e.id().equals(catalogued))) {
            CheckResult r = CheckResult.of(c.compare(name, c2w(RigCatalog.named(catalogued))));
            out.add(new CheckResult(name + " (catalogue " + catalogued + ")", r.status(), r.worstError(), r.ratio(), r.message()));
        }
        return out;
    }

    private static CheckResult turntable(GoldenCase c, String name, String stem) throws IOException {
        Matcher n = TURNTABLE.matcher(stem);
        CameraRig rig;
        if (n.find()) {
            // The size is stated with the intrinsics ("size 384").
            Matcher size = Pattern.compile("size (\\d+)").matcher(c.tensorEntry(stem + ".fxfycxcy").path("meaning").asText());
            if (!size.find()) {
                return CheckResult.fail(name, "the index does not state the size");
            }
            rig = Rings.turntable(Integer.parseInt(n.group(1)), Double.parseDouble(n.group(2)), Integer.parseInt(size.group(1)));
        } else {
            Matcher odd = ODD_TURNTABLE.matcher(c.tensorEntry(stem + ".c2w").path("meaning").asText());
            if (!odd.find()) {
                return CheckResult.fail(name, "the index does not state the turntable's parameters");
            }
            rig = Rings.turntable(Integer.parseInt(odd.group(2)), Double.parseDouble(odd.group(6)), Double.parseDouble(odd.group(5)),
                    Double.parseDouble(odd.group(1)), Integer.parseInt(odd.group(3)), Integer.parseInt(odd.group(4)));
        }
        return CheckResult.of(c.compare(name, name.endsWith(".fxfycxcy") ? fxfycxcy(rig) : c2w(rig)));
    }

    /** Distances, elevations, azimuths, determinants of the real camera files; skipped where those are not installed. */
    private static CheckResult realFile(GoldenCase c, String name, String stem) throws IOException {
        String relative = stem.equals("file6") ? "cameras/opencv_cameras.json" : "gslrm_sample/sample_000/opencv_cameras.json";
        var path = c.folder().real(relative);
        if (path.isEmpty()) {
            return CheckResult.skipped(name, "real/" + relative + " is not installed");
        }
        CameraRig rig = OpencvCameraFile.read(path.get(), OpencvCameraFile.Options.RIG
                .withCameras(Math.toIntExact(c.shape(name)[0]))).rig(stem);
        if (name.endsWith(".azimuth_deg")) {
            // Azimuths near 0 and 360 are the same: take the turn nearest to the reference.
            double[] expected = c.reference(name);
            double[] actual = new double[expected.length];
            for (int i = 0; i < actual.length; i++) {
                actual[i] = expected[i] + Azimuth.signed(rig.get(i).position().azimuth().xyDegrees() - expected[i]);
            }
            return CheckResult.of(c.compare(name, actual));
        }
        ToDoubleFunction<Camera> value = switch (name.substring(stem.length() + 1)) {
            case "distance" -> k -> k.position().distance();
            case "elevation_deg" -> k -> k.position().elevationDegrees();
            case "det" -> k -> k.pose().rotation().determinant();
            default -> throw new GoldenException(name + ": is not understood by this verifier");
        };
        return CheckResult.of(c.compare(name, rig.cameras().stream().mapToDouble(value).toArray()));
    }

    private static List<CheckResult> rigFile(GoldenCase c) throws IOException {
        int n = GoldenFolder.readJson(c.path()).size();
        List<MammalCamera> cameras = CalibrationFile.readJson(c.path(), n);
        CameraRig rig = new CameraRig(c.file(), cameras.stream().map(m -> m.toCamera(1, 1)).toList());
        List<RigCheck.Finding> errors = RigCheck.inspect(rig, RigCheck.Limits.SOURCE_UNITS).stream()
                .filter(f -> f.severity() == RigCheck.Severity.ERROR).toList();
        return List.of(CheckResult.check("rig check", errors.isEmpty(), errors.isEmpty() ? n + " cameras" : errors.toString()));
    }

    private static List<CheckResult> table(GoldenCase c) throws IOException {
        JsonNode t = GoldenFolder.readJson(c.path());
        double[] d = numbers(t, "distance");
        List<Camera> cameras = new ArrayList<>();
        for (int i = 0; i < d.length; i++) {
            cameras.add(Rings.orbit(new Intrinsics(t.get("fx").get(i).asDouble(), t.get("fx").get(i).asDouble(),
                    t.get("cx").get(i).asDouble(), t.get("cy").get(i).asDouble(), 1152, 1024), d[i],
                    t.get("elevation").get(i).asDouble(), Azimuth.xy(t.get("azimuth").get(i).asDouble())));
        }
        CameraRig rig = new CameraRig(c.file(), cameras);
        CameraRig scaled = RigNormalization.similarity(rig, Rings.STANDARD_DISTANCE);
        List<CheckResult> out = new ArrayList<>();
        out.add(near("mean_distance", new double[] {rig.meanDistance()}, new double[] {t.get("mean_distance").asDouble()}, 1e-9));
        out.add(near("scale", new double[] {scaled.meanDistance() / rig.meanDistance()}, new double[] {t.get("scale").asDouble()}, 1e-15));
        out.add(near("scaled_distance", scaled.distances(), numbers(t, "scaled_distance"), 1e-12));
        out.add(near("sorted_by_azimuth", Arrays.stream(rig.byAzimuth()).asDoubleStream().toArray(), numbers(t, "sorted_by_azimuth"), 0));
        out.add(near("clockwise_from_0", rig.clockwiseFromDegrees(0), numbers(t, "clockwise_from_0"), 1e-9));
        out.add(near("angular_slots", SlotAssignment.angular(rig, 0).cameras().stream().mapToDouble(Integer::doubleValue).toArray(),
                numbers(t, "angular_slots"), 0));
        return out;
    }

    /** The original converter's output: similarity to 2.7 of the folder's calibration, standard intrinsics (legacy). */
    private static List<CheckResult> cameraFile(GoldenCase c) throws IOException {
        OpencvCameraFile file = OpencvCameraFile.read(c.path(), OpencvCameraFile.Options.RIG);
        CameraRig stored = file.rig(c.file());
        List<CheckResult> out = new ArrayList<>();
        OpencvCameraFile again = OpencvCameraFile.parse(file.toBytes(), c.path(), OpencvCameraFile.Options.RIG);
        out.add(CheckResult.check("write and read", again.equals(file), "every number and key preserved"));
        var sources = c.folder().files().stream().filter(f -> {
            try {
                return c.folder().kind(f).equals("rig");
            } catch (GoldenException e) {
                throw new java.io.UncheckedIOException(e);
            }
        }).toList();
        if (sources.size() != 1) {
            out.add(CheckResult.skipped("w2c", "the folder has " + sources.size() + " calibrations; which one was converted is not stated"));
            return out;
        }
        Intrinsics standard = Intrinsics.standard(stored.get(0).intrinsics().width());
        CameraRig raw = new CameraRig("raw", CalibrationFile.readJson(c.folder().resolve(sources.get(0)), stored.size()).stream()
                .map(m -> m.toCamera(1, 1).withIntrinsics(standard)).toList());
        CameraRig converted = RigNormalization.similarity(raw, Rings.STANDARD_DISTANCE);
        out.add(near("w2c", w2c(converted), w2c(stored), 1e-12));
        out.add(near("fxfycxcy", fxfycxcy(converted), fxfycxcy(stored), 1e-12));
        return out;
    }

    static CheckResult near(String name, double[] actual, double[] expected, double atol) {
        if (actual.length != expected.length) {
            return CheckResult.fail(name, actual.length + " values, expected " + expected.length);
        }
        double worst = 0;
        for (int i = 0; i < actual.length; i++) {
            worst = Math.max(worst, Math.abs(actual[i] - expected[i]));
        }
        boolean pass = worst <= atol;
        return new CheckResult(name, pass ? CheckResult.Status.PASS : CheckResult.Status.FAIL, worst,
                atol == 0 ? pass ? 0 : Double.POSITIVE_INFINITY : worst / atol, "largest difference " + worst + ", allowed " + atol);
    }

    static double[] numbers(JsonNode node, String key) {
        double[] out = new double[node.get(key).size()];
        for (int i = 0; i < out.length; i++) {
            out[i] = node.get(key).get(i).asDouble();
        }
        return out;
    }

    /** A rig from {@code [n, 4, 4]} camera→world matrices. */
    static CameraRig rig(String id, double[] c2w, Intrinsics k) {
        List<Camera> cameras = new ArrayList<>();
        for (int i = 0; i < c2w.length; i += 16) {
            double[][] m = new double[4][];
            for (int row = 0; row < 4; row++) {
                m[row] = Arrays.copyOfRange(c2w, i + 4 * row, i + 4 * row + 4);
            }
            cameras.add(new Camera(k, Pose.cameraToWorld(m)));
        }
        return new CameraRig(id, cameras);
    }

    static double[] c2w(CameraRig rig) {
        return rig.cameras().stream().flatMap(k -> Arrays.stream(k.pose().c2w())).flatMapToDouble(Arrays::stream).toArray();
    }

    static double[] w2c(CameraRig rig) {
        return rig.cameras().stream().flatMap(k -> Arrays.stream(k.pose().w2c())).flatMapToDouble(Arrays::stream).toArray();
    }

    static double[] fxfycxcy(CameraRig rig) {
        return rig.cameras().stream().flatMapToDouble(k -> Arrays.stream(k.intrinsics().fxfycxcy())).toArray();
    }
}
