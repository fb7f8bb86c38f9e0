package org.mouselift.models.splat;

import static org.mouselift.models.splat.TileKernel.*;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.concurrent.atomic.AtomicInteger;
import org.mouselift.engine.cpu.Workers;
import org.mouselift.models.splat.cpu.VectorProjection;

/**
 * Per-Gaussian buffers of one view: splat records for the kernels, tile rectangles and depths, and the two passes over the
 * raw parameters (projection forward, chain rule backward). Parameters are read in blocks through small heap buffers, one
 * set per thread; buffers are reused between views.
 */
final class SplatTable {
    private static final int BLOCK = 1024;
    /** Opacity logits below this are under 1/255 for sure (that is logit -5.537); the exact test follows the projection. */
    private static final float TRANSPARENT = -5.6f;

    /** Heap copies of the parameters of one block of Gaussians. */
    static final class Block {
        final float[] means = new float[3 * BLOCK], scales = new float[3 * BLOCK], quaternions = new float[4 * BLOCK], logits = new float[BLOCK];
        float[] sh = new float[0];
        /** Numbers in the block of the Gaussians in the lanes of a {@link VectorProjection}. */
        final int[] lane = new int[VectorProjection.CAPACITY];

        /** Puts Gaussian i of the block into lane j. */
        void load(int i, VectorProjection lanes, int j) {
            lane[j] = i;
            lanes.x[j] = means[3 * i];
            lanes.y[j] = means[3 * i + 1];
            lanes.z[j] = means[3 * i + 2];
            lanes.scale0[j] = scales[3 * i];
            lanes.scale1[j] = scales[3 * i + 1];
            lanes.scale2[j] = scales[3 * i + 2];
            lanes.qw[j] = quaternions[4 * i];
            lanes.qx[j] = quaternions[4 * i + 1];
            lanes.qy[j] = quaternions[4 * i + 2];
            lanes.qz[j] = quaternions[4 * i + 3];
            lanes.opacity[j] = logits[i];
        }

        void read(GaussianParameters p, int first, int n) {
            int width = 3 * p.coefficients();
            if (sh.length < BLOCK * width) {
                sh = new float[BLOCK * width];
            }
            copy(p.means(), first, n, 3, means);
            copy(p.logScales(), first, n, 3, scales);
            copy(p.quaternions(), first, n, 4, quaternions);
            copy(p.opacityLogits(), first, n, 1, logits);
            copy(p.sh(), first, n, width, sh);
        }

        void write(GaussianParameters p, int first, int n) {
            int width = 3 * p.coefficients();
            paste(means, p.means(), first, n, 3);
            paste(scales, p.logScales(), first, n, 3);
            paste(quaternions, p.quaternions(), first, n, 4);
            paste(logits, p.opacityLogits(), first, n, 1);
            paste(sh, p.sh(), first, n, width);
        }

        private static void copy(MemorySegment from, long first, int n, int width, float[] to) {
            MemorySegment.copy(from, ValueLayout.JAVA_FLOAT_UNALIGNED, first * width * 4, to, 0, n * width);
        }

        private static void paste(float[] from, MemorySegment to, long first, int n, int width) {
            MemorySegment.copy(from, 0, to, ValueLayout.JAVA_FLOAT_UNALIGNED, first * width * 4, n * width);
        }

        /** Throws for the first non-finite parameter of the block, or counts the Gaussians that have one. */
        int checkFinite(int first, int n, int shWidth, boolean reject) {
            float sum = zeroSum(means, 3 * n) + zeroSum(scales, 3 * n) + zeroSum(quaternions, 4 * n) + zeroSum(logits, n) + zeroSum(sh, shWidth * n);
            if (sum == 0) {
                return 0;
            }
            int bad = 0;
            for (int i = 0; i < n; i++) {
                if (finite(i, shWidth)) {
                    continue;
                }
                bad++;
                if (reject) {
                    report("means", means, first, i, 3);
                    report("logScales", scales, first, i, 3);
                    report("quaternions", quaternions, first, i, 4);
                    report("opacityLogits", logits, first, i, 1);
                    report("sh", sh, first, i, shWidth);
                }
            }
            return bad;
        }

        boolean finite(int i, int shWidth) {
            float sum = logits[i] * 0f;
            for (int k = 0; k < 3; k++) {
                sum += means[3 * i + k] * 0f + scales[3 * i + k] * 0f;
            }
            for (int k = 0; k < 4; k++) {
                sum += quaternions[4 * i + k] * 0f;
            }
            for (int k = 0; k < shWidth; k++) {
                sum += sh[shWidth * i + k] * 0f;
            }
            return sum == 0;
        }

        /** 0, or NaN when a value is not finite. */
        private static float zeroSum(float[] values, int n) {
            float sum = 0;
            for (int i = 0; i < n; i++) {
                sum += values[i] * 0f;
            }
            return sum;
        }

