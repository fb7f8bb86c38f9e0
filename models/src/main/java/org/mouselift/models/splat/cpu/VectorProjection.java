package org.mouselift.models.splat.cpu;

import static org.mouselift.models.splat.DoubleExponential.*;

import jdk.incubator.vector.DoubleVector;
import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.LongVector;
import jdk.incubator.vector.VectorMask;
import jdk.incubator.vector.VectorOperators;
import jdk.incubator.vector.VectorShape;
import jdk.incubator.vector.VectorSpecies;
import org.mouselift.engine.cpu.VectorWidth;
import org.mouselift.models.splat.DoubleExponential;
import org.mouselift.models.splat.SplatExtent;

/**
 * EWA projection of a block of Gaussians and its gradient, one Gaussian a lane, in float64 (GS-LRM specification §2.2, §2.5):
 * the arithmetic of the renderer's scalar projection in the same order, hence with the same bits, as structure of arrays.
 * Order of use: the caller fills the inputs of {@code n} Gaussians (no lane may have a view depth of 0 or less), then
 * {@link #project}; for gradients it then fills the sums and calls {@link #gradient}. One instance per thread.
 */
public final class VectorProjection {
    private static final VectorSpecies<Double> D = switch (VectorWidth.BITS) {
        case 128 -> DoubleVector.SPECIES_128;
        case 256 -> DoubleVector.SPECIES_256;
        default -> DoubleVector.SPECIES_512;
    };
    private static final int L = D.length();
    /** As many float32 lanes. */
    private static final VectorSpecies<Float> HALF = VectorSpecies.of(float.class, VectorShape.forBitSize(D.vectorBitSize() / 2));

    /** Most Gaussians of a block; a multiple of every vector length. */
    public static final int CAPACITY = 256;

    /**
     * A camera as the projection uses it.
     *
     * @param rigid world-to-camera, the first three rows [3,4]
     * @param rows first two rows of the full projection [2,4]
     * @param limX largest |x/z| in the Jacobian, as {@code limY} for y
     * @param modifier factor on the scales
     */
    public record View(double[] rigid, double[] rows, double fx, double fy, double limX, double limY, double width, double height, double modifier) {}

    /** Input: centre; logarithms of the scales (then scales); quaternion (then normalised); opacity logit (then opacity). */
    public final double[] x = new double[CAPACITY], y = new double[CAPACITY], z = new double[CAPACITY], scale0 = new double[CAPACITY],
            scale1 = new double[CAPACITY], scale2 = new double[CAPACITY], qw = new double[CAPACITY], qx = new double[CAPACITY], qy = new double[CAPACITY],
            qz = new double[CAPACITY], opacity = new double[CAPACITY];
    /** Result: view depth, pixel position, conic, three standard deviations of the longer axis, in float64. */
    public final double[] tz = new double[CAPACITY], u = new double[CAPACITY], v = new double[CAPACITY], conicA = new double[CAPACITY],
            conicB = new double[CAPACITY], conicC = new double[CAPACITY], reach = new double[CAPACITY];
    /** 2D covariance with the low-pass and its determinant, and other intermediate values. */
    public final double[] a = new double[CAPACITY], b = new double[CAPACITY], c = new double[CAPACITY], det = new double[CAPACITY];
    /** Result of {@link #place}: {@link #VISIBLE}, {@link #DEGENERATE}, or 0 for culled. */
    public final double[] state = new double[CAPACITY];
    public static final int VISIBLE = 1, DEGENERATE = 2;
    /** Result of {@link #place}, to be truncated: tile rectangle of the reference, upper ends exclusive, and pixels as in {@link SplatExtent}. */
    public final double[] x0 = new double[CAPACITY], y0 = new double[CAPACITY], x1 = new double[CAPACITY], y1 = new double[CAPACITY],
            left = new double[CAPACITY], right = new double[CAPACITY], top = new double[CAPACITY], bottom = new double[CAPACITY];
    private final double[] qNorm = new double[CAPACITY], sxx = new double[CAPACITY], sxy = new double[CAPACITY], sxz = new double[CAPACITY],
            syy = new double[CAPACITY], syz = new double[CAPACITY], szz = new double[CAPACITY], rx = new double[CAPACITY], ry = new double[CAPACITY],
            cx = new double[CAPACITY], cy = new double[CAPACITY], hx = new double[CAPACITY], hy = new double[CAPACITY], iw = new double[CAPACITY],
            m00 = new double[CAPACITY], m01 = new double[CAPACITY], m02 = new double[CAPACITY], m10 = new double[CAPACITY], m11 = new double[CAPACITY],
            m12 = new double[CAPACITY];
    /** Input of the gradient: sums over pixels as in the renderer's moments 0 … 5 and 9. */
    public final double[] hSum = new double[CAPACITY], hxSum = new double[CAPACITY], hySum = new double[CAPACITY], hxxSum = new double[CAPACITY],
            hxySum = new double[CAPACITY], hyySum = new double[CAPACITY], depthSum = new double[CAPACITY];
    private final double[] gxx = new double[CAPACITY], gxy = new double[CAPACITY], gxz = new double[CAPACITY], gyy = new double[CAPACITY],
            gyz = new double[CAPACITY], gzz = new double[CAPACITY];
    /** The arrays above by index: imaginary parts of the quaternion, gradient of the covariance [3][3]; and the gradient of the rotation, by column and row. */
    private final double[][] imaginary = {qx, qy, qz}, scales = {scale0, scale1, scale2};
    private final double[][][] symmetric = {{gxx, gxy, gxz}, {gxy, gyy, gyz}, {gxz, gyz, gzz}}, turned = new double[3][3][CAPACITY];
    /** Result: gradients to centre, logarithms of scales, quaternion (w, x, y, z) and logit, without what flows through the colour. */
    public final double[] gradX = new double[CAPACITY], gradY = new double[CAPACITY], gradZ = new double[CAPACITY], gradScale0 = new double[CAPACITY],
            gradScale1 = new double[CAPACITY], gradScale2 = new double[CAPACITY], gradW = new double[CAPACITY], gradI = new double[CAPACITY],
            gradJ = new double[CAPACITY], gradK = new double[CAPACITY], gradLogit = new double[CAPACITY];
    private final double[][] gradScales = {gradScale0, gradScale1, gradScale2};

