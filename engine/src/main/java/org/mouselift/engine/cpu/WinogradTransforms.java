package org.mouselift.engine.cpu;

import jdk.incubator.vector.FloatVector;
import jdk.incubator.vector.VectorSpecies;

/**
 * The linear maps of the minimal filtering algorithm F(2x2, 3x3), in which 16 products stand for the 36 of a tile of 2x2
 * outputs (S. Winograd, 1980; A. Lavin and S. Gray, "Fast algorithms for convolutional neural networks", 2015, section 4.1):
 * {@code Y = A^T ((G g G^T) * (B^T d B)) A}, and the transposed maps of its gradient. All coefficients are 0, 1, -1 and 1/2, so little accuracy is lost. Lanes are
 * channels; the 16 results lie {@code apart} floats from one another. Unrolled because vectors stay in registers only as local
 * variables of one method.
 */
final class WinogradTransforms {
    private static final VectorSpecies<Float> S = VectorWidth.F32;
    private static final int L = VectorWidth.LANES;
    private static final int MR = MicroKernel.MR;
    private static final int NR = MicroKernel.NR;

    private WinogradTransforms() {
    }

    /**
     * {@code V = B^T d B} for tiles of 4x4 pixels, whose channels begin in {@code x} where {@code pixels} says, 16 to a tile. Channel
     * c of tile t goes to {@code (c / NR * room + t) * NR + c % NR}.
     */
    static void input(float[] x, int[] pixels, int tiles, int channels, float[] v, int room, int apart) {
        for (int t = 0; t < tiles; t++) {
            int n = 16 * t;
            int p00 = pixels[n];
            int p01 = pixels[n + 1];
            int p02 = pixels[n + 2];
            int p03 = pixels[n + 3];
            int p10 = pixels[n + 4];
            int p11 = pixels[n + 5];
            int p12 = pixels[n + 6];
            int p13 = pixels[n + 7];
            int p20 = pixels[n + 8];
            int p21 = pixels[n + 9];
            int p22 = pixels[n + 10];
            int p23 = pixels[n + 11];
            int p30 = pixels[n + 12];
            int p31 = pixels[n + 13];
            int p32 = pixels[n + 14];
            int p33 = pixels[n + 15];
            for (int c = 0; c < channels; c += L) {
                int at = (c / NR * room + t) * NR + c % NR;
                FloatVector d00 = FloatVector.fromArray(S, x, p00 + c);
                FloatVector d01 = FloatVector.fromArray(S, x, p01 + c);
                FloatVector d02 = FloatVector.fromArray(S, x, p02 + c);
                FloatVector d03 = FloatVector.fromArray(S, x, p03 + c);
                FloatVector d10 = FloatVector.fromArray(S, x, p10 + c);
                FloatVector d11 = FloatVector.fromArray(S, x, p11 + c);
                FloatVector d12 = FloatVector.fromArray(S, x, p12 + c);
                FloatVector d13 = FloatVector.fromArray(S, x, p13 + c);
                FloatVector d20 = FloatVector.fromArray(S, x, p20 + c);
                FloatVector d21 = FloatVector.fromArray(S, x, p21 + c);
                FloatVector d22 = FloatVector.fromArray(S, x, p22 + c);
                FloatVector d23 = FloatVector.fromArray(S, x, p23 + c);
                FloatVector d30 = FloatVector.fromArray(S, x, p30 + c);
                FloatVector d31 = FloatVector.fromArray(S, x, p31 + c);
                FloatVector d32 = FloatVector.fromArray(S, x, p32 + c);
                FloatVector d33 = FloatVector.fromArray(S, x, p33 + c);
                FloatVector r00 = d00.sub(d20);
                FloatVector r10 = d10.add(d20);
                FloatVector r20 = d20.sub(d10);
                FloatVector r30 = d10.sub(d30);
                FloatVector r01 = d01.sub(d21);
                FloatVector r11 = d11.add(d21);
                FloatVector r21 = d21.sub(d11);
                FloatVector r31 = d11.sub(d31);
                FloatVector r02 = d02.sub(d22);
                FloatVector r12 = d12.add(d22);
                FloatVector r22 = d22.sub(d12);
                FloatVector r32 = d12.sub(d32);
                FloatVector r03 = d03.sub(d23);
                FloatVector r13 = d13.add(d23);
                FloatVector r23 = d23.sub(d13);
                FloatVector r33 = d13.sub(d33);
                r00.sub(r02).intoArray(v, at);
                r01.add(r02).intoArray(v, at + apart);
                r02.sub(r01).intoArray(v, at + 2 * apart);
                r01.sub(r03).intoArray(v, at + 3 * apart);
                r10.sub(r12).intoArray(v, at + 4 * apart);
                r11.add(r12).intoArray(v, at + 5 * apart);
                r12.sub(r11).intoArray(v, at + 6 * apart);
                r11.sub(r13).intoArray(v, at + 7 * apart);
                r20.sub(r22).intoArray(v, at + 8 * apart);
                r21.add(r22).intoArray(v, at + 9 * apart);
                r22.sub(r21).intoArray(v, at + 10 * apart);
                r21.sub(r23).intoArray(v, at + 11 * apart);
                r30.sub(r32).intoArray(v, at + 12 * apart);
                r31.add(r32).intoArray(v, at + 13 * apart);
                r32.sub(r31).intoArray(v, at + 14 * apart);
                r31.sub(r33).intoArray(v, at + 15 * apart);
            }
        }
    }

