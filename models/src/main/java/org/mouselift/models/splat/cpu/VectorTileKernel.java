package org.mouselift.models.splat.cpu;

import java.util.Arrays;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.IntVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShuffle;
import jdk.incubator.vector.VectorSpecies;
import org.mouselift.engine.cpu.VectorWidth;
import org.mouselift.models.splat.TileKernel;

/**
 * The tile kernel with one vector of neighbouring pixels of a row at a time: a tile is cut into vertical strips as wide as
 * a vector; the splats of the list are the outer loop, the rows that a splat can reach the inner one, so that everything
 * that depends only on the column is computed once per splat.
 */
public final class VectorTileKernel implements TileKernel {
    private static final VectorSpecies<Float> F = switch (VectorWidth.BITS) {
        case 128 -> FloatVector.SPECIES_128;
        case 256 -> FloatVector.SPECIES_256;
        default -> FloatVector.SPECIES_512;
    };
    private static final VectorSpecies<Integer> I = F.withLanes(int.class);
    private static final int L = F.length();

    // Folding steps of the sums over lanes: lane masks (and their complements), lane exchanges, and the final order. The library's
    // own reduction adds in an order that depends on which compiler made the code; this one never changes.
    private static final VectorMask<Float> M1 = mask(L / 2), N1 = M1.not(), M2 = mask(L / 4), N2 = M2.not();
    private static final VectorMask<Float> M3 = mask(L / 8), N3 = M3.not(), M4 = mask(L / 16), N4 = M4.not();
    private static final VectorShuffle<Float> S1 = exchange(L / 2), S2 = exchange(L / 4), S3 = exchange(L / 8), S4 = exchange(L / 16);
    private static final VectorShuffle<Float> ORDER = VectorShuffle.fromOp(F, i -> Integer.reverse(i) >>> 32 - Integer.numberOfTrailingZeros(L));

    private static VectorMask<Float> mask(int bit) {
        boolean[] lanes = new boolean[L];
        for (int i = 0; i < L; i++) {
            lanes[i] = (i & bit) != 0;
        }
        return VectorMask.fromArray(F, lanes, 0);
    }

    private static VectorShuffle<Float> exchange(int bit) {
        return VectorShuffle.fromOp(F, i -> i ^ bit);
    }

    @Override
    public String name() {
        return F.vectorBitSize() + "-bit";
    }

    @Override
    public void forward(float[] splats, int[] list, int begin, int end, int px, int py, Pixels s) {
        for (int strip = 0; strip < TILE; strip += L) {
            forwardStrip(splats, list, begin, end, px, py, strip, s.t, s.red, s.green, s.blue, s.depth, s.stop);
        }
    }

