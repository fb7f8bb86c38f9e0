package org.mouselift.data.camera;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.function.UnaryOperator;
import java.util.stream.IntStream;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;

/**
 * A named, ordered set of cameras (mouse specification §1.4). The index is the view index of a data set or the slot of a
 * multi-view batch; which of the two, and in which order, is said by whoever made the rig ({@link RigCatalog},
 * {@link SlotAssignment}).
 */
public record CameraRig(String id, List<Camera> cameras) {
    public CameraRig {
        cameras = List.copyOf(cameras);
    }

    public int size() {
        return cameras.size();
    }

    public Camera get(int index) {
        if (index < 0 || index >= cameras.size()) {
            throw new CameraException(null, "rig " + id + ": camera " + index, "does not exist",
                    "use an index from 0 to " + (cameras.size() - 1));
        }
        return cameras.get(index);
    }

    public CameraRig withId(String newId) {
        return new CameraRig(newId, cameras);
    }

    /** The same operation on every camera. */
    public CameraRig map(UnaryOperator<Camera> operation) {
        return new CameraRig(id, cameras.stream().map(operation).toList());
    }

    /** The cameras {@code order[0], order[1], …}; an index may not repeat. */
    public CameraRig select(int... order) {
        if (IntStream.of(order).distinct().count() != order.length) {
            throw new CameraException(null, "rig " + id + ": order", "names a camera twice: "
                    + java.util.Arrays.toString(order), "name every camera at most once");
        }
        return new CameraRig(id, IntStream.of(order).mapToObj(this::get).toList());
    }

    public double[] distances() {
        return cameras.stream().mapToDouble(c -> c.center().getNorm()).toArray();
    }

    public double meanDistance() {
        requireCameras();
        return cameras.stream().mapToDouble(c -> c.center().getNorm()).sum() / cameras.size();
    }

    public double[] elevationsDegrees() {
        return cameras.stream().mapToDouble(c -> c.position().elevationDegrees()).toArray();
    }

    public Azimuth[] azimuths() {
        return cameras.stream().map(c -> c.position().azimuth()).toArray(Azimuth[]::new);
    }

    /** The mean of the camera-up directions {@code −c2w[:,1]} (not normalised). */
    public Vector3D meanUp() {
        requireCameras();
        Vector3D sum = Vector3D.ZERO;
        for (Camera c : cameras) {
            sum = sum.add(c.pose().up());
        }
        return sum.scalarMultiply(1.0 / cameras.size());
    }

    /** Camera indices in counter-clockwise order of azimuth {@code atan2(y, x)} from 0° (ties: index order). */
    public int[] byAzimuth() {
        Azimuth[] a = azimuths();
        return IntStream.range(0, a.length).boxed().sorted(Comparator.comparingDouble((Integer i) -> a[i].xyDegrees()))
                .mapToInt(Integer::intValue).toArray();
    }

    /** The angle from each camera of {@link #byAzimuth()} to the next one, degrees; they sum to 360. */
    public double[] azimuthGapsDegrees() {
        requireCameras();
        Azimuth[] a = azimuths();
        int[] order = byAzimuth();
        double[] gaps = new double[order.length];
        for (int i = 0; i < order.length; i++) {
            double next = i + 1 < order.length ? a[order[i + 1]].xyDegrees() : a[order[0]].xyDegrees() + 360;
            gaps[i] = next - a[order[i]].xyDegrees();
        }
        return gaps;
    }

    /** {@code (azimuth of the reference − azimuth of camera i) mod 360}: the turn to camera i, clockwise from above. */
    public double[] clockwiseFromDegrees(int reference) {
        double from = get(reference).position().azimuth().xyDegrees();
        return cameras.stream().mapToDouble(c -> Azimuth.mod360(from - c.position().azimuth().xyDegrees())).toArray();
    }

    /** The principal rays of all cameras. */
    public List<Ray> principalRays() {
        List<Ray> rays = new ArrayList<>();
        for (Camera c : cameras) {
            rays.add(c.principalRay());
        }
        return rays;
    }

    private void requireCameras() {
        if (cameras.isEmpty()) {
            throw new CameraException(null, "rig " + id, "has no cameras", "give at least one camera");
        }
    }
}
