package org.mouselift.tornado.kernel;

import org.mouselift.tornado.launch.Splatting;
import org.mouselift.tornado.launch.SplattingGradient;
import uk.ac.manchester.tornado.api.KernelContext;
import uk.ac.manchester.tornado.api.math.TornadoMath;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/**
 * From a Gaussian's moments to the gradients of its parameters (GS-LRM specification §2.5), with the deviations from the true
 * derivative that the CPU has. Launches and arguments: {@link SplattingGradient}.
 */
public final class SplatGradientKernel {
    private SplatGradientKernel() {}

    /** Derivative of spherical harmonic k to x; x, y and z count as independent. */
    static float slopeX(int k, float x, float y, float z) {
        float v = 0f;
        switch (k) {
            case 1: v = 0f; break;
            case 2: v = 0f; break;
            case 3: v = -0.48860252f; break;
            case 4: v = 1.0925485f * y; break;
            case 5: v = 0f; break;
            case 6: v = -0.63078314f * x; break;
            case 7: v = -1.0925485f * z; break;
            case 8: v = 1.0925485f * x; break;
            case 9: v = -3.5402616f * x * y; break;
            case 10: v = 2.8906114f * y * z; break;
            case 11: v = 0.9140916f * x * y; break;
            case 12: v = -2.239058f * x * z; break;
            case 13: v = -0.4570458f * (4f * z * z - 3f * x * x - y * y); break;
            case 14: v = 2.8906114f * x * z; break;
            case 15: v = -1.7701308f * (x * x - y * y); break;
            default: break;
        }
        return v;
    }

    /** Derivative of spherical harmonic k to y; x, y and z count as independent. */
    static float slopeY(int k, float x, float y, float z) {
        float v = 0f;
        switch (k) {
            case 1: v = -0.48860252f; break;
            case 2: v = 0f; break;
            case 3: v = 0f; break;
            case 4: v = 1.0925485f * x; break;
            case 5: v = -1.0925485f * z; break;
            case 6: v = -0.63078314f * y; break;
            case 7: v = 0f; break;
            case 8: v = -1.0925485f * y; break;
            case 9: v = -1.7701308f * (x * x - y * y); break;
            case 10: v = 2.8906114f * x * z; break;
            case 11: v = -0.4570458f * (4f * z * z - x * x - 3f * y * y); break;
            case 12: v = -2.239058f * y * z; break;
            case 13: v = 0.9140916f * x * y; break;
            case 14: v = -2.8906114f * y * z; break;
            case 15: v = 3.5402616f * x * y; break;
            default: break;
        }
        return v;
    }

    /** Derivative of spherical harmonic k to z; x, y and z count as independent. */
    static float slopeZ(int k, float x, float y, float z) {
        float v = 0f;
        switch (k) {
            case 1: v = 0f; break;
            case 2: v = 0.48860252f; break;
            case 3: v = 0f; break;
            case 4: v = 0f; break;
            case 5: v = -1.0925485f * y; break;
            case 6: v = 1.2615663f * z; break;
            case 7: v = -1.0925485f * x; break;
            case 8: v = 0f; break;
            case 9: v = 0f; break;
            case 10: v = 2.8906114f * x * y; break;
            case 11: v = -3.6563663f * y * z; break;
            case 12: v = 1.119529f * (2f * z * z - x * x - y * y); break;
            case 13: v = -3.6563663f * x * z; break;
            case 14: v = 1.4453057f * (x * x - y * y); break;
            case 15: v = 0f; break;
            default: break;
        }
        return v;
    }