    /** Projects the first {@code n} Gaussians of the block. */
    public void project(View view, int n) {
        double[][] inputs = {x, y, z, scale0, scale1, scale2, qw, qx, qy, qz, opacity};
        int end = (n + L - 1) / L * L;
        for (double[] input : inputs) {
            for (int i = n; i < end; i++) {
                input[i] = input[n - 1];
            }
        }
        expAll(scale0, end, 1);
        expAll(scale1, end, 1);
        expAll(scale2, end, 1);
        expAll(opacity, end, -1);
        sigmoids(opacity, end);
        covariance(view.modifier, end);
        image(view, end);
    }

    private static final double MIN_ALPHA = 1f / 255f;
    private static final double[] COEFFICIENTS = DoubleExponential.coefficients();

    /** Replaces the first {@code n} values by exp(sign · value). */
    private static void expAll(double[] values, int n, double sign) {
        double[] f = COEFFICIENTS;
        for (int i = 0; i < n; i += L) {
            DoubleVector at = DoubleVector.fromArray(D, values, i).mul(sign).min(LIMIT).max(-LIMIT);
            DoubleVector m = at.mul(LOG2E).add(ROUNDER), k = m.sub(ROUNDER), minus = k.neg();
            DoubleVector r = minus.fma(DoubleVector.broadcast(D, LN2_LOW), minus.fma(DoubleVector.broadcast(D, LN2_HIGH), at));
            DoubleVector p = DoubleVector.broadcast(D, f[0]).fma(r, DoubleVector.broadcast(D, f[1])).fma(r, DoubleVector.broadcast(D, f[2]))
                .fma(r, DoubleVector.broadcast(D, f[3])).fma(r, DoubleVector.broadcast(D, f[4])).fma(r, DoubleVector.broadcast(D, f[5]))
                .fma(r, DoubleVector.broadcast(D, f[6])).fma(r, DoubleVector.broadcast(D, f[7])).fma(r, DoubleVector.broadcast(D, f[8]))
                .fma(r, DoubleVector.broadcast(D, f[9])).fma(r, DoubleVector.broadcast(D, f[10])).fma(r, DoubleVector.broadcast(D, f[11]))
                .fma(r, DoubleVector.broadcast(D, f[12])).fma(r, DoubleVector.broadcast(D, f[13]));
            LongVector whole = m.reinterpretAsLongs().sub(Double.doubleToRawLongBits(ROUNDER)), half = whole.lanewise(VectorOperators.ASHR, 1);
            LongVector rest = whole.sub(half);
            p.mul(half.add(1023).lanewise(VectorOperators.LSHL, 52).reinterpretAsDoubles())
                .mul(rest.add(1023).lanewise(VectorOperators.LSHL, 52).reinterpretAsDoubles()).intoArray(values, i);
        }
    }

    /** 1 / (1 + v) of the first {@code n} values v. */
    private static void sigmoids(double[] values, int n) {
        for (int i = 0; i < n; i += L) {
            DoubleVector.broadcast(D, 1).div(DoubleVector.fromArray(D, values, i).add(1)).intoArray(values, i);
        }
    }