    /**
     * {@code Y = A^T M A + bias}; the channels of the 4 pixels of each tile begin in {@code y} where {@code pixels} says. M lies as V
     * does.
     */
    static void output(float[] m, int room, int apart, int tiles, int channels, float[] bias, float[] y, int[] pixels) {
        for (int t = 0; t < tiles; t++) {
            int n = 4 * t;
            int q00 = pixels[n];
            int q01 = pixels[n + 1];
            int q10 = pixels[n + 2];
            int q11 = pixels[n + 3];
            for (int c = 0; c < channels; c += L) {
                int at = (c / NR * room + t) * NR + c % NR;
                FloatVector b = FloatVector.fromArray(S, bias, c);
                FloatVector m00 = FloatVector.fromArray(S, m, at);
                FloatVector m01 = FloatVector.fromArray(S, m, at + apart);
                FloatVector m02 = FloatVector.fromArray(S, m, at + 2 * apart);
                FloatVector m03 = FloatVector.fromArray(S, m, at + 3 * apart);
                FloatVector m10 = FloatVector.fromArray(S, m, at + 4 * apart);
                FloatVector m11 = FloatVector.fromArray(S, m, at + 5 * apart);
                FloatVector m12 = FloatVector.fromArray(S, m, at + 6 * apart);
                FloatVector m13 = FloatVector.fromArray(S, m, at + 7 * apart);
                FloatVector m20 = FloatVector.fromArray(S, m, at + 8 * apart);
                FloatVector m21 = FloatVector.fromArray(S, m, at + 9 * apart);
                FloatVector m22 = FloatVector.fromArray(S, m, at + 10 * apart);
                FloatVector m23 = FloatVector.fromArray(S, m, at + 11 * apart);
                FloatVector m30 = FloatVector.fromArray(S, m, at + 12 * apart);
                FloatVector m31 = FloatVector.fromArray(S, m, at + 13 * apart);
                FloatVector m32 = FloatVector.fromArray(S, m, at + 14 * apart);
                FloatVector m33 = FloatVector.fromArray(S, m, at + 15 * apart);
                FloatVector s00 = m00.add(m10).add(m20);
                FloatVector s10 = m10.sub(m20).sub(m30);
                FloatVector s01 = m01.add(m11).add(m21);
                FloatVector s11 = m11.sub(m21).sub(m31);
                FloatVector s02 = m02.add(m12).add(m22);
                FloatVector s12 = m12.sub(m22).sub(m32);
                FloatVector s03 = m03.add(m13).add(m23);
                FloatVector s13 = m13.sub(m23).sub(m33);
                s00.add(s01).add(s02).add(b).intoArray(y, q00 + c);
                s01.sub(s02).sub(s03).add(b).intoArray(y, q01 + c);
                s10.add(s11).add(s12).add(b).intoArray(y, q10 + c);
                s11.sub(s12).sub(s13).add(b).intoArray(y, q11 + c);
            }
        }
    }

