package org.mouselift.models.splat;

import static org.mouselift.models.splat.TileKernel.*;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.mouselift.engine.cpu.Workers;

/**
 * Tile-based differentiable renderer of 3D Gaussians (GS-LRM specification §2, after Kerbl et al. 2023). One instance owns
 * the buffers of one view at a time and reuses them; it is not thread-safe, but uses all {@link Workers} inside.
 *
 * <p>Order of use: {@link #render}, then, for the same view, any of {@link #backward}, {@link #contributors},
 * {@link #inspect}. Results do not depend on the number of threads. With no Gaussians the image is the background.
 */
public final class SplatRasterizer {
    private final RasterOptions options;
    private final RasterScratch scratch;
    private final SplatTable table;
    private final TileBins bins = new TileBins();
    private float[] finalTransmittance = new float[0];
    private int[] stops = new int[0];

    private GaussianParameters parameters;
    private SplatCamera camera;
    private float[] background;
    private double modifier;
    private RasterTimes times = RasterTimes.NONE;

    public SplatRasterizer() {
        this(RasterOptions.DEFAULT);
    }

    public SplatRasterizer(RasterOptions options) {
        this(options, new RasterScratch());
    }

    /** A rasterizer that shares its working buffers with others of the same thread. */
    SplatRasterizer(RasterOptions options, RasterScratch scratch) {
        this.options = options;
        this.scratch = scratch;
        this.table = new SplatTable(scratch);
    }

    /** Memory that this rasterizer holds between calls, without the shared working buffers. */
    long stateBytes() {
        return table.bytes() + bins.bytes() + 4L * (stops.length + finalTransmittance.length);
    }

    /** Forgets the last view but keeps the buffers. */
    void forget() {
        parameters = null;
    }

    public RasterOptions options() {
        return options;
    }

    /** Where the time of the last view went. */
    public RasterTimes times() {
        return times;
    }

    /** Gaussians of the last view that were left out because of a NaN or infinite parameter (option CULL). */
    public int nonFinite() {
        return table.nonFinite();
    }

    /** Gaussians of the last view whose projection does not fit float32 (absurd scale or distance) and that were left out. */
    public int degenerate() {
        return table.degenerate();
    }

    /** Gaussians of the last view that are in some tile list. */
    public int visible() {
        return table.visible();
    }

    /** Entries of all tile lists of the last view. */
    public long tileEntries() {
        return bins.entries();
    }

    /**
     * Renders one view. The parameters and the camera are remembered, not copied: they must not change until the backward pass.
     *
     * @param background RGB
     * @param scalingModifier factor on the activated scales, 1 = none
     * @throws NonFiniteGaussianException if a parameter is NaN or infinite (unless the options say otherwise)
     */
    public void render(GaussianParameters gaussians, SplatCamera camera, float[] background, double scalingModifier, SplatImage out) {
        if (out.width() != camera.width() || out.height() != camera.height()) {
            throw new IllegalArgumentException("image is " + out.width() + "x" + out.height() + ", camera is " + camera.width() + "x" + camera.height());
        }
        if (background.length != 3) {
            throw new IllegalArgumentException("background has " + background.length + " numbers, expected 3 (RGB)");
        }
        if (!(scalingModifier > 0 && scalingModifier < Double.POSITIVE_INFINITY)) {
            throw new IllegalArgumentException("scalingModifier = " + scalingModifier + ", expected a positive number");
        }
        this.parameters = null;
        long start = System.nanoTime();
        table.project(gaussians, camera, scalingModifier, options);
        long projected = System.nanoTime();
        long binning = -projected;
        bins.count(camera.tilesX(), camera.tilesY(), table.rows(), table.visible(), table.depths, table.rects);
        int tiles = camera.tilesX() * camera.tilesY();
        int slots = Math.multiplyExact(tiles, PIXELS);
        if (stops.length < slots) {
            stops = new int[slots];
            finalTransmittance = new float[slots];
        }
        this.camera = camera;
        this.background = background.clone();
        binning += System.nanoTime();
        for (int begin = 0; begin < tiles; ) {
            int first = begin, end = bins.bandEnd(begin, options.forwardBand());
            binning -= System.nanoTime();
            bins.fill(begin, end);
            binning += System.nanoTime();
            Workers.each(end - begin, (worker, t) -> compositeTile(first + t, scratch.pixels[worker], out));
            begin = end;
        }
        times = new RasterTimes(seconds(projected - start), seconds(binning), seconds(System.nanoTime() - projected - binning), 0, 0, 0);
        this.parameters = gaussians;
        this.modifier = scalingModifier;
    }