        private static void report(String field, float[] values, int first, int i, int width) {
            for (int k = 0; k < width; k++) {
                if (!Float.isFinite(values[width * i + k])) {
                    throw new NonFiniteGaussianException(first + i, field, k, values[width * i + k]);
                }
            }
        }
    }

    private final RasterScratch scratch;
    float[] splats = new float[0];
    float[] depths = new float[0];
    int[] rects = new int[0];
    private int nonFinite, degenerate;

    SplatTable(RasterScratch scratch) {
        this.scratch = scratch;
    }

    /** Memory of the buffers. */
    long bytes() {
        return 4L * (splats.length + depths.length + rects.length);
    }

    int nonFinite() {
        return nonFinite;
    }

    int degenerate() {
        return degenerate;
    }

    /** Projects all Gaussians; afterwards {@code depths[i] > 0} exactly for those that may touch a pixel. */
    void project(GaussianParameters p, SplatCamera camera, double modifier, RasterOptions options) {
        int n = p.count();
        if (depths.length < n) {
            if ((long) n * STRIDE > Integer.MAX_VALUE - 16) {
                throw new IllegalArgumentException(n + " Gaussians in one view; the renderer handles at most " + (Integer.MAX_VALUE - 16 - PADDING) / STRIDE);
            }
            int capacity = (int) Math.min((Integer.MAX_VALUE - 16 - PADDING) / STRIDE, n + n / 4L);
            splats = new float[capacity * STRIDE + PADDING];
            depths = new float[capacity];
            rects = new int[2 * capacity];
        }
        AtomicInteger bad = new AtomicInteger(), flat = new AtomicInteger();
        int width = 3 * p.coefficients();
        boolean reject = options.nonFinite() == RasterOptions.NonFinite.REJECT;
        Workers.each(Math.ceilDiv(n, BLOCK), (worker, block) -> {
            int first = block * BLOCK, size = Math.min(BLOCK, n - first);
            Block b = scratch.blocks[worker];
            b.read(p, first, size);
            int unusable = b.checkFinite(first, size, width, reject);
            bad.addAndGet(unusable);
            GaussianProjection projection = new GaussianProjection(camera, p.shDegree(), modifier, !options.referenceLists());
            VectorProjection lanes = scratch.lanes[worker];
            if (lanes != null) {
                flat.addAndGet(projectLanes(projection, lanes, b, first, size, width, unusable > 0, options.referenceLists()));
                return;
            }
            for (int i = 0; i < size; i++) {
                depths[first + i] = 0;
                if (unusable > 0 && !b.finite(i, width)) {
                    continue;
                }
                switch (projection.project(b.means, 3 * i, b.scales, 3 * i, b.quaternions, 4 * i, b.logits[i], b.sh, width * i)) {
                    case VISIBLE -> store(projection, first + i, options.referenceLists());
                    case DEGENERATE -> flat.incrementAndGet();
                    case CULLED -> { }
                }
            }
        });
        nonFinite = bad.get();
        degenerate = flat.get();
    }

    /** Projects a block many Gaussians at a time, those that are surely culled left out; returns how many were degenerate. */
    private int projectLanes(GaussianProjection projection, VectorProjection lanes, Block b, int first, int size, int width, boolean check,
            boolean referenceLists) {
        VectorProjection.View view = projection.blockView();
        int n = 0, flat = 0;
        for (int i = 0; i < size; i++) {
            depths[first + i] = 0;
            boolean candidate = (referenceLists || b.logits[i] > TRANSPARENT)
                && (float) projection.viewDepth(b.means[3 * i], b.means[3 * i + 1], b.means[3 * i + 2]) > GaussianProjection.NEAR
                && !(check && !b.finite(i, width));
            if (candidate) {
                b.load(i, lanes, n++);
            }
            if (n == VectorProjection.CAPACITY || i == size - 1 && n > 0) {
                lanes.project(view, n);
                for (int j = 0; j < n; j++) {
                    switch (projection.project(lanes, j, b.sh, width * b.lane[j])) {
                        case VISIBLE -> store(projection, first + b.lane[j], referenceLists);
                        case DEGENERATE -> flat++;
                        case CULLED -> { }
                    }
                }
                n = 0;
            }
        }
        return flat;
    }

