package org.mouselift.tornado.kernel;

import org.mouselift.tornado.launch.Splatting;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Cameras and projection of Gaussian splats (GS-LRM specification §2.2). Launches and arguments: {@link Splatting}. Arithmetic is
 * float32; a Gaussian at the edge of a decision (near plane, rectangle of tiles, alpha 1/255) can fall on the other side than in the
 * float64 projection of the CPU.
 */
public final class SplatProjectionKernel {
    private SplatProjectionKernel() {}

    /** World to camera as the general inverse of the upper three rows of c2w, then what the projection needs of the lens. */
    public static void splatCamera(KernelContext c, FloatArray mem, IntArray ints, IntArray p, FloatArray q, IntArray at, int slot) {
        int b = at.get(slot);
        if (c.globalIdx == 0) {
            int m = p.get(b + 3);
            int lens = p.get(b + 4);
            int out = p.get(b + 5);
            float w = (float) p.get(b + 1);
            float h = (float) p.get(b + 2);
            float a = mem.get(m);
            float bb = mem.get(m + 1);
            float cc = mem.get(m + 2);
            float d = mem.get(m + 4);
            float e = mem.get(m + 5);
            float f = mem.get(m + 6);
            float g = mem.get(m + 8);
            float hh = mem.get(m + 9);
            float i = mem.get(m + 10);
            float x = mem.get(m + 3);
            float y = mem.get(m + 7);
            float z = mem.get(m + 11);
            float ca = e * i - f * hh;
            float cb = f * g - d * i;
            float cd = d * hh - e * g;
            float s = 1f / (a * ca + bb * cb + cc * cd);
            float r00 = ca * s;
            float r01 = (cc * hh - bb * i) * s;
            float r02 = (bb * f - cc * e) * s;
            float r10 = cb * s;
            float r11 = (a * i - cc * g) * s;
            float r12 = (cc * d - a * f) * s;
            float r20 = cd * s;
            float r21 = (bb * g - a * hh) * s;
            float r22 = (a * e - bb * d) * s;
            mem.set(out, r00);
            mem.set(out + 1, r01);
            mem.set(out + 2, r02);
            mem.set(out + 3, -(r00 * x + r01 * y + r02 * z));
            mem.set(out + 4, r10);
            mem.set(out + 5, r11);
            mem.set(out + 6, r12);
            mem.set(out + 7, -(r10 * x + r11 * y + r12 * z));
            mem.set(out + 8, r20);
            mem.set(out + 9, r21);
            mem.set(out + 10, r22);
            mem.set(out + 11, -(r20 * x + r21 * y + r22 * z));
            mem.set(out + 12, x);
            mem.set(out + 13, y);
            mem.set(out + 14, z);
            mem.set(out + 15, mem.get(lens));
            mem.set(out + 16, mem.get(lens + 1));
            mem.set(out + 17, mem.get(lens + 2));
            mem.set(out + 18, mem.get(lens + 3));
            mem.set(out + 19, 0.65f * w / mem.get(lens));
            mem.set(out + 20, 0.65f * h / mem.get(lens + 1));
        }
    }

    /** Value k of the spherical harmonics in direction (x, y, z). */
    static float harmonic(int k, float x, float y, float z) {
        float v = 0.2820948f;
        switch (k) {
            case 1: v = -0.48860252f * y; break;
            case 2: v = 0.48860252f * z; break;
            case 3: v = -0.48860252f * x; break;
            case 4: v = 1.0925485f * x * y; break;
            case 5: v = -1.0925485f * y * z; break;
            case 6: v = 0.31539157f * (2f * z * z - x * x - y * y); break;
            case 7: v = -1.0925485f * x * z; break;
            case 8: v = 0.54627424f * (x * x - y * y); break;
            case 9: v = -0.5900436f * y * (3f * x * x - y * y); break;
            case 10: v = 2.8906114f * x * y * z; break;
            case 11: v = -0.4570458f * y * (4f * z * z - x * x - y * y); break;
            case 12: v = 0.37317634f * z * (2f * z * z - 3f * x * x - 3f * y * y); break;
            case 13: v = -0.4570458f * x * (4f * z * z - x * x - y * y); break;
            case 14: v = 1.4453057f * z * (x * x - y * y); break;
            case 15: v = -0.5900436f * x * (x * x - 3f * y * y); break;
            default: break;
        }
        return v;
    }