    /** One work item a Gaussian: gradients of its colour coefficients, and of its centre as far as it turns the direction of view. */
    public static void splatColourGradient(KernelContext c, FloatArray mem, IntArray ints, IntArray p, FloatArray q, IntArray at, int slot) {
        int b = at.get(slot);
        int g = c.globalIdx;
        if (g < p.get(b + 1)) {
            int coefficients = p.get(b + 2);
            int camera = p.get(b + 3);
            int table = p.get(b + 6) + Splatting.STRIDE * g;
            int moments = p.get(b + 7) + SplattingGradient.MOMENTS * g;
            int toMean = p.get(b + 8) + 3 * g;
            int features = p.get(b + 5) + 3 * coefficients * g;
            int toFeatures = p.get(b + 9) + 3 * coefficients * g;
            int add = p.get(b + 10);
            float red = 0f;
            float green = 0f;
            float blue = 0f;
            float mx = 0f;
            float my = 0f;
            float mz = 0f;
            float ex = 0f;
            float ey = 0f;
            float ez = 1f;
            if (mem.get(table + 10) > mem.get(table + 9)) {
                // A colour that was clamped to 0 passes no gradient.
                red = mem.get(table + 6) > 0f ? mem.get(moments + 6) : 0f;
                green = mem.get(table + 7) > 0f ? mem.get(moments + 7) : 0f;
                blue = mem.get(table + 8) > 0f ? mem.get(moments + 8) : 0f;
                ex = mem.get(p.get(b + 4) + 3 * g) - mem.get(camera + 12);
                ey = mem.get(p.get(b + 4) + 3 * g + 1) - mem.get(camera + 13);
                ez = mem.get(p.get(b + 4) + 3 * g + 2) - mem.get(camera + 14);
            }
            float far = 1f / TornadoMath.sqrt(ex * ex + ey * ey + ez * ez);
            ex = ex * far;
            ey = ey * far;
            ez = ez * far;
            for (int k = 0; k < coefficients; k++) {
                float h = SplatProjectionKernel.harmonic(k, ex, ey, ez);
                float dot = red * mem.get(features + 3 * k) + green * mem.get(features + 3 * k + 1) + blue * mem.get(features + 3 * k + 2);
                mx += slopeX(k, ex, ey, ez) * dot;
                my += slopeY(k, ex, ey, ez) * dot;
                mz += slopeZ(k, ex, ey, ez) * dot;
                mem.set(toFeatures + 3 * k, h * red + (add == 1 ? mem.get(toFeatures + 3 * k) : 0f));
                mem.set(toFeatures + 3 * k + 1, h * green + (add == 1 ? mem.get(toFeatures + 3 * k + 1) : 0f));
                mem.set(toFeatures + 3 * k + 2, h * blue + (add == 1 ? mem.get(toFeatures + 3 * k + 2) : 0f));
            }
            float along = mx * ex + my * ey + mz * ez;
            mem.set(toMean, (mx - ex * along) * far + (add == 1 ? mem.get(toMean) : 0f));
            mem.set(toMean + 1, (my - ey * along) * far + (add == 1 ? mem.get(toMean + 1) : 0f));
            mem.set(toMean + 2, (mz - ez * along) * far + (add == 1 ? mem.get(toMean + 2) : 0f));
        }
    }

