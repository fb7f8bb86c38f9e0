package org.mouselift.data.preprocess;

import java.util.ArrayList;
import java.util.List;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.VisualHull;
import org.mouselift.data.image.Image8;

/** Where the subject of one sample is in the world: the centre of mass of its visual hull (mouse specification §3.10, hull3d). */
final class SubjectCenter {
    private static final int GRID = 48;

    private SubjectCenter() {}

    /** @throws PreprocessException when the hull is empty: the masks contradict the cameras */
    static Vector3D ofHull(List<Image8> views, CameraRig rig, MaskStatistics[] masks) throws PreprocessException {
        double[][] uv = new double[masks.length][];
        for (int i = 0; i < masks.length; i++) {
            uv[i] = new double[] {masks[i].comX() + 0.5, masks[i].comY() + 0.5};
        }
        Vector3D start = GeometryConsistency.center(rig, uv);
        double half = GeometryConsistency.extent(rig, masks, start);
        List<VisualHull.View> list = new ArrayList<>();
        for (int i = 0; i < masks.length; i++) {
            list.add(new VisualHull.View(rig.get(i), GeometryConsistency.silhouette(views.get(i))));
        }
        VisualHull hull = new VisualHull(list);
        double x = 0;
        double y = 0;
        double z = 0;
        long n = 0;
        for (int k = 0; k < GRID * GRID * GRID; k++) {
            Vector3D p = VisualHull.voxel(GRID, half, k % GRID, k / GRID % GRID, k / GRID / GRID).add(start);
            if (hull.contains(p)) {
                x += p.getX();
                y += p.getY();
                z += p.getZ();
                n++;
            }
        }
        if (n == 0) {
            throw new PreprocessException("geometry", "the silhouettes have no common volume: the masks contradict the cameras");
        }
        return new Vector3D(x / n, y / n, z / n);
    }
}