    private static double seconds(long nanos) {
        return nanos * 1e-9;
    }

    private void compositeTile(int tile, Pixels s, SplatImage out) {
        int px = tile % camera.tilesX() * TILE, py = tile / camera.tilesX() * TILE;
        int w = Math.min(TILE, camera.width() - px), h = Math.min(TILE, camera.height() - py);
        int begin = bins.start(tile), end = bins.start(tile + 1);
        Arrays.fill(s.t, 1);
        Arrays.fill(s.stop, end - begin);
        Arrays.fill(s.red, 0);
        Arrays.fill(s.green, 0);
        Arrays.fill(s.blue, 0);
        Arrays.fill(s.depth, 0);
        if (w < TILE || h < TILE) {
            for (int i = 0; i < PIXELS; i++) {
                if (i % TILE >= w || i / TILE >= h) {
                    s.t[i] = -1;
                    s.stop[i] = 0;
                }
            }
        }
        s.withDepth = out.depth() != null;
        if (begin < end) {
            options.kernel().forward(table.splats, bins.list(), begin, end, px, py, s);
        }
        int slot = tile * PIXELS;
        System.arraycopy(s.stop, 0, stops, slot, PIXELS);
        for (int i = 0; i < PIXELS; i++) {
            float t = Math.abs(s.t[i]);
            finalTransmittance[slot + i] = t;
            s.red[i] = Math.fma(t, background[0], s.red[i]);
            s.green[i] = Math.fma(t, background[1], s.green[i]);
            s.blue[i] = Math.fma(t, background[2], s.blue[i]);
            s.t[i] = 1 - t;
        }
        long plane = 4L * out.width() * out.height();
        for (int y = 0; y < h; y++) {
            long at = 4 * ((long) (py + y) * out.width() + px);
            put(s.red, y, out.rgb(), at, w);
            put(s.green, y, out.rgb(), plane + at, w);
            put(s.blue, y, out.rgb(), 2 * plane + at, w);
            put(s.t, y, out.alpha(), at, w);
            put(s.depth, y, out.depth(), at, w);
        }
    }

    private static void put(float[] from, int row, MemorySegment to, long at, int n) {
        if (to != null) {
            MemorySegment.copy(from, row * TILE, to, ValueLayout.JAVA_FLOAT_UNALIGNED, at, n);
        }
    }

    private static void get(MemorySegment from, long at, float[] to, int row, int n) {
        if (from != null) {
            MemorySegment.copy(from, ValueLayout.JAVA_FLOAT_UNALIGNED, at, to, row * TILE, n);
        }
    }

