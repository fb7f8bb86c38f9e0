package org.mouselift.data.camera;

import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.apache.commons.math3.linear.Array2DRowRealMatrix;
import org.apache.commons.math3.linear.RealMatrix;

/** An immutable 3×3 matrix of doubles, {@code mRC} = row R, column C. Vectors are column vectors: {@code y = M·x}. */
public record Mat3(double m00, double m01, double m02,
                   double m10, double m11, double m12,
                   double m20, double m21, double m22) {
    public static final Mat3 IDENTITY = diagonal(1, 1, 1);

    public static Mat3 diagonal(double a, double b, double c) {
        return new Mat3(a, 0, 0, 0, b, 0, 0, 0, c);
    }

    public static Mat3 rows(Vector3D a, Vector3D b, Vector3D c) {
        return new Mat3(a.getX(), a.getY(), a.getZ(), b.getX(), b.getY(), b.getZ(), c.getX(), c.getY(), c.getZ());
    }

    public static Mat3 columns(Vector3D a, Vector3D b, Vector3D c) {
        return new Mat3(a.getX(), b.getX(), c.getX(), a.getY(), b.getY(), c.getY(), a.getZ(), b.getZ(), c.getZ());
    }

    /** From the leading 3×3 block of {@code rows}; each of the first three rows needs at least three entries. */
    public static Mat3 of(double[][] rows) {
        if (rows.length < 3 || rows[0].length < 3 || rows[1].length < 3 || rows[2].length < 3) {
            throw new CameraException(null, "matrix", "has fewer than 3×3 entries", "pass a 3×3, 3×4 or 4×4 matrix");
        }
        return new Mat3(rows[0][0], rows[0][1], rows[0][2], rows[1][0], rows[1][1], rows[1][2],
                rows[2][0], rows[2][1], rows[2][2]);
    }

    /** From nine numbers in row-major order. */
    public static Mat3 rowMajor(double... m) {
        if (m.length != 9) {
            throw new CameraException(null, "matrix", "has " + m.length + " numbers", "pass 9 numbers, row by row");
        }
        return new Mat3(m[0], m[1], m[2], m[3], m[4], m[5], m[6], m[7], m[8]);
    }

    /** The matrix of the cross product: {@code cross(v)·x = v × x}. */
    public static Mat3 cross(Vector3D v) {
        return new Mat3(0, -v.getZ(), v.getY(), v.getZ(), 0, -v.getX(), -v.getY(), v.getX(), 0);
    }

    /** {@code a·bᵀ}. */
    public static Mat3 outer(Vector3D a, Vector3D b) {
        return rows(b.scalarMultiply(a.getX()), b.scalarMultiply(a.getY()), b.scalarMultiply(a.getZ()));
    }

    public double get(int row, int column) {
        return switch (row * 3 + column) {
            case 0 -> m00;
            case 1 -> m01;
            case 2 -> m02;
            case 3 -> m10;
            case 4 -> m11;
            case 5 -> m12;
            case 6 -> m20;
            case 7 -> m21;
            case 8 -> m22;
            default -> throw new IndexOutOfBoundsException("row " + row + ", column " + column + " of a 3×3 matrix");
        };
    }

    public Vector3D row(int i) {
        return new Vector3D(get(i, 0), get(i, 1), get(i, 2));
    }

    public Vector3D column(int i) {
        return new Vector3D(get(0, i), get(1, i), get(2, i));
    }

    public Vector3D times(Vector3D v) {
        double x = v.getX();
        double y = v.getY();
        double z = v.getZ();
        return new Vector3D(m00 * x + m01 * y + m02 * z, m10 * x + m11 * y + m12 * z, m20 * x + m21 * y + m22 * z);
    }

    public Mat3 times(Mat3 b) {
        return new Mat3(
                m00 * b.m00 + m01 * b.m10 + m02 * b.m20, m00 * b.m01 + m01 * b.m11 + m02 * b.m21, m00 * b.m02 + m01 * b.m12 + m02 * b.m22,
                m10 * b.m00 + m11 * b.m10 + m12 * b.m20, m10 * b.m01 + m11 * b.m11 + m12 * b.m21, m10 * b.m02 + m11 * b.m12 + m12 * b.m22,
                m20 * b.m00 + m21 * b.m10 + m22 * b.m20, m20 * b.m01 + m21 * b.m11 + m22 * b.m21, m20 * b.m02 + m21 * b.m12 + m22 * b.m22);
    }

    public Mat3 transpose() {
        return new Mat3(m00, m10, m20, m01, m11, m21, m02, m12, m22);
    }

    public Mat3 scale(double s) {
        return new Mat3(s * m00, s * m01, s * m02, s * m10, s * m11, s * m12, s * m20, s * m21, s * m22);
    }

    public Mat3 plus(Mat3 b) {
        return new Mat3(m00 + b.m00, m01 + b.m01, m02 + b.m02, m10 + b.m10, m11 + b.m11, m12 + b.m12,
                m20 + b.m20, m21 + b.m21, m22 + b.m22);
    }

    public Mat3 minus(Mat3 b) {
        return plus(b.scale(-1));
    }

    public double trace() {
        return m00 + m11 + m22;
    }

    public double determinant() {
        return m00 * (m11 * m22 - m12 * m21) - m01 * (m10 * m22 - m12 * m20) + m02 * (m10 * m21 - m11 * m20);
    }

    /** The inverse by cofactors. A determinant of exactly zero or NaN is an error. */
    public Mat3 inverse() {
        double det = determinant();
        if (det == 0 || Double.isNaN(det)) {
            throw new CameraException(null, "matrix", "is singular: " + this, "pass an invertible 3×3 matrix");
        }
        return new Mat3(
                m11 * m22 - m12 * m21, m02 * m21 - m01 * m22, m01 * m12 - m02 * m11,
                m12 * m20 - m10 * m22, m00 * m22 - m02 * m20, m02 * m10 - m00 * m12,
                m10 * m21 - m11 * m20, m01 * m20 - m00 * m21, m00 * m11 - m01 * m10).scale(1 / det);
    }

    public boolean isFinite() {
        return Double.isFinite(maxAbs());
    }

    /** The largest absolute entry; NaN if any entry is NaN. */
    public double maxAbs() {
        double m = 0;
        for (int i = 0; i < 9; i++) {
            m = Math.max(m, Math.abs(get(i / 3, i % 3)));
        }
        return m;
    }

    /** The largest absolute difference of two entries; NaN if any entry is NaN. */
    public double maxAbsDifference(Mat3 b) {
        return minus(b).maxAbs();
    }

    /** {@code max |M·Mᵀ − I|}: 0 for an exact rotation or reflection. */
    public double orthonormalityError() {
        return times(transpose()).maxAbsDifference(IDENTITY);
    }

    public RealMatrix toRealMatrix() {
        return new Array2DRowRealMatrix(toArray(), false);
    }

    public static Mat3 of(RealMatrix m) {
        return of(m.getData());
    }

    /** A fresh {@code [3][3]} array. */
    public double[][] toArray() {
        return new double[][] {{m00, m01, m02}, {m10, m11, m12}, {m20, m21, m22}};
    }
}