    private void store(GaussianProjection p, int i, boolean referenceLists) {
        // How far the ellipse alpha ≥ 1/255 reaches, from the rounded conic that the kernels use, with room for their rounding:
        // the exponent is a difference of terms up to conic·distance², each rounded to 2^-24.
        double a = p.conicA, b = p.conicB, c = p.conicC, form = a * c - b * b;
        double far = p.radius + 2.0 * TILE;
        double level = 2 * (Math.log(255.0 * p.alpha) + 0.01 + 1e-6 * (a + c) * far * far);
        int xLo = 0, yLo = 0, xHi = p.width - 1, yHi = p.height - 1;
        if (form > 0 && level >= 0) {
            double rx = Math.sqrt(level * c / form) + 0.01, ry = Math.sqrt(level * a / form) + 0.01;
            xLo = (int) Math.max(xLo, Math.ceil(p.u - rx));
            xHi = (int) Math.min(xHi, Math.floor(p.u + rx));
            yLo = (int) Math.max(yLo, Math.ceil(p.v - ry));
            yHi = (int) Math.min(yHi, Math.floor(p.v + ry));
        } else if (level < 0) {
            xHi = yHi = -1;
        }
        int x0 = p.x0, y0 = p.y0, x1 = p.x1, y1 = p.y1;
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
        int at = i * STRIDE;
        s[at + U] = p.u;
        s[at + V] = p.v;
        s[at + HALF_A] = -0.5f * LOG2E * p.conicA;
        s[at + NEG_B] = -LOG2E * p.conicB;
        s[at + HALF_C] = -0.5f * LOG2E * p.conicC;
        s[at + OPACITY] = p.alpha;
        s[at + RED] = p.rgb[0];
        s[at + GREEN] = p.rgb[1];
        s[at + BLUE] = p.rgb[2];
        s[at + DEPTH] = p.depth;
        s[at + X_LO] = xLo;
        s[at + X_HI] = xHi;
        s[at + Y_LO] = yLo;
        s[at + Y_HI] = yHi;
        TileBins.pack(rects, i, x0, y0, x1, y1);
        depths[i] = p.depth;
    }

    /** Adds the gradients that follow from the moments to {@code gradients}; fills {@code probe} when it is given. */
    void chain(GaussianParameters p, SplatCamera camera, double modifier, GaussianParameters gradients, GradientProbe probe) {
        int n = p.count(), width = 3 * p.coefficients();
        float[] moments = scratch.moments;
        Workers.each(Math.ceilDiv(n, BLOCK), (worker, block) -> {
            int first = block * BLOCK, size = Math.min(BLOCK, n - first);
            boolean any = false;
            for (int i = first; i < first + size && !any; i++) {
                any = depths[i] > 0;
            }
            if (!any) {
                return;
            }
            Block b = scratch.blocks[worker], sum = scratch.sums[worker];
            b.read(p, first, size);
            sum.read(gradients, first, size);
            GaussianProjection projection = new GaussianProjection(camera, p.shDegree(), modifier, false);
            ProjectionGradient gradient = new ProjectionGradient(projection);
            VectorProjection lanes = scratch.lanes[worker];
            if (lanes != null && probe == null) {
                chainLanes(projection, gradient, lanes, b, sum, first, size, width);
                sum.write(gradients, first, size);
                return;
            }
            for (int i = 0; i < size; i++) {
                if (!(depths[first + i] > 0)) {
                    continue;
                }
                projection.project(b.means, 3 * i, b.scales, 3 * i, b.quaternions, 4 * i, b.logits[i], b.sh, width * i);
                gradient.compute(moments, (first + i) * MOMENTS, b.sh, width * i);
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
                    probe.store(first + i, gradient, moments, (first + i) * MOMENTS);
                }
            }
            sum.write(gradients, first, size);
        });
    }

    /** The chain rule for a block, many Gaussians at a time. */
    private void chainLanes(GaussianProjection projection, ProjectionGradient gradient, VectorProjection lanes, Block b, Block sum, int first, int size,
            int width) {
        VectorProjection.View view = projection.blockView();
        float[] m = scratch.moments;
        int n = 0;
        for (int i = 0; i < size; i++) {
            if (depths[first + i] > 0) {
                int at = (first + i) * MOMENTS;
                lanes.hSum[n] = m[at];
                lanes.hxSum[n] = m[at + 1];
                lanes.hySum[n] = m[at + 2];
                lanes.hxxSum[n] = m[at + 3];
                lanes.hxySum[n] = m[at + 4];
                lanes.hyySum[n] = m[at + 5];
                lanes.depthSum[n] = m[at + 9];
                b.load(i, lanes, n++);
            }
            if (n == VectorProjection.CAPACITY || i == size - 1 && n > 0) {
                lanes.project(view, n);
                lanes.gradient(view, n);
                for (int j = 0; j < n; j++) {
                    add(projection, gradient, lanes, j, b, sum, first, width);
                }
                n = 0;
            }
        }
    }

    private void add(GaussianProjection projection, ProjectionGradient gradient, VectorProjection lanes, int j, Block b, Block sum, int first, int width) {
        int i = b.lane[j];
        projection.colour(lanes.x[j], lanes.y[j], lanes.z[j], b.sh, width * i);
        gradient.computeColour(scratch.moments, (first + i) * MOMENTS, b.sh, width * i);
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