    /** Normalised quaternions, scales and 3D covariances. */
    private void covariance(double modifier, int end) {
        for (int i = 0; i < end; i += L) {
            DoubleVector s0 = DoubleVector.fromArray(D, scale0, i).mul(modifier);
            DoubleVector s1 = DoubleVector.fromArray(D, scale1, i).mul(modifier);
            DoubleVector s2 = DoubleVector.fromArray(D, scale2, i).mul(modifier);
            s0.intoArray(scale0, i);
            s1.intoArray(scale1, i);
            s2.intoArray(scale2, i);
            DoubleVector w = DoubleVector.fromArray(D, qw, i);
            DoubleVector x = DoubleVector.fromArray(D, qx, i);
            DoubleVector y = DoubleVector.fromArray(D, qy, i);
            DoubleVector z = DoubleVector.fromArray(D, qz, i);
            DoubleVector qNorm = w.mul(w).add(x.mul(x)).add(y.mul(y)).add(z.mul(z)).sqrt();
            DoubleVector over = DoubleVector.broadcast(D, 1.0).div(qNorm.max(1e-12));
            w = w.mul(over);
            x = x.mul(over);
            y = y.mul(over);
            z = z.mul(over);
            qNorm.intoArray(this.qNorm, i);
            w.intoArray(qw, i);
            x.intoArray(qx, i);
            y.intoArray(qy, i);
            z.intoArray(qz, i);
            DoubleVector q0 = DoubleVector.broadcast(D, 1.0).sub(y.mul(y).add(z.mul(z)).mul(2.0));
            DoubleVector q1 = x.mul(y).sub(w.mul(z)).mul(2.0);
            DoubleVector q2 = x.mul(z).add(w.mul(y)).mul(2.0);
            DoubleVector q3 = x.mul(y).add(w.mul(z)).mul(2.0);
            DoubleVector q4 = DoubleVector.broadcast(D, 1.0).sub(x.mul(x).add(z.mul(z)).mul(2.0));
            DoubleVector q5 = y.mul(z).sub(w.mul(x)).mul(2.0);
            DoubleVector q6 = x.mul(z).sub(w.mul(y)).mul(2.0);
            DoubleVector q7 = y.mul(z).add(w.mul(x)).mul(2.0);
            DoubleVector q8 = DoubleVector.broadcast(D, 1.0).sub(x.mul(x).add(y.mul(y)).mul(2.0));
            DoubleVector v0 = s0.mul(s0);
            DoubleVector v1 = s1.mul(s1);
            DoubleVector v2 = s2.mul(s2);
            DoubleVector sxx = q0.mul(q0).mul(v0).add(q1.mul(q1).mul(v1)).add(q2.mul(q2).mul(v2));
            DoubleVector sxy = q0.mul(q3).mul(v0).add(q1.mul(q4).mul(v1)).add(q2.mul(q5).mul(v2));
            DoubleVector sxz = q0.mul(q6).mul(v0).add(q1.mul(q7).mul(v1)).add(q2.mul(q8).mul(v2));
            DoubleVector syy = q3.mul(q3).mul(v0).add(q4.mul(q4).mul(v1)).add(q5.mul(q5).mul(v2));
            DoubleVector syz = q3.mul(q6).mul(v0).add(q4.mul(q7).mul(v1)).add(q5.mul(q8).mul(v2));
            DoubleVector szz = q6.mul(q6).mul(v0).add(q7.mul(q7).mul(v1)).add(q8.mul(q8).mul(v2));
            sxx.intoArray(this.sxx, i);
            sxy.intoArray(this.sxy, i);
            sxz.intoArray(this.sxz, i);
            syy.intoArray(this.syy, i);
            syz.intoArray(this.syz, i);
            szz.intoArray(this.szz, i);
        }
    }

