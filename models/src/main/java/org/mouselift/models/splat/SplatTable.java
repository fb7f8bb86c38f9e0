package org.mouselift.models.splat;

import static org.mouselift.models.splat.TileKernel.*;

import java.util.concurrent.atomic.AtomicInteger;
import org.mouselift.engine.cpu.Workers;
import org.mouselift.models.splat.cpu.VectorProjection;

/**
 * The splats of one view: a row for each Gaussian that may be visible, in ascending order, with its record for the kernels,
 * tile rectangle and depth; and the two passes over the raw parameters (projection forward, chain rule backward). Parameters
 * are read in blocks through small heap buffers, one set per thread; buffers are reused between views.
 */
final class SplatTable {
    private static final int BLOCK = ParameterBlock.SIZE;
    /** Opacity logits below this are under 1/255 for sure (that is logit -5.537); the exact test follows the projection. */
    private static final float TRANSPARENT = -5.6f;

    private final RasterScratch scratch;
    /** The Gaussian of every row. */
    int[] gaussians = new int[0];
    float[] splats = new float[0];
    /** View depth of every row, 0 for one that turned out not to touch a pixel. */
    float[] depths = new float[0];
    int[] rects = new int[0];
    /** First row of every block of Gaussians. */
    private int[] starts = new int[1];
    private int rows, visible, nonFinite, degenerate;

    SplatTable(RasterScratch scratch) {
        this.scratch = scratch;
    }

    /** Memory of the buffers. */
    long bytes() {
        return 4L * (gaussians.length + splats.length + depths.length + rects.length + starts.length);
    }

    int rows() {
        return rows;
    }

    /** Rows whose depth is positive. */
    int visible() {
        return visible;
    }

    int nonFinite() {
        return nonFinite;
    }

    int degenerate() {
        return degenerate;
    }

    /** Projects all Gaussians; afterwards {@code depths[row] > 0} exactly for those that may touch a pixel. */
    void project(GaussianParameters p, SplatCamera camera, double modifier, RasterOptions options) {
        int n = p.count(), blocks = Math.ceilDiv(n, BLOCK);
        findCandidates(p, new GaussianProjection(camera, p.shDegree(), modifier, false), options.referenceLists());
        reserve();
        AtomicInteger bad = new AtomicInteger(), flat = new AtomicInteger(), seen = new AtomicInteger();
        int width = 3 * p.coefficients();
        boolean reject = options.nonFinite() == RasterOptions.NonFinite.REJECT;
        Workers.each(blocks, (worker, block) -> {
            int first = block * BLOCK, size = Math.min(BLOCK, n - first), row = starts[block], count = starts[block + 1] - row;
            ParameterBlock b = scratch.blocks[worker];
            b.read(p, first, size);
            int unusable = b.checkFinite(first, size, width, reject);
            bad.addAndGet(unusable);
            GaussianProjection projection = new GaussianProjection(camera, p.shDegree(), modifier, !options.referenceLists());
            VectorProjection lanes = scratch.lanes[worker];
            int degenerates = 0;
            for (int done = 0; done < count; done += VectorProjection.CAPACITY) {
                int part = Math.min(VectorProjection.CAPACITY, count - done);
                degenerates += lanes == null ? projectEach(projection, b, first, row + done, part, width, unusable > 0, options.referenceLists())
                    : projectLanes(projection, lanes, b, first, row + done, part, width, unusable > 0, options.referenceLists());
            }
            flat.addAndGet(degenerates);
            int positive = 0;
            for (int i = row; i < row + count; i++) {
                positive += depths[i] > 0 ? 1 : 0;
            }
            seen.addAndGet(positive);
        });
        visible = seen.get();
        nonFinite = bad.get();
        degenerate = flat.get();
    }

    /** Numbers the rows: of every block, the Gaussians in front of the near plane that are not surely transparent. */
    private void findCandidates(GaussianParameters p, GaussianProjection projection, boolean transparentToo) {
        int n = p.count(), blocks = Math.ceilDiv(n, BLOCK);
        if (starts.length < blocks + 1) {
            starts = new int[blocks + 1];
        }
        if (scratch.candidates.length < n) {
            scratch.candidates = new int[n];
        }
        int[] found = scratch.candidates, at = starts;
        Workers.each(blocks, (worker, block) -> {
            int first = block * BLOCK, size = Math.min(BLOCK, n - first), count = first;
            ParameterBlock b = scratch.blocks[worker];
            b.readPlaces(p, first, size);
            for (int i = 0; i < size; i++) {
                if ((transparentToo || b.logits[i] > TRANSPARENT)
                        && (float) projection.viewDepth(b.means[3 * i], b.means[3 * i + 1], b.means[3 * i + 2]) > GaussianProjection.NEAR) {
                    found[count++] = i;
                }
            }
            at[block + 1] = count - first;
        });
        at[0] = 0;
        for (int block = 0; block < blocks; block++) {
            at[block + 1] += at[block];
        }
        rows = at[blocks];
    }