    /**
     * Back-propagates the last rendered view and adds the result to {@code gradients}. Follows the reference's rules: the
     * alpha clamp 0.99 passes gradients through, skipped splats get none (specification §2.5).
     *
     * @param gradRgb dL/drgb, [3,H,W]
     * @param gradAlpha dL/dalpha, [H,W], or null
     * @param gradDepth dL/d(alpha-weighted depth), [H,W], or null
     * @param gradients same count and degree as the parameters; accumulated
     * @param probe receives intermediate gradients of this view, or null
     */
    public void backward(MemorySegment gradRgb, MemorySegment gradAlpha, MemorySegment gradDepth, GaussianParameters gradients, GradientProbe probe) {
        requireRendered();
        SplatImage.check("gradRgb", gradRgb, 3, camera.width(), camera.height(), false);
        SplatImage.check("gradAlpha", gradAlpha, 1, camera.width(), camera.height(), true);
        SplatImage.check("gradDepth", gradDepth, 1, camera.width(), camera.height(), true);
        int n = parameters.count();
        if (gradients.count() != n || gradients.shDegree() != parameters.shDegree()) {
            throw new IllegalArgumentException("gradients are for " + gradients.count() + " Gaussians of degree " + gradients.shDegree()
                + ", the view was rendered with " + n + " of degree " + parameters.shDegree());
        }
        if (probe != null && probe.opacity.length != n) {
            throw new IllegalArgumentException("probe holds " + probe.opacity.length + " Gaussians, the view was rendered with " + n);
        }
        long start = System.nanoTime(), reducing = 0;
        scratch.clearMoments(table.rows());
        int tiles = camera.tilesX() * camera.tilesY();
        // One band in the forward pass that also fits the backward limit keeps its lists; fill() then does nothing.
        for (int begin = 0; begin < tiles; ) {
            int first = begin, end = bins.bandEnd(begin, options.backwardBand());
            bins.fill(begin, end);
            reserveMoments(first, end);
            Workers.each(end - begin, (worker, t) -> backwardTile(first + t, scratch.used[t], scratch.pixels[worker], gradRgb, gradAlpha, gradDepth));
            reducing -= System.nanoTime();
            Workers.split(table.rows(), 1024, (worker, from, to) -> reduce(first, end, (int) from, (int) to));
            reducing += System.nanoTime();
            begin = end;
        }
        if (probe != null) {
            probe.clear();
        }
        long summed = System.nanoTime();
        table.chain(parameters, camera, modifier, gradients, probe);
        times = new RasterTimes(times.project(), times.bin(), times.composite(), seconds(summed - start - reducing), seconds(reducing),
            seconds(System.nanoTime() - summed));
    }

    /** List positions of a tile that some pixel looked at before it stopped. */
    private int used(int tile) {
        int used = 0;
        for (int i = tile * PIXELS; i < (tile + 1) * PIXELS; i++) {
            used = Math.max(used, stops[i]);
        }
        return used;
    }

    /** Makes room for the moments of a band, tile by tile. */
    private void reserveMoments(int begin, int end) {
        if (scratch.used.length < end - begin + 1) {
            scratch.used = new int[end - begin + 1];
        }
        int[] at = scratch.used;
        Workers.each(end - begin, (worker, t) -> at[t + 1] = used(begin + t));
        at[0] = 0;
        for (int t = 0; t < end - begin; t++) {
            at[t + 1] = Math.addExact(at[t], at[t + 1]);
        }
        int numbers = Math.multiplyExact(at[end - begin], MOMENTS);
        if (scratch.tileMoments.length < numbers) {
            scratch.tileMoments = new float[(int) Math.min(Integer.MAX_VALUE - 16, numbers + numbers / 4L)];
        }
    }

    private void backwardTile(int tile, int place, Pixels s, MemorySegment gradRgb, MemorySegment gradAlpha, MemorySegment gradDepth) {
        int begin = bins.start(tile), used = used(tile);
        if (used == 0) {
            return;
        }
        int px = tile % camera.tilesX() * TILE, py = tile / camera.tilesX() * TILE;
        int w = Math.min(TILE, camera.width() - px), h = Math.min(TILE, camera.height() - py);
        int slot = tile * PIXELS;
        System.arraycopy(finalTransmittance, slot, s.t, 0, PIXELS);
        System.arraycopy(stops, slot, s.stop, 0, PIXELS);
        for (float[] a : new float[][] {s.gradRed, s.gradGreen, s.gradBlue, s.gradDepth, s.behind}) {
            Arrays.fill(a, 0);
        }
        long plane = 4L * camera.width() * camera.height();
        for (int y = 0; y < h; y++) {
            long at = 4 * ((long) (py + y) * camera.width() + px);
            get(gradRgb, at, s.gradRed, y, w);
            get(gradRgb, plane + at, s.gradGreen, y, w);
            get(gradRgb, 2 * plane + at, s.gradBlue, y, w);
            get(gradDepth, at, s.gradDepth, y, w);
            get(gradAlpha, at, s.behind, y, w);
        }
        for (int i = 0; i < PIXELS; i++) {
            s.behind[i] = s.t[i] * (background[0] * s.gradRed[i] + background[1] * s.gradGreen[i] + background[2] * s.gradBlue[i] - s.behind[i]);
        }
        s.withDepth = gradDepth != null;
        int numbers = Math.multiplyExact(used, MOMENT_STRIDE);
        if (s.moments.length < numbers) {
            s.moments = new float[(int) Math.min(Integer.MAX_VALUE - 16, numbers + numbers / 4L)];
        }
        options.kernel().backward(table.splats, bins.list(), begin, used, px, py, s);
        for (int e = 0; e < used; e++) {
            System.arraycopy(s.moments, e * MOMENT_STRIDE, scratch.tileMoments, (place + e) * MOMENTS, MOMENTS);
        }
    }

