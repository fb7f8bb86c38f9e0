package org.mouselift.tornado.kernel;

import org.mouselift.tornado.launch.Splatting;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** Which splats are in which tile, and their blending (GS-LRM specification §2.3). Launches and arguments: {@link Splatting}. */
public final class SplatTileKernel {
    private SplatTileKernel() {}

    /** A group {@link Splatting#CHUNK} splats in depth order: a bit for each of them in every tile. */
    public static void splatBins(KernelContext c, FloatArray mem, IntArray ints, IntArray p, FloatArray q, IntArray at, int slot) {
        // A splat's rectangle of tiles; a row of 33 keeps the words of a chunk in different banks.
        float[] left = c.allocateFloatLocalArray(Splatting.BIN_ROWS);
        float[] right = c.allocateFloatLocalArray(Splatting.BIN_ROWS);
        float[] top = c.allocateFloatLocalArray(Splatting.BIN_ROWS);
        float[] bottom = c.allocateFloatLocalArray(Splatting.BIN_ROWS);
        int b = at.get(slot);
        int t = c.localIdx;
        int n = p.get(b + 1);
        int words = p.get(b + 2);
        int tilesX = p.get(b + 3);
        int firstTile = p.get(b + 4);
        int tiles = p.get(b + 5);
        int mask = p.get(b + 8) + c.groupIdx * Splatting.CHUNK_WORDS;
        int own = t + t / 32;
        int rank = c.groupIdx * Splatting.CHUNK + t;
        left[own] = 1f;
        right[own] = 0f;
        top[own] = 1f;
        bottom[own] = 0f;
        if (rank < n) {
            int splat = p.get(b + 6) + Splatting.STRIDE * ints.get(p.get(b + 7) + rank);
            left[own] = mem.get(splat + 9);
            right[own] = mem.get(splat + 10);
            top[own] = mem.get(splat + 11);
            bottom[own] = mem.get(splat + 12);
        }
        c.localBarrier();
        int word = t % Splatting.CHUNK_WORDS;
        for (int tile = t / Splatting.CHUNK_WORDS; tile < tiles; tile += Splatting.TILE_PIXELS / Splatting.CHUNK_WORDS) {
            int tileY = (firstTile + tile) / tilesX;
            float row = (float) tileY;
            float column = (float) (firstTile + tile - tileY * tilesX);
            int bits = 0;
            for (int j = 0; j < 32; j++) {
                int s = word * 33 + j;
                if (left[s] <= column && column < right[s] && top[s] <= row && row < bottom[s]) {
                    bits = bits | (1 << j);
                }
            }
            ints.set(mask + tile * words + word, bits);
        }
    }

    /** A group a tile of 16 x 16 pixels: lists its splats in rounds, blends them front to back until no pixel lets light through. */
    public static void splatComposite(KernelContext c, FloatArray mem, IntArray ints, IntArray p, FloatArray q, IntArray at, int slot) {
        float[] piece = c.allocateFloatLocalArray(Splatting.TILE_PIXELS * Splatting.NUMBERS);
        int[] list = c.allocateIntLocalArray(Splatting.FORWARD_ROUND);
        int[] scan = c.allocateIntLocalArray(Splatting.TILE_PIXELS);
        int b = at.get(slot);
        int t = c.localIdx;
        int words = p.get(b + 1);
        int width = p.get(b + 2);
        int height = p.get(b + 3);
        int tilesX = (width + 15) / 16;
        int tile = p.get(b + 4) + c.groupIdx;
        int tileY = tile / tilesX;
        int px = (tile - tileY * tilesX) * 16 + t % 16;
        int py = tileY * 16 + t / 16;
        int table = p.get(b + 5);
        int order = p.get(b + 6);
        int mask = p.get(b + 7) + c.groupIdx * words;
        int alive = px < width && py < height ? 1 : 0;
        int last = 0;
        float transmittance = 1f;
        float red = 0f;
        float green = 0f;
        float blue = 0f;
        int more = 1;
        int own = t / 2;
        int low = t % 2 * 16;
        for (int round = 0; round < words && more > 0; round += Splatting.FORWARD_ROUND / 32) {
            int bits = 0;
            if (round + own < words) {
                bits = ints.get(mask + round + own);
            }
            int mine = 0;
            for (int j = 0; j < 16; j++) {
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
            for (int j = 0; j < 16; j++) {
                if ((bits & (1 << (low + j))) != 0) {
                    list[to] = (round + own) * 32 + low + j;
                    to++;
                }
            }
            c.localBarrier();
            for (int begin = 0; begin < listed; begin += Splatting.TILE_PIXELS) {
                if (begin + t < listed) {
                    int splat = table + Splatting.STRIDE * ints.get(order + list[begin + t]);
                    for (int k = 0; k < Splatting.NUMBERS; k++) {
                        piece[t * Splatting.NUMBERS + k] = mem.get(splat + k);
                    }
                }
                c.localBarrier();
                int count = listed - begin < Splatting.TILE_PIXELS ? listed - begin : Splatting.TILE_PIXELS;
                for (int e = 0; e < count && alive > 0; e++) {
                    int s = e * Splatting.NUMBERS;
                    float dx = piece[s] - px;
                    float dy = piece[s + 1] - py;
                    float power = -0.5f * (piece[s + 2] * dx * dx + piece[s + 4] * dy * dy) - piece[s + 3] * dx * dy;
                    if (power <= 0f) {
                        float alpha = piece[s + 5] * TornadoMath.exp(power);
                        alpha = alpha > 0.99f ? 0.99f : alpha;
                        if (alpha >= 0.003921569f) {
                            float next = transmittance * (1f - alpha);
                            if (next < 1e-4f) {
                                alive = 0;
                            } else {
                                float w = alpha * transmittance;
                                red += w * piece[s + 6];
                                green += w * piece[s + 7];
                                blue += w * piece[s + 8];
                                transmittance = next;
                                last = list[begin + e] + 1;
                            }
                        }
                    }
                }
                c.localBarrier();
            }
            scan[t] = alive;
            for (int half = Splatting.TILE_PIXELS / 2; half > 0; half = half / 2) {
                c.localBarrier();
                if (t < half) {
                    scan[t] = scan[t] + scan[t + half];
                }
            }
            c.localBarrier();
            more = scan[0];
            c.localBarrier();
        }
        if (px < width && py < height) {
            int pixel = py * width + px;
            int plane = width * height;
            int background = p.get(b);
            int rgb = p.get(b + 8);
            if (rgb >= 0) {
                mem.set(rgb + pixel, red + transmittance * q.get(background));
                mem.set(rgb + plane + pixel, green + transmittance * q.get(background + 1));
                mem.set(rgb + 2 * plane + pixel, blue + transmittance * q.get(background + 2));
                mem.set(p.get(b + 9) + pixel, 1f - transmittance);
            }
            if (p.get(b + 10) >= 0) {
                mem.set(p.get(b + 10) + pixel, transmittance);
                ints.set(p.get(b + 11) + pixel, last);
            }
        }
    }
}