    private void reserve() {
        if (depths.length >= rows) {
            return;
        }
        int most = (Integer.MAX_VALUE - 16 - PADDING) / STRIDE;
        if (rows > most) {
            throw new IllegalArgumentException(rows + " Gaussians in one view; the renderer handles at most " + most);
        }
        int capacity = (int) Math.min(most, rows + rows / 8L);
        gaussians = new int[capacity];
        splats = new float[capacity * STRIDE + PADDING];
        depths = new float[capacity];
        rects = new int[2 * capacity];
    }

    private int projectEach(GaussianProjection projection, ParameterBlock b, int first, int row, int count, int width, boolean check, boolean referenceLists) {
        int flat = 0, from = first + row - starts[first / BLOCK];
        for (int j = 0; j < count; j++) {
            int i = scratch.candidates[from + j];
            gaussians[row + j] = first + i;
            clear(row + j);
            if (check && !b.finite(i, width)) {
                continue;
            }
            switch (projection.project(b.means, 3 * i, b.scales, 3 * i, b.quaternions, 4 * i, b.logits[i], b.sh, width * i)) {
                case VISIBLE -> {
                    GaussianProjection g = projection;
                    SplatExtent e = g.extent;
                    store(row + j, g.u, g.v, g.conicA, g.conicB, g.conicC, g.alpha, g.depth, g.rgb, g.x0, g.y0, g.x1, g.y1, (int) e.left, (int) e.right,
                        (int) e.top, (int) e.bottom, referenceLists);
                }
                case DEGENERATE -> flat++;
                case CULLED -> { }
            }
        }
        return flat;
    }

    /** Projects many Gaussians at a time; returns how many were degenerate. */
    private int projectLanes(GaussianProjection projection, VectorProjection lanes, ParameterBlock b, int first, int row, int count, int width, boolean check,
            boolean referenceLists) {
        VectorProjection.View view = projection.blockView();
        int flat = 0, from = first + row - starts[first / BLOCK];
        for (int j = 0; j < count; j++) {
            int i = scratch.candidates[from + j];
            gaussians[row + j] = first + i;
            clear(row + j);
            b.load(i, lanes, j);
        }
        lanes.project(view, count);
        lanes.place(view, count, projection.prefilter);
        float[] rgb = projection.rgb;
        for (int j = 0; j < count; j++) {
            int i = b.lane[j];
            if (check && !b.finite(i, width)) {
                continue;
            }
            int x0 = (int) lanes.x0[j], y0 = (int) lanes.y0[j], x1 = (int) lanes.x1[j], y1 = (int) lanes.y1[j];
            boolean visible = lanes.state[j] == VectorProjection.VISIBLE && x0 < x1 && y0 < y1;
            if (visible) {
                projection.colour(lanes.x[j], lanes.y[j], lanes.z[j], b.sh, width * i);
                if (Float.isFinite(rgb[0] + rgb[1] + rgb[2])) {
                    store(row + j, (float) lanes.u[j], (float) lanes.v[j], (float) lanes.conicA[j], (float) lanes.conicB[j], (float) lanes.conicC[j],
                        (float) lanes.opacity[j], (float) lanes.tz[j], rgb, x0, y0, x1, y1, (int) lanes.left[j], (int) lanes.right[j], (int) lanes.top[j],
                        (int) lanes.bottom[j], referenceLists);
                } else {
                    flat++;
                }
            } else if (lanes.state[j] == VectorProjection.DEGENERATE) {
                flat++;
            }
        }
        return flat;
    }

    private void clear(int row) {
        depths[row] = 0;
        TileBins.pack(rects, row, 0, 0, 0, 0);
    }

    private void store(int row, float u, float v, float conicA, float conicB, float conicC, float alpha, float depth, float[] rgb, int x0, int y0, int x1, int y1,
            int xLo, int xHi, int yLo, int yHi, boolean referenceLists) {
        if (!referenceLists) {
            x0 = Math.max(x0, xLo / TILE);
            y0 = Math.max(y0, yLo / TILE);
            x1 = Math.min(x1, Math.floorDiv(xHi, TILE) + 1);
            y1 = Math.min(y1, Math.floorDiv(yHi, TILE) + 1);
            if (x0 >= x1 || y0 >= y1) {
                return;
            }
        }
        float[] s = splats;
        int at = row * STRIDE;
        s[at + U] = u;
        s[at + V] = v;
        s[at + HALF_A] = -0.5f * LOG2E * conicA;
        s[at + NEG_B] = -LOG2E * conicB;
        s[at + HALF_C] = -0.5f * LOG2E * conicC;
        s[at + OPACITY] = alpha;
        s[at + RED] = rgb[0];
        s[at + GREEN] = rgb[1];
        s[at + BLUE] = rgb[2];
        s[at + DEPTH] = depth;
        s[at + X_LO] = xLo;
        s[at + X_HI] = xHi;
        s[at + Y_LO] = yLo;
        s[at + Y_HI] = yHi;
        TileBins.pack(rects, row, x0, y0, x1, y1);
        depths[row] = depth;
    }

