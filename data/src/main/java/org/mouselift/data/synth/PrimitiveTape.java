package org.mouselift.data.synth;

import java.util.List;
import org.mouselift.data.synth.Part.Kind;
import org.mouselift.data.synth.Part.Tissue;

/**
 * Primitives compiled into one flat array, in the order in which they are joined. Every primitive's distance has a gradient of at
 * most 1; a quadratic smooth union {@code min(a,b) - h² k/4, h = max(k - |a-b|, 0)/k} weighs two gradients with non-negative
 * weights that sum to 1, so the whole function is 1-Lipschitz: its value never exceeds the true distance.
 */
final class PrimitiveTape {
    private static final int STRIDE = 20;
    private static final int ROWS = 3;
    private static final int LENGTH = 12;
    private static final int RADIUS_A = 13;
    private static final int RADIUS_B = 14;
    private static final int SCALE = 15;
    private static final int BLEND = 16;
    private static final int SLOPE_A = 17;
    private static final int SLOPE_B = 18;
    private static final int BOWL = 19;

    final int count;
    private final double[] data;
    private final Tissue[] tissues;
    private final double[] dorsal;

    PrimitiveTape(List<Part> parts) {
        count = parts.size();
        data = new double[count * STRIDE];
        tissues = new Tissue[count];
        dorsal = new double[count * 3];
        for (int i = 0; i < count; i++) {
            compile(parts.get(i), i);
        }
    }

    private void compile(Part p, int index) {
        int o = index * STRIDE;
        put(o, p.origin());
        put(o + ROWS, p.axisX().times(1 / p.scaleX()));
        put(o + ROWS + 3, p.axisY().times(1 / p.scaleY()));
        put(o + ROWS + 6, p.axisZ().times(1 / p.scaleZ()));
        data[o + LENGTH] = p.length();
        data[o + RADIUS_A] = p.radiusA();
        data[o + RADIUS_B] = p.radiusB();
        data[o + SCALE] = p.minScale();
        data[o + BLEND] = p.blend();
        if (p.kind() == Kind.BOWL) {
            data[o + BOWL] = 1;
            data[o + SLOPE_A] = Math.sqrt(p.radiusA() * p.radiusA() - p.length() * p.length());
        } else {
            double b = p.length() > 0 ? (p.radiusA() - p.radiusB()) / p.length() : 0;
            data[o + SLOPE_B] = b;
            data[o + SLOPE_A] = Math.sqrt(1 - b * b);
        }
        tissues[index] = p.tissue();
        dorsal[3 * index] = p.dorsal().x();
        dorsal[3 * index + 1] = p.dorsal().y();
        dorsal[3 * index + 2] = p.dorsal().z();
    }

    private void put(int at, Vec3 v) {
        data[at] = v.x();
        data[at + 1] = v.y();
        data[at + 2] = v.z();
    }

    double blend(int index) {
        return data[index * STRIDE + BLEND];
    }

    Tissue tissue(int index) {
        return tissues[index];
    }

    double dorsal(int index, int axis) {
        return dorsal[3 * index + axis];
    }

    /** Radius at the origin of a cone, or of a bowl's sphere, in the primitive's frame. */
    double radius(int index) {
        return data[index * STRIDE + RADIUS_A];
    }

    /** The distance from all primitives in turn. */
    double distance(double x, double y, double z) {
        double f = primitive(0, x, y, z);
        for (int i = 1; i < count; i++) {
            f = union(f, primitive(i, x, y, z), blend(i));
        }
        return f;
    }

    /** The smooth union of width {@code k} of two distances. */
    static double union(double a, double b, double k) {
        double m = Math.min(a, b);
        double h = k - Math.abs(a - b);
        return h > 0 ? m - h * h / (4 * k) : m;
    }

    /** Signed lower bound of the distance to one primitive. */
    double primitive(int index, double x, double y, double z) {
        double[] d = data;
        int o = index * STRIDE;
        double dx = x - d[o];
        double dy = y - d[o + 1];
        double dz = z - d[o + 2];
        double qx = d[o + 3] * dx + d[o + 4] * dy + d[o + 5] * dz;
        double qy = d[o + 6] * dx + d[o + 7] * dy + d[o + 8] * dz;
        double axial = d[o + 9] * dx + d[o + 10] * dy + d[o + 11] * dz;
        double radial = Math.sqrt(qx * qx + qy * qy);
        double length = d[o + LENGTH];
        double ra = d[o + RADIUS_A];
        double rb = d[o + RADIUS_B];
        double a = d[o + SLOPE_A];
        double f;
        if (d[o + BOWL] != 0) {
            // Rim circle of radius a at height `length`; the shell itself is where the point projects below the rim.
            f = (length * radial < a * axial ? Math.sqrt((radial - a) * (radial - a) + (axial - length) * (axial - length))
                    : Math.abs(Math.sqrt(radial * radial + axial * axial) - ra)) - rb;
        } else {
            double b = d[o + SLOPE_B];
            double along = a * axial - b * radial;
            if (along <= 0) {
                f = Math.sqrt(radial * radial + axial * axial) - ra;
            } else if (along >= a * length) {
                f = Math.sqrt(radial * radial + (axial - length) * (axial - length)) - rb;
            } else {
                f = a * radial + b * axial - ra;
            }
        }
        return f * d[o + SCALE];
    }

    /** The world point in the frame of a primitive. */
    void local(int index, double x, double y, double z, double[] out) {
        int o = index * STRIDE;
        double dx = x - data[o];
        double dy = y - data[o + 1];
        double dz = z - data[o + 2];
        for (int r = 0; r < 3; r++) {
            out[r] = data[o + 3 + 3 * r] * dx + data[o + 4 + 3 * r] * dy + data[o + 5 + 3 * r] * dz;
        }
    }
}
