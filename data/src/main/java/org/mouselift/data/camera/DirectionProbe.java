package org.mouselift.data.camera;

import java.util.ArrayList;
import java.util.BitSet;
import java.util.List;
import java.util.Optional;
import java.util.stream.IntStream;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.mouselift.engine.cpu.Workers;

/**
 * Which rig fits the silhouettes of some pictures (mouse specification §5.7): the visual hull that a rig carves from the masks covers them
 * completely only if the cameras stand where the pictures were made. One turn of the whole rig about Z cannot be seen in silhouettes; rigs that
 * differ only in that are one hypothesis.
 */
public final class DirectionProbe {
    /** Largest lead of the best hypothesis over the claimed rig that is still a pass. */
    public static final double TOLERANCE = 0.02;
    /** Cameras that cover less of the masks have not made the pictures, whatever the others do. */
    public static final double FITS = 0.85;
    private static final int GRID = 40;
    private static final int MASK_SIDE = 128;
    /** Rigs whose azimuths and elevations agree this well, after a common turn, are the same hypothesis. */
    private static final double SAME_DEGREES = 0.5;

    /** The mask of one picture, row by row. */
    public record Mask(int width, int height, boolean[] pixels) {
        public Mask {
            if (pixels.length != Math.multiplyExact(width, height)) {
                throw new CameraException(null, "mask", "has " + pixels.length + " pixels", "expected " + width + "×" + height);
            }
        }
    }

    /** Cameras that the pictures may have been made with, in picture order. */
    public record Hypothesis(String name, CameraRig rig) {}

    /** @param coverage share of the mask pixels that the hull covers: the IoU of mask and hull, which never exceeds the mask; mean over views and samples */
    public record Score(Hypothesis hypothesis, double coverage) {}

    /**
     * What was found.
     *
     * @param ranking best first
     * @param claimed the rig that was claimed, empty if none was
     */
    public record Result(List<Score> ranking, Optional<Score> claimed, int samples) {
        public Score best() {
            return ranking.getFirst();
        }

        /** How much better the best hypothesis covers the masks than the claimed one does. */
        public double lead() {
            return claimed.map(c -> best().coverage - c.coverage).orElse(Double.NaN);
        }

        /** Whether the claimed rig fits, and is within {@link #TOLERANCE} as good as any. */
        public boolean confirmed() {
            return claimed.isPresent() && claimed.get().coverage >= FITS && lead() <= TOLERANCE;
        }

        /** Whether any hypothesis fits. */
        public boolean found() {
            return best().coverage >= FITS;
        }
    }

    private DirectionProbe() {}

    /**
     * All rigs to be tried: the claimed one, the claimed one with its cameras in another order, and the directions of every named rig in every
     * order, with the standard lens: as named, and at the standard distance at elevations from −10° to 40°. The claimed one is the first.
     *
     * @param views number of pictures; named rigs of another size are left out
     * @param size  width and height of the pictures
     */
    public static List<Hypothesis> hypotheses(Optional<CameraRig> claimed, List<CameraRig> named, int views, int size) {
        List<Hypothesis> out = new ArrayList<>();
        claimed.ifPresent(rig -> {
            out.add(new Hypothesis(rig.id(), rig));
            orders(rig.id(), rig, out);
        });
        for (CameraRig rig : named) {
            if (rig.size() == views) {
                CameraRig turned = pictured(rig, size);
                add(out, new Hypothesis(rig.id(), turned));
                orders(rig.id(), turned, out);
                for (int e = -10; e <= 40; e += 5) {
                    CameraRig at = directions(rig, e, size);
                    String name = rig.id() + " at elevation " + e + "°";
                    add(out, new Hypothesis(name, at));
                    orders(name, at, out);
                }
            }
        }
        if (out.isEmpty()) {
            throw new CameraException(null, "direction probe", "knows no rig with " + views + " cameras", "claim one");
        }
        return out;
    }

