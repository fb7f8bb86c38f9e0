package org.mouselift.data.camera;

import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.OptionalInt;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;

/**
 * The chain from a calibration to the models' world (mouse specification §4.4): recentre, align up, align the front,
 * bring to the target distance. Every step is also a function of its own. To be computed once per rig, not per sample.
 *
 * @param center         which point becomes the origin
 * @param up             how the up direction is found; empty keeps it
 * @param frontCamera    the camera that shall stand at azimuth 270°; empty keeps the azimuths
 * @param mode           what is done about the distances
 * @param targetDistance in model units, 2.7 for the published models
 * @param intrinsics     the intrinsics of the warped pictures (look-at modes only)
 */
public record RigNormalization(Center center, Optional<UpMethod> up, OptionalInt frontCamera, GeometryMode mode,
                               double targetDistance, Optional<Intrinsics> intrinsics) {
    /** The point that becomes the origin. */
    public sealed interface Center {
        /** The origin stays. */
        record Keep() implements Center {}

        /** The least-squares point of the principal rays. */
        record PrincipalRays() implements Center {}

        /** A given point, for example the mean triangulated centre of mass; {@code source} is recorded. */
        record Explicit(Vector3D point, String source) implements Center {}
    }

    /** The default for real data: origin and up kept, one scale to mean distance 2.7. */
    public static final RigNormalization SIMILARITY = new RigNormalization(new Center.Keep(), Optional.empty(),
            OptionalInt.empty(), GeometryMode.SIMILARITY, Rings.STANDARD_DISTANCE, Optional.empty());

    /**
     * A normalised rig and how it came about.
     *
     * @param similarity what was done to the whole world before any per-camera step; maps the old world to the new one
     * @param warps      old pixels → new pixels per camera, for the modes that warp pictures; else empty
     * @param steps      the chain for the provenance block
     * @param warnings   what a user should know
     */
    public record Result(CameraRig rig, Similarity similarity, List<Homography> warps, ArrayNode steps,
                         List<String> warnings) {}

    public RigNormalization {
        if (!(targetDistance > 0) || Double.isInfinite(targetDistance)) {
            throw new CameraException(null, "target distance", "is " + targetDistance, "give a positive number");
        }
        if (mode.warpsImages() != intrinsics.isPresent()) {
            throw new CameraException(null, "geometry mode " + mode.id(), mode.warpsImages()
                    ? "needs the intrinsics of the warped pictures" : "keeps the intrinsics",
                    mode.warpsImages() ? "give them, for example the standard 50°" : "do not give new ones");
        }
    }

    /** Applies the chain. */
    public Result apply(CameraRig input) {
        ArrayNode steps = JsonNodeFactory.instance.arrayNode();
        List<String> warnings = new ArrayList<>();
        Similarity total = Similarity.IDENTITY;
        CameraRig rig = input;
        Optional<Vector3D> origin = switch (center) {
            case Center.Keep k -> Optional.empty();
            case Center.PrincipalRays p -> Optional.of(Triangulation.principalRayCenter(input));
            case Center.Explicit e -> Optional.of(e.point());
        };
        if (origin.isPresent()) {
            total = total.then(Similarity.translate(origin.get().negate()));
            rig = recenter(rig, origin.get());
            step(steps, "recenter").put("source", center instanceof Center.Explicit e ? e.source() : "principal_rays")
                    .set("scene_center", numbers(origin.get()));
        }
        if (up.isPresent()) {
            UpAlignment a = UpAlignment.of(rig, up.get());
            total = total.then(Similarity.rotate(a.rotation()));
            rig = a.rig();
            warnings.addAll(a.warnings());
            ObjectNode s = step(steps, "align_up");
            s.put("method", up.get() instanceof UpMethod.Explicit e ? e.source()
                    : up.get() instanceof UpMethod.Pca ? "pca" : "mean_camera_up");
            s.put("angle_deg", a.angleDegrees());
            a.planarity().ifPresent(p -> s.put("planarity", p));
            s.set("up", numbers(a.up()));
        }
        if (frontCamera.isPresent()) {
            Similarity turn = frontRotation(rig, frontCamera.getAsInt());
            total = total.then(turn);
            rig = turn.apply(rig);
            step(steps, "align_front").put("camera", frontCamera.getAsInt());
        }
        if (mode != GeometryMode.NONE) {
            ObjectNode s = step(steps, "scale").put("geometry_mode", mode.id()).put("target_distance", targetDistance)
                    .put("original_avg_distance", rig.meanDistance());
            Similarity scale = Similarity.scale(targetDistance / rig.meanDistance());
            total = total.then(scale);
            rig = scale.apply(rig);
            s.put("scale_factor", scale.scale());
        }
        List<Homography> warps = new ArrayList<>();
        if (mode.warpsImages()) {
            List<Camera> turned = new ArrayList<>();
            for (Camera c : rig.cameras()) {
                VirtualLookAt v = VirtualLookAt.of(c, Vector3D.ZERO, intrinsics.orElseThrow());
                turned.add(v.camera());
                warps.add(v.toOutput());
            }
            rig = new CameraRig(rig.id(), turned);
        }
        rig = switch (mode) {
            case NONE, SIMILARITY, VIRTUAL_LOOKAT -> rig;
            case PER_CAMERA_LEGACY -> perCameraLegacy(rig, targetDistance);
            case PER_CAMERA_DOLLY, VIRTUAL_LOOKAT_DOLLY -> perCameraDolly(rig, targetDistance);
        };
        if (!mode.exact()) {
            warnings.add("rig " + rig.id() + ": geometry mode " + mode.id() + " is not exact: pictures and cameras no longer "
                    + "agree away from the origin");
        }
        return new Result(rig, total, List.copyOf(warps), steps, List.copyOf(warnings));
    }

    /** {@code T' = T + R·p}, {@code C' = C − p}: the point p becomes the origin. */
    public static CameraRig recenter(CameraRig rig, Vector3D p) {
        return Similarity.translate(p.negate()).apply(rig);
    }

    /** The rotation about Z that brings a camera to azimuth 270°, where the front camera of the human rigs stands. */
    public static Similarity frontRotation(CameraRig rig, int reference) {
        SphericalPosition p = rig.get(reference).position();
        return Similarity.rotate(Rotations.aboutZ(Rings.FRONT.xyDegrees() - p.azimuth().xyDegrees()));
    }

    /** One scale for all: mean distance becomes {@code target}. */
    public static CameraRig similarity(CameraRig rig, double target) {
        return Similarity.scale(target / rig.meanDistance()).apply(rig);
    }

    /** Every centre moved along its own direction to distance {@code target}; nothing else changes. Not a similarity. */
    public static CameraRig perCameraLegacy(CameraRig rig, double target) {
        return rig.map(c -> Similarity.scale(target / c.center().getNorm()).apply(c));
    }

    /** {@link #perCameraLegacy} with {@code f' = f·target/d}. */
    public static CameraRig perCameraDolly(CameraRig rig, double target) {
        return rig.map(c -> dolly(c, target));
    }

    /** One camera moved to distance {@code target}, its focal lengths scaled by the same factor. */
    public static Camera dolly(Camera c, double target) {
        double s = target / c.center().getNorm();
        Intrinsics k = c.intrinsics();
        return new Camera(new Intrinsics(s * k.fx(), s * k.fy(), k.cx(), k.cy(), k.width(), k.height()),
                Similarity.scale(s).apply(c.pose()));
    }

    private static ObjectNode step(ArrayNode steps, String name) {
        return steps.addObject().put("step", name);
    }

    private static ArrayNode numbers(Vector3D v) {
        return CameraJson.toJson(new double[] {v.getX(), v.getY(), v.getZ()});
    }
}