    static float tile(float position, int tiles) {
        float t = position < 0f ? 0f : TornadoMath.floor(position / 16f);
        float most = (float) tiles;
        return t > most ? most : t;
    }

    /**
     * The bits of a float32 from 0.2 up as an int of the same order. Exact: all factors are powers of two. (Device code has no way to
     * read a float's bits.)
     */
    static int ordered(float depth) {
        float m = depth;
        int e = 127;
        if (m >= 0x1p64f) {
            m = m * 0x1p-64f;
            e += 64;
        }
        if (m >= 0x1p32f) {
            m = m * 0x1p-32f;
            e += 32;
        }
        if (m >= 0x1p16f) {
            m = m * 0x1p-16f;
            e += 16;
        }
        if (m >= 0x1p8f) {
            m = m * 0x1p-8f;
            e += 8;
        }
        if (m >= 16f) {
            m = m * 0x1p-4f;
            e += 4;
        }
        if (m >= 4f) {
            m = m * 0.25f;
            e += 2;
        }
        if (m >= 2f) {
            m = m * 0.5f;
            e += 1;
        }
        if (m < 0.5f) {
            m = m * 4f;
            e -= 2;
        }
        if (m < 1f) {
            m = m * 2f;
            e -= 1;
        }
        return e * 8388608 + (int) ((m - 1f) * 0x1p23f);
    }

