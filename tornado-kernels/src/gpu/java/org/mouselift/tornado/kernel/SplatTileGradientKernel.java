package org.mouselift.tornado.kernel;

import org.mouselift.tornado.launch.SplattingGradient;
import org.mouselift.tornado.launch.Splatting;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Blending backwards (GS-LRM specification §2.5) and the sums of what the tiles found for every Gaussian. Launches and arguments:
 * {@link SplattingGradient}.
 */
public final class SplatTileGradientKernel {
    private SplatTileGradientKernel() {}

    /** Place of a Gaussian's first pair; element g of the places, which count within blocks. */
    private static int firstPair(IntArray ints, int places, int blocks, int g) {
        return ints.get(places + g) + ints.get(blocks + g / SplattingGradient.BLOCK);
    }

    /** Tiles of a Gaussian; {@code splat} is its row of the table. */
    private static int tilesOf(FloatArray mem, int splat) {
        float across = mem.get(splat + 10) - mem.get(splat + 9);
        return across > 0f ? (int) (across * (mem.get(splat + 12) - mem.get(splat + 11))) : 0;
    }

    /** Pairs of Gaussian and tile of the whole scene, the end of the last Gaussian's. */
    private static int allPairs(FloatArray mem, IntArray ints, int table, int places, int blocks, int n) {
        return firstPair(ints, places, blocks, n - 1) + tilesOf(mem, table + Splatting.STRIDE * (n - 1));
    }

    /** Zeroes the pairs of the scene that have room: tiles do not reach all of them. */
    public static void splatPairsClear(KernelContext c, FloatArray mem, IntArray ints, IntArray p, FloatArray q, IntArray at, int slot) {
        int b = at.get(slot);
        int i = c.globalIdx;
        int most = p.get(b + 5);
        int all = allPairs(mem, ints, p.get(b + 2), p.get(b + 3), p.get(b + 4), p.get(b + 1));
        if (i < (all < most ? all : most)) {
            for (int k = 0; k < SplattingGradient.MOMENTS; k++) {
                mem.set(p.get(b + 6) + i * SplattingGradient.MOMENTS + k, 0f);
            }
        }
    }

