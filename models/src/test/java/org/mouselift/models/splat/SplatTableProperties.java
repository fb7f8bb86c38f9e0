package org.mouselift.models.splat;

import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.mouselift.models.splat.TileKernel.*;

import java.util.Random;
import net.jqwik.api.ForAll;
import net.jqwik.api.Property;
import net.jqwik.api.constraints.DoubleRange;
import net.jqwik.api.constraints.IntRange;

/** The pixel ranges of a splat must hold every pixel that the kernels would blend; they may be a little larger. */
class SplatTableProperties {
    @Property(tries = 40, seed = "4242")
    void rangesHoldEveryBlendedPixel(@ForAll long seed, @ForAll @DoubleRange(min = -7, max = 1.5) double logScale,
            @ForAll @DoubleRange(min = 0, max = 4) double anisotropy, @ForAll @IntRange(min = 0, max = 359) int azimuth) {
        int n = 30, wide = 0, inside = 0;
        GaussianParameters scene = Scenes.random(seed, n, 0, 0.8, logScale, 1);
        Random random = new Random(seed);
        float[] scales = (float[]) scene.logScales().heapBase().orElseThrow();
        for (int i = 0; i < scales.length; i++) {
            scales[i] += (float) (anisotropy * random.nextGaussian()); // needles and discs
        }
        SplatCamera camera = Scenes.camera(96, 64, azimuth);
        float[] means = Scenes.narrow(scene.means()), quaternions = Scenes.narrow(scene.quaternions());
        float[] logits = Scenes.narrow(scene.opacityLogits()), sh = Scenes.narrow(scene.sh());
        SplatTable table = new SplatTable(new RasterScratch());
        table.project(scene, camera, 1, RasterOptions.DEFAULT);
        for (int row = 0; row < table.rows(); row++) {
            if (!(table.depths[row] > 0)) {
                continue;
            }
            int i = table.gaussians[row];
            float[] s = table.splats;
            int at = row * STRIDE;
            int xs = table.rects[2 * row], ys = table.rects[2 * row + 1];
            GaussianProjection p = new GaussianProjection(camera, 0, 1, false);
            p.project(means, 3 * i, scales, 3 * i, quaternions, 4 * i, logits[i], sh, 3 * i);
            for (int y = 16 * p.y0; y < Math.min(16 * p.y1, 64); y++) {
                for (int x = 16 * p.x0; x < Math.min(16 * p.x1, 96); x++) {
                    float dx = s[at + U] - x, dy = s[at + V] - y;
                    float pw = Math.fma(Math.fma(s[at + NEG_B], dx, s[at + HALF_C] * dy), dy, s[at + HALF_A] * dx * dx);
                    boolean blended = pw <= 0 && s[at + OPACITY] * TileKernel.exp2(pw) >= MIN_ALPHA;
                    boolean inRange = x >= s[at + X_LO] && x <= s[at + X_HI] && y >= s[at + Y_LO] && y <= s[at + Y_HI];
                    boolean listed = x / 16 >= TileBins.low(xs) && x / 16 < TileBins.high(xs) && y / 16 >= TileBins.low(ys) && y / 16 < TileBins.high(ys);
                    assertTrue(!blended || inRange && listed, "splat " + i + " loses pixel (" + x + ", " + y + ")");
                    wide += inRange ? 1 : 0;
                    inside += blended ? 1 : 0;
                }
            }
        }
        // Not much larger: boxes around ellipses, and a pixel of slack.
        if (anisotropy < 0.3 && logScale < -2) {
            assertTrue(wide <= 3 * inside + 40 * n, "ranges of " + wide + " pixels for " + inside);
        }
    }
}
