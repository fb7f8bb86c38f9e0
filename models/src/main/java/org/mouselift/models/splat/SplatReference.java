package org.mouselift.models.splat;

import java.util.ArrayList;
import java.util.List;

/**
 * The renderer in float64 with plain loops, forward and backward: GS-LRM specification §2.1–§2.5 written down step by step.
 * Slow; the oracle of {@link SplatRasterizer} and, since it shares nothing with it but the spherical harmonics, of its
 * formulas. Near cull, depth order and tile rectangles use float32 values like the float32 rasterizers.
 */
public final class SplatReference {
    /** Raw parameters in float64; layouts as in {@link GaussianParameters}. */
    public record Scene(int count, int degree, double[] means, double[] logScales, double[] quaternions, double[] logits, double[] sh) {
        /** Zeros of the same sizes, to collect gradients. */
        public Scene zerosLike() {
            return new Scene(count, degree, new double[means.length], new double[logScales.length], new double[quaternions.length],
                new double[logits.length], new double[sh.length]);
        }
    }

    private static final class Splat {
        int index, radius, x0, y0, x1, y1;
        double[] m, t, s, q, dir, basis, rgb, colourGrad = new double[3];
        double[][] rq, sigma, jr;
        double hx, hy, iw, u, v, o, a, b, c, det, conicA, conicB, conicC, qNorm, dist, clampX, clampY;
        boolean insideX, insideY;
        boolean[] clamped = new boolean[3];
        double gu, gv, gA, gB, gC, gop, gz;
    }

    private final Scene scene;
    private final SplatCamera camera;
    private final double[] background;
    private final double modifier;
    private final double[][] w2c = new double[4][4], full = new double[4][4];
    private final List<Splat> visible = new ArrayList<>();
    private final List<List<Splat>> tiles = new ArrayList<>();
    /** Outputs: [3,H,W], [H,W], [H,W] (alpha-weighted view depth), [H,W]. */
    public final double[] rgb, alpha, depth;
    public final int[] lastContributor;
    private final double[] transmittance;

    /** Renders. */
    public SplatReference(Scene scene, SplatCamera camera, double[] background, double modifier) {
        this.scene = scene;
        this.camera = camera;
        this.background = background;
        this.modifier = modifier;
        int w = camera.width(), h = camera.height();
        rgb = new double[3 * w * h];
        alpha = new double[w * h];
        depth = new double[w * h];
        transmittance = new double[w * h];
        lastContributor = new int[w * h];
        double[] flat = camera.w2c();
        double[][] p = {{2 * camera.fx() / w, 0, 2 * camera.cx() / w - 1, 0}, {0, 2 * camera.fy() / h, 2 * camera.cy() / h - 1, 0}, {0, 0, 0, 0}, {0, 0, 1, 0}};
        for (int r = 0; r < 4; r++) {
            System.arraycopy(flat, 4 * r, w2c[r], 0, 4);
        }
        for (int r = 0; r < 4; r++) {
            for (int c = 0; c < 4; c++) {
                for (int k = 0; k < 4; k++) {
                    full[r][c] += p[r][k] * w2c[k][c];
                }
            }
        }
        for (int i = 0; i < scene.count; i++) {
            Splat g = project(i);
            if (g != null) {
                visible.add(g);
            }
        }
        List<Splat> ordered = new ArrayList<>(visible);
        ordered.sort((l, r) -> Float.compare((float) l.t[2], (float) r.t[2]));
        for (int ty = 0; ty < camera.tilesY(); ty++) {
            for (int tx = 0; tx < camera.tilesX(); tx++) {
                List<Splat> list = new ArrayList<>();
                for (Splat g : ordered) {
                    if (tx >= g.x0 && tx < g.x1 && ty >= g.y0 && ty < g.y1) {
                        list.add(g);
                    }
                }
                tiles.add(list);
            }
        }
        for (int y = 0; y < h; y++) {
            for (int x = 0; x < w; x++) {
                composite(x, y);
            }
        }
    }

