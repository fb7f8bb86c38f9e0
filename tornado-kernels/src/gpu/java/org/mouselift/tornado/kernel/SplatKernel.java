package org.mouselift.tornado.kernel;

import org.mouselift.tornado.launch.Splatting;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * Rendering of Gaussian splats (GS-LRM specification §2): cameras, projection, depth order, compositing of tiles. Launches and
 * arguments: {@link Splatting}. Arithmetic is float32; a Gaussian at the edge of a decision (near plane, rectangle of tiles, alpha
 * 1/255) can fall on the other side than in the float64 projection of the CPU.
 */
public final class SplatKernel {
    private SplatKernel() {}

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

    /** One work item a Gaussian; work items past them fill the sort keys up. */
    public static void splatProject(KernelContext c, FloatArray mem, IntArray ints, IntArray p, FloatArray q, IntArray at, int slot) {
        int b = at.get(slot);
        int g = c.globalIdx;
        int n = p.get(b + 1);
        if (g < p.get(b + 2)) {
            float key = Splatting.NOWHERE;
            if (g < n) {
                int camera = p.get(b + 6);
                float width = (float) p.get(b + 3);
                float height = (float) p.get(b + 4);
                int coefficients = p.get(b + 5);
                int mean = p.get(b + 7) + 3 * g;
                float x = mem.get(mean);
                float y = mem.get(mean + 1);
                float z = mem.get(mean + 2);
                float depth = mem.get(camera + 8) * x + mem.get(camera + 9) * y + mem.get(camera + 10) * z + mem.get(camera + 11);
                float opacity = 1f / (1f + TornadoMath.exp(-mem.get(p.get(b + 11) + g)));
                if (depth > 0.2f) {
                    float tx = mem.get(camera) * x + mem.get(camera + 1) * y + mem.get(camera + 2) * z + mem.get(camera + 3);
                    float ty = mem.get(camera + 4) * x + mem.get(camera + 5) * y + mem.get(camera + 6) * z + mem.get(camera + 7);
                    float fx = mem.get(camera + 15);
                    float fy = mem.get(camera + 16);
                    float iw = 1f / (depth + 1e-7f);
                    float u = fx * tx * iw + mem.get(camera + 17) * depth * iw - 0.5f;
                    float v = fy * ty * iw + mem.get(camera + 18) * depth * iw - 0.5f;
                    float modifier = q.get(p.get(b));
                    int scale = p.get(b + 9) + 3 * g;
                    float s0 = TornadoMath.exp(mem.get(scale)) * modifier;
                    float s1 = TornadoMath.exp(mem.get(scale + 1)) * modifier;
                    float s2 = TornadoMath.exp(mem.get(scale + 2)) * modifier;
                    int quaternion = p.get(b + 10) + 4 * g;
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
                    int tilesX = (p.get(b + 3) + 15) / 16;
                    int tilesY = (p.get(b + 4) + 15) / 16;
                    float x0 = tile(u - radius, tilesX);
                    float x1 = tile(u + radius + 15f, tilesX);
                    float y0 = tile(v - radius, tilesY);
                    float y1 = tile(v + radius + 15f, tilesY);
                    if (x0 < x1 && y0 < y1 && det > 0f && opacity >= 0.003921569f) {
                        key = depth;
                        int out = p.get(b + 12) + Splatting.STRIDE * g;
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
                            int sh = p.get(b + 8) + 3 * (g * coefficients + k);
                            red += h * mem.get(sh);
                            green += h * mem.get(sh + 1);
                            blue += h * mem.get(sh + 2);
                        }
                        mem.set(out + 6, red > 0f ? red : 0f);
                        mem.set(out + 7, green > 0f ? green : 0f);
                        mem.set(out + 8, blue > 0f ? blue : 0f);
                        mem.set(out + 9, x0);
                        mem.set(out + 10, x1);
                        mem.set(out + 11, y0);
                        mem.set(out + 12, y1);
                    }
                }
            }
            mem.set(p.get(b + 13) + g, key);
            ints.set(p.get(b + 14) + g, g);
        }
    }

    /** One pass of a bitonic sort by depth, equal depths by index (Batcher 1968). */
    public static void splatSort(KernelContext c, FloatArray mem, IntArray ints, IntArray p, FloatArray q, IntArray at, int slot) {
        int b = at.get(slot);
        int i = c.globalIdx;
        int step = p.get(b + 2);
        int keys = p.get(b + 4);
        int order = p.get(b + 5);
        int block = i / step;
        if (i < p.get(b + 1) && block % 2 == 0) {
            int j = i + step;
            float a = mem.get(keys + i);
            float d = mem.get(keys + j);
            int ia = ints.get(order + i);
            int id = ints.get(order + j);
            float difference = a > d ? 1f : a < d ? -1f : (float) (ia - id);
            // Every second run is sorted the other way round.
            float direction = (float) (1 - 2 * (i / p.get(b + 3) % 2));
            if (difference * direction > 0f) {
                mem.set(keys + i, d);
                mem.set(keys + j, a);
                ints.set(order + i, id);
                ints.set(order + j, ia);
            }
        }
    }

    /** A group a tile of 16 x 16 pixels: picks its Gaussians out of the order in pieces, then blends them front to back. */
    public static void splatComposite(KernelContext c, FloatArray mem, IntArray ints, IntArray p, FloatArray q, IntArray at, int slot) {
        float[] piece = c.allocateFloatLocalArray(Splatting.TILE_PIXELS * Splatting.NUMBERS);
        int[] scan = c.allocateIntLocalArray(Splatting.TILE_PIXELS);
        int b = at.get(slot);
        int t = c.localIdx;
        int n = p.get(b + 1);
        int width = p.get(b + 2);
        int height = p.get(b + 3);
        int tilesX = (width + 15) / 16;
        int tileY = c.groupIdx / tilesX;
        int tileX = c.groupIdx - tileY * tilesX;
        int px = tileX * 16 + t % 16;
        int py = tileY * 16 + t / 16;
        int table = p.get(b + 4);
        int keys = p.get(b + 5);
        int order = p.get(b + 6);
        float tileColumn = (float) tileX;
        float tileRow = (float) tileY;
        int alive = px < width && py < height ? 1 : 0;
        float transmittance = 1f;
        float red = 0f;
        float green = 0f;
        float blue = 0f;
        int more = 1;
        for (int first = 0; first < n && more > 0; first += Splatting.TILE_PIXELS) {
            int hit = 0;
            int splat = 0;
            if (first + t < n) {
                if (mem.get(keys + first + t) < Splatting.NOWHERE) {
                    splat = table + Splatting.STRIDE * ints.get(order + first + t);
                    if (mem.get(splat + 9) <= tileColumn && tileColumn < mem.get(splat + 10) && mem.get(splat + 11) <= tileRow && tileRow < mem.get(splat + 12)) {
                        hit = 1;
                    }
                }
            }
            scan[t] = hit;
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
            int count = scan[Splatting.TILE_PIXELS - 1];
            if (hit == 1) {
                int to = (scan[t] - 1) * Splatting.NUMBERS;
                for (int k = 0; k < Splatting.NUMBERS; k++) {
                    piece[to + k] = mem.get(splat + k);
                }
            }
            c.localBarrier();
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
                        }
                    }
                }
            }
            c.localBarrier();
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
            mem.set(p.get(b + 7) + pixel, red + transmittance * q.get(background));
            mem.set(p.get(b + 7) + plane + pixel, green + transmittance * q.get(background + 1));
            mem.set(p.get(b + 7) + 2 * plane + pixel, blue + transmittance * q.get(background + 2));
            mem.set(p.get(b + 8) + pixel, 1f - transmittance);
        }
    }
}
