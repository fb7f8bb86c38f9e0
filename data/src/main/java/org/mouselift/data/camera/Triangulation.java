package org.mouselift.data.camera;

import java.util.ArrayList;
import java.util.List;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.apache.commons.math3.linear.EigenDecomposition;

/**
 * The point nearest to a set of rays: minimises the sum of squared distances,
 * {@code Σ(I − d·dᵀ)·p = Σ(I − d·dᵀ)·o} (mouse specification §3.7).
 *
 * @param point        the least-squares point
 * @param conditioning smallest eigenvalue of {@code Σ(I − d·dᵀ)} over the number of rays: 0 for parallel rays, 2/3 for
 *                     rays from everywhere
 */
public record Triangulation(Vector3D point, double conditioning) {
    /** Below this conditioning the principal rays of a rig do not determine a centre. */
    public static final double RIG_CONDITIONING = 1e-3;

    /**
     * @param minConditioning rays whose conditioning is smaller are refused as (nearly) parallel
     * @throws CameraException with fewer than two rays, or for nearly parallel ones
     */
    public static Triangulation of(List<Ray> rays, double minConditioning) {
        if (rays.size() < 2) {
            throw new CameraException(null, "triangulation", "has " + rays.size() + " rays", "give at least two");
        }
        // Work near the rays: large common offsets would cost digits.
        Vector3D base = Vector3D.ZERO;
        for (Ray r : rays) {
            base = base.add(1.0 / rays.size(), r.origin());
        }
        Mat3 sum = Mat3.diagonal(0, 0, 0);
        Vector3D right = Vector3D.ZERO;
        for (Ray r : rays) {
            Mat3 p = Mat3.IDENTITY.minus(Mat3.outer(r.direction(), r.direction()));
            sum = sum.plus(p);
            right = right.add(p.times(r.origin().subtract(base)));
        }
        if (!sum.isFinite() || right.isNaN()) {
            throw new CameraException(null, "triangulation", "has rays that are not finite", "check the cameras first");
        }
        EigenDecomposition eigen = new EigenDecomposition(sum.toRealMatrix());
        double smallest = Double.POSITIVE_INFINITY;
        for (double e : eigen.getRealEigenvalues()) {
            smallest = Math.min(smallest, e);
        }
        double conditioning = smallest / rays.size();
        if (!(conditioning >= minConditioning) || !(smallest > 0)) {
            throw new CameraException(null, "triangulation", "has nearly parallel rays (conditioning " + conditioning
                    + ", needed " + minConditioning + ")", "add a view from another direction, or give the point explicitly");
        }
        Vector3D point = base;
        for (int i = 0; i < 3; i++) {
            double[] v = eigen.getEigenvector(i).toArray();
            Vector3D axis = new Vector3D(v[0], v[1], v[2]);
            point = point.add(axis.dotProduct(right) / eigen.getRealEigenvalue(i), axis);
        }
        return new Triangulation(point, conditioning);
    }

    /** With the limit of numerical solvability only: rays that differ by less than about 0.01° are refused. */
    public static Triangulation of(List<Ray> rays) {
        return of(rays, 1e-9);
    }

    /** The point seen at pixel (u_i, v_i) of camera i. */
    public static Triangulation ofPixels(List<Camera> cameras, double[][] uv) {
        if (cameras.size() != uv.length) {
            throw new CameraException(null, "triangulation", "has " + uv.length + " pixels for " + cameras.size()
                    + " cameras", "give one pixel per camera");
        }
        List<Ray> rays = new ArrayList<>();
        for (int i = 0; i < uv.length; i++) {
            rays.add(cameras.get(i).ray(uv[i][0], uv[i][1]));
        }
        return of(rays);
    }

    /** The least-squares point of all principal rays of a rig. */
    public static Vector3D principalRayCenter(CameraRig rig) {
        try {
            return of(rig.principalRays(), RIG_CONDITIONING).point();
        } catch (CameraException e) {
            throw new CameraException(e.code(), "rig " + rig.id() + ": principal-ray centre", "is undefined ("
                    + e.getMessage() + ")", "choose another centre (mask, explicit or none)");
        }
    }

    /** Distance in pixels between where a camera sees {@code point} and (u, v); NaN when it is behind the camera. */
    public static double reprojectionError(Camera camera, Vector3D point, double u, double v) {
        Projection p = camera.project(point);
        return Math.hypot(p.u() - u, p.v() - v);
    }
}