    private static double dot(double[] a, double[] b) {
        return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
    }

    private Splat project(int i) {
        Splat g = new Splat();
        g.index = i;
        g.m = new double[] {scene.means[3 * i], scene.means[3 * i + 1], scene.means[3 * i + 2]};
        g.t = new double[3];
        for (int r = 0; r < 3; r++) {
            g.t[r] = dot(w2c[r], g.m) + w2c[r][3];
        }
        if ((float) g.t[2] <= 0.2f) {
            return null;
        }
        int w = camera.width(), h = camera.height();
        g.hx = dot(full[0], g.m) + full[0][3];
        g.hy = dot(full[1], g.m) + full[1][3];
        g.iw = 1 / (dot(full[3], g.m) + full[3][3] + 1e-7);
        g.u = ((g.hx * g.iw + 1) * w - 1) / 2;
        g.v = ((g.hy * g.iw + 1) * h - 1) / 2;

        g.s = new double[3];
        for (int k = 0; k < 3; k++) {
            g.s[k] = Math.exp(scene.logScales[3 * i + k]) * modifier;
        }
        g.q = new double[4];
        for (int k = 0; k < 4; k++) {
            g.q[k] = scene.quaternions[4 * i + k];
            g.qNorm += g.q[k] * g.q[k];
        }
        g.qNorm = Math.sqrt(g.qNorm);
        for (int k = 0; k < 4; k++) {
            g.q[k] /= Math.max(g.qNorm, 1e-12);
        }
        double r = g.q[0], x = g.q[1], y = g.q[2], z = g.q[3];
        g.rq = new double[][] {
            {1 - 2 * (y * y + z * z), 2 * (x * y - r * z), 2 * (x * z + r * y)},
            {2 * (x * y + r * z), 1 - 2 * (x * x + z * z), 2 * (y * z - r * x)},
            {2 * (x * z - r * y), 2 * (y * z + r * x), 1 - 2 * (x * x + y * y)}};
        g.sigma = new double[3][3];
        for (int a = 0; a < 3; a++) {
            for (int b = 0; b < 3; b++) {
                for (int k = 0; k < 3; k++) {
                    g.sigma[a][b] += g.rq[a][k] * g.s[k] * g.s[k] * g.rq[b][k];
                }
            }
        }
        double limX = 1.3 * w / (2 * camera.fx()), limY = 1.3 * h / (2 * camera.fy());
        double rx = g.t[0] / g.t[2], ry = g.t[1] / g.t[2], tz = g.t[2];
        g.insideX = Math.abs(rx) <= limX;
        g.insideY = Math.abs(ry) <= limY;
        g.clampX = Math.min(limX, Math.max(-limX, rx)) * tz;
        g.clampY = Math.min(limY, Math.max(-limY, ry)) * tz;
        double[][] j = {{camera.fx() / tz, 0, -camera.fx() * g.clampX / (tz * tz)}, {0, camera.fy() / tz, -camera.fy() * g.clampY / (tz * tz)}};
        g.jr = new double[2][3];
        for (int a = 0; a < 2; a++) {
            for (int b = 0; b < 3; b++) {
                for (int k = 0; k < 3; k++) {
                    g.jr[a][b] += j[a][k] * w2c[k][b];
                }
            }
        }
        g.a = quadratic(g.jr[0], g.sigma, g.jr[0]) + 0.3;
        g.b = quadratic(g.jr[0], g.sigma, g.jr[1]);
        g.c = quadratic(g.jr[1], g.sigma, g.jr[1]) + 0.3;
        g.det = g.a * g.c - g.b * g.b;
        if (g.det == 0) {
            return null;
        }
        g.conicA = g.c / g.det;
        g.conicB = -g.b / g.det;
        g.conicC = g.a / g.det;
        double mid = (g.a + g.c) / 2;
        g.radius = (int) Math.ceil(3 * Math.sqrt(mid + Math.sqrt(Math.max(0.1, mid * mid - g.det))));
        float u = (float) g.u, v = (float) g.v;
        g.x0 = clampTile((u - g.radius) / 16f, camera.tilesX());
        g.x1 = clampTile((u + g.radius + 15f) / 16f, camera.tilesX());
        g.y0 = clampTile((v - g.radius) / 16f, camera.tilesY());
        g.y1 = clampTile((v + g.radius + 15f) / 16f, camera.tilesY());
        if (g.x1 <= g.x0 || g.y1 <= g.y0) {
            return null;
        }
        g.o = 1 / (1 + Math.exp(-scene.logits[i]));
        double[] c2w = camera.c2w();
        g.dir = new double[] {g.m[0] - c2w[3], g.m[1] - c2w[7], g.m[2] - c2w[11]};
        g.dist = Math.sqrt(dot(g.dir, g.dir));
        g.basis = new double[16];
        SphericalHarmonics.basis(scene.degree, g.dir[0] / g.dist, g.dir[1] / g.dist, g.dir[2] / g.dist, g.basis);
        g.rgb = new double[3];
        int k = (scene.degree + 1) * (scene.degree + 1);
        for (int ch = 0; ch < 3; ch++) {
            double value = 0.5;
            for (int b = 0; b < k; b++) {
                value += g.basis[b] * scene.sh[(i * k + b) * 3 + ch];
            }
            g.clamped[ch] = value < 0;
            g.rgb[ch] = Math.max(0, value);
        }
        return g;
    }