    /** One work item a Gaussian. */
    public static void splatProject(KernelContext c, FloatArray mem, IntArray ints, IntArray p, FloatArray q, IntArray at, int slot) {
        int b = at.get(slot);
        int g = c.globalIdx;
        int n = p.get(b + 1);
        if (g < n) {
            int key = Splatting.NOWHERE;
            int out = p.get(b + 11) + Splatting.STRIDE * g;
            float x0 = 0f;
            float x1 = 0f;
            float y0 = 0f;
            float y1 = 0f;
            int camera = p.get(b + 5);
            int coefficients = p.get(b + 4);
            int mean = p.get(b + 6) + 3 * g;
            float x = mem.get(mean);
            float y = mem.get(mean + 1);
            float z = mem.get(mean + 2);
            float depth = mem.get(camera + 8) * x + mem.get(camera + 9) * y + mem.get(camera + 10) * z + mem.get(camera + 11);
            float opacity = 1f / (1f + TornadoMath.exp(-mem.get(p.get(b + 10) + g)));
            if (depth > 0.2f) {
                float tx = mem.get(camera) * x + mem.get(camera + 1) * y + mem.get(camera + 2) * z + mem.get(camera + 3);
                float ty = mem.get(camera + 4) * x + mem.get(camera + 5) * y + mem.get(camera + 6) * z + mem.get(camera + 7);
                float fx = mem.get(camera + 15);
                float fy = mem.get(camera + 16);
                float iw = 1f / (depth + 1e-7f);
                float u = fx * tx * iw + mem.get(camera + 17) * depth * iw - 0.5f;
                float v = fy * ty * iw + mem.get(camera + 18) * depth * iw - 0.5f;
                float modifier = q.get(p.get(b));
                int scale = p.get(b + 8) + 3 * g;
                float s0 = TornadoMath.exp(mem.get(scale)) * modifier;
                float s1 = TornadoMath.exp(mem.get(scale + 1)) * modifier;
                float s2 = TornadoMath.exp(mem.get(scale + 2)) * modifier;
                int quaternion = p.get(b + 9) + 4 * g;
                float qw = mem.get(quaternion);
                float qx = mem.get(quaternion + 1);
                float qy = mem.get(quaternion + 2);
                float qz = mem.get(quaternion + 3);
                float norm = TornadoMath.sqrt(qw * qw + qx * qx + qy * qy + qz * qz);
                float one = 1f / (norm < 1e-12f ? 1e-12f : norm);
                qw = qw * one;
                qx = qx * one;
                qy = qy * one;
                qz = qz * one;
                // Columns of the rotation times the scales: the covariance is L L^T.
                float l00 = (1f - 2f * (qy * qy + qz * qz)) * s0;
                float l01 = 2f * (qx * qy - qw * qz) * s1;
                float l02 = 2f * (qx * qz + qw * qy) * s2;
                float l10 = 2f * (qx * qy + qw * qz) * s0;
                float l11 = (1f - 2f * (qx * qx + qz * qz)) * s1;
                float l12 = 2f * (qy * qz - qw * qx) * s2;
                float l20 = 2f * (qx * qz - qw * qy) * s0;
                float l21 = 2f * (qy * qz + qw * qx) * s1;
                float l22 = (1f - 2f * (qx * qx + qy * qy)) * s2;
                float limitX = mem.get(camera + 19);
                float limitY = mem.get(camera + 20);
                float rx = tx / depth;
                float ry = ty / depth;
                rx = rx > limitX ? limitX : rx < -limitX ? -limitX : rx;
                ry = ry > limitY ? limitY : ry < -limitY ? -limitY : ry;
                float jx = fx / depth;
                float jy = fy / depth;
                float kx = -jx * rx;
                float ky = -jy * ry;
                float m00 = jx * mem.get(camera) + kx * mem.get(camera + 8);
                float m01 = jx * mem.get(camera + 1) + kx * mem.get(camera + 9);
                float m02 = jx * mem.get(camera + 2) + kx * mem.get(camera + 10);
                float m10 = jy * mem.get(camera + 4) + ky * mem.get(camera + 8);
                float m11 = jy * mem.get(camera + 5) + ky * mem.get(camera + 9);
                float m12 = jy * mem.get(camera + 6) + ky * mem.get(camera + 10);
                // Rows of M L.
                float e00 = m00 * l00 + m01 * l10 + m02 * l20;
                float e01 = m00 * l01 + m01 * l11 + m02 * l21;
                float e02 = m00 * l02 + m01 * l12 + m02 * l22;
                float e10 = m10 * l00 + m11 * l10 + m12 * l20;
                float e11 = m10 * l01 + m11 * l11 + m12 * l21;
                float e12 = m10 * l02 + m11 * l12 + m12 * l22;
                float ca = e00 * e00 + e01 * e01 + e02 * e02 + 0.3f;
                float cb = e10 * e00 + e11 * e01 + e12 * e02;
                float cc = e10 * e10 + e11 * e11 + e12 * e12 + 0.3f;
                float det = ca * cc - cb * cb;
                float mid = 0.5f * (ca + cc);
                float under = mid * mid - det;
                float reach = 3f * TornadoMath.sqrt(mid + TornadoMath.sqrt(under > 0.1f ? under : 0.1f));
                float radius = -TornadoMath.floor(-reach);
                int tilesX = (p.get(b + 2) + 15) / 16;
                int tilesY = (p.get(b + 3) + 15) / 16;
                x0 = tile(u - radius, tilesX);
                x1 = tile(u + radius + 15f, tilesX);
                y0 = tile(v - radius, tilesY);
                y1 = tile(v + radius + 15f, tilesY);
                if (x0 < x1 && y0 < y1 && det > 0f && opacity >= 0.003921569f) {
                    key = ordered(depth);
                    mem.set(out, u);
                    mem.set(out + 1, v);
                    mem.set(out + 2, cc / det);
                    mem.set(out + 3, -cb / det);
                    mem.set(out + 4, ca / det);
                    mem.set(out + 5, opacity);
                    float ex = x - mem.get(camera + 12);
                    float ey = y - mem.get(camera + 13);
                    float ez = z - mem.get(camera + 14);
                    float far = 1f / TornadoMath.sqrt(ex * ex + ey * ey + ez * ez);
                    float red = 0.5f;
                    float green = 0.5f;
                    float blue = 0.5f;
                    for (int k = 0; k < coefficients; k++) {
                        float h = harmonic(k, ex * far, ey * far, ez * far);
                        int sh = p.get(b + 7) + 3 * (g * coefficients + k);
                        red += h * mem.get(sh);
                        green += h * mem.get(sh + 1);
                        blue += h * mem.get(sh + 2);
                    }
                    mem.set(out + 6, red > 0f ? red : 0f);
                    mem.set(out + 7, green > 0f ? green : 0f);
                    mem.set(out + 8, blue > 0f ? blue : 0f);
                } else {
                    x1 = x0;
                }
            }
            mem.set(out + 9, x0);
            mem.set(out + 10, x1);
            mem.set(out + 11, y0);
            mem.set(out + 12, y1);
            ints.set(p.get(b + 12) + g, key);
            ints.set(p.get(b + 13) + g, g);
            if (p.get(b + 14) >= 0) {
                ints.set(p.get(b + 14) + g, x1 > x0 ? (int) ((x1 - x0) * (y1 - y0)) : 0);
            }
        }
    }
}
