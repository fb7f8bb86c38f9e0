package org.mouselift.pipeline.verify;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.function.ToDoubleFunction;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.ImageOperation;
import org.mouselift.data.camera.Intrinsics;
import org.mouselift.data.camera.MammalCamera;
import org.mouselift.data.camera.Mat3;
import org.mouselift.data.camera.Projection;
import org.mouselift.data.camera.RigNormalization;
import org.mouselift.data.camera.Rings;
import org.mouselift.data.camera.Triangulation;
import org.mouselift.data.camera.UpAlignment;
import org.mouselift.data.camera.UpMethod;
import org.mouselift.data.camera.VirtualLookAt;
import org.mouselift.data.golden.GoldenCase;
import org.mouselift.data.golden.GoldenException;
import org.mouselift.data.golden.GoldenFolder;

/** The chain from a K, R, T calibration to the models' cameras: every normalisation of mouse specification §4.4. */
public final class CameraConversionVerifier implements CaseVerifier {
    private static final double TARGET = Rings.STANDARD_DISTANCE;
    private static final Pattern VECTOR = Pattern.compile("\\(([-\\d.]+),([-\\d.]+),([-\\d.]+)\\)");
    private static final Pattern RESIZE = Pattern.compile("(\\d+)/(\\d+) and (\\d+)/(\\d+)");

    @Override
    public boolean knows(GoldenFolder folder, String file) throws GoldenException {
        return folder.kind(file).equals("case") && folder.declares(file, "K") && folder.declares(file, "R")
                && folder.declares(file, "T") && folder.declares(file, "w2c");
    }

    @Override
    public List<CheckResult> verify(GoldenCase c) throws IOException {
        List<CheckResult> out = new ArrayList<>();
        Conversion conversion = new Conversion(c);
        for (String name : c.expected()) {
            double[] actual = conversion.value(name);
            out.add(actual == null ? CheckResult.fail(name, "is not understood by this verifier") : CheckResult.of(c.compare(name, actual)));
        }
        return out;
    }

    private static final class Conversion {
        private final GoldenCase c;
        private final CameraRig raw;
        private final CameraRig similar;
        private final UpAlignment up;
        private final int width;
        private final int height;

        Conversion(GoldenCase c) throws IOException {
            this.c = c;
            // "K scaled by 512/1152 and 512/1024": the frame size of the calibration.
            Matcher size = RESIZE.matcher(c.has("intrinsics.anisotropic_512")
                    ? c.tensorEntry("intrinsics.anisotropic_512").path("meaning").asText() : "");
            boolean stated = size.find();
            width = stated ? Integer.parseInt(size.group(2)) : 1152;
            height = stated ? Integer.parseInt(size.group(4)) : 1024;
            double[] k = c.doubles("K");
            double[] r = c.doubles("R");
            double[] t = c.doubles("T");
            List<Camera> cameras = new ArrayList<>();
            for (int i = 0; i < t.length / 3; i++) {
                cameras.add(new MammalCamera(matrix(k, i), matrix(r, i), new Vector3D(t[3 * i], t[3 * i + 1], t[3 * i + 2]))
                        .toCamera(width, height));
            }
            raw = new CameraRig(c.file(), cameras);
            similar = RigNormalization.similarity(raw, TARGET);
            up = UpAlignment.of(raw, new UpMethod.Pca());
        }

        private static Mat3 matrix(double[] values, int i) {
            return Mat3.rowMajor(Arrays.copyOfRange(values, 9 * i, 9 * i + 9));
        }