    private static int clampTile(float position, int tiles) {
        return Math.min(tiles, Math.max(0, (int) position));
    }

    private static double quadratic(double[] l, double[][] m, double[] r) {
        double sum = 0;
        for (int a = 0; a < 3; a++) {
            for (int b = 0; b < 3; b++) {
                sum += l[a] * m[a][b] * r[b];
            }
        }
        return sum;
    }

    private void composite(int x, int y) {
        int pixel = y * camera.width() + x, plane = camera.width() * camera.height();
        double t = 1;
        int position = 0;
        for (Splat g : tiles.get(y / 16 * camera.tilesX() + x / 16)) {
            position++;
            double a = alphaAt(g, x, y);
            if (a == 0) {
                continue;
            }
            double next = t * (1 - a);
            if (next < 1e-4) {
                break;
            }
            for (int ch = 0; ch < 3; ch++) {
                rgb[ch * plane + pixel] += g.rgb[ch] * a * t;
            }
            depth[pixel] += g.t[2] * a * t;
            t = next;
            lastContributor[pixel] = position;
        }
        for (int ch = 0; ch < 3; ch++) {
            rgb[ch * plane + pixel] += t * background[ch];
        }
        alpha[pixel] = 1 - t;
        transmittance[pixel] = t;
    }

    /** 0 when the splat is skipped at this pixel. */
    private static double alphaAt(Splat g, int x, int y) {
        double dx = g.u - x, dy = g.v - y;
        double pw = -0.5 * (g.conicA * dx * dx + g.conicC * dy * dy) - g.conicB * dx * dy;
        if (pw > 0) {
            return 0;
        }
        double a = Math.min(0.99, g.o * Math.exp(pw));
        return a < 1.0 / 255 ? 0 : a;
    }

    /** Gradients of {@code Σ gRgb·rgb + Σ gAlpha·alpha + Σ gDepth·depth}; the last two may be null. */
    public Scene backward(double[] gRgb, double[] gAlpha, double[] gDepth) {
        for (Splat g : visible) {
            g.gu = g.gv = g.gA = g.gB = g.gC = g.gop = g.gz = 0;
            g.colourGrad = new double[3];
        }
        int w = camera.width(), plane = w * camera.height();
        for (int pixel = 0; pixel < plane; pixel++) {
            double[] up = {gRgb[pixel], gRgb[plane + pixel], gRgb[2 * plane + pixel]};
            backwardPixel(pixel % w, pixel / w, up, gAlpha == null ? 0 : gAlpha[pixel], gDepth == null ? 0 : gDepth[pixel]);
        }
        Scene out = scene.zerosLike();
        for (Splat g : visible) {
            backwardSplat(g, out);
        }
        return out;
    }