    /**
     * The moments of the splats of a tile: with h the derivative of the loss with respect to a splat's exponent at a pixel and (dx, dy)
     * the pixel's offset, the sums of h, h dx, h dy, h dx², h dx dy, h dy² and of the colour's three derivatives. A group takes the
     * tiles one group count apart; splats are walked back to front in batches, whose sums over the pixels are taken in a fixed order.
     */
    public static void splatTileGradients(KernelContext c, FloatArray mem, IntArray ints, IntArray p, FloatArray q, IntArray at, int slot) {
        float[] weights = c.allocateFloatLocalArray(2 * SplattingGradient.BATCH * Splatting.TILE_PIXELS);
        float[] partial = c.allocateFloatLocalArray(SplattingGradient.MOMENTS * SplattingGradient.BATCH * 33);
        float[] light = c.allocateFloatLocalArray(3 * Splatting.TILE_PIXELS);
        float[] splats = c.allocateFloatLocalArray(SplattingGradient.BATCH * Splatting.NUMBERS);
        int[] list = c.allocateIntLocalArray(SplattingGradient.ROUND);
        int[] scan = c.allocateIntLocalArray(Splatting.TILE_PIXELS);
        int b = at.get(slot);
        int t = c.localIdx;
        int n = p.get(b + 1);
        int words = p.get(b + 2);
        int width = p.get(b + 3);
        int height = p.get(b + 4);
        int tiles = p.get(b + 6);
        int table = p.get(b + 8);
        int order = p.get(b + 9);
        int gradRgb = p.get(b + 13);
        int places = p.get(b + 15);
        int blocks = p.get(b + 16);
        int most = p.get(b + 17);
        // 0: pairs that have room. 1: the others, straight into the sums of the Gaussians, by one group.
        int rest = p.get(b + 19);
        int tilesX = (width + 15) / 16;
        int plane = width * height;
        int background = p.get(b);
        if (rest == 1) {
            tiles = allPairs(mem, ints, table, places, blocks, n) > most ? tiles : 0;
        }
        for (int inBand = c.groupIdx; inBand < tiles; inBand += p.get(b + 7)) {
            int tile = p.get(b + 5) + inBand;
            int tileY = tile / tilesX;
            int tileX = tile - tileY * tilesX;
            int px = tileX * 16 + t % 16;
            int py = tileY * 16 + t / 16;
            int mask = p.get(b + 10) + inBand * words;
            int last = 0;
            float transmittance = 1f;
            float behind = 0f;
            float red = 0f;
            float green = 0f;
            float blue = 0f;
            if (px < width && py < height) {
                int pixel = py * width + px;
                last = ints.get(p.get(b + 12) + pixel);
                transmittance = mem.get(p.get(b + 11) + pixel);
                red = mem.get(gradRgb + pixel);
                green = mem.get(gradRgb + plane + pixel);
                blue = mem.get(gradRgb + 2 * plane + pixel);
                behind = q.get(background) * red + q.get(background + 1) * green + q.get(background + 2) * blue;
                if (p.get(b + 14) >= 0) {
                    behind -= mem.get(p.get(b + 14) + pixel);
                }
                behind = behind * transmittance;
            }
            light[t] = red;
            light[Splatting.TILE_PIXELS + t] = green;
            light[2 * Splatting.TILE_PIXELS + t] = blue;
            scan[t] = last;
            for (int half = Splatting.TILE_PIXELS / 2; half > 0; half = half / 2) {
                c.localBarrier();
                if (t < half) {
                    scan[t] = scan[t] > scan[t + half] ? scan[t] : scan[t + half];
                }
            }
            c.localBarrier();
            int used = scan[0];
            c.localBarrier();
            int rounds = (used + SplattingGradient.ROUND - 1) / SplattingGradient.ROUND;
            for (int round = rounds - 1; round >= 0; round--) {
                int own = round * (SplattingGradient.ROUND / 32) + t / 4;
                int low = t % 4 * 8;
                int bits = 0;
                if (own < words) {
                    bits = ints.get(mask + own);
                }
                int mine = 0;
                for (int j = 0; j < 8; j++) {
                    if ((bits & (1 << (low + j))) != 0) {
                        mine++;
                    }
                }
                scan[t] = mine;
                c.localBarrier();
                for (int h = 1; h < Splatting.TILE_PIXELS; h = h * 2) {
                    int sum = scan[t];
                    if (t >= h) {
                        sum += scan[t - h];
                    }
                    c.localBarrier();
                    scan[t] = sum;
                    c.localBarrier();
                }
                int listed = scan[Splatting.TILE_PIXELS - 1];
                int to = scan[t] - mine;
                for (int j = 0; j < 8; j++) {
                    if ((bits & (1 << (low + j))) != 0) {
                        list[to] = own * 32 + low + j;
                        to++;
                    }
                }
                c.localBarrier();
                for (int end = listed; end > 0; end -= SplattingGradient.BATCH) {
                    int begin = end > SplattingGradient.BATCH ? end - SplattingGradient.BATCH : 0;
                    int count = end - begin;
                    if (t < count * Splatting.NUMBERS) {
                        splats[t] = mem.get(table + Splatting.STRIDE * ints.get(order + list[begin + t / Splatting.NUMBERS]) + t % Splatting.NUMBERS);
                    }
                    c.localBarrier();
                    for (int e = count - 1; e >= 0; e--) {
                        int s = e * Splatting.NUMBERS;
                        float dx = splats[s] - px;
                        float dy = splats[s + 1] - py;
                        float power = -0.5f * (splats[s + 2] * dx * dx + splats[s + 4] * dy * dy) - splats[s + 3] * dx * dy;
                        float h = 0f;
                        float w = 0f;
                        if (power <= 0f && list[begin + e] < last) {
                            float free = splats[s + 5] * TornadoMath.exp(power);
                            float alpha = free > 0.99f ? 0.99f : free;
                            if (alpha >= 0.003921569f) {
                                float inverse = 1f / (1f - alpha);
                                transmittance = transmittance * inverse;
                                w = alpha * transmittance;
                                float colour = splats[s + 6] * red + splats[s + 7] * green + splats[s + 8] * blue;
                                h = free * (transmittance * colour - behind * inverse);
                                behind += w * colour;
                            }
                        }
                        weights[e * Splatting.TILE_PIXELS + t] = h;
                        weights[(SplattingGradient.BATCH + e) * Splatting.TILE_PIXELS + t] = w;
                    }
                    c.localBarrier();
                    // 32 work items a splat, each sums eight pixels.
                    int e = t / 32;
                    int lane = t % 32;
                    if (e < count) {
                        float h0 = 0f;
                        float hx = 0f;
                        float hy = 0f;
                        float hxx = 0f;
                        float hxy = 0f;
                        float hyy = 0f;
                        float wr = 0f;
                        float wg = 0f;
                        float wb = 0f;
                        for (int i = 0; i < 8; i++) {
                            int pixel = lane + 32 * i;
                            float h = weights[e * Splatting.TILE_PIXELS + pixel];
                            float w = weights[(SplattingGradient.BATCH + e) * Splatting.TILE_PIXELS + pixel];
                            float dx = splats[e * Splatting.NUMBERS] - (tileX * 16 + pixel % 16);
                            float dy = splats[e * Splatting.NUMBERS + 1] - (tileY * 16 + pixel / 16);
                            h0 += h;
                            hx += h * dx;
                            hy += h * dy;
                            hxx += h * dx * dx;
                            hxy += h * dx * dy;
                            hyy += h * dy * dy;
                            wr += w * light[pixel];
                            wg += w * light[Splatting.TILE_PIXELS + pixel];
                            wb += w * light[2 * Splatting.TILE_PIXELS + pixel];
                        }
                        int row = e * SplattingGradient.MOMENTS * 33 + lane;
                        partial[row] = h0;
                        partial[row + 33] = hx;
                        partial[row + 66] = hy;
                        partial[row + 99] = hxx;
                        partial[row + 132] = hxy;
                        partial[row + 165] = hyy;
                        partial[row + 198] = wr;
                        partial[row + 231] = wg;
                        partial[row + 264] = wb;
                    }
                    c.localBarrier();
                    if (t < count * SplattingGradient.MOMENTS) {
                        float sum = 0f;
                        for (int i = 0; i < 32; i++) {
                            sum += partial[t * 33 + i];
                        }
                        int k = t % SplattingGradient.MOMENTS;
                        int g = ints.get(order + list[begin + t / SplattingGradient.MOMENTS]);
                        int splat = table + Splatting.STRIDE * g;
                        int first = firstPair(ints, places, blocks, g);
                        int room = first + tilesOf(mem, splat) <= most ? 1 : 0;
                        if (rest == 0 && room == 1) {
                            int across = (int) (mem.get(splat + 10) - mem.get(splat + 9));
                            int pair = first + (tileY - (int) mem.get(splat + 11)) * across + tileX - (int) mem.get(splat + 9);
                            mem.set(p.get(b + 18) + pair * SplattingGradient.MOMENTS + k, sum);
                        }
                        if (rest == 1 && room == 0) {
                            int moment = p.get(b + 18) + g * SplattingGradient.MOMENTS + k;
                            mem.set(moment, mem.get(moment) + sum);
                        }
                    }
                }
                c.localBarrier();
            }
            c.globalBarrier();
        }
    }

    /** One work item a moment of a Gaussian: the sum over its tiles in raster order; 0 where the pairs have no room. */
    public static void splatPairSums(KernelContext c, FloatArray mem, IntArray ints, IntArray p, FloatArray q, IntArray at, int slot) {
        int b = at.get(slot);
        int i = c.globalIdx;
        int g = i / SplattingGradient.MOMENTS;
        if (g < p.get(b + 1)) {
            int k = i - g * SplattingGradient.MOMENTS;
            int first = firstPair(ints, p.get(b + 3), p.get(b + 4), g);
            int end = first + tilesOf(mem, p.get(b + 2) + Splatting.STRIDE * g);
            float sum = 0f;
            if (end <= p.get(b + 5)) {
                for (int pair = first; pair < end; pair++) {
                    sum += mem.get(p.get(b + 6) + pair * SplattingGradient.MOMENTS + k);
                }
            }
            mem.set(p.get(b + 7) + i, sum);
        }
    }
}