    /** View transform, pixel position, projected covariance, conic and reach. */
    private void image(View view, int end) {
        double r00 = view.rigid[0], r01 = view.rigid[1], r02 = view.rigid[2], t0 = view.rigid[3], r10 = view.rigid[4], r11 = view.rigid[5],
            r12 = view.rigid[6], t1 = view.rigid[7], r20 = view.rigid[8], r21 = view.rigid[9], r22 = view.rigid[10], t2 = view.rigid[11], f00 = view.rows[0],
            f01 = view.rows[1], f02 = view.rows[2], f03 = view.rows[3], f10 = view.rows[4], f11 = view.rows[5], f12 = view.rows[6], f13 = view.rows[7];
        double fx = view.fx, fy = view.fy, limX = view.limX, limY = view.limY, width = view.width, height = view.height;
        for (int i = 0; i < end; i += L) {
            DoubleVector x = DoubleVector.fromArray(D, this.x, i);
            DoubleVector y = DoubleVector.fromArray(D, this.y, i);
            DoubleVector z = DoubleVector.fromArray(D, this.z, i);
            DoubleVector tz = x.mul(r20).add(y.mul(r21)).add(z.mul(r22)).add(t2);
            DoubleVector tx = x.mul(r00).add(y.mul(r01)).add(z.mul(r02)).add(t0);
            DoubleVector ty = x.mul(r10).add(y.mul(r11)).add(z.mul(r12)).add(t1);
            DoubleVector hx = x.mul(f00).add(y.mul(f01)).add(z.mul(f02)).add(f03);
            DoubleVector hy = x.mul(f10).add(y.mul(f11)).add(z.mul(f12)).add(f13);
            DoubleVector iw = DoubleVector.broadcast(D, 1.0).div(tz.add(1e-07));
            DoubleVector u = hx.mul(iw).add(1.0).mul(width).sub(1.0).mul(0.5);
            DoubleVector v = hy.mul(iw).add(1.0).mul(height).sub(1.0).mul(0.5);
            tz.intoArray(this.tz, i);
            hx.intoArray(this.hx, i);
            hy.intoArray(this.hy, i);
            iw.intoArray(this.iw, i);
            u.intoArray(this.u, i);
            v.intoArray(this.v, i);
            DoubleVector near = DoubleVector.broadcast(D, 1.0).div(tz);
            DoubleVector rx = tx.mul(near);
            DoubleVector ry = ty.mul(near);
            DoubleVector cx = rx.min(limX).max(-limX).mul(tz);
            DoubleVector cy = ry.min(limY).max(-limY).mul(tz);
            rx.intoArray(this.rx, i);
            ry.intoArray(this.ry, i);
            cx.intoArray(this.cx, i);
            cy.intoArray(this.cy, i);
            DoubleVector jx = near.mul(fx);
            DoubleVector jy = near.mul(fy);
            DoubleVector kx = jx.neg().mul(cx).mul(near);
            DoubleVector ky = jy.neg().mul(cy).mul(near);
            DoubleVector m00 = jx.mul(r00).add(kx.mul(r20));
            DoubleVector m01 = jx.mul(r01).add(kx.mul(r21));
            DoubleVector m02 = jx.mul(r02).add(kx.mul(r22));
            DoubleVector m10 = jy.mul(r10).add(ky.mul(r20));
            DoubleVector m11 = jy.mul(r11).add(ky.mul(r21));
            DoubleVector m12 = jy.mul(r12).add(ky.mul(r22));
            m00.intoArray(this.m00, i);
            m01.intoArray(this.m01, i);
            m02.intoArray(this.m02, i);
            m10.intoArray(this.m10, i);
            m11.intoArray(this.m11, i);
            m12.intoArray(this.m12, i);
            DoubleVector sxx = DoubleVector.fromArray(D, this.sxx, i);
            DoubleVector sxy = DoubleVector.fromArray(D, this.sxy, i);
            DoubleVector sxz = DoubleVector.fromArray(D, this.sxz, i);
            DoubleVector syy = DoubleVector.fromArray(D, this.syy, i);
            DoubleVector syz = DoubleVector.fromArray(D, this.syz, i);
            DoubleVector szz = DoubleVector.fromArray(D, this.szz, i);
            DoubleVector p0 = sxx.mul(m00).add(sxy.mul(m01)).add(sxz.mul(m02));
            DoubleVector p1 = sxy.mul(m00).add(syy.mul(m01)).add(syz.mul(m02));
            DoubleVector p2 = sxz.mul(m00).add(syz.mul(m01)).add(szz.mul(m02));
            DoubleVector a = m00.mul(p0).add(m01.mul(p1)).add(m02.mul(p2)).add(0.3);
            DoubleVector b = m10.mul(p0).add(m11.mul(p1)).add(m12.mul(p2));
            DoubleVector c = m10.mul(sxx.mul(m10).add(sxy.mul(m11)).add(sxz.mul(m12))).add(m11.mul(sxy.mul(m10).add(syy.mul(m11)).add(syz.mul(m12)))).add(m12
                .mul(sxz.mul(m10).add(syz.mul(m11)).add(szz.mul(m12)))).add(0.3);
            DoubleVector det = a.mul(c).sub(b.mul(b));
            a.intoArray(this.a, i);
            b.intoArray(this.b, i);
            c.intoArray(this.c, i);
            det.intoArray(this.det, i);
            DoubleVector once = DoubleVector.broadcast(D, 1.0).div(det);
            DoubleVector conicA = c.mul(once);
            DoubleVector conicB = b.neg().mul(once);
            DoubleVector conicC = a.mul(once);
            DoubleVector mid = a.add(c).mul(0.5);
            DoubleVector reach = mid.add(mid.mul(mid).sub(det).max(0.1).sqrt()).sqrt().mul(3.0);
            conicA.intoArray(this.conicA, i);
            conicB.intoArray(this.conicB, i);
            conicC.intoArray(this.conicC, i);
            reach.intoArray(this.reach, i);
        }
    }

    /** The nearest float32. */
    private static DoubleVector narrow(DoubleVector v) {
        return (DoubleVector) v.convertShape(VectorOperators.D2F, HALF, 0).convertShape(VectorOperators.F2D, D, 0);
    }