    private void backwardPixel(int x, int y, double[] up, double upAlpha, double upDepth) {
        List<Splat> list = tiles.get(y / 16 * camera.tilesX() + x / 16);
        double tFinal = transmittance[y * camera.width() + x], t = tFinal;
        double[] acc = new double[4], last = new double[4];
        double lastAlpha = 0;
        for (int p = lastContributor[y * camera.width() + x] - 1; p >= 0; p--) {
            Splat g = list.get(p);
            double a = alphaAt(g, x, y);
            if (a == 0) {
                continue;
            }
            t /= 1 - a;
            double[] value = {g.rgb[0], g.rgb[1], g.rgb[2], g.t[2]};
            double da = 0;
            for (int ch = 0; ch < 4; ch++) {
                double u = ch < 3 ? up[ch] : upDepth;
                acc[ch] = lastAlpha * last[ch] + (1 - lastAlpha) * acc[ch];
                da += t * (value[ch] - acc[ch]) * u;
                if (ch < 3) {
                    g.colourGrad[ch] += a * t * u;
                    da -= tFinal / (1 - a) * background[ch] * u;
                } else {
                    g.gz += a * t * u;
                }
            }
            da += tFinal / (1 - a) * upAlpha;
            lastAlpha = a;
            last = value;
            double dx = g.u - x, dy = g.v - y;
            double gauss = Math.exp(-0.5 * (g.conicA * dx * dx + g.conicC * dy * dy) - g.conicB * dx * dy);
            double dG = g.o * da;
            g.gu += dG * gauss * (-g.conicA * dx - g.conicB * dy);
            g.gv += dG * gauss * (-g.conicC * dy - g.conicB * dx);
            g.gA += -0.5 * gauss * dx * dx * dG;
            g.gB += -gauss * dx * dy * dG;
            g.gC += -0.5 * gauss * dy * dy * dG;
            g.gop += gauss * da;
        }
    }

    private void backwardSplat(Splat g, Scene out) {
        int i = g.index;
        double a = g.a, b = g.b, c = g.c, k = 1 / (g.det * g.det + 1e-7);
        double ga = k * (-c * c * g.gA + b * c * g.gB - b * b * g.gC);
        double gc = k * (-a * a * g.gC + a * b * g.gB - b * b * g.gA);
        double gb = k * (2 * b * c * g.gA - (g.det + 2 * b * b) * g.gB + 2 * a * b * g.gC);
        double[] m0 = g.jr[0], m1 = g.jr[1];
        double[][] gs = new double[3][3];
        double[] gm0 = new double[3], gm1 = new double[3];
        for (int r = 0; r < 3; r++) {
            for (int s = 0; s < 3; s++) {
                gs[r][s] = ga * m0[r] * m0[s] + gc * m1[r] * m1[s] + gb / 2 * (m0[r] * m1[s] + m1[r] * m0[s]);
                gm0[r] += 2 * ga * g.sigma[r][s] * m0[s] + gb * g.sigma[r][s] * m1[s];
                gm1[r] += 2 * gc * g.sigma[r][s] * m1[s] + gb * g.sigma[r][s] * m0[s];
            }
        }
        double j00 = dot(gm0, w2c[0]), j02 = dot(gm0, w2c[2]), j11 = dot(gm1, w2c[1]), j12 = dot(gm1, w2c[2]);
        double tz = g.t[2], fx = camera.fx(), fy = camera.fy();
        double[] gt = {
            g.insideX ? -fx / (tz * tz) * j02 : 0,
            g.insideY ? -fy / (tz * tz) * j12 : 0,
            -fx / (tz * tz) * j00 - fy / (tz * tz) * j11 + 2 * fx * g.clampX / (tz * tz * tz) * j02 + 2 * fy * g.clampY / (tz * tz * tz) * j12 + g.gz};
        double nx = g.gu * camera.width() / 2, ny = g.gv * camera.height() / 2;
        for (int d = 0; d < 3; d++) {
            out.means[3 * i + d] += w2c[0][d] * gt[0] + w2c[1][d] * gt[1] + w2c[2][d] * gt[2]
                + (full[0][d] * g.iw - full[3][d] * g.hx * g.iw * g.iw) * nx + (full[1][d] * g.iw - full[3][d] * g.hy * g.iw * g.iw) * ny;
        }
        backwardColour(g, out);
        backwardShape(g, gs, out);
        out.logits[i] += g.gop * g.o * (1 - g.o);
    }