        double[] value(String name) throws IOException {
            return switch (name) {
                case "w2c" -> CamerasVerifier.w2c(raw);
                case "c2w" -> CamerasVerifier.c2w(raw);
                case "center" -> vectors(raw.cameras().stream().map(Camera::center).toList());
                case "forward" -> vectors(raw.cameras().stream().map(Camera::forward).toList());
                case "distance" -> raw.distances();
                case "elevation_deg" -> raw.elevationsDegrees();
                case "azimuth_deg" -> each(raw, k -> k.position().azimuth().xyDegrees());
                case "fxfycxcy" -> CamerasVerifier.fxfycxcy(raw);
                case "fov_from_cx_deg" -> each(raw, k -> Math.toDegrees(2 * Math.atan(k.intrinsics().cx() / k.intrinsics().fx())));
                case "similarity.scale" -> new double[] {TARGET / raw.meanDistance()};
                case "similarity.w2c", "fork_base_converter.w2c" -> CamerasVerifier.w2c(similar);
                case "similarity.center" -> vectors(similar.cameras().stream().map(Camera::center).toList());
                case "similarity.distance" -> similar.distances();
                case "per_camera_legacy.c2w" -> CamerasVerifier.c2w(RigNormalization.perCameraLegacy(similar, TARGET));
                case "per_camera.factor" -> each(similar, k -> TARGET / k.center().getNorm());
                case "per_camera_dolly.fx_factor" -> each(similar, k -> RigNormalization.dolly(k, TARGET).intrinsics().fx() / k.intrinsics().fx());
                case "align_up.up" -> up.up().toArray();
                case "align_up.eigenvalues" -> up.eigenvalues().stream().mapToDouble(Double::doubleValue).toArray();
                case "align_up.planarity" -> new double[] {up.planarity().orElseThrow()};
                case "align_up.angle_deg" -> new double[] {up.angleDegrees()};
                case "align_up.Q" -> flat(up.rotation());
                case "align_up.c2w" -> CamerasVerifier.c2w(up.rig());
                case "align_up.Q_y" -> flat(UpAlignment.of(raw, new UpMethod.Pca(), Vector3D.PLUS_J).rotation());
                case "align_up_two_cameras.up" -> twoCameras().up().toArray();
                case "align_up_two_cameras.Q" -> flat(twoCameras().rotation());
                case "align_up_given.Q" -> flat(given(name).rotation());
                case "fork_z_up.c2w" -> CamerasVerifier.c2w(UpAlignment.of(similar, new UpMethod.Pca()).rig());
                case "fork_y_up.c2w" -> CamerasVerifier.c2w(UpAlignment.of(similar, new UpMethod.Pca(), Vector3D.PLUS_J).rig());
                case "fork_z_up_then_distance.c2w" -> CamerasVerifier.c2w(RigNormalization.perCameraLegacy(
                        UpAlignment.of(similar, new UpMethod.Pca()).rig(), TARGET));
                case "fork_z_up_given.c2w", "fork_z_up_opposite.c2w" -> CamerasVerifier.c2w(given(name).rig());
                case "principal_ray_center" -> Triangulation.principalRayCenter(raw).toArray();
                case "offline_normalise.w2c" -> CamerasVerifier.w2c(RigNormalization.similarity(centred(), TARGET));
                case "offline_normalise.info" -> offlineInfo();
                case "align_front.c2w" -> CamerasVerifier.c2w(RigNormalization.frontRotation(raw, 0).apply(raw));
                case "clockwise_from_camera0_deg" -> raw.clockwiseFromDegrees(0);
                case "intrinsics.anisotropic_512" -> CamerasVerifier.fxfycxcy(raw.map(new ImageOperation.Resize(512, 512)::apply));
                case "intrinsics.center_crop_512" -> CamerasVerifier.fxfycxcy(raw.map(
                        k -> k.withIntrinsics(k.intrinsics().centerCrop().resize(512, 512))));
                case "intrinsics.hflip" -> CamerasVerifier.fxfycxcy(raw.map(new ImageOperation.FlipHorizontal()::apply));
                case "fork_base_converter.fx" -> each(raw, k -> Intrinsics.standard(512).fx());
                case "virtual.R" -> flat(virtual().stream().map(v -> v.camera().pose().rotation()).toList());
                case "virtual.H" -> flat(virtual().stream().map(v -> v.toOutput().normalized().matrix()).toList());
                case "projection.uv" -> projections(raw, p -> new double[] {p.u(), p.v()});
                case "projection.depth" -> projections(raw, p -> new double[] {p.depth()});
                case "per_camera_legacy.reprojection_shift_px" -> legacyShift();
                default -> null;
            };
        }

        private UpAlignment twoCameras() {
            return UpAlignment.of(raw.select(0, 1), new UpMethod.MeanCameraUp());
        }

        /** The explicit up vector is stated in the index: "explicit up (0.2,-0.3,0.9)". */
        private UpAlignment given(String name) throws IOException {
            Matcher m = VECTOR.matcher(c.tensorEntry(name).path("meaning").asText());
            if (!m.find()) {
                throw new GoldenException(name + ": the index does not state the up vector");
            }
            Vector3D v = new Vector3D(Double.parseDouble(m.group(1)), Double.parseDouble(m.group(2)), Double.parseDouble(m.group(3)));
            return UpAlignment.of(similar, new UpMethod.Explicit(v, "index"));
        }

        private CameraRig centred() {
            return RigNormalization.recenter(raw, Triangulation.principalRayCenter(raw));
        }

        private double[] offlineInfo() {
            double mean = centred().meanDistance();
            double[] p = Triangulation.principalRayCenter(raw).toArray();
            return new double[] {p[0], p[1], p[2], mean, TARGET, TARGET / mean};
        }

        private List<VirtualLookAt> virtual() throws IOException {
            Vector3D p = new Vector3D(c.doubles("virtual.P"));
            return raw.cameras().stream().map(k -> VirtualLookAt.of(k, p, Intrinsics.standard(512))).toList();
        }

        private List<Vector3D> points() throws IOException {
            double[] p = c.doubles("points");
            List<Vector3D> out = new ArrayList<>();
            for (int i = 0; i < p.length; i += 3) {
                out.add(new Vector3D(p[i], p[i + 1], p[i + 2]));
            }
            return out;
        }

        private double[] projections(CameraRig rig, java.util.function.Function<Projection, double[]> part) throws IOException {
            List<Vector3D> points = points();
            return rig.cameras().stream().flatMap(k -> points.stream().map(k::project)).flatMapToDouble(p -> Arrays.stream(part.apply(p)))
                    .toArray();
        }

        private double[] legacyShift() throws IOException {
            CameraRig moved = RigNormalization.perCameraLegacy(similar, TARGET);
            double s = TARGET / raw.meanDistance();
            List<Vector3D> points = points();
            double[] out = new double[raw.size() * points.size()];
            for (int i = 0; i < raw.size(); i++) {
                for (int j = 0; j < points.size(); j++) {
                    Projection before = raw.get(i).project(points.get(j));
                    Projection after = moved.get(i).project(points.get(j).scalarMultiply(s));
                    out[i * points.size() + j] = Math.hypot(after.u() - before.u(), after.v() - before.v());
                }
            }
            return out;
        }

        private static double[] each(CameraRig rig, ToDoubleFunction<Camera> f) {
            return rig.cameras().stream().mapToDouble(f).toArray();
        }

        private static double[] vectors(List<Vector3D> list) {
            return list.stream().flatMapToDouble(v -> Arrays.stream(v.toArray())).toArray();
        }

        private static double[] flat(Mat3 m) {
            return flat(List.of(m));
        }

        private static double[] flat(List<Mat3> list) {
            return list.stream().flatMap(m -> Arrays.stream(m.toArray())).flatMapToDouble(Arrays::stream).toArray();
        }
    }
}