    /** Adds the gradients that follow from the moments to {@code gradients}; fills {@code probe} when it is given. */
    void chain(GaussianParameters p, SplatCamera camera, double modifier, GaussianParameters gradients, GradientProbe probe) {
        int n = p.count(), width = 3 * p.coefficients();
        Workers.each(Math.ceilDiv(n, BLOCK), (worker, block) -> {
            int first = block * BLOCK, size = Math.min(BLOCK, n - first), begin = starts[block], end = starts[block + 1];
            if (begin == end) {
                return;
            }
            ParameterBlock b = scratch.blocks[worker], sum = scratch.sums[worker];
            b.read(p, first, size);
            sum.read(gradients, first, size);
            GaussianProjection projection = new GaussianProjection(camera, p.shDegree(), modifier, false);
            ProjectionGradient gradient = new ProjectionGradient(projection);
            VectorProjection lanes = scratch.lanes[worker];
            if (lanes != null && probe == null) {
                chainLanes(projection, gradient, lanes, b, sum, first, begin, end, width);
            } else {
                chainEach(projection, gradient, b, sum, first, begin, end, width, probe);
            }
            sum.write(gradients, first, size);
        });
    }

    private void chainEach(GaussianProjection projection, ProjectionGradient gradient, ParameterBlock b, ParameterBlock sum, int first, int begin, int end,
            int width, GradientProbe probe) {
        float[] moments = scratch.moments;
        for (int row = begin; row < end; row++) {
            if (!(depths[row] > 0)) {
                continue;
            }
            int i = gaussians[row] - first;
            projection.project(b.means, 3 * i, b.scales, 3 * i, b.quaternions, 4 * i, b.logits[i], b.sh, width * i);
            gradient.compute(moments, row * MOMENTS, b.sh, width * i);
            for (int k = 0; k < 3; k++) {
                sum.means[3 * i + k] += (float) gradient.mean[k];
                sum.scales[3 * i + k] += (float) gradient.logScale[k];
            }
            for (int k = 0; k < 4; k++) {
                sum.quaternions[4 * i + k] += (float) gradient.quaternion[k];
            }
            sum.logits[i] += (float) gradient.logit;
            for (int k = 0; k < width; k++) {
                sum.sh[width * i + k] += (float) gradient.sh[k];
            }
            if (probe != null) {
                probe.store(first + i, gradient, moments, row * MOMENTS);
            }
        }
    }

    /** The chain rule for a block, many Gaussians at a time. */
    private void chainLanes(GaussianProjection projection, ProjectionGradient gradient, VectorProjection lanes, ParameterBlock b, ParameterBlock sum, int first,
            int begin, int end, int width) {
        VectorProjection.View view = projection.blockView();
        float[] m = scratch.moments;
        int n = 0;
        for (int row = begin; row < end; row++) {
            if (depths[row] > 0) {
                int at = row * MOMENTS;
                b.row[n] = row;
                lanes.hSum[n] = m[at];
                lanes.hxSum[n] = m[at + 1];
                lanes.hySum[n] = m[at + 2];
                lanes.hxxSum[n] = m[at + 3];
                lanes.hxySum[n] = m[at + 4];
                lanes.hyySum[n] = m[at + 5];
                lanes.depthSum[n] = m[at + 9];
                b.load(gaussians[row] - first, lanes, n++);
            }
            if (n == VectorProjection.CAPACITY || row == end - 1 && n > 0) {
                lanes.project(view, n);
                lanes.gradient(view, n);
                for (int j = 0; j < n; j++) {
                    add(projection, gradient, lanes, j, b, sum, width);
                }
                n = 0;
            }
        }
    }

    private void add(GaussianProjection projection, ProjectionGradient gradient, VectorProjection lanes, int j, ParameterBlock b, ParameterBlock sum, int width) {
        int i = b.lane[j];
        projection.colour(lanes.x[j], lanes.y[j], lanes.z[j], b.sh, width * i);
        gradient.computeColour(scratch.moments, b.row[j] * MOMENTS, b.sh, width * i);
        sum.means[3 * i] += (float) (gradient.mean[0] + lanes.gradX[j]);
        sum.means[3 * i + 1] += (float) (gradient.mean[1] + lanes.gradY[j]);
        sum.means[3 * i + 2] += (float) (gradient.mean[2] + lanes.gradZ[j]);
        sum.scales[3 * i] += (float) lanes.gradScale0[j];
        sum.scales[3 * i + 1] += (float) lanes.gradScale1[j];
        sum.scales[3 * i + 2] += (float) lanes.gradScale2[j];
        sum.quaternions[4 * i] += (float) lanes.gradW[j];
        sum.quaternions[4 * i + 1] += (float) lanes.gradI[j];
        sum.quaternions[4 * i + 2] += (float) lanes.gradJ[j];
        sum.quaternions[4 * i + 3] += (float) lanes.gradK[j];
        sum.logits[i] += (float) lanes.gradLogit[j];
        for (int k = 0; k < width; k++) {
            sum.sh[width * i + k] += (float) gradient.sh[k];
        }
    }
}