    /**
     * What the first {@code n} Gaussians, which {@link #project} saw last, can touch: tiles as the float32 rasterizer finds them
     * (§2.2 item 6), and the pixels where alpha can be 1/255.
     *
     * @param prefilter whether an opacity below 1/255 culls
     */
    public void place(View view, int n, boolean prefilter) {
        double width = view.width, height = view.height, gx = Math.ceil(width / 16), gy = Math.ceil(height / 16), least = prefilter ? MIN_ALPHA : 0;
        for (int i = 0; i < n; i += L) {
            DoubleVector a = narrow(DoubleVector.fromArray(D, conicA, i)), b = narrow(DoubleVector.fromArray(D, conicB, i));
            DoubleVector c = narrow(DoubleVector.fromArray(D, conicC, i)), alpha = narrow(DoubleVector.fromArray(D, opacity, i));
            DoubleVector u = narrow(DoubleVector.fromArray(D, this.u, i)), v = narrow(DoubleVector.fromArray(D, this.v, i));
            DoubleVector reach = DoubleVector.fromArray(D, this.reach, i), near = reach.add(ROUNDER).sub(ROUNDER);
            DoubleVector radius = near.blend(near.add(1), near.compare(VectorOperators.LT, reach)), r = narrow(radius);
            VectorMask<Double> culled = alpha.compare(VectorOperators.LT, least).or(DoubleVector.fromArray(D, det, i).compare(VectorOperators.EQ, 0));
            VectorMask<Double> fits = a.abs().compare(VectorOperators.LE, Float.MAX_VALUE).and(b.abs().compare(VectorOperators.LE, Float.MAX_VALUE))
                .and(c.abs().compare(VectorOperators.LE, Float.MAX_VALUE)).and(u.abs().compare(VectorOperators.LE, Float.MAX_VALUE))
                .and(v.abs().compare(VectorOperators.LE, Float.MAX_VALUE)).and(reach.compare(VectorOperators.LT, 1e9));
            DoubleVector.broadcast(D, DEGENERATE).blend(VISIBLE, fits).blend(0, culled).intoArray(state, i);
            narrow(u.sub(r)).mul(0.0625).max(0).min(gx).intoArray(x0, i);
            narrow(narrow(u.add(r)).add(15)).mul(0.0625).max(0).min(gx).intoArray(x1, i);
            narrow(v.sub(r)).mul(0.0625).max(0).min(gy).intoArray(y0, i);
            narrow(narrow(v.add(r)).add(15)).mul(0.0625).max(0).min(gy).intoArray(y1, i);
            LongVector bits = alpha.mul(255).reinterpretAsLongs();
            DoubleVector m = bits.and(0xFFFFFFFFFFFFFL).or(0x3FF0000000000000L).reinterpretAsDoubles().sub(1);
            DoubleVector p = DoubleVector.broadcast(D, SplatExtent.L5).fma(m, DoubleVector.broadcast(D, SplatExtent.L4)).fma(m, DoubleVector.broadcast(D,
                SplatExtent.L3)).fma(m, DoubleVector.broadcast(D, SplatExtent.L2)).fma(m, DoubleVector.broadcast(D, SplatExtent.L1))
                .fma(m, DoubleVector.broadcast(D, SplatExtent.L0));
            // A small whole number is the low bits of itself plus 2^52.
            DoubleVector exponent = bits.lanewise(VectorOperators.LSHR, 52).or(0x4330000000000000L).reinterpretAsDoubles().sub(0x1p52 + 1023);
            DoubleVector log = exponent.fma(DoubleVector.broadcast(D, SplatExtent.LN2), p);
            DoubleVector far = radius.add(32), form = a.mul(c).sub(b.mul(b));
            DoubleVector level = log.mul(2).add(SplatExtent.ROOM).add(a.add(c).mul(SplatExtent.ROUNDING).mul(far).mul(far));
            VectorMask<Double> none = level.compare(VectorOperators.LT, 0), all = form.compare(VectorOperators.GT, 0).not();
            DoubleVector scale = level.div(form), rx = scale.mul(c).sqrt().add(SplatExtent.MARGIN), ry = scale.mul(a).sqrt().add(SplatExtent.MARGIN);
            u.sub(rx).max(0).add(SplatExtent.CEILING).blend(0, all.or(none)).intoArray(left, i);
            u.add(rx).min(width - 1).blend(width - 1, all).blend(-1, none).intoArray(right, i);
            v.sub(ry).max(0).add(SplatExtent.CEILING).blend(0, all.or(none)).intoArray(top, i);
            v.add(ry).min(height - 1).blend(height - 1, all).blend(-1, none).intoArray(bottom, i);
        }
    }

    /** Gradients of the first {@code n} Gaussians of the block, which {@link #project} saw last. */
    public void gradient(View view, int n) {
        int end = (n + L - 1) / L * L;
        double[][] inputs = {hSum, hxSum, hySum, hxxSum, hxySum, hyySum, depthSum};
        for (double[] input : inputs) {
            for (int i = n; i < end; i++) {
                input[i] = 0;
            }
        }
        imageGradient(view, end);
        covarianceGradient(end);
    }

