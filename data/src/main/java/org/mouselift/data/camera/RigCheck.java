package org.mouselift.data.camera;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalInt;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;

/**
 * The one validator for every rig that enters a component (mouse specification §4.3, §4.8 C-51, §5.6). It finds mirrored,
 * skewed and non-finite cameras, cameras that look away from the subject (the world origin), duplicates, wrong up axes,
 * wrong counts and impossible intrinsics, and says for each which camera, what was found and what to do.
 */
public final class RigCheck {
    /** What can be wrong with a rig. */
    public enum Rule {
        COUNT("MFL-E114"), NOT_FINITE("MFL-E126"), NOT_ORTHONORMAL("MFL-E126"), MIRRORED("MFL-E126"),
        ORIGIN_BEHIND("MFL-E126"), LOOKS_AWAY("MFL-E126"), DUPLICATE_CENTER("MFL-E126"), MIXED_UP("MFL-E126"),
        WORLD_UP_AXIS("MFL-E127"), FOCAL_LENGTH("MFL-E126"), PRINCIPAL_POINT("MFL-E126"), TOO_NEAR("MFL-E126"),
        TOO_FAR("MFL-E126");

        private final String code;

        Rule(String code) {
            this.code = code;
        }

        /** The code of the fail-fast list (mouse specification §5.6). */
        public String code() {
            return code;
        }
    }

    /** Errors stop the component, warnings are printed. */
    public enum Severity { ERROR, WARNING }

    /** One finding; {@code camera} is −1 for the rig as a whole. The message ends with the remedy. */
    public record Finding(Rule rule, Severity severity, int camera, String message) {
        public String code() {
            return rule.code();
        }
    }

    /**
     * @param cameras              expected number of cameras, if known
     * @param maxViewAngleDegrees  largest angle between the viewing direction and the direction to the world origin
     * @param orthonormality       largest entry of {@code |R·Rᵀ − I|} and of {@code |det R − 1|}
     * @param duplicateDistance    centres nearer than this fraction of the mean distance are duplicates
     * @param near                 smallest depth of the world origin (the rasterizer culls Gaussians nearer than 0.2)
     * @param far                  largest depth of the world origin
     * @param zUp                  whether camera-up must point into the upper half space (+Z)
     */
    public record Limits(OptionalInt cameras, double maxViewAngleDegrees, double orthonormality,
                         double duplicateDistance, double near, double far, boolean zUp) {
        /** For rigs in model units (subject in the unit cube): 25°, 1e-4, near 0.2, far 100, Z up. */
        public static final Limits STANDARD = new Limits(OptionalInt.empty(), 25, 1e-4, 1e-6, 0.2, 100, true);
        /** For calibrations in source units (millimetres, any up axis): no depth range, no up axis. */
        public static final Limits SOURCE_UNITS =
                new Limits(OptionalInt.empty(), 25, 1e-4, 1e-6, 0, Double.POSITIVE_INFINITY, false);

        public Limits withCameras(int n) {
            return new Limits(OptionalInt.of(n), maxViewAngleDegrees, orthonormality, duplicateDistance, near, far, zUp);
        }

        public Limits withMaxViewAngle(double degrees) {
            return new Limits(cameras, degrees, orthonormality, duplicateDistance, near, far, zUp);
        }
    }

    private static final List<Vector3D> OTHER_AXES = List.of(Vector3D.PLUS_J, Vector3D.MINUS_J, Vector3D.PLUS_I,
            Vector3D.MINUS_I, Vector3D.MINUS_K);

    private final CameraRig rig;
    private final Limits limits;
    private final List<Finding> findings = new ArrayList<>();

    private RigCheck(CameraRig rig, Limits limits) {
        this.rig = rig;
        this.limits = limits;
    }

    /** All findings, in camera order; empty when the rig is sound. */
    public static List<Finding> inspect(CameraRig rig, Limits limits) {
        RigCheck check = new RigCheck(rig, limits);
        check.run();
        return List.copyOf(check.findings);
    }

