package org.mouselift.data.camera;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalDouble;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.apache.commons.math3.linear.EigenDecomposition;

/**
 * Turning a rig so that its up direction becomes +Z (mouse specification §4.4 step 3): {@code R' = R·Qᵀ},
 * {@code C' = Q·C} with the smallest rotation Q.
 *
 * @param rig          the turned rig
 * @param up           the up direction found (unit) in the old world
 * @param rotation     Q
 * @param angleDegrees its angle
 * @param planarity    {@code 1 − λ3/λ1} of the camera centres (1: in a plane); only with PCA
 * @param eigenvalues  scatter eigenvalues of the centres, ascending; empty without PCA
 * @param warnings     low planarity or a large angle
 */
public record UpAlignment(CameraRig rig, Vector3D up, Mat3 rotation, double angleDegrees, OptionalDouble planarity,
                          List<Double> eigenvalues, List<String> warnings) {
    /** Below this planarity the camera centres do not define a horizontal plane well. */
    public static final double MIN_PLANARITY = 0.8;
    /** A larger turn is suspicious: rigs are usually nearly level. */
    public static final double MAX_ANGLE_DEGREES = 20;

    /** Aligns with +Z. */
    public static UpAlignment of(CameraRig rig, UpMethod method) {
        return of(rig, method, Vector3D.PLUS_K);
    }

    /** Aligns with {@code target}; +Y exists for the legacy option {@code legacy_y_up} only. */
    public static UpAlignment of(CameraRig rig, UpMethod method, Vector3D target) {
        List<String> warnings = new ArrayList<>();
        OptionalDouble planarity = OptionalDouble.empty();
        List<Double> eigenvalues = List.of();
        Vector3D up = switch (method) {
            case UpMethod.Explicit e -> e.up();
            case UpMethod.MeanCameraUp m -> rig.meanUp();
            case UpMethod.Pca p -> {
                EigenDecomposition eigen = scatter(rig);
                int smallest = 0;
                double[] values = eigen.getRealEigenvalues();
                for (int i = 1; i < 3; i++) {
                    smallest = values[i] < values[smallest] ? i : smallest;
                }
                eigenvalues = java.util.Arrays.stream(values).sorted().boxed().toList();
                double flat = 1 - eigenvalues.get(0) / eigenvalues.get(2);
                planarity = OptionalDouble.of(flat);
                if (flat < MIN_PLANARITY) {
                    warnings.add("rig " + rig.id() + ": the camera centres are not in a plane (planarity " + flat
                            + ", expected at least " + MIN_PLANARITY + "): the up direction is uncertain");
                }
                double[] v = eigen.getEigenvector(smallest).toArray();
                Vector3D normal = new Vector3D(v[0], v[1], v[2]);
                yield normal.dotProduct(rig.meanUp()) < 0 ? normal.negate() : normal;
            }
        };
        if (!(up.getNorm() > 0) || up.isInfinite()) {
            throw new CameraException(null, "rig " + rig.id() + ": up direction", "is " + Pose.text(up),
                    "give an explicit up direction");
        }
        Mat3 q = Rotations.between(up, target);
        double angle = Math.toDegrees(Rotations.angle(q));
        if (angle > MAX_ANGLE_DEGREES) {
            warnings.add("rig " + rig.id() + ": up alignment turns the world by " + angle + "° (more than "
                    + MAX_ANGLE_DEGREES + "°): check that the up direction " + Pose.text(up) + " is right");
        }
        return new UpAlignment(Similarity.rotate(q).apply(rig), up.normalize(), q, angle, planarity, eigenvalues,
                List.copyOf(warnings));
    }

    private static EigenDecomposition scatter(CameraRig rig) {
        if (rig.size() < 3) {
            throw new CameraException(null, "rig " + rig.id() + ": PCA up", "needs at least three cameras, has " + rig.size(),
                    "give an explicit up direction; the mean camera-up of one camera would destroy its elevation");
        }
        Vector3D mean = Vector3D.ZERO;
        for (Camera c : rig.cameras()) {
            mean = mean.add(1.0 / rig.size(), c.center());
        }
        Mat3 sum = Mat3.diagonal(0, 0, 0);
        for (Camera c : rig.cameras()) {
            Vector3D d = c.center().subtract(mean);
            sum = sum.plus(Mat3.outer(d, d));
        }
        if (!sum.isFinite() || !(sum.maxAbs() > 0)) {
            throw new CameraException(null, "rig " + rig.id() + ": PCA up", "is undefined: the camera centres coincide or "
                    + "are not finite", "give an explicit up direction");
        }
        return new EigenDecomposition(sum.toRealMatrix());
    }
}