    private void imageGradient(View view, int end) {
        double r00 = view.rigid[0], r01 = view.rigid[1], r02 = view.rigid[2], r10 = view.rigid[4], r11 = view.rigid[5], r12 = view.rigid[6],
            r20 = view.rigid[8], r21 = view.rigid[9], r22 = view.rigid[10], f00 = view.rows[0], f01 = view.rows[1], f02 = view.rows[2], f10 = view.rows[4],
            f11 = view.rows[5], f12 = view.rows[6];
        double fx = view.fx, fy = view.fy, limX = view.limX, limY = view.limY, width = view.width, height = view.height;
        for (int i = 0; i < end; i += L) {
            DoubleVector hSum = DoubleVector.fromArray(D, this.hSum, i);
            DoubleVector hxSum = DoubleVector.fromArray(D, this.hxSum, i);
            DoubleVector hySum = DoubleVector.fromArray(D, this.hySum, i);
            DoubleVector hxxSum = DoubleVector.fromArray(D, this.hxxSum, i);
            DoubleVector hxySum = DoubleVector.fromArray(D, this.hxySum, i);
            DoubleVector hyySum = DoubleVector.fromArray(D, this.hyySum, i);
            DoubleVector conicA = DoubleVector.fromArray(D, this.conicA, i);
            DoubleVector conicB = DoubleVector.fromArray(D, this.conicB, i);
            DoubleVector conicC = DoubleVector.fromArray(D, this.conicC, i);
            DoubleVector gu = conicA.neg().mul(hxSum).sub(conicB.mul(hySum));
            DoubleVector gv = conicC.neg().mul(hySum).sub(conicB.mul(hxSum));
            DoubleVector gA = hxxSum.mul(-0.5);
            DoubleVector gB = hxySum.neg();
            DoubleVector gC = hyySum.mul(-0.5);
            DoubleVector a = DoubleVector.fromArray(D, this.a, i);
            DoubleVector b = DoubleVector.fromArray(D, this.b, i);
            DoubleVector c = DoubleVector.fromArray(D, this.c, i);
            DoubleVector det = DoubleVector.fromArray(D, this.det, i);
            DoubleVector k = DoubleVector.broadcast(D, 1.0).div(det.mul(det).add(1e-07));
            DoubleVector ga = k.mul(c.neg().mul(c).mul(gA).add(b.mul(c).mul(gB)).sub(b.mul(b).mul(gC)));
            DoubleVector gc = k.mul(a.neg().mul(a).mul(gC).add(a.mul(b).mul(gB)).sub(b.mul(b).mul(gA)));
            DoubleVector gb = k.mul(b.mul(2.0).mul(c).mul(gA).sub(det.add(b.mul(2.0).mul(b)).mul(gB)).add(a.mul(2.0).mul(b).mul(gC)));
            DoubleVector m00 = DoubleVector.fromArray(D, this.m00, i);
            DoubleVector m01 = DoubleVector.fromArray(D, this.m01, i);
            DoubleVector m02 = DoubleVector.fromArray(D, this.m02, i);
            DoubleVector m10 = DoubleVector.fromArray(D, this.m10, i);
            DoubleVector m11 = DoubleVector.fromArray(D, this.m11, i);
            DoubleVector m12 = DoubleVector.fromArray(D, this.m12, i);
            DoubleVector gxx = ga.mul(m00).mul(m00).add(gc.mul(m10).mul(m10)).add(gb.mul(m00).mul(m10));
            DoubleVector gyy = ga.mul(m01).mul(m01).add(gc.mul(m11).mul(m11)).add(gb.mul(m01).mul(m11));
            DoubleVector gzz = ga.mul(m02).mul(m02).add(gc.mul(m12).mul(m12)).add(gb.mul(m02).mul(m12));
            DoubleVector gxy = ga.mul(m00).mul(m01).add(gc.mul(m10).mul(m11)).add(gb.mul(0.5).mul(m00.mul(m11).add(m01.mul(m10))));
            DoubleVector gxz = ga.mul(m00).mul(m02).add(gc.mul(m10).mul(m12)).add(gb.mul(0.5).mul(m00.mul(m12).add(m02.mul(m10))));
            DoubleVector gyz = ga.mul(m01).mul(m02).add(gc.mul(m11).mul(m12)).add(gb.mul(0.5).mul(m01.mul(m12).add(m02.mul(m11))));
            gxx.intoArray(this.gxx, i);
            gxy.intoArray(this.gxy, i);
            gxz.intoArray(this.gxz, i);
            gyy.intoArray(this.gyy, i);
            gyz.intoArray(this.gyz, i);
            gzz.intoArray(this.gzz, i);
            DoubleVector sxx = DoubleVector.fromArray(D, this.sxx, i);
            DoubleVector sxy = DoubleVector.fromArray(D, this.sxy, i);
            DoubleVector sxz = DoubleVector.fromArray(D, this.sxz, i);
            DoubleVector syy = DoubleVector.fromArray(D, this.syy, i);
            DoubleVector syz = DoubleVector.fromArray(D, this.syz, i);
            DoubleVector szz = DoubleVector.fromArray(D, this.szz, i);
            DoubleVector p0 = sxx.mul(m00).add(sxy.mul(m01)).add(sxz.mul(m02));
            DoubleVector p1 = sxy.mul(m00).add(syy.mul(m01)).add(syz.mul(m02));
            DoubleVector p2 = sxz.mul(m00).add(syz.mul(m01)).add(szz.mul(m02));
            DoubleVector q0 = sxx.mul(m10).add(sxy.mul(m11)).add(sxz.mul(m12));
            DoubleVector q1 = sxy.mul(m10).add(syy.mul(m11)).add(syz.mul(m12));
            DoubleVector q2 = sxz.mul(m10).add(syz.mul(m11)).add(szz.mul(m12));
            DoubleVector g00 = ga.mul(2.0).mul(p0).add(gb.mul(q0));
            DoubleVector g01 = ga.mul(2.0).mul(p1).add(gb.mul(q1));
            DoubleVector g02 = ga.mul(2.0).mul(p2).add(gb.mul(q2));
            DoubleVector g10 = gc.mul(2.0).mul(q0).add(gb.mul(p0));
            DoubleVector g11 = gc.mul(2.0).mul(q1).add(gb.mul(p1));
            DoubleVector g12 = gc.mul(2.0).mul(q2).add(gb.mul(p2));
            DoubleVector j00 = g00.mul(r00).add(g01.mul(r01)).add(g02.mul(r02));
            DoubleVector j02 = g00.mul(r20).add(g01.mul(r21)).add(g02.mul(r22));
            DoubleVector j11 = g10.mul(r10).add(g11.mul(r11)).add(g12.mul(r12));
            DoubleVector j12 = g10.mul(r20).add(g11.mul(r21)).add(g12.mul(r22));
            DoubleVector tz = DoubleVector.fromArray(D, this.tz, i);
            DoubleVector cx = DoubleVector.fromArray(D, this.cx, i);
            DoubleVector cy = DoubleVector.fromArray(D, this.cy, i);
            DoubleVector hx = DoubleVector.fromArray(D, this.hx, i);
            DoubleVector hy = DoubleVector.fromArray(D, this.hy, i);
            DoubleVector iw = DoubleVector.fromArray(D, this.iw, i);
            DoubleVector iz = DoubleVector.broadcast(D, 1.0).div(tz);
            DoubleVector iz2 = iz.mul(iz);
            DoubleVector iz3 = iz2.mul(iz);
            VectorMask<Double> insideX = DoubleVector.fromArray(D, rx, i).abs().compare(VectorOperators.LE, limX);
            VectorMask<Double> insideY = DoubleVector.fromArray(D, ry, i).abs().compare(VectorOperators.LE, limY);
            DoubleVector gtx = DoubleVector.zero(D).blend(iz2.mul(-fx).mul(j02), insideX);
            DoubleVector gty = DoubleVector.zero(D).blend(iz2.mul(-fy).mul(j12), insideY);
            DoubleVector gtz = iz2.mul(-fx).mul(j00).sub(iz2.mul(fy).mul(j11)).add(cx.mul((2.0 * fx)).mul(iz3).mul(j02)).add(cy.mul((2.0 * fy)).mul(iz3)
                .mul(j12));
            DoubleVector gz = DoubleVector.fromArray(D, depthSum, i);
            DoubleVector nx = gu.mul(width).mul(0.5);
            DoubleVector ny = gv.mul(height).mul(0.5);
            DoubleVector ix = hx.mul(iw).mul(iw);
            DoubleVector iy = hy.mul(iw).mul(iw);
            DoubleVector px = gtx.mul(r00).add(gty.mul(r10)).add(gtz.mul(r20)).add(iw.mul(f00).sub(ix.mul(r20)).mul(nx).add(iw.mul(f10).sub(iy.mul(r20))
                .mul(ny))).add(gz.mul(r20));
            DoubleVector py = gtx.mul(r01).add(gty.mul(r11)).add(gtz.mul(r21)).add(iw.mul(f01).sub(ix.mul(r21)).mul(nx).add(iw.mul(f11).sub(iy.mul(r21))
                .mul(ny))).add(gz.mul(r21));
            DoubleVector pz = gtx.mul(r02).add(gty.mul(r12)).add(gtz.mul(r22)).add(iw.mul(f02).sub(ix.mul(r22)).mul(nx).add(iw.mul(f12).sub(iy.mul(r22))
                .mul(ny))).add(gz.mul(r22));
            px.intoArray(gradX, i);
            py.intoArray(gradY, i);
            pz.intoArray(gradZ, i);
            DoubleVector gLogit = hSum.mul(DoubleVector.broadcast(D, 1.0).sub(DoubleVector.fromArray(D, opacity, i)));
            gLogit.intoArray(gradLogit, i);
        }
    }