    /**
     * Returns the rig if it has no error.
     *
     * @throws RigCheckException with all findings otherwise
     */
    public static CameraRig require(CameraRig rig, Limits limits) {
        List<Finding> found = inspect(rig, limits);
        if (found.stream().anyMatch(f -> f.severity() == Severity.ERROR)) {
            throw new RigCheckException(rig.id(), found);
        }
        return rig;
    }

    /** {@link #require} with {@link Limits#STANDARD}. */
    public static CameraRig require(CameraRig rig) {
        return require(rig, Limits.STANDARD);
    }

    private void run() {
        if (rig.size() == 0) {
            add(Rule.COUNT, -1, "has no cameras", "give a camera file with at least one frame");
            return;
        }
        if (limits.cameras.isPresent() && limits.cameras.getAsInt() != rig.size()) {
            add(Rule.COUNT, -1, "has " + rig.size() + " cameras for " + limits.cameras.getAsInt() + " images",
                    "supply exactly one camera per image");
        }
        boolean[] usable = new boolean[rig.size()];
        for (int i = 0; i < rig.size(); i++) {
            usable[i] = checkNumbers(i, rig.get(i));
        }
        boolean worldUp = !limits.zUp || checkWorldUp(usable);
        for (int i = 0; i < rig.size(); i++) {
            if (usable[i]) {
                checkDirection(i, rig.get(i), worldUp);
            }
        }
        checkDuplicates(usable);
    }

    /** Returns whether the pose has finite numbers, so that geometry can be asked of it. */
    private boolean checkNumbers(int i, Camera camera) {
        Intrinsics k = camera.intrinsics();
        if (!k.isFinite()) {
            add(Rule.NOT_FINITE, i, "has intrinsics that are not finite: " + k, "recompute the calibration");
        } else {
            if (!(k.fx() > 0 && k.fy() > 0)) {
                add(Rule.FOCAL_LENGTH, i, "has focal lengths fx " + k.fx() + ", fy " + k.fy(),
                        "both must be positive pixels (a negative one mirrors the image)");
            }
            if (k.cx() < 0 || k.cx() > k.width() || k.cy() < 0 || k.cy() > k.height()) {
                findings.add(new Finding(Rule.PRINCIPAL_POINT, Severity.WARNING, i, text(Rule.PRINCIPAL_POINT, i,
                        "has its principal point (" + k.cx() + ", " + k.cy() + ") outside the " + k.width() + "×"
                                + k.height() + " image", "normal after an off-centre crop; otherwise check that the "
                                + "intrinsics belong to this image size")));
            }
        }
        Pose p = camera.pose();
        if (!p.rotation().isFinite() || !finite(p.translation()) || !finite(p.center())) {
            add(Rule.NOT_FINITE, i, "has a pose with NaN or infinite numbers", "recompute the calibration");
            return false;
        }
        double det = p.rotation().determinant();
        if (det < 0) {
            add(Rule.MIRRORED, i, "has det R = " + det + ": the rotation is a mirror image",
                    "OpenCV axes are right, down, forward (det +1); a matrix of right, up, forward or right, down, "
                            + "backward axes must have one axis negated");
        }
        double skew = p.rotation().orthonormalityError();
        if (skew > limits.orthonormality || Math.abs(Math.abs(det) - 1) > limits.orthonormality) {
            add(Rule.NOT_ORTHONORMAL, i, "has a rotation that is not orthonormal: max |R·Rᵀ − I| = " + skew + ", det R = "
                    + det, "store R with all digits and without a scale factor (scale belongs in the translation)");
        }
        return true;
    }

