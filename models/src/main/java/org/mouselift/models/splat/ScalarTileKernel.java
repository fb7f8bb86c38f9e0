package org.mouselift.models.splat;

import java.util.Arrays;

/** The tile kernel pixel by pixel in plain Java: the path for machines without a usable vector unit, and the oracle of the SIMD one. */
public final class ScalarTileKernel implements TileKernel {
    @Override
    public String name() {
        return "scalar";
    }

    @Override
    public void forward(float[] splats, int[] list, int begin, int end, int px, int py, Pixels s) {
        int live = 0;
        for (float t : s.t) {
            live += t > 0 ? 1 : 0;
        }
        for (int e = begin; e < end && live > 0; e++) {
            int g = list[e] * STRIDE;
            float u = splats[g + U], v = splats[g + V], ha = splats[g + HALF_A], nb = splats[g + NEG_B], hc = splats[g + HALF_C];
            float o = splats[g + OPACITY];
            int yLo = Math.max(0, (int) splats[g + Y_LO] - py), yHi = Math.min(TILE - 1, (int) splats[g + Y_HI] - py);
            int xLo = Math.max(0, (int) splats[g + X_LO] - px), xHi = Math.min(TILE - 1, (int) splats[g + X_HI] - px);
            for (int y = yLo; y <= yHi; y++) {
                float dy = v - (py + y), hcdy = hc * dy;
                for (int x = xLo; x <= xHi; x++) {
                    int i = y * TILE + x;
                    float t = s.t[i];
                    float dx = u - (px + x);
                    float pw = Math.fma(Math.fma(nb, dx, hcdy), dy, ha * dx * dx);
                    if (!(t > 0) || pw > 0) {
                        continue;
                    }
                    float alpha = Math.min(MAX_ALPHA, o * TileKernel.exp2(pw));
                    if (alpha < MIN_ALPHA) {
                        continue;
                    }
                    float next = t * (1 - alpha);
                    if (next < MIN_TRANSMITTANCE) {
                        s.t[i] = -t;
                        s.stop[i] = e - begin;
                        live--;
                        continue;
                    }
                    float w = alpha * t;
                    s.red[i] = Math.fma(w, splats[g + RED], s.red[i]);
                    s.green[i] = Math.fma(w, splats[g + GREEN], s.green[i]);
                    s.blue[i] = Math.fma(w, splats[g + BLUE], s.blue[i]);
                    s.depth[i] = Math.fma(w, splats[g + DEPTH], s.depth[i]);
                    s.t[i] = next;
                }
            }
        }
    }

    @Override
    public void backward(float[] splats, int[] list, int begin, int used, int px, int py, Pixels s) {
        for (int e = used - 1; e >= 0; e--) {
            int g = list[begin + e] * STRIDE, m = e * MOMENT_STRIDE;
            Arrays.fill(s.moments, m, m + MOMENTS, 0);
            float u = splats[g + U], v = splats[g + V], ha = splats[g + HALF_A], nb = splats[g + NEG_B], hc = splats[g + HALF_C];
            float o = splats[g + OPACITY];
            int yLo = Math.max(0, (int) splats[g + Y_LO] - py), yHi = Math.min(TILE - 1, (int) splats[g + Y_HI] - py);
            int xLo = Math.max(0, (int) splats[g + X_LO] - px), xHi = Math.min(TILE - 1, (int) splats[g + X_HI] - px);
            for (int y = yLo; y <= yHi; y++) {
                float dy = v - (py + y), hcdy = hc * dy;
                for (int x = xLo; x <= xHi; x++) {
                    int i = y * TILE + x;
                    float dx = u - (px + x);
                    float pw = Math.fma(Math.fma(nb, dx, hcdy), dy, ha * dx * dx);
                    if (s.stop[i] <= e || pw > 0) {
                        continue;
                    }
                    float free = o * TileKernel.exp2(pw);
                    float alpha = Math.min(MAX_ALPHA, free);
                    if (alpha < MIN_ALPHA) {
                        continue;
                    }
                    float inverse = 1 / (1 - alpha);
                    float t = s.t[i] * inverse;
                    float w = alpha * t;
                    float colour = splats[g + RED] * s.gradRed[i] + splats[g + GREEN] * s.gradGreen[i]
                        + splats[g + BLUE] * s.gradBlue[i] + splats[g + DEPTH] * s.gradDepth[i];
                    float h = free * (t * colour - s.behind[i] * inverse);
                    s.behind[i] = Math.fma(w, colour, s.behind[i]);
                    s.t[i] = t;
                    s.moments[m] += h;
                    s.moments[m + 1] += h * dx;
                    s.moments[m + 2] += h * dy;
                    s.moments[m + 3] += h * dx * dx;
                    s.moments[m + 4] += h * dx * dy;
                    s.moments[m + 5] += h * dy * dy;
                    s.moments[m + 6] += w * s.gradRed[i];
                    s.moments[m + 7] += w * s.gradGreen[i];
                    s.moments[m + 8] += w * s.gradBlue[i];
                    s.moments[m + 9] += w * s.gradDepth[i];
                }
            }
        }
    }
}