    private void backwardColour(Splat g, Scene out) {
        int i = g.index, n = (scene.degree + 1) * (scene.degree + 1);
        double[] gradient = new double[48], gdir = new double[3];
        SphericalHarmonics.basisGradient(scene.degree, g.dir[0] / g.dist, g.dir[1] / g.dist, g.dir[2] / g.dist, gradient);
        for (int k = 0; k < n; k++) {
            for (int ch = 0; ch < 3; ch++) {
                double gc = g.clamped[ch] ? 0 : g.colourGrad[ch];
                out.sh[(i * n + k) * 3 + ch] += g.basis[k] * gc;
                for (int d = 0; d < 3; d++) {
                    gdir[d] += gradient[3 * k + d] * scene.sh[(i * n + k) * 3 + ch] * gc;
                }
            }
        }
        double ee = dot(g.dir, g.dir), eg = dot(g.dir, gdir);
        for (int d = 0; d < 3; d++) {
            out.means[3 * i + d] += (gdir[d] * ee - g.dir[d] * eg) / Math.pow(ee, 1.5);
        }
    }

    private void backwardShape(Splat g, double[][] gs, Scene out) {
        int i = g.index;
        double[][] q = new double[3][3], d = new double[3][3];
        for (int r = 0; r < 3; r++) {
            for (int s = 0; s < 3; s++) {
                for (int k = 0; k < 3; k++) {
                    q[r][s] += 2 * g.s[r] * g.rq[k][r] * gs[k][s];
                }
                out.logScales[3 * i + r] += g.rq[s][r] * q[r][s] * g.s[r];
                d[s][r] = g.s[r] * q[r][s];
            }
        }
        double r = g.q[0], x = g.q[1], y = g.q[2], z = g.q[3];
        double[] dq = {
            2 * z * (d[1][0] - d[0][1]) + 2 * y * (d[0][2] - d[2][0]) + 2 * x * (d[2][1] - d[1][2]),
            2 * y * (d[0][1] + d[1][0]) + 2 * z * (d[0][2] + d[2][0]) + 2 * r * (d[2][1] - d[1][2]) - 4 * x * (d[1][1] + d[2][2]),
            2 * x * (d[0][1] + d[1][0]) + 2 * r * (d[0][2] - d[2][0]) + 2 * z * (d[1][2] + d[2][1]) - 4 * y * (d[0][0] + d[2][2]),
            2 * r * (d[1][0] - d[0][1]) + 2 * x * (d[0][2] + d[2][0]) + 2 * y * (d[1][2] + d[2][1]) - 4 * z * (d[0][0] + d[1][1])};
        double along = r * dq[0] + x * dq[1] + y * dq[2] + z * dq[3];
        for (int k = 0; k < 4; k++) {
            out.quaternions[4 * i + k] += g.qNorm < 1e-12 ? dq[k] / 1e-12 : (dq[k] - g.q[k] * along) / g.qNorm;
        }
    }
}