    /** The cameras of generated pictures of a named rig: its directions and relative distances, the standard mean distance and lens. */
    public static CameraRig pictured(CameraRig rig, int size) {
        double scale = Rings.STANDARD_DISTANCE / rig.meanDistance();
        return rig.map(c -> Rings.orbit(Intrinsics.standard(size), scale * c.center().getNorm(), c.position().elevationDegrees(), c.position().azimuth()));
    }

    /** Every rotation of the order, in both senses. */
    private static void orders(String name, CameraRig rig, List<Hypothesis> out) {
        int n = rig.size();
        for (int sense : new int[] {1, -1}) {
            for (int k = 0; k < n; k++) {
                int shift = k;
                int[] order = IntStream.range(0, n).map(i -> Math.floorMod(shift + sense * i, n)).toArray();
                if (sense < 0 || k > 0) {
                    add(out, new Hypothesis(name + (sense > 0 ? "" : ", order reversed") + (k == 0 ? "" : ", first picture from camera " + k), rig.select(order)));
                }
            }
        }
    }

    /** Cameras from the same azimuths that look at the origin. */
    private static CameraRig directions(CameraRig rig, double elevation, int size) {
        return rig.map(c -> Rings.orbit(Intrinsics.standard(size), Rings.STANDARD_DISTANCE, elevation, c.position().azimuth()));
    }

    private static void add(List<Hypothesis> out, Hypothesis h) {
        if (out.stream().noneMatch(o -> same(o.rig, h.rig))) {
            out.add(h);
        }
    }

    private static boolean same(CameraRig a, CameraRig b) {
        double[] turn = new double[a.size()];
        for (int i = 0; i < turn.length; i++) {
            SphericalPosition p = a.get(i).position();
            SphericalPosition q = b.get(i).position();
            Intrinsics k = a.get(i).intrinsics();
            Intrinsics l = b.get(i).intrinsics();
            if (Math.abs(p.elevationDegrees() - q.elevationDegrees()) > SAME_DEGREES || Math.abs(p.distance() / q.distance() - 1) > 0.01
                    || Math.abs(k.fx() / k.width() * l.width() / l.fx() - 1) > 0.01 || Math.abs(k.cx() / k.width() - l.cx() / l.width()) > 0.01
                    || Math.abs(k.cy() / k.height() - l.cy() / l.height()) > 0.01) {
                return false;
            }
            turn[i] = q.azimuth().difference(p.azimuth());
        }
        for (double rest : DirectionCheck.afterCommonTurn(turn)) {
            if (Math.abs(rest) > SAME_DEGREES) {
                return false;
            }
        }
        return true;
    }

    /**
     * Tries all hypotheses on all samples.
     *
     * @param samples one mask per picture; every mask non-empty
     * @param claimed whether the first hypothesis is the claimed rig
     */
    public static Result run(List<List<Mask>> samples, List<Hypothesis> hypotheses, boolean claimed) {
        if (samples.isEmpty()) {
            throw new CameraException(null, "direction probe", "has no samples", "give at least one");
        }
        double[] sums = new double[hypotheses.size()];
        for (List<Mask> masks : samples) {
            List<Mask> small = masks.stream().map(DirectionProbe::reduced).toList();
            Workers.each(sums.length, (worker, h) -> sums[h] += coverage(small, hypotheses.get(h).rig));
        }
        List<Score> scores = new ArrayList<>();
        for (int h = 0; h < sums.length; h++) {
            scores.add(new Score(hypotheses.get(h), sums[h] / samples.size()));
        }
        Optional<Score> first = claimed ? Optional.of(scores.getFirst()) : Optional.empty();
        // The sort is stable: of equals, the claimed and then the plainer hypothesis leads.
        return new Result(scores.stream().sorted((a, b) -> Double.compare(b.coverage, a.coverage)).toList(), first, samples.size());
    }

    /** At most {@link #MASK_SIDE} pixels a side: a small pixel belongs to the subject if half of it does. */
    private static Mask reduced(Mask m) {
        int step = Math.ceilDiv(Math.max(m.width, m.height), MASK_SIDE);
        if (step == 1) {
            return m;
        }
        int w = Math.ceilDiv(m.width, step);
        int h = Math.ceilDiv(m.height, step);
        boolean[] out = new boolean[w * h];
        for (int y = 0; y < h; y++) {
            for (int x = 0; x < w; x++) {
                int count = 0;
                for (int k = 0; k < step * step; k++) {
                    int u = x * step + k % step;
                    int v = y * step + k / step;
                    count += u < m.width && v < m.height && m.pixels[v * m.width + u] ? 1 : 0;
                }
                out[y * w + x] = 2 * count >= step * step;
            }
        }
        return new Mask(w, h, out);
    }

