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

    /** Splats that are worked on at a time: one bit each of a long. */
    private static final int CHUNK = 64;
    /** Distance of their records, copied one after another. */
    private static final int NEXT = 16;
    private static final int COPIES = NEXT / L;

    @Override
    public void forward(float[] splats, int[] list, int begin, int end, int px, int py, Pixels s) {
        for (int from = begin; from < end; from += CHUNK) {
            int n = Math.min(CHUNK, end - from);
            gather(splats, list, from, n, s.local);
            boolean live = false;
            for (int strip = 0; strip < TILE; strip += L) {
                mark(s.local, n, px + strip, py, s.marks);
                live |= forwardStrip(s.local, s.marks, from - begin, px, py, strip, s.withDepth, s.t, s.red, s.green, s.blue, s.depth, s.stop);
            }
            if (!live) {
                return;
            }
        }
    }

    /** Copies the records of splats that are anywhere in memory to one place: many of these reads are under way at once, those of the loops would not be. */
    private static void gather(float[] splats, int[] list, int from, int n, float[] local) {
        for (int e = 0; e < n; e++) {
            int g = list[from + e] * STRIDE;
            for (int k = 0; k < COPIES; k++) {
                FloatVector.fromArray(F, splats, g + k * L).intoArray(local, e * NEXT + k * L);
            }
        }
    }

    /** {@code marks[0] ^ … ^ marks[y]} has the bits of the splats of the chunk that may reach row y of the strip at column {@code left}. */
    private static void mark(float[] local, int n, int left, int py, long[] marks) {
        Arrays.fill(marks, 0);
        for (int e = 0; e < n; e++) {
            int g = e * NEXT;
            int yLo = Math.max(0, (int) local[g + Y_LO] - py), yHi = Math.min(TILE - 1, (int) local[g + Y_HI] - py);
            if (yLo <= yHi && local[g + X_LO] <= left + L - 1 && local[g + X_HI] >= left) {
                marks[yLo] ^= 1L << e;
                marks[yHi + 1] ^= 1L << e;
            }
        }
    }

    /** Row by row, so that what is summed up stays in registers; says whether a pixel of the strip is not stopped yet. */
    private static boolean forwardStrip(float[] local, long[] marks, int position, int px, int py, int strip, boolean withDepth,
            float[] ts, float[] rs, float[] gs, float[] bs, float[] ds, int[] stops) {
        FloatVector columns = FloatVector.zero(F).addIndex(1).add(px + strip);
        long reach = 0;
        boolean live = false;
        for (int y = 0; y < TILE; y++) {
            reach ^= marks[y];
            int o = y * TILE + strip;
            FloatVector t = FloatVector.fromArray(F, ts, o);
            if (!t.compare(VectorOperators.GT, 0f).anyTrue()) {
                continue;
            }
            FloatVector reds = FloatVector.fromArray(F, rs, o), greens = FloatVector.fromArray(F, gs, o), blues = FloatVector.fromArray(F, bs, o);
            FloatVector depths = FloatVector.fromArray(F, ds, o);
            float row = py + y;
            for (long rest = reach; rest != 0; rest &= rest - 1) {
                int e = Long.numberOfTrailingZeros(rest), g = e * NEXT;
                float dy = local[g + V] - row;
                FloatVector dx = FloatVector.broadcast(F, local[g + U]).sub(columns);
                FloatVector quadratic = dx.mul(local[g + HALF_A]).mul(dx);
                FloatVector pw = FloatVector.broadcast(F, local[g + NEG_B]).fma(dx, FloatVector.broadcast(F, local[g + HALF_C] * dy))
                    .fma(FloatVector.broadcast(F, dy), quadratic);
                FloatVector x = pw.max(EXPONENT_FLOOR);
                FloatVector n = x.add(ROUNDER);
                FloatVector r = x.sub(n.sub(ROUNDER));
                FloatVector p = FloatVector.broadcast(F, P6).fma(r, FloatVector.broadcast(F, P5)).fma(r, FloatVector.broadcast(F, P4))
                    .fma(r, FloatVector.broadcast(F, P3)).fma(r, FloatVector.broadcast(F, P2)).fma(r, FloatVector.broadcast(F, P1))
                    .fma(r, FloatVector.broadcast(F, 1f));
                FloatVector gauss = p.reinterpretAsInts().add(n.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23)).reinterpretAsFloats();
                FloatVector alpha = gauss.mul(local[g + OPACITY]).min(MAX_ALPHA);
                VectorMask<Float> hit = pw.compare(VectorOperators.LE, 0f).and(alpha.compare(VectorOperators.GE, MIN_ALPHA))
                    .and(t.compare(VectorOperators.GT, 0f));
                FloatVector next = t.mul(FloatVector.broadcast(F, 1f).sub(alpha));
                VectorMask<Float> blended = next.compare(VectorOperators.GE, MIN_TRANSMITTANCE).and(hit);
                FloatVector w = FloatVector.zero(F).blend(alpha.mul(t), blended);
                reds = w.fma(FloatVector.broadcast(F, local[g + RED]), reds);
                greens = w.fma(FloatVector.broadcast(F, local[g + GREEN]), greens);
                blues = w.fma(FloatVector.broadcast(F, local[g + BLUE]), blues);
                if (withDepth) {
                    depths = w.fma(FloatVector.broadcast(F, local[g + DEPTH]), depths);
                }
                VectorMask<Float> stopped = hit.andNot(blended);
                FloatVector now = t.blend(next, blended);
                if (stopped.anyTrue()) {
                    now = now.blend(t.neg(), stopped);
                    for (long bits = stopped.toLong(); bits != 0; bits &= bits - 1) {
                        stops[o + Long.numberOfTrailingZeros(bits)] = position + e;
                    }
                    if (!now.compare(VectorOperators.GT, 0f).anyTrue()) {
                        rest = 1L << e;
                    }
                }
                t = now;
            }
            reds.intoArray(rs, o);
            greens.intoArray(gs, o);
            blues.intoArray(bs, o);
            depths.intoArray(ds, o);
            t.intoArray(ts, o);
            live |= t.compare(VectorOperators.GT, 0f).anyTrue();
        }
        return live;
    }

    @Override
    public void backward(float[] splats, int[] list, int begin, int used, int px, int py, Pixels s) {
        Arrays.fill(s.moments, 0, used * MOMENT_STRIDE, 0);
        for (int end = used; end > 0; ) {
            int from = Math.max(0, end - CHUNK);
            gather(splats, list, begin + from, end - from, s.local);
            for (int strip = 0; strip < TILE; strip += L) {
                backwardStrip(s.local, from, end - from, px, py, strip, s.withDepth, s.t, s.behind, s.stop, s.gradRed, s.gradGreen, s.gradBlue, s.gradDepth,
                    s.moments);
            }
            end = from;
        }
    }

    private static void backwardStrip(float[] local, int from, int n, int px, int py, int strip, boolean withDepth,
            float[] ts, float[] behinds, int[] stops, float[] grs, float[] ggs, float[] gbs, float[] gds, float[] moments) {
        int left = px + strip;
        FloatVector columns = FloatVector.zero(F).addIndex(1).add(left);
        for (int e = n - 1; e >= 0; e--) {
            int g = e * NEXT, position = from + e;
            if (local[g + X_LO] > left + L - 1 || local[g + X_HI] < left) {
                continue;
            }
            int yLo = Math.max(0, (int) local[g + Y_LO] - py), yHi = Math.min(TILE - 1, (int) local[g + Y_HI] - py);
            float v = local[g + V], hc = local[g + HALF_C];
            FloatVector opacity = FloatVector.broadcast(F, local[g + OPACITY]);
            FloatVector red = FloatVector.broadcast(F, local[g + RED]);
            FloatVector green = FloatVector.broadcast(F, local[g + GREEN]);
            FloatVector blue = FloatVector.broadcast(F, local[g + BLUE]);
            FloatVector depth = FloatVector.broadcast(F, local[g + DEPTH]);
            FloatVector dx = FloatVector.broadcast(F, local[g + U]).sub(columns);
            FloatVector quadratic = dx.mul(local[g + HALF_A]).mul(dx);
            FloatVector negB = FloatVector.broadcast(F, local[g + NEG_B]);
            FloatVector sum0 = FloatVector.zero(F), sum1 = FloatVector.zero(F), sum2 = FloatVector.zero(F);
            FloatVector sumR = FloatVector.zero(F), sumG = FloatVector.zero(F), sumB = FloatVector.zero(F), sumD = FloatVector.zero(F);
            for (int y = yLo; y <= yHi; y++) {
                int o = y * TILE + strip;
                float dy = v - (py + y);
                FloatVector pw = negB.fma(dx, FloatVector.broadcast(F, hc * dy)).fma(FloatVector.broadcast(F, dy), quadratic);
                FloatVector x = pw.max(EXPONENT_FLOOR);
                FloatVector whole = x.add(ROUNDER);
                FloatVector r = x.sub(whole.sub(ROUNDER));
                FloatVector p = FloatVector.broadcast(F, P6).fma(r, FloatVector.broadcast(F, P5)).fma(r, FloatVector.broadcast(F, P4))
                    .fma(r, FloatVector.broadcast(F, P3)).fma(r, FloatVector.broadcast(F, P2)).fma(r, FloatVector.broadcast(F, P1))
                    .fma(r, FloatVector.broadcast(F, 1f));
                FloatVector gauss = p.reinterpretAsInts().add(whole.reinterpretAsInts().lanewise(VectorOperators.LSHL, 23)).reinterpretAsFloats();
                FloatVector free = opacity.mul(gauss);
                FloatVector alpha = free.min(MAX_ALPHA);
                VectorMask<Float> hit = pw.compare(VectorOperators.LE, 0f).and(alpha.compare(VectorOperators.GE, MIN_ALPHA))
                    .and(IntVector.fromArray(I, stops, o).compare(VectorOperators.GT, position).cast(F));
                FloatVector gr = FloatVector.fromArray(F, grs, o), gg = FloatVector.fromArray(F, ggs, o);
                FloatVector gb = FloatVector.fromArray(F, gbs, o);
                FloatVector inverse = FloatVector.broadcast(F, 1f).div(FloatVector.broadcast(F, 1f).sub(alpha));
                FloatVector before = FloatVector.fromArray(F, ts, o);
                FloatVector t = before.mul(inverse);
                FloatVector behind = FloatVector.fromArray(F, behinds, o);
                FloatVector colour = gr.fma(red, gg.fma(green, withDepth ? gb.fma(blue, FloatVector.fromArray(F, gds, o).mul(depth)) : gb.mul(blue)));
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
                if (withDepth) {
                    sumD = w.fma(FloatVector.fromArray(F, gds, o), sumD);
                }
            }
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
            int m = position * MOMENT_STRIDE;
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