    private void covarianceGradient(int end) {
        for (int column = 0; column < 3; column++) {
            column(column, end);
        }
        double[] r00 = turned[0][0], r10 = turned[0][1], r20 = turned[0][2], r01 = turned[1][0], r11 = turned[1][1], r21 = turned[1][2], r02 = turned[2][0],
            r12 = turned[2][1], r22 = turned[2][2];
        for (int i = 0; i < end; i += L) {
            DoubleVector w = DoubleVector.fromArray(D, qw, i);
            DoubleVector x = DoubleVector.fromArray(D, qx, i);
            DoubleVector y = DoubleVector.fromArray(D, qy, i);
            DoubleVector z = DoubleVector.fromArray(D, qz, i);
            DoubleVector d0 = DoubleVector.fromArray(D, r00, i), d1 = DoubleVector.fromArray(D, r01, i), d2 = DoubleVector.fromArray(D, r02, i);
            DoubleVector d3 = DoubleVector.fromArray(D, r10, i), d4 = DoubleVector.fromArray(D, r11, i), d5 = DoubleVector.fromArray(D, r12, i);
            DoubleVector d6 = DoubleVector.fromArray(D, r20, i), d7 = DoubleVector.fromArray(D, r21, i), d8 = DoubleVector.fromArray(D, r22, i);
            DoubleVector gw = z.mul(d3.sub(d1)).add(y.mul(d2.sub(d6))).add(x.mul(d7.sub(d5))).mul(2.0);
            DoubleVector gx = y.mul(d1.add(d3)).add(z.mul(d2.add(d6))).add(w.mul(d7.sub(d5))).mul(2.0).sub(x.mul(4.0).mul(d4.add(d8)));
            DoubleVector gy = x.mul(d1.add(d3)).add(w.mul(d2.sub(d6))).add(z.mul(d5.add(d7))).mul(2.0).sub(y.mul(4.0).mul(d0.add(d8)));
            DoubleVector gz = w.mul(d3.sub(d1)).add(x.mul(d2.add(d6))).add(y.mul(d5.add(d7))).mul(2.0).sub(z.mul(4.0).mul(d0.add(d4)));
            DoubleVector norm = DoubleVector.fromArray(D, qNorm, i);
            // A vanishing quaternion was divided by 1e-12, a constant.
            VectorMask<Double> direction = norm.compare(VectorOperators.GE, 1e-12);
            DoubleVector along = DoubleVector.zero(D).blend(w.mul(gw).add(x.mul(gx)).add(y.mul(gy)).add(z.mul(gz)), direction);
            DoubleVector over = DoubleVector.broadcast(D, 1.0).div(norm.max(1e-12));
            gw.sub(w.mul(along)).mul(over).intoArray(gradW, i);
            gx.sub(x.mul(along)).mul(over).intoArray(gradI, i);
            gy.sub(y.mul(along)).mul(over).intoArray(gradJ, i);
            gz.sub(z.mul(along)).mul(over).intoArray(gradK, i);
        }
    }

