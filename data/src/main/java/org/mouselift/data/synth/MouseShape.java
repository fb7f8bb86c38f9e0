package org.mouselift.data.synth;

import java.util.Arrays;
import java.util.List;
import org.mouselift.data.synth.Part.Tissue;

/**
 * A mouse as the zero set of a signed distance function: round cones, ellipsoids and shell pieces joined by smooth unions
 * ({@link PrimitiveTape}). The value never exceeds the true distance, so sphere tracing may step by it.
 *
 * <p>An octree over the bounds holds for each cell the primitives that can matter there. The pruning is exact (interval
 * arithmetic over the ball around the cell, see {@link #prune}), so the pruned value equals {@link #distanceBrute}.
 */
public final class MouseShape {
    private static final int DEPTH = 6;
    private static final int CELLS = 1 << DEPTH;
    /** Room around the mouse, so that a ray that only just misses it still crosses the octree. */
    private static final double PADDING = 0.05;
    private static final int SMALL_LIST = 2;

    private final PrimitiveTape tape;
    private final double[] low = new double[3];
    private final double[] high = new double[3];
    private final double cell;
    private final double perCell;
    private final int[] listOf = new int[CELLS * CELLS * CELLS];
    private final float[] bound = new float[CELLS * CELLS * CELLS];
    private int[] lists = new int[1 << 14];
    private int listsUsed;
    private double lower;
    private double upper;

    MouseShape(List<Part> parts) {
        tape = new PrimitiveTape(parts);
        for (int axis = 0; axis < 3; axis++) {
            double[] range = Part.range(parts, axis);
            low[axis] = range[0] - PADDING;
            high[axis] = range[1] + PADDING;
        }
        double edge = Math.max(high[0] - low[0], Math.max(high[1] - low[1], high[2] - low[2]));
        cell = edge / CELLS;
        perCell = 1 / cell;
        int[] all = new int[tape.count];
        for (int i = 0; i < tape.count; i++) {
            all[i] = i;
        }
        divide(0, 0, 0, CELLS, all, tape.count);
    }

    /** Lower corner of a box that holds the mouse with some room, world units. */
    public double[] low() {
        return low.clone();
    }

    /** Upper corner of that box. */
    public double[] high() {
        return high.clone();
    }

    /** Number of primitives. */
    public int parts() {
        return tape.count;
    }

    double low(int axis) {
        return low[axis];
    }

    double high(int axis) {
        return high[axis];
    }

    double cellSize() {
        return cell;
    }

    // ---- distance ------------------------------------------------------------------------------------------------------

    /** Signed lower bound of the distance to the surface (negative inside), world units. */
    public double distance(double x, double y, double z) {
        int c = cellAt(x, y, z);
        return c < 0 ? distanceBrute(x, y, z) : distanceIn(c, x, y, z);
    }

    /** The same as {@link #distance} from all primitives, without the octree: its oracle. */
    public double distanceBrute(double x, double y, double z) {
        return tape.distance(x, y, z);
    }

    /** Index of the octree leaf cell that holds the point; -1 outside the bounds. */
    int cellAt(double x, double y, double z) {
        if (!(x >= low[0] && y >= low[1] && z >= low[2] && x <= high[0] && y <= high[1] && z <= high[2])) {
            return -1;
        }
        int i = Math.min(CELLS - 1, (int) ((x - low[0]) * perCell));
        int j = Math.min(CELLS - 1, (int) ((y - low[1]) * perCell));
        int k = Math.min(CELLS - 1, (int) ((z - low[2]) * perCell));
        return (k * CELLS + j) * CELLS + i;
    }

    /** A number that the distance exceeds everywhere in the cell. */
    double boundOf(int c) {
        return bound[c];
    }

    double distanceIn(int c, double x, double y, double z) {
        int at = listOf[c];
        int n = lists[at++];
        int i = lists[at];
        double f = tape.primitive(i, x, y, z);
        for (int j = 1; j < n; j++) {
            i = lists[at + j];
            f = PrimitiveTape.union(f, tape.primitive(i, x, y, z), tape.blend(i));
        }
        return f;
    }

    // ---- octree --------------------------------------------------------------------------------------------------------

    private void divide(int i, int j, int k, int size, int[] candidates, int n) {
        double half = 0.5 * size * cell;
        double x = low[0] + i * cell + half;
        double y = low[1] + j * cell + half;
        double z = low[2] + k * cell + half;
        if (y - half > high[1] || z - half > high[2] || x - half > high[0]) {
            return;
        }
        double radius = half * Math.sqrt(3) * (1 + 1e-9) + 1e-12;
        int[] kept = new int[n];
        int m = prune(candidates, n, x, y, z, radius, kept);
        // Far from the surface, relative to the size of the node, rays only need the bound.
        if (size == 1 || m <= SMALL_LIST || lower > 2 * half || upper < -half) {
            fill(i, j, k, size, kept, m);
            return;
        }
        int h = size / 2;
        for (int child = 0; child < 8; child++) {
            divide(i + (child & 1) * h, j + (child >> 1 & 1) * h, k + (child >> 2) * h, h, kept, m);
        }
    }