    /**
     * {@code U = G g G^T} of a panel of NR output channels: tap t of input channel c lies at {@code (9*c + t) * NR} and its results at
     * {@code to + c*NR}.
     *
     * @param turned the taps in reverse order
     */
    static void weights(float[] g, int channels, boolean turned, float[] u, int to, int apart) {
        int first = turned ? 8 * NR : 0;
        int step = turned ? -NR : NR;
        for (int c = 0; c < channels; c++) {
            for (int lane = 0; lane < NR; lane += L) {
                int from = 9 * c * NR + first + lane;
                int at = to + c * NR + lane;
                FloatVector g00 = FloatVector.fromArray(S, g, from);
                FloatVector g01 = FloatVector.fromArray(S, g, from + 1 * step);
                FloatVector g02 = FloatVector.fromArray(S, g, from + 2 * step);
                FloatVector g10 = FloatVector.fromArray(S, g, from + 3 * step);
                FloatVector g11 = FloatVector.fromArray(S, g, from + 4 * step);
                FloatVector g12 = FloatVector.fromArray(S, g, from + 5 * step);
                FloatVector g20 = FloatVector.fromArray(S, g, from + 6 * step);
                FloatVector g21 = FloatVector.fromArray(S, g, from + 7 * step);
                FloatVector g22 = FloatVector.fromArray(S, g, from + 8 * step);
                FloatVector e0 = g00.add(g20);
                FloatVector a10 = e0.add(g10).mul(0.5f);
                FloatVector a20 = e0.sub(g10).mul(0.5f);
                FloatVector e1 = g01.add(g21);
                FloatVector a11 = e1.add(g11).mul(0.5f);
                FloatVector a21 = e1.sub(g11).mul(0.5f);
                FloatVector e2 = g02.add(g22);
                FloatVector a12 = e2.add(g12).mul(0.5f);
                FloatVector a22 = e2.sub(g12).mul(0.5f);
                FloatVector f0 = g00.add(g02);
                g00.intoArray(u, at);
                f0.add(g01).mul(0.5f).intoArray(u, at + apart);
                f0.sub(g01).mul(0.5f).intoArray(u, at + 2 * apart);
                g02.intoArray(u, at + 3 * apart);
                FloatVector f1 = a10.add(a12);
                a10.intoArray(u, at + 4 * apart);
                f1.add(a11).mul(0.5f).intoArray(u, at + 5 * apart);
                f1.sub(a11).mul(0.5f).intoArray(u, at + 6 * apart);
                a12.intoArray(u, at + 7 * apart);
                FloatVector f2 = a20.add(a22);
                a20.intoArray(u, at + 8 * apart);
                f2.add(a21).mul(0.5f).intoArray(u, at + 9 * apart);
                f2.sub(a21).mul(0.5f).intoArray(u, at + 10 * apart);
                a22.intoArray(u, at + 11 * apart);
                FloatVector f3 = g20.add(g22);
                g20.intoArray(u, at + 12 * apart);
                f3.add(g21).mul(0.5f).intoArray(u, at + 13 * apart);
                f3.sub(g21).mul(0.5f).intoArray(u, at + 14 * apart);
                g22.intoArray(u, at + 15 * apart);
            }
        }
    }

    /**
     * {@code Z = A dY A^T}, the gradient of M, in panels of MR channels: channel c of tile t goes to
     * {@code (c / MR * (tiles + 1) + t) * MR + c % MR}; the channels of the 4 pixels of each tile begin in {@code y} where {@code pixels}
     * says, a vector of them behind the last panel.
     */
    static void gradient(float[] y, int[] pixels, int tiles, int panels, float[] z, int apart) {
        for (int t = 0; t < tiles; t++) {
            int n = 4 * t;
            int q00 = pixels[n];
            int q01 = pixels[n + 1];
            int q10 = pixels[n + 2];
            int q11 = pixels[n + 3];
            for (int p = 0; p < panels; p++) {
                int c = p * MR;
                for (int lane = 0; lane < MR; lane += L) {
                    int at = (p * (tiles + 1) + t) * MR + lane;
                    FloatVector y00 = FloatVector.fromArray(S, y, q00 + c + lane);
                    FloatVector y01 = FloatVector.fromArray(S, y, q01 + c + lane);
                    FloatVector y10 = FloatVector.fromArray(S, y, q10 + c + lane);
                    FloatVector y11 = FloatVector.fromArray(S, y, q11 + c + lane);
                    FloatVector a0 = y00.add(y10);
                    FloatVector a1 = y01.add(y11);
                    FloatVector b0 = y00.sub(y10);
                    FloatVector b1 = y01.sub(y11);
                    y00.intoArray(z, at);
                    y00.add(y01).intoArray(z, at + apart);
                    y00.sub(y01).intoArray(z, at + 2 * apart);
                    y01.neg().intoArray(z, at + 3 * apart);
                    a0.intoArray(z, at + 4 * apart);
                    a0.add(a1).intoArray(z, at + 5 * apart);
                    a0.sub(a1).intoArray(z, at + 6 * apart);
                    a1.neg().intoArray(z, at + 7 * apart);
                    b0.intoArray(z, at + 8 * apart);
                    b0.add(b1).intoArray(z, at + 9 * apart);
                    b0.sub(b1).intoArray(z, at + 10 * apart);
                    b1.neg().intoArray(z, at + 11 * apart);
                    y10.neg().intoArray(z, at + 12 * apart);
                    y10.add(y11).neg().intoArray(z, at + 13 * apart);
                    y11.sub(y10).intoArray(z, at + 14 * apart);
                    y11.intoArray(z, at + 15 * apart);
                }
            }
        }
    }

