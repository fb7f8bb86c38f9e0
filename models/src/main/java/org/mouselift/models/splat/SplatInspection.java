package org.mouselift.models.splat;

import java.lang.foreign.MemorySegment;
import java.util.List;

/**
 * What the renderer computed for one view, for tests and research. Arrays are indexed by Gaussian and zero where a Gaussian
 * is culled or its rectangle is empty.
 *
 * @param radius pixel radius, [N]
 * @param rect tile rectangle x0, y0, x1, y1 of the reference rasterizer, upper ends exclusive, [N,4]
 * @param mean2d 2D mean; pixel X is sampled at X, [N,2]
 * @param covariance2d a, b, c including the low-pass 0.3, [N,3]
 * @param conic A, B, C, [N,3]
 * @param depth view-space z, [N]
 * @param colour RGB after the clamp at 0, [N,3]
 * @param tileCounts length of every tile list, tiles in raster order, [gy,gx]
 * @param tileLists all tile lists one after the other, each front to back
 * @param lastContributor per pixel the 1-based list position of the last blended splat, 0 = none, [H,W]
 */
public record SplatInspection(int[] radius, int[] rect, float[] mean2d, float[] covariance2d, float[] conic, float[] depth,
        float[] colour, int[] tileCounts, int[] tileLists, int[] lastContributor) {

    static SplatInspection of(GaussianParameters p, SplatCamera camera, double modifier, SplatTable table, TileBins bins,
            SplatRasterizer rasterizer) {
        int n = p.count(), width = 3 * p.coefficients();
        int tiles = camera.tilesX() * camera.tilesY();
        if (bins.entries() > Integer.MAX_VALUE - 16) {
            throw new IllegalStateException("view has " + bins.entries() + " tile entries; inspection returns at most " + (Integer.MAX_VALUE - 16));
        }
        SplatInspection out = new SplatInspection(new int[n], new int[4 * n], new float[2 * n], new float[3 * n], new float[3 * n], new float[n],
            new float[3 * n], new int[tiles], new int[(int) bins.entries()], new int[camera.width() * camera.height()]);
        GaussianProjection g = new GaussianProjection(camera, p.shDegree(), modifier, false);
        ParameterBlock block = new ParameterBlock();
        for (int i = 0; i < n; i++) {
            block.read(p, i, 1);
            if (!block.finite(0, width)
                    || g.project(block.means, 0, block.scales, 0, block.quaternions, 0, block.logits[0], block.sh, 0) != GaussianProjection.Outcome.VISIBLE) {
                continue;
            }
            out.radius[i] = g.radius;
            set(out.rect, 4 * i, g.x0, g.y0, g.x1, g.y1);
            set(out.mean2d, 2 * i, g.u, g.v);
            set(out.covariance2d, 3 * i, (float) g.a, (float) g.b, (float) g.c);
            set(out.conic, 3 * i, g.conicA, g.conicB, g.conicC);
            out.depth[i] = g.depth;
            set(out.colour, 3 * i, g.rgb[0], g.rgb[1], g.rgb[2]);
        }
        int at = 0;
        for (int t = 0; t < tiles; t++) {
            out.tileCounts[t] = bins.count(t);
            bins.ensure(t, rasterizer.options().forwardBand());
            for (int e = bins.start(t); e < bins.start(t) + bins.count(t); e++) {
                out.tileLists[at++] = table.gaussians[bins.list()[e]];
            }
            lastContributors(out, t, camera, rasterizer);
        }
        return out;
    }

    private static void lastContributors(SplatInspection out, int tile, SplatCamera camera, SplatRasterizer rasterizer) {
        int left = tile % camera.tilesX() * TileKernel.TILE, top = tile / camera.tilesX() * TileKernel.TILE;
        for (int y = top; y < Math.min(top + TileKernel.TILE, camera.height()); y++) {
            for (int x = left; x < Math.min(left + TileKernel.TILE, camera.width()); x++) {
                List<Contributor> list = rasterizer.contributors(x, y);
                out.lastContributor[y * camera.width() + x] = list.isEmpty() ? 0 : list.getLast().position();
            }
        }
    }

    private static void set(int[] to, int at, int... values) {
        System.arraycopy(values, 0, to, at, values.length);
    }

    private static void set(float[] to, int at, float... values) {
        System.arraycopy(values, 0, to, at, values.length);
    }
}