    /** Mean share of the masks' pixels that their hull covers; 0 when the cameras determine no place. */
    private static double coverage(List<Mask> masks, CameraRig rig) {
        int n = masks.size();
        List<Camera> cameras = new ArrayList<>();
        double[][] middle = new double[n][];
        double[] reach = new double[n];
        int[] count = new int[n];
        for (int i = 0; i < n; i++) {
            Mask m = masks.get(i);
            Intrinsics k = rig.get(i).intrinsics();
            // Cells of a reduced mask are whole pixels; its last column may stand over the picture's edge.
            double s = Math.ceilDiv(Math.max(k.width(), k.height()), MASK_SIDE);
            cameras.add(rig.get(i).withIntrinsics(new Intrinsics(k.fx() / s, k.fy() / s, k.cx() / s, k.cy() / s, m.width, m.height)));
            double x = 0;
            double y = 0;
            for (int p = 0; p < m.pixels.length; p++) {
                if (m.pixels[p]) {
                    x += p % m.width + 0.5;
                    y += p / m.width + 0.5;
                    count[i]++;
                }
            }
            if (count[i] == 0) {
                return 0;
            }
            middle[i] = new double[] {x / count[i], y / count[i]};
            for (int p = 0; p < m.pixels.length; p++) {
                if (m.pixels[p]) {
                    reach[i] = Math.max(reach[i], Math.max(Math.abs(p % m.width + 0.5 - middle[i][0]), Math.abs(p / m.width + 0.5 - middle[i][1])) + 1);
                }
            }
        }
        Vector3D center;
        try {
            center = Triangulation.ofPixels(cameras, middle).point();
        } catch (CameraException e) {
            return 0; // Parallel rays: these cameras cannot have made the pictures.
        }
        double half = 0;
        for (int i = 0; i < n; i++) {
            Projection p = cameras.get(i).project(center);
            if (!p.inFront()) {
                return 0;
            }
            half = Math.max(half, 1.1 * reach[i] * p.depth() / cameras.get(i).intrinsics().fx());
        }
        return covered(masks, cameras, center, half, count);
    }

    private static double covered(List<Mask> masks, List<Camera> cameras, Vector3D center, double half, int[] count) {
        List<VisualHull.View> views = new ArrayList<>();
        for (int i = 0; i < masks.size(); i++) {
            views.add(new VisualHull.View(cameras.get(i), VisualHull.Silhouette.of(masks.get(i).pixels, masks.get(i).width, masks.get(i).height)));
        }
        BitSet inside = new VisualHull(views).carve(GRID, half, center);
        double sum = 0;
        double radius = half / GRID * Math.sqrt(3);
        for (int i = 0; i < masks.size(); i++) {
            Mask m = masks.get(i);
            BitSet drawn = new BitSet(m.pixels.length);
            for (int k = inside.nextSetBit(0); k >= 0; k = inside.nextSetBit(k + 1)) {
                Projection q = cameras.get(i).project(VisualHull.voxel(GRID, half, k % GRID, k / GRID % GRID, k / GRID / GRID).add(center));
                double r = radius * cameras.get(i).intrinsics().fx() / q.depth();
                for (int y = (int) Math.max(0, Math.floor(q.v() - r)); y <= Math.min(m.height - 1, q.v() + r); y++) {
                    for (int x = (int) Math.max(0, Math.floor(q.u() - r)); x <= Math.min(m.width - 1, q.u() + r); x++) {
                        if (m.pixels[y * m.width + x]) {
                            drawn.set(y * m.width + x);
                        }
                    }
                }
            }
            sum += (double) drawn.cardinality() / count[i];
        }
        return sum / masks.size();
    }
}
