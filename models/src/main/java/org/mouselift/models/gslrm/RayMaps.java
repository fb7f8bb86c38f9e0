package org.mouselift.models.gslrm;

import org.mouselift.engine.Ops;
import org.mouselift.engine.ShapeException;
import org.mouselift.engine.Tensor;

/**
 * Rays of the input views.
 *
 * @param origin camera centres [B,V,3,1,1]
 * @param direction unit directions [B,V,3,H,W]
 * @param nearest t0 = -(o . d): signed distance along the ray of the point nearest to the world origin, [B,V,1,H,W]
 */
public record RayMaps(Tensor origin, Tensor direction, Tensor nearest) {
    /**
     * Rays through the pixel centres of an image of H x W.
     *
     * @param c2w OpenCV camera-to-world [B,V,4,4]
     * @param intrinsics fx, fy, cx, cy in pixels [B,V,4]
     */
    public static RayMaps of(Tensor c2w, Tensor intrinsics, long height, long width) {
        Tensor direction = CameraRays.of(c2w, intrinsics, height, width);
        Tensor origin = Ops.reshape(Ops.slice(Ops.slice(c2w, 2, 0, 3), 3, 3, 4), c2w.dim(0), c2w.dim(1), 3, 1, 1);
        return new RayMaps(origin, direction, Ops.neg(Ops.sum(Ops.mul(origin, direction), true, 2)));
    }

    /**
     * Network input [B,V,C,H,W]: 2 rgb - 1 and the ray channels (GS-LRM specification §1.5). A fourth image channel is
     * dropped.
     *
     * @param image [B,V,3 or 4,H,W] in [0,1]
     */
    public Tensor posedImages(Tensor image, RayEncoding encoding) {
        if (image.rank() != 5 || (image.dim(2) != 3 && image.dim(2) != 4)) {
            throw new ShapeException("posed images", "image " + image.spec() + ", expected [B,V,3 or 4,H,W]");
        }
        Tensor rgb = Ops.affine(Ops.slice(image, 2, 0, 3), 2, -1);
        return switch (encoding) {
            case CUSTOM -> Ops.concat(2, rgb, direction, nearestPoint());
            case AUGMENTED -> Ops.concat(2, rgb, moment(), direction, nearestPoint());
            case PLAIN -> Ops.concat(2, rgb, moment(), direction);
        };
    }

    private Tensor nearestPoint() {
        return Ops.add(origin, Ops.mul(nearest, direction));
    }

    /** o x d. */
    private Tensor moment() {
        Tensor[] o = new Tensor[3];
        Tensor[] d = new Tensor[3];
        for (int i = 0; i < 3; i++) {
            o[i] = Ops.slice(origin, 2, i, i + 1);
            d[i] = Ops.slice(direction, 2, i, i + 1);
        }
        Tensor[] m = new Tensor[3];
        for (int i = 0; i < 3; i++) {
            int j = (i + 1) % 3;
            int k = (i + 2) % 3;
            m[i] = Ops.sub(Ops.mul(o[j], d[k]), Ops.mul(o[k], d[j]));
        }
        return Ops.concat(2, m);
    }
}