    private static void forwardStrip(float[] splats, int[] list, int begin, int end, int px, int py, int strip,
            float[] ts, float[] rs, float[] gs, float[] bs, float[] ds, int[] stops) {
        int live = 0;
        for (int y = 0; y < TILE; y++) {
            if (FloatVector.fromArray(F, ts, y * TILE + strip).compare(VectorOperators.GT, 0f).anyTrue()) {
                live |= 1 << y;
            }
        }
        int left = px + strip;
        FloatVector columns = FloatVector.zero(F).addIndex(1).add(left);
        for (int e = begin; e < end; e++) {
            if (live == 0) {
                return;
            }
            int g = list[e] * STRIDE;
            if (splats[g + X_LO] > left + L - 1 || splats[g + X_HI] < left) {
                continue;
            }
            int yLo = Math.max(0, (int) splats[g + Y_LO] - py), yHi = Math.min(TILE - 1, (int) splats[g + Y_HI] - py);
            float v = splats[g + V], hc = splats[g + HALF_C];
            FloatVector opacity = FloatVector.broadcast(F, splats[g + OPACITY]);
            FloatVector red = FloatVector.broadcast(F, splats[g + RED]);
            FloatVector green = FloatVector.broadcast(F, splats[g + GREEN]);
            FloatVector blue = FloatVector.broadcast(F, splats[g + BLUE]);
            FloatVector depth = FloatVector.broadcast(F, splats[g + DEPTH]);
            FloatVector dx = FloatVector.broadcast(F, splats[g + U]).sub(columns);
            FloatVector quadratic = dx.mul(splats[g + HALF_A]).mul(dx);
            FloatVector negB = FloatVector.broadcast(F, splats[g + NEG_B]);
            for (int y = yLo; y <= yHi; y++) {
                if ((live >>> y & 1) == 0) {
                    continue;
                }
                int o = y * TILE + strip;
                float dy = v - (py + y);
                FloatVector t = FloatVector.fromArray(F, ts, o);
                FloatVector pw = negB.fma(dx, FloatVector.broadcast(F, hc * dy)).fma(FloatVector.broadcast(F, dy), quadratic);
                FloatVector x = pw.max(EXPONENT_FLOOR);
                FloatVector n = x.add(ROUNDER);
                FloatVector r = x.sub(n.sub(ROUNDER));
                FloatVector p = FloatVector.broadcast(F, P6).fma(r, FloatVector.broadcast(F, P5)).fma(r, FloatVector.broadcast(F, P4))
                    .fma(r, FloatVector.broadcast(F, P3)).fma(r, FloatVector.broadcast(F, P2)).fma(r, FloatVector.broadcast(F, P1))
                    .fma(r, FloatVector.broadcast(F, 1f));
                FloatVector gauss = p.reinterpretAsInts().add(n.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23)).reinterpretAsFloats();
                FloatVector alpha = opacity.mul(gauss).min(MAX_ALPHA);
                VectorMask<Float> hit = pw.compare(VectorOperators.LE, 0f).and(alpha.compare(VectorOperators.GE, MIN_ALPHA))
                    .and(t.compare(VectorOperators.GT, 0f));
                if (!hit.anyTrue()) {
                    continue;
                }
                FloatVector next = t.mul(FloatVector.broadcast(F, 1f).sub(alpha));
                VectorMask<Float> blended = next.compare(VectorOperators.GE, MIN_TRANSMITTANCE).and(hit);
                FloatVector w = FloatVector.zero(F).blend(alpha.mul(t), blended);
                w.fma(red, FloatVector.fromArray(F, rs, o)).intoArray(rs, o);
                w.fma(green, FloatVector.fromArray(F, gs, o)).intoArray(gs, o);
                w.fma(blue, FloatVector.fromArray(F, bs, o)).intoArray(bs, o);
                w.fma(depth, FloatVector.fromArray(F, ds, o)).intoArray(ds, o);
                FloatVector now = t.blend(next, blended);
                VectorMask<Float> stopped = hit.andNot(blended);
                if (stopped.anyTrue()) {
                    now = now.blend(t.neg(), stopped);
                    for (long bits = stopped.toLong(); bits != 0; bits &= bits - 1) {
                        stops[o + Long.numberOfTrailingZeros(bits)] = e - begin;
                    }
                    if (!now.compare(VectorOperators.GT, 0f).anyTrue()) {
                        live &= ~(1 << y);
                    }
                }
                now.intoArray(ts, o);
            }
        }
    }

    @Override
    public void backward(float[] splats, int[] list, int begin, int used, int px, int py, Pixels s) {
        Arrays.fill(s.moments, 0, used * MOMENT_STRIDE, 0);
        for (int strip = 0; strip < TILE; strip += L) {
            backwardStrip(splats, list, begin, used, px, py, strip, s.t, s.behind, s.stop, s.gradRed, s.gradGreen, s.gradBlue, s.gradDepth, s.moments);
        }
    }

    private static void backwardStrip(float[] splats, int[] list, int begin, int used, int px, int py, int strip,
            float[] ts, float[] behinds, int[] stops, float[] grs, float[] ggs, float[] gbs, float[] gds, float[] moments) {
        int left = px + strip;
        FloatVector columns = FloatVector.zero(F).addIndex(1).add(left);
        for (int e = used - 1; e >= 0; e--) {
            int g = list[begin + e] * STRIDE;
            if (splats[g + X_LO] > left + L - 1 || splats[g + X_HI] < left) {
                continue;
            }
            int yLo = Math.max(0, (int) splats[g + Y_LO] - py), yHi = Math.min(TILE - 1, (int) splats[g + Y_HI] - py);
            float v = splats[g + V], hc = splats[g + HALF_C];
            FloatVector opacity = FloatVector.broadcast(F, splats[g + OPACITY]);
            FloatVector red = FloatVector.broadcast(F, splats[g + RED]);
            FloatVector green = FloatVector.broadcast(F, splats[g + GREEN]);
            FloatVector blue = FloatVector.broadcast(F, splats[g + BLUE]);
            FloatVector depth = FloatVector.broadcast(F, splats[g + DEPTH]);
            FloatVector dx = FloatVector.broadcast(F, splats[g + U]).sub(columns);
            FloatVector quadratic = dx.mul(splats[g + HALF_A]).mul(dx);
            FloatVector negB = FloatVector.broadcast(F, splats[g + NEG_B]);
            FloatVector sum0 = FloatVector.zero(F), sum1 = FloatVector.zero(F), sum2 = FloatVector.zero(F);
            FloatVector sumR = FloatVector.zero(F), sumG = FloatVector.zero(F), sumB = FloatVector.zero(F), sumD = FloatVector.zero(F);
            boolean any = false;
            for (int y = yLo; y <= yHi; y++) {
                int o = y * TILE + strip;
                float dy = v - (py + y);
                FloatVector pw = negB.fma(dx, FloatVector.broadcast(F, hc * dy)).fma(FloatVector.broadcast(F, dy), quadratic);
                FloatVector x = pw.max(EXPONENT_FLOOR);
                FloatVector n = x.add(ROUNDER);
                FloatVector r = x.sub(n.sub(ROUNDER));
                FloatVector p = FloatVector.broadcast(F, P6).fma(r, FloatVector.broadcast(F, P5)).fma(r, FloatVector.broadcast(F, P4))
                    .fma(r, FloatVector.broadcast(F, P3)).fma(r, FloatVector.broadcast(F, P2)).fma(r, FloatVector.broadcast(F, P1))
                    .fma(r, FloatVector.broadcast(F, 1f));
                FloatVector gauss = p.reinterpretAsInts().add(n.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23)).reinterpretAsFloats();
                FloatVector free = opacity.mul(gauss);
                FloatVector alpha = free.min(MAX_ALPHA);
                VectorMask<Float> hit = pw.compare(VectorOperators.LE, 0f).and(alpha.compare(VectorOperators.GE, MIN_ALPHA))
                    .and(IntVector.fromArray(I, stops, o).compare(VectorOperators.GT, e).cast(F));
                if (!hit.anyTrue()) {
                    continue;
                }
                any = true;
                FloatVector gr = FloatVector.fromArray(F, grs, o), gg = FloatVector.fromArray(F, ggs, o);
                FloatVector gb = FloatVector.fromArray(F, gbs, o), gd = FloatVector.fromArray(F, gds, o);
                FloatVector inverse = FloatVector.broadcast(F, 1f).div(FloatVector.broadcast(F, 1f).sub(alpha));
                FloatVector before = FloatVector.fromArray(F, ts, o);
                FloatVector t = before.mul(inverse);
                FloatVector behind = FloatVector.fromArray(F, behinds, o);
                FloatVector colour = gr.fma(red, gg.fma(green, gb.fma(blue, gd.mul(depth))));
                FloatVector w = FloatVector.zero(F).blend(alpha.mul(t), hit);
                FloatVector h = FloatVector.zero(F).blend(free.mul(t.mul(colour).sub(behind.mul(inverse))), hit);
                w.fma(colour, behind).intoArray(behinds, o);
                before.blend(t, hit).intoArray(ts, o);
                FloatVector hy = h.mul(dy);
                sum0 = sum0.add(h);
                sum1 = sum1.add(hy);
                sum2 = hy.fma(FloatVector.broadcast(F, dy), sum2);
                sumR = w.fma(gr, sumR);
                sumG = w.fma(gg, sumG);
                sumB = w.fma(gb, sumB);
                sumD = w.fma(gd, sumD);
            }
            if (any) {
                FloatVector hx = sum0.mul(dx), hxx = hx.mul(dx), hxy = sum1.mul(dx);
                // Ten sums over lanes at once: each step folds two vectors into one, so that lanes end up as different sums.
                FloatVector a0 = sum0.blend(hx, M1).add(sum0.blend(hx, N1).rearrange(S1));
                FloatVector a1 = sum1.blend(hxx, M1).add(sum1.blend(hxx, N1).rearrange(S1));
                FloatVector a2 = hxy.blend(sum2, M1).add(hxy.blend(sum2, N1).rearrange(S1));
                FloatVector a3 = sumR.blend(sumG, M1).add(sumR.blend(sumG, N1).rearrange(S1));
                FloatVector a4 = sumB.blend(sumD, M1).add(sumB.blend(sumD, N1).rearrange(S1));
                FloatVector b0 = a0.blend(a1, M2).add(a0.blend(a1, N2).rearrange(S2));
                FloatVector b1 = a2.blend(a3, M2).add(a2.blend(a3, N2).rearrange(S2));
                FloatVector b2 = a4.add(a4.rearrange(S2));
                int m = e * MOMENT_STRIDE;
                if (L == 4) {
                    b0.rearrange(ORDER).add(FloatVector.fromArray(F, moments, m)).intoArray(moments, m);
                    b1.rearrange(ORDER).add(FloatVector.fromArray(F, moments, m + 4)).intoArray(moments, m + 4);
                    b2.rearrange(ORDER).add(FloatVector.fromArray(F, moments, m + 8)).intoArray(moments, m + 8);
                    continue;
                }
                FloatVector c0 = b0.blend(b1, M3).add(b0.blend(b1, N3).rearrange(S3));
                FloatVector c1 = b2.add(b2.rearrange(S3));
                if (L == 8) {
                    c0.rearrange(ORDER).add(FloatVector.fromArray(F, moments, m)).intoArray(moments, m);
                    c1.rearrange(ORDER).add(FloatVector.fromArray(F, moments, m + 8)).intoArray(moments, m + 8);
                    continue;
                }
                FloatVector d = c0.blend(c1, M4).add(c0.blend(c1, N4).rearrange(S4));
                d.rearrange(ORDER).intoArray(moments, m);
            }
        }
    }
}