    /**
     * The candidates that can influence the distance inside the ball. Walks the chain of unions with the interval of its value:
     * a primitive that stays above the chain by its blend width everywhere changes nothing and is skipped; one that stays below
     * by its blend width everywhere replaces all before it. Leaves the interval in lower and upper.
     */
    private int prune(int[] candidates, int n, double x, double y, double z, double radius, int[] kept) {
        int m = 0;
        double lo = 0;
        double hi = 0;
        for (int c = 0; c < n; c++) {
            int i = candidates[c];
            double d = tape.primitive(i, x, y, z);
            double k = tape.blend(i);
            if (m > 0 && d - radius >= hi + k) {
                continue;
            }
            if (m == 0 || lo >= d + radius + k) {
                m = 0;
                lo = d - radius;
                hi = d + radius;
            } else {
                lo = PrimitiveTape.union(lo, d - radius, k);
                hi = PrimitiveTape.union(hi, d + radius, k);
            }
            kept[m++] = i;
        }
        lower = lo;
        upper = hi;
        return m;
    }

    private void fill(int i, int j, int k, int size, int[] kept, int m) {
        if (listsUsed + m + 1 > lists.length) {
            lists = Arrays.copyOf(lists, Math.max(2 * lists.length, listsUsed + m + 1));
        }
        int at = listsUsed;
        lists[at] = m;
        System.arraycopy(kept, 0, lists, at + 1, m);
        listsUsed += m + 1;
        // Rounded towards minus infinity, so that the float is still a bound.
        float shared = Math.nextDown((float) lower);
        boolean single = size > 1 && m <= SMALL_LIST;
        double reach = 0.5 * Math.sqrt(3) * cell * (1 + 1e-9);
        for (int c = k; c < k + size; c++) {
            for (int b = j; b < j + size; b++) {
                int row = (c * CELLS + b) * CELLS;
                for (int a = i; a < i + size; a++) {
                    listOf[row + a] = at;
                    bound[row + a] = shared;
                    if (single) {
                        double d = distanceIn(row + a, low[0] + (a + 0.5) * cell, low[1] + (b + 0.5) * cell, low[2] + (c + 0.5) * cell);
                        bound[row + a] = Math.nextDown((float) (d - reach));
                    }
                }
            }
        }
    }

    // ---- surface -------------------------------------------------------------------------------------------------------

    /** Unit outward normal near the surface, by central differences on a tetrahedron of half edge {@code e}; into {@code out[0..2]}. */
    void normal(double x, double y, double z, double e, double[] out) {
        double a = distance(x + e, y - e, z - e);
        double b = distance(x - e, y - e, z + e);
        double c = distance(x - e, y + e, z - e);
        double d = distance(x + e, y + e, z + e);
        double nx = a - b - c + d;
        double ny = -a - b + c + d;
        double nz = -a + b - c + d;
        double s = 1 / Math.max(1e-300, Math.sqrt(nx * nx + ny * ny + nz * nz));
        out[0] = nx * s;
        out[1] = ny * s;
        out[2] = nz * s;
    }

    /** What lies at a surface point: the shares of the tissues (they follow the weights of the smooth unions) and the dorsal direction. */
    void surface(double x, double y, double z, Surface out) {
        int c = cellAt(x, y, z);
        int at = c < 0 ? -1 : listOf[c];
        int n = c < 0 ? tape.count : lists[at];
        double f = 0;
        for (int j = 0; j < n; j++) {
            int i = c < 0 ? j : lists[at + 1 + j];
            double d = tape.primitive(i, x, y, z);
            double share = 1;
            if (j > 0) {
                double k = tape.blend(i);
                double h = k > 0 ? Math.max(0, k - Math.abs(f - d)) / k : 0;
                share = d < f ? 1 - h / 2 : h / 2;
                f = PrimitiveTape.union(f, d, k);
            } else {
                out.clear();
                f = d;
            }
            if (share > 0) {
                out.mix(share, tape.tissue(i), tape.dorsal(i, 0), tape.dorsal(i, 1), tape.dorsal(i, 2), i);
            }
        }
        tape.local(out.part, x, y, z, out.local);
        out.shellRadius = tape.radius(out.part);
    }

    /** Reusable result of {@link #surface}. */
    static final class Surface {
        private static final int TISSUES = Tissue.values().length;

        final double[] share = new double[TISSUES];
        final double[] dorsal = new double[3];
        /** Position in the frame of {@link #part}. */
        final double[] local = new double[3];
        double shellRadius;
        /** The primitive with the largest share when it was joined. */
        int part;

        private void clear() {
            Arrays.fill(share, 0);
            Arrays.fill(dorsal, 0);
        }

        private void mix(double w, Tissue tissue, double x, double y, double z, int index) {
            for (int t = 0; t < TISSUES; t++) {
                share[t] *= 1 - w;
            }
            share[tissue.ordinal()] += w;
            dorsal[0] += w * (x - dorsal[0]);
            dorsal[1] += w * (y - dorsal[1]);
            dorsal[2] += w * (z - dorsal[2]);
            if (w >= 0.5) {
                part = index;
            }
        }
    }
}
