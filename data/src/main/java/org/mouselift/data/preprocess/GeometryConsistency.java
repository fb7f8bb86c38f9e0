package org.mouselift.data.preprocess;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalInt;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.CameraException;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.EpipolarGeometry;
import org.mouselift.data.camera.EpipolarTangency;
import org.mouselift.data.camera.Projection;
import org.mouselift.data.camera.Triangulation;
import org.mouselift.data.camera.VisualHull;
import org.mouselift.data.image.Image8;

/**
 * Whether the views of one sample agree with their cameras in 3D (mouse specification §3.10). Centres of mass of silhouettes are not
 * images of one point, so even perfect data show a few pixels there; the grade therefore rests on frontier points
 * ({@link EpipolarTangency}), which are.
 *
 * @param center        the point nearest to the rays through the centres of mass
 * @param reprojection  per view, pixels at 512, between the centre of mass and where the camera sees {@code center}
 * @param epipolar      mean symmetric epipolar distance of the centres of mass of all pairs, pixels at 512
 * @param sizeCv        CV of size ratio · depth / focal length, percent
 * @param hullCoverage  per view the share of mask pixels covered by the hull of the other views that are not cut off; NaN with fewer than two
 * @param tangency     per view the median distance of its frontier points from where the other views put them, pixels at 512; NaN without any
 */
public record GeometryConsistency(Vector3D center, double[] reprojection, double epipolar, double sizeCv, double[] hullCoverage, double[] tangency) {
    /** Voxels along one side of the hull. */
    public static final int GRID = 64;
    /** Less coverage flags cameras that contradict the pictures. */
    public static final double MIN_COVERAGE = 0.9;

    /** A view this many times worse than the median of all is the suspect. */
    private static final double SUSPECT = 3;

    /** Geometry class by the mean reprojection error of the frontier points. */
    public enum Grade {
        GA(2), GB(5), GC(10), GD(Double.POSITIVE_INFINITY);

        private final double limit;

        Grade(double limit) {
            this.limit = limit;
        }

        /** Errors below this many pixels, at 512, are of this class. */
        public double limit() {
            return limit;
        }

        /** {@code G-A}. */
        public String text() {
            return "G-" + name().charAt(1);
        }

        public static Grade of(double reprojection) {
            for (Grade g : values()) {
                if (reprojection < g.limit) {
                    return g;
                }
            }
            return GD;
        }
    }

    public double meanReprojection() {
        return QualityMetrics.Spread.of(reprojection).mean();
    }

    public double minCoverage() {
        return Arrays.stream(hullCoverage).filter(c -> !Double.isNaN(c)).min().orElse(Double.NaN);
    }

    /** Mean over the views of {@link #tangency}; NaN when no pair of views has a frontier point. */
    public double meanTangency() {
        return Arrays.stream(tangency).filter(t -> !Double.isNaN(t)).average().orElse(Double.NaN);
    }

    /**
     * By the frontier points; by the centres of mass where there are none. Of cameras in one plane with the subject the frontier points are its top and
     * bottom only, so that views whose hull does not cover them have the worst grade whatever their frontier points say.
     */
    public Grade grade() {
        return grade(Double.isNaN(meanTangency()) ? meanReprojection() : meanTangency(), minCoverage());
    }

    /** @param minCoverage smallest share of a mask that the hull of the other views covers, NaN when not known */
    public static Grade grade(double error, double minCoverage) {
        return minCoverage < MIN_COVERAGE ? Grade.GD : Grade.of(error);
    }

    /** The one view whose camera contradicts all others: no grade better than G-B, and far worse than the median view. */
    public OptionalInt suspect() {
        return suspect(tangency);
    }

    /** The same of frontier point errors view by view, NaN where there are none. */
    public static OptionalInt suspect(double[] tangency) {
        double[] known = Arrays.stream(tangency).filter(t -> !Double.isNaN(t)).sorted().toArray();
        if (known.length < 3) {
            return OptionalInt.empty();
        }
        double worst = known[known.length - 1];
        return worst > Grade.GA.limit && worst > SUSPECT * known[(known.length - 1) / 2]
                ? java.util.stream.IntStream.range(0, tangency.length).filter(i -> tangency[i] == worst).findFirst() : OptionalInt.empty();
    }

    /**
     * @throws PreprocessException for an empty mask, or when the cameras do not determine a point
     */
    public static GeometryConsistency of(List<Image8> views, CameraRig rig) throws PreprocessException {
        MaskStatistics[] masks = PreprocessMethod.masks(views, MaskStatistics.THRESHOLD);
        int n = masks.length;
        if (rig.size() != n || n < 2) {
            throw new PreprocessException("geometry", n + " views with " + rig.size() + " cameras");
        }
        double[][] uv = new double[n][];
        for (int i = 0; i < n; i++) {
            uv[i] = new double[] {masks[i].comX() + 0.5, masks[i].comY() + 0.5};
        }
        Vector3D center = center(rig, uv);
        double[] reprojection = new double[n];
        double[] sizes = new double[n];
        for (int i = 0; i < n; i++) {
            Camera c = rig.get(i);
            double at512 = 512.0 / masks[i].width();
            double error = Triangulation.reprojectionError(c, center, uv[i][0], uv[i][1]) * at512;
            reprojection[i] = Double.isNaN(error) ? Double.POSITIVE_INFINITY : error;
            sizes[i] = masks[i].sizeRatio() * masks[i].width() * c.project(center).depth() / c.intrinsics().fx();
        }
        double sum = 0;
        int pairs = 0;
        for (int i = 0; i < n; i++) {
            for (int j = 0; j < i; j++) {
                sum += EpipolarGeometry.of(rig.get(j), rig.get(i)).symmetricDistance(uv[j][0], uv[j][1], uv[i][0], uv[i][1]) * 512.0 / masks[i].width();
                pairs++;
            }
        }
        double[] coverage = new double[n];
        for (int i = 0; i < n; i++) {
            coverage[i] = coverage(views, rig, masks, center, i);
        }
        return new GeometryConsistency(center, reprojection, sum / pairs, QualityMetrics.Spread.of(sizes).cv(), coverage, tangency(views, rig));
    }