    /**
     * All cameras agree on another up axis than +Z: the whole world lies on its side, which is one finding, not n. Where
     * most of them point to +Z as well, they must agree closely (within 26°): a few steep cameras of a Z-up world, or one
     * on its head, must not be taken for that.
     */
    private boolean checkWorldUp(boolean[] usable) {
        int upright = 0;
        for (int i = 0; i < usable.length; i++) {
            upright += usable[i] && rig.get(i).pose().up().getZ() > 0 ? 1 : 0;
        }
        double needed = 2 * upright > usable.length ? 0.9 : 0;
        for (Vector3D axis : OTHER_AXES) {
            if (smallestUp(usable, axis) > needed) {
                add(Rule.WORLD_UP_AXIS, -1, "looks " + name(axis) + "-up (mean camera-up " + Pose.text(rig.meanUp())
                        + "), expected Z-up", "align the rig with --up (pca, vertical-lines or explicit), for Y-up data "
                        + "(x,y,z) → (x,−z,y)");
                return false;
            }
        }
        return true;
    }

    private double smallestUp(boolean[] usable, Vector3D axis) {
        double smallest = Double.POSITIVE_INFINITY;
        for (int i = 0; i < usable.length; i++) {
            if (usable[i]) {
                smallest = Math.min(smallest, rig.get(i).pose().up().dotProduct(axis));
            }
        }
        return Double.isInfinite(smallest) ? 0 : smallest;
    }

    private static String name(Vector3D axis) {
        double sum = axis.getX() + axis.getY() + axis.getZ();
        return (sum < 0 ? "−" : "") + (axis.getX() != 0 ? "X" : axis.getY() != 0 ? "Y" : "Z");
    }

    private void checkDirection(int i, Camera camera, boolean worldUp) {
        double depth = camera.originDepth();
        if (!(depth > 0)) {
            add(Rule.ORIGIN_BEHIND, i, "looks away from the subject: the world origin has depth " + depth,
                    "OpenGL and Blender matrices need c2w·diag(1,−1,−1,1); a c2w matrix must not be stored as w2c");
        } else {
            double angle = Math.toDegrees(Vector3D.angle(camera.forward(), camera.center().negate()));
            if (angle > limits.maxViewAngleDegrees) {
                add(Rule.LOOKS_AWAY, i, "looks " + angle + "° beside the world origin (limit "
                        + limits.maxViewAngleDegrees + "°)", "recentre the rig on the subject");
            }
            if (depth < limits.near) {
                add(Rule.TOO_NEAR, i, "has the subject at depth " + depth + ", nearer than " + limits.near,
                        "normalise the rig (mean distance 2.7)");
            } else if (depth > limits.far) {
                add(Rule.TOO_FAR, i, "has the subject at depth " + depth + ", beyond " + limits.far,
                        "normalise the rig (mean distance 2.7): these look like millimetres");
            }
        }
        double up = camera.pose().up().getZ();
        if (limits.zUp && worldUp && !(up > 0)) {
            add(Rule.MIXED_UP, i, "stands on its head: camera-up · Z = " + up,
                    "all cameras of a rig share one up axis; rotate the image by 180° together with its camera");
        }
    }

    private void checkDuplicates(boolean[] usable) {
        double sum = 0;
        int count = 0;
        for (int i = 0; i < usable.length; i++) {
            if (usable[i]) {
                sum += rig.get(i).center().getNorm();
                count++;
            }
        }
        double limit = count == 0 ? 0 : limits.duplicateDistance * sum / count;
        for (int j = 1; j < usable.length; j++) {
            for (int i = 0; i < j; i++) {
                if (usable[i] && usable[j] && rig.get(i).center().distance(rig.get(j).center()) <= limit) {
                    add(Rule.DUPLICATE_CENTER, j, "stands where camera " + i + " stands, at "
                            + Pose.text(rig.get(j).center()), "remove the copy, or supply the missing camera");
                    break;
                }
            }
        }
    }

    private void add(Rule rule, int camera, String problem, String remedy) {
        findings.add(new Finding(rule, Severity.ERROR, camera, text(rule, camera, problem, remedy)));
    }

    private String text(Rule rule, int camera, String problem, String remedy) {
        return rule.code() + ": " + (camera < 0 ? "Rig " : "Camera " + camera + " of rig ") + rig.id() + " " + problem
                + "; " + remedy;
    }

    private static boolean finite(Vector3D v) {
        return !v.isNaN() && !v.isInfinite();
    }
}