    /** Adds up the moments of rows of the table, tiles in raster order. */
    private void reduce(int begin, int end, int from, int to) {
        float[] sums = scratch.moments, parts = scratch.tileMoments;
        int[] list = bins.list();
        for (int tile = begin; tile < end; tile++) {
            int first = scratch.used[tile - begin], n = scratch.used[tile - begin + 1] - first, start = bins.start(tile);
            for (int e = 0; e < n; e++) {
                int g = list[start + e];
                if (g < from || g >= to) {
                    continue;
                }
                int sum = g * MOMENTS, part = (first + e) * MOMENTS;
                for (int k = 0; k < MOMENTS; k++) {
                    sums[sum + k] += parts[part + k];
                }
            }
        }
    }

    /**
     * The splats that were blended into a pixel of the last view, front to back, with the very numbers of the renderer: adding
     * {@code weight × colour} with fused multiply-adds in this order, and then the final transmittance times the background,
     * gives the pixel bit by bit.
     */
    public List<Contributor> contributors(int x, int y) {
        requireRendered();
        if (x < 0 || y < 0 || x >= camera.width() || y >= camera.height()) {
            throw new IllegalArgumentException("pixel (" + x + ", " + y + ") is outside the image " + camera.width() + "x" + camera.height());
        }
        int tile = y / TILE * camera.tilesX() + x / TILE;
        int stop = stops[tile * PIXELS + y % TILE * TILE + x % TILE];
        List<Contributor> out = new ArrayList<>();
        float t = 1;
        int position = 0;
        float[] s = table.splats;
        bins.ensure(tile, options.forwardBand());
        for (int i = bins.start(tile); position < stop; i++) {
            int g = bins.list()[i];
            position++;
            int at = g * STRIDE;
            float dx = s[at + U] - x, dy = s[at + V] - y;
            float pw = Math.fma(Math.fma(s[at + NEG_B], dx, s[at + HALF_C] * dy), dy, s[at + HALF_A] * dx * dx);
            float alpha = Math.min(MAX_ALPHA, s[at + OPACITY] * TileKernel.exp2(pw));
            if (pw > 0 || alpha < MIN_ALPHA) {
                continue;
            }
            out.add(new Contributor(table.gaussians[g], position, alpha, alpha * t, s[at + DEPTH], s[at + RED], s[at + GREEN], s[at + BLUE]));
            t *= 1 - alpha;
        }
        return out;
    }

    /** Final transmittance of a pixel of the last view: the weight of the background. */
    public float transmittance(int x, int y) {
        requireRendered();
        return finalTransmittance[(y / TILE * camera.tilesX() + x / TILE) * PIXELS + y % TILE * TILE + x % TILE];
    }

    /** Projected values and tile lists of the last view. */
    public SplatInspection inspect() {
        requireRendered();
        return SplatInspection.of(parameters, camera, modifier, table, bins, this);
    }

    private void requireRendered() {
        if (parameters == null) {
            throw new IllegalStateException("no rendered view: call render() first (it must have succeeded)");
        }
    }
}