    /** {@code dg = G^T dU G} of one vector of channels; the 9 taps go {@code pitch} floats from one another. */
    static void weightGradient(float[] u, int from, int apart, float[] g, int at, int pitch) {
        FloatVector u00 = FloatVector.fromArray(S, u, from);
        FloatVector u01 = FloatVector.fromArray(S, u, from + apart);
        FloatVector u02 = FloatVector.fromArray(S, u, from + 2 * apart);
        FloatVector u03 = FloatVector.fromArray(S, u, from + 3 * apart);
        FloatVector u10 = FloatVector.fromArray(S, u, from + 4 * apart);
        FloatVector u11 = FloatVector.fromArray(S, u, from + 5 * apart);
        FloatVector u12 = FloatVector.fromArray(S, u, from + 6 * apart);
        FloatVector u13 = FloatVector.fromArray(S, u, from + 7 * apart);
        FloatVector u20 = FloatVector.fromArray(S, u, from + 8 * apart);
        FloatVector u21 = FloatVector.fromArray(S, u, from + 9 * apart);
        FloatVector u22 = FloatVector.fromArray(S, u, from + 10 * apart);
        FloatVector u23 = FloatVector.fromArray(S, u, from + 11 * apart);
        FloatVector u30 = FloatVector.fromArray(S, u, from + 12 * apart);
        FloatVector u31 = FloatVector.fromArray(S, u, from + 13 * apart);
        FloatVector u32 = FloatVector.fromArray(S, u, from + 14 * apart);
        FloatVector u33 = FloatVector.fromArray(S, u, from + 15 * apart);
        FloatVector e0 = u10.add(u20).mul(0.5f);
        FloatVector a00 = u00.add(e0);
        FloatVector a10 = u10.sub(u20).mul(0.5f);
        FloatVector a20 = e0.add(u30);
        FloatVector e1 = u11.add(u21).mul(0.5f);
        FloatVector a01 = u01.add(e1);
        FloatVector a11 = u11.sub(u21).mul(0.5f);
        FloatVector a21 = e1.add(u31);
        FloatVector e2 = u12.add(u22).mul(0.5f);
        FloatVector a02 = u02.add(e2);
        FloatVector a12 = u12.sub(u22).mul(0.5f);
        FloatVector a22 = e2.add(u32);
        FloatVector e3 = u13.add(u23).mul(0.5f);
        FloatVector a03 = u03.add(e3);
        FloatVector a13 = u13.sub(u23).mul(0.5f);
        FloatVector a23 = e3.add(u33);
        FloatVector f0 = a01.add(a02).mul(0.5f);
        a00.add(f0).intoArray(g, at);
        a01.sub(a02).mul(0.5f).intoArray(g, at + pitch);
        f0.add(a03).intoArray(g, at + 2 * pitch);
        FloatVector f1 = a11.add(a12).mul(0.5f);
        a10.add(f1).intoArray(g, at + 3 * pitch);
        a11.sub(a12).mul(0.5f).intoArray(g, at + 4 * pitch);
        f1.add(a13).intoArray(g, at + 5 * pitch);
        FloatVector f2 = a21.add(a22).mul(0.5f);
        a20.add(f2).intoArray(g, at + 6 * pitch);
        a21.sub(a22).mul(0.5f).intoArray(g, at + 7 * pitch);
        f2.add(a23).intoArray(g, at + 8 * pitch);
    }
}