    /**
     * Per view the median over its frontier points with all other views, pixels at 512; NaN where there are none.
     *
     * @throws PreprocessException without alpha, or with an empty mask
     */
    public static double[] tangency(List<Image8> views, CameraRig rig) throws PreprocessException {
        PreprocessMethod.masks(views, MaskStatistics.THRESHOLD);
        List<EpipolarTangency.Outline> outlines = new ArrayList<>();
        List<List<Double>> distances = new ArrayList<>();
        for (int i = 0; i < views.size(); i++) {
            outlines.add(EpipolarTangency.Outline.of(rig.get(i), mask(views.get(i)), views.get(i).width(), views.get(i).height()));
            distances.add(new ArrayList<>());
        }
        for (int i = 0; i < views.size(); i++) {
            for (int j = 0; j < i; j++) {
                double at512 = 2.0 * 512 / (views.get(i).width() + views.get(j).width());
                for (OptionalDouble d : EpipolarTangency.distances(outlines.get(i), outlines.get(j))) {
                    if (d.isPresent()) {
                        distances.get(i).add(d.getAsDouble() * at512);
                        distances.get(j).add(d.getAsDouble() * at512);
                    }
                }
            }
        }
        return distances.stream().mapToDouble(d -> d.isEmpty() ? Double.NaN
                : QualityMetrics.percentile(d.stream().mapToDouble(Double::doubleValue).toArray(), 50)).toArray();
    }

    private static boolean[] mask(Image8 image) {
        boolean[] out = new boolean[image.width() * image.height()];
        int c = image.channels();
        for (int i = 0; i < out.length; i++) {
            out[i] = (image.data()[i * c + c - 1] & 0xFF) > MaskStatistics.THRESHOLD;
        }
        return out;
    }

    static Vector3D center(CameraRig rig, double[][] uv) throws PreprocessException {
        try {
            return Triangulation.ofPixels(rig.cameras(), uv).point();
        } catch (CameraException e) {
            throw new PreprocessException("geometry", e.getMessage());
        }
    }

    /** Share of the mask pixels of a view that the hull of the others, drawn as voxels, covers. */
    private static double coverage(List<Image8> views, CameraRig rig, MaskStatistics[] masks, Vector3D center, int view) {
        List<VisualHull.View> others = new ArrayList<>();
        for (int i = 0; i < views.size(); i++) {
            // A silhouette that is cut off says nothing about what lies beyond its border.
            if (i != view && masks[i].onBorder() == 0) {
                others.add(new VisualHull.View(rig.get(i), silhouette(views.get(i))));
            }
        }
        if (others.size() < 2) {
            return Double.NaN;
        }
        double half = extent(rig, masks, center);
        VisualHull hull = new VisualHull(others);
        Camera camera = rig.get(view);
        Image8 image = views.get(view);
        BitSet drawn = new BitSet();
        double voxel = 2 * half / GRID;
        double radius = 0.9 * voxel;
        for (int k = 0; k < GRID * GRID * GRID; k++) {
            Vector3D p = VisualHull.voxel(GRID, half, k % GRID, k / GRID % GRID, k / GRID / GRID).add(center);
            if (hull.contains(p)) {
                draw(drawn, image, camera, p, radius);
            }
        }
        long covered = 0;
        int c = image.channels();
        for (int i = 0; i < image.width() * image.height(); i++) {
            covered += (image.data()[i * c + c - 1] & 0xFF) > MaskStatistics.THRESHOLD && drawn.get(i) ? 1 : 0;
        }
        return (double) covered / masks[view].pixels();
    }

    private static void draw(BitSet drawn, Image8 image, Camera camera, Vector3D p, double radius) {
        Projection q = camera.project(p);
        if (!q.inFront()) {
            return;
        }
        double reach = radius * camera.intrinsics().fx() / q.depth();
        for (int y = Math.max(0, (int) Math.floor(q.v() - reach)); y <= Math.min(image.height() - 1, (int) (q.v() + reach)); y++) {
            for (int x = Math.max(0, (int) Math.floor(q.u() - reach)); x <= Math.min(image.width() - 1, (int) (q.u() + reach)); x++) {
                drawn.set(y * image.width() + x);
            }
        }
    }

    /** Half the side of a cube that surely holds the subject: the largest silhouette, half as much again. */
    static double extent(CameraRig rig, MaskStatistics[] masks, Vector3D center) {
        double half = 0;
        for (int i = 0; i < masks.length; i++) {
            double depth = rig.get(i).project(center).depth();
            MaskStatistics m = masks[i];
            double reach = Math.max(Math.max(m.comX() - m.x1(), m.x2() - m.comX()), Math.max(m.comY() - m.y1(), m.y2() - m.comY())) + 1;
            half = Math.max(half, reach * Math.abs(depth) / Math.min(rig.get(i).intrinsics().fx(), rig.get(i).intrinsics().fy()));
        }
        return 1.1 * half;
    }

    static VisualHull.Silhouette silhouette(Image8 image) {
        int c = image.channels();
        return (u, v) -> u >= 0 && v >= 0 && u < image.width() && v < image.height()
                && (image.data()[((int) v * image.width() + (int) u) * c + c - 1] & 0xFF) > MaskStatistics.THRESHOLD;
    }
}