    /**
     * One axis of the Gaussians: gradient to the logarithm of its scale, and to column j of the rotation, from that to the
     * covariance Σ s_j² q_j q_jᵀ: with G the latter and q_j the column, 2 s_j G q_j leads to both.
     */
    private void column(int j, int end) {
        // Column j of the rotation of (w, x, y, z) from the quaternion with its imaginary parts turned by j places: 1 - 2(b² + c²), 2(ab + wc), 2(ac - wb).
        double[] first = imaginary[j], second = imaginary[(j + 1) % 3], third = imaginary[(j + 2) % 3], scale = scales[j], grad = gradScales[j];
        double[] gjj = symmetric[j][j], gjk = symmetric[j][(j + 1) % 3], gjl = symmetric[j][(j + 2) % 3], gkk = symmetric[(j + 1) % 3][(j + 1) % 3],
            gkl = symmetric[(j + 1) % 3][(j + 2) % 3], gll = symmetric[(j + 2) % 3][(j + 2) % 3];
        double[] outJ = turned[j][j], outK = turned[j][(j + 1) % 3], outL = turned[j][(j + 2) % 3];
        for (int i = 0; i < end; i += L) {
            DoubleVector w = DoubleVector.fromArray(D, qw, i);
            DoubleVector a = DoubleVector.fromArray(D, first, i), b = DoubleVector.fromArray(D, second, i), c = DoubleVector.fromArray(D, third, i);
            DoubleVector qj = DoubleVector.broadcast(D, 1.0).sub(b.mul(b).add(c.mul(c)).mul(2.0));
            DoubleVector qk = a.mul(b).add(w.mul(c)).mul(2.0);
            DoubleVector ql = a.mul(c).sub(w.mul(b)).mul(2.0);
            DoubleVector s = DoubleVector.fromArray(D, scale, i), twice = s.mul(2.0);
            DoubleVector jk = DoubleVector.fromArray(D, gjk, i), jl = DoubleVector.fromArray(D, gjl, i), kl = DoubleVector.fromArray(D, gkl, i);
            DoubleVector u = twice.mul(qj.mul(DoubleVector.fromArray(D, gjj, i)).add(qk.mul(jk)).add(ql.mul(jl)));
            DoubleVector v = twice.mul(qj.mul(jk).add(qk.mul(DoubleVector.fromArray(D, gkk, i))).add(ql.mul(kl)));
            DoubleVector t = twice.mul(qj.mul(jl).add(qk.mul(kl)).add(ql.mul(DoubleVector.fromArray(D, gll, i))));
            qj.mul(u).add(qk.mul(v)).add(ql.mul(t)).mul(s).intoArray(grad, i);
            s.mul(u).intoArray(outJ, i);
            s.mul(v).intoArray(outK, i);
            s.mul(t).intoArray(outL, i);
        }
    }
}
