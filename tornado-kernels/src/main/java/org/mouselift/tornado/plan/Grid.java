package org.mouselift.tornado.plan;

/**
 * Work items of a kernel in up to three dimensions.
 *
 * @param x work items in the first dimension, a multiple of {@code localX}
 * @param y second dimension, groups of size 1
 * @param z third dimension, groups of size 1
 * @param localX work items a group
 */
public record Grid(long x, long y, long z, int localX) {
    /** Most work items a group that kernels here use; every device class we know takes them. */
    public static final int MAX_LOCAL = 256;

    public Grid {
        if (localX < 1 || localX > MAX_LOCAL || x < 1 || y < 1 || z < 1 || x % localX != 0) {
            throw new IllegalArgumentException("grid " + x + " x " + y + " x " + z + " with groups of " + localX);
        }
    }

    /** At least n work items in a row. */
    public static Grid items(long n, int localX) {
        return new Grid(Math.max(1, Math.ceilDiv(n, localX)) * localX, 1, 1, localX);
    }

    /** Groups of work items. */
    public static Grid groups(long groupsX, long y, long z, int localX) {
        return new Grid(Math.multiplyExact(groupsX, (long) localX), y, z, localX);
    }

    @Override
    public String toString() {
        return x / localX + "x" + y + "x" + z + " groups of " + localX;
    }
}