    /** One work item a Gaussian: gradients of scales, quaternion and opacity; adds to that of the centre. */
    public static void splatShapeGradient(KernelContext c, FloatArray mem, IntArray ints, IntArray p, FloatArray q, IntArray at, int slot) {
        int b = at.get(slot);
        int g = c.globalIdx;
        if (g < p.get(b + 1)) {
            int camera = p.get(b + 2);
            int table = p.get(b + 6) + Splatting.STRIDE * g;
            int moments = p.get(b + 7) + SplattingGradient.MOMENTS * g;
            int toMean = p.get(b + 8) + 3 * g;
            int toScale = p.get(b + 9) + 3 * g;
            int toQuaternion = p.get(b + 10) + 4 * g;
            int toOpacity = p.get(b + 11) + g;
            if (p.get(b + 12) == 0) {
                mem.set(toScale, 0f);
                mem.set(toScale + 1, 0f);
                mem.set(toScale + 2, 0f);
                mem.set(toQuaternion, 0f);
                mem.set(toQuaternion + 1, 0f);
                mem.set(toQuaternion + 2, 0f);
                mem.set(toQuaternion + 3, 0f);
                mem.set(toOpacity, 0f);
            }
            if (mem.get(table + 10) > mem.get(table + 9)) {
                float x = mem.get(p.get(b + 3) + 3 * g);
                float y = mem.get(p.get(b + 3) + 3 * g + 1);
                float z = mem.get(p.get(b + 3) + 3 * g + 2);
                float w00 = mem.get(camera);
                float w01 = mem.get(camera + 1);
                float w02 = mem.get(camera + 2);
                float w10 = mem.get(camera + 4);
                float w11 = mem.get(camera + 5);
                float w12 = mem.get(camera + 6);
                float w20 = mem.get(camera + 8);
                float w21 = mem.get(camera + 9);
                float w22 = mem.get(camera + 10);
                float tx = w00 * x + w01 * y + w02 * z + mem.get(camera + 3);
                float ty = w10 * x + w11 * y + w12 * z + mem.get(camera + 7);
                float tz = w20 * x + w21 * y + w22 * z + mem.get(camera + 11);
                float fx = mem.get(camera + 15);
                float fy = mem.get(camera + 16);
                float modifier = q.get(p.get(b));
                int scale = p.get(b + 4) + 3 * g;
                float s0 = TornadoMath.exp(mem.get(scale)) * modifier;
                float s1 = TornadoMath.exp(mem.get(scale + 1)) * modifier;
                float s2 = TornadoMath.exp(mem.get(scale + 2)) * modifier;
                int quaternion = p.get(b + 5) + 4 * g;
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
                float r00 = 1f - 2f * (qy * qy + qz * qz);
                float r01 = 2f * (qx * qy - qw * qz);
                float r02 = 2f * (qx * qz + qw * qy);
                float r10 = 2f * (qx * qy + qw * qz);
                float r11 = 1f - 2f * (qx * qx + qz * qz);
                float r12 = 2f * (qy * qz - qw * qx);
                float r20 = 2f * (qx * qz - qw * qy);
                float r21 = 2f * (qy * qz + qw * qx);
                float r22 = 1f - 2f * (qx * qx + qy * qy);
                float v0 = s0 * s0;
                float v1 = s1 * s1;
                float v2 = s2 * s2;
                float sxx = r00 * r00 * v0 + r01 * r01 * v1 + r02 * r02 * v2;
                float sxy = r00 * r10 * v0 + r01 * r11 * v1 + r02 * r12 * v2;
                float sxz = r00 * r20 * v0 + r01 * r21 * v1 + r02 * r22 * v2;
                float syy = r10 * r10 * v0 + r11 * r11 * v1 + r12 * r12 * v2;
                float syz = r10 * r20 * v0 + r11 * r21 * v1 + r12 * r22 * v2;
                float szz = r20 * r20 * v0 + r21 * r21 * v1 + r22 * r22 * v2;
                float iz = 1f / tz;
                float limitX = mem.get(camera + 19);
                float limitY = mem.get(camera + 20);
                float rx = tx * iz;
                float ry = ty * iz;
                float insideX = rx > limitX || rx < -limitX ? 0f : 1f;
                float insideY = ry > limitY || ry < -limitY ? 0f : 1f;
                rx = rx > limitX ? limitX : rx < -limitX ? -limitX : rx;
                ry = ry > limitY ? limitY : ry < -limitY ? -limitY : ry;
                float jx = fx * iz;
                float jy = fy * iz;
                float kx = -jx * rx;
                float ky = -jy * ry;
                float m00 = jx * w00 + kx * w20;
                float m01 = jx * w01 + kx * w21;
                float m02 = jx * w02 + kx * w22;
                float m10 = jy * w10 + ky * w20;
                float m11 = jy * w11 + ky * w21;
                float m12 = jy * w12 + ky * w22;
                float p0 = sxx * m00 + sxy * m01 + sxz * m02;
                float p1 = sxy * m00 + syy * m01 + syz * m02;
                float p2 = sxz * m00 + syz * m01 + szz * m02;
                float q0 = sxx * m10 + sxy * m11 + sxz * m12;
                float q1 = sxy * m10 + syy * m11 + syz * m12;
                float q2 = sxz * m10 + syz * m11 + szz * m12;
                float ca = m00 * p0 + m01 * p1 + m02 * p2 + 0.3f;
                float cb = m10 * p0 + m11 * p1 + m12 * p2;
                float cc = m10 * q0 + m11 * q1 + m12 * q2 + 0.3f;
                float det = ca * cc - cb * cb;
                // The moments as gradients of the centre in the picture and of the conic.
                float h = mem.get(moments);
                float hx = mem.get(moments + 1);
                float hy = mem.get(moments + 2);
                float gu = -mem.get(table + 2) * hx - mem.get(table + 3) * hy;
                float gv = -mem.get(table + 4) * hy - mem.get(table + 3) * hx;
                float gA = -0.5f * mem.get(moments + 3);
                float gB = -mem.get(moments + 4);
                float gC = -0.5f * mem.get(moments + 5);
                mem.set(toOpacity, mem.get(toOpacity) + h * (1f - mem.get(table + 5)));
                float k = 1f / (det * det + 1e-7f);
                float ga = k * (-cc * cc * gA + cb * cc * gB - cb * cb * gC);
                float gc = k * (-ca * ca * gC + ca * cb * gB - cb * cb * gA);
                float gb = k * (2f * cb * cc * gA - (det + 2f * cb * cb) * gB + 2f * ca * cb * gC);
                // Of the projected axes M, by way of the tangents to the centre.
                float g00 = 2f * ga * p0 + gb * q0;
                float g01 = 2f * ga * p1 + gb * q1;
                float g02 = 2f * ga * p2 + gb * q2;
                float g10 = 2f * gc * q0 + gb * p0;
                float g11 = 2f * gc * q1 + gb * p1;
                float g12 = 2f * gc * q2 + gb * p2;
                float j00 = g00 * w00 + g01 * w01 + g02 * w02;
                float j02 = g00 * w20 + g01 * w21 + g02 * w22;
                float j11 = g10 * w10 + g11 * w11 + g12 * w12;
                float j12 = g10 * w20 + g11 * w21 + g12 * w22;
                float iw = 1f / (tz + 1e-7f);
                float gtx = gu * fx * iw - insideX * jx * iz * j02;
                float gty = gv * fy * iw - insideY * jy * iz * j12;
                float gtz = -(gu * fx * tx + gv * fy * ty) * iw * iw - jx * iz * j00 - jy * iz * j11 + 2f * jx * iz * rx * j02 + 2f * jy * iz * ry * j12;
                mem.set(toMean, mem.get(toMean) + w00 * gtx + w10 * gty + w20 * gtz);
                mem.set(toMean + 1, mem.get(toMean + 1) + w01 * gtx + w11 * gty + w21 * gtz);
                mem.set(toMean + 2, mem.get(toMean + 2) + w02 * gtx + w12 * gty + w22 * gtz);
                // Of the covariance, then d = 2 S² Rᵀ (gradient of the covariance), a row for each axis of the Gaussian.
                float cxx = ga * m00 * m00 + gc * m10 * m10 + gb * m00 * m10;
                float cyy = ga * m01 * m01 + gc * m11 * m11 + gb * m01 * m11;
                float czz = ga * m02 * m02 + gc * m12 * m12 + gb * m02 * m12;
                float cxy = ga * m00 * m01 + gc * m10 * m11 + 0.5f * gb * (m00 * m11 + m01 * m10);
                float cxz = ga * m00 * m02 + gc * m10 * m12 + 0.5f * gb * (m00 * m12 + m02 * m10);
                float cyz = ga * m01 * m02 + gc * m11 * m12 + 0.5f * gb * (m01 * m12 + m02 * m11);
                float d0 = 2f * v0 * (r00 * cxx + r10 * cxy + r20 * cxz);
                float d1 = 2f * v0 * (r00 * cxy + r10 * cyy + r20 * cyz);
                float d2 = 2f * v0 * (r00 * cxz + r10 * cyz + r20 * czz);
                float d3 = 2f * v1 * (r01 * cxx + r11 * cxy + r21 * cxz);
                float d4 = 2f * v1 * (r01 * cxy + r11 * cyy + r21 * cyz);
                float d5 = 2f * v1 * (r01 * cxz + r11 * cyz + r21 * czz);
                float d6 = 2f * v2 * (r02 * cxx + r12 * cxy + r22 * cxz);
                float d7 = 2f * v2 * (r02 * cxy + r12 * cyy + r22 * cyz);
                float d8 = 2f * v2 * (r02 * cxz + r12 * cyz + r22 * czz);
                mem.set(toScale, mem.get(toScale) + r00 * d0 + r10 * d1 + r20 * d2);
                mem.set(toScale + 1, mem.get(toScale + 1) + r01 * d3 + r11 * d4 + r21 * d5);
                mem.set(toScale + 2, mem.get(toScale + 2) + r02 * d6 + r12 * d7 + r22 * d8);
                float gqw = 2f * (qz * (d1 - d3) + qy * (d6 - d2) + qx * (d5 - d7));
                float gqx = 2f * (qy * (d1 + d3) + qz * (d2 + d6) + qw * (d5 - d7)) - 4f * qx * (d4 + d8);
                float gqy = 2f * (qx * (d1 + d3) + qw * (d6 - d2) + qz * (d5 + d7)) - 4f * qy * (d0 + d8);
                float gqz = 2f * (qw * (d1 - d3) + qx * (d2 + d6) + qy * (d5 + d7)) - 4f * qz * (d0 + d4);
                float along = norm < 1e-12f ? 0f : qw * gqw + qx * gqx + qy * gqy + qz * gqz;
                mem.set(toQuaternion, mem.get(toQuaternion) + (gqw - qw * along) * one);
                mem.set(toQuaternion + 1, mem.get(toQuaternion + 1) + (gqx - qx * along) * one);
                mem.set(toQuaternion + 2, mem.get(toQuaternion + 2) + (gqy - qy * along) * one);
                mem.set(toQuaternion + 3, mem.get(toQuaternion + 3) + (gqz - qz * along) * one);
            }
        }
    }
}
