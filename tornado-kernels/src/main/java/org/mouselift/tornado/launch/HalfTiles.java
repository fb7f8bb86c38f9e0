package org.mouselift.tornado.launch;

import java.util.List;
import org.mouselift.tornado.plan.Arguments;
import org.mouselift.tornado.plan.Emission;
import org.mouselift.tornado.plan.Grid;
import org.mouselift.tornado.plan.Operand;
import org.mouselift.tornado.plan.Overflows;

/**
 * Launch of the kernel {@code halfTiles}: rounds a factor of a matrix product to half floats, two in an int, in the order in which a
 * group of work items of {@link TensorCoreMatmul} copies them to local memory. A tile holds {@link #LINES} lines (rows of the left
 * factor, columns of the right one) and {@link #DEPTH} numbers of each; what lies past the matrix is zero. Within a tile come two
 * halves of 16 of the depth, each of fragments as the matrix instructions load them: for the left factor 16 lines x 16, line after
 * line; for the right factor 16 of the depth x 8 lines, depth after depth.
 *
 * <p>Arguments: ints to write; 1 for the right factor, 0 for the left; lines L, depth K, tiles along the lines, tiles along the depth;
 * place of the factor and its steps along lines and depth; sizes of the batch axes and steps along them; place of the tiles; place
 * of the overflow word and what to write there.
 */
public final class HalfTiles {
    public static final String KERNEL = "halfTiles";
    public static final int LOCAL = 256;
    public static final int LINES = 128;
    public static final int DEPTH = 32;
    /** Ints of a tile. */
    public static final int TILE = LINES * DEPTH / 2;

    private HalfTiles() {}

    /**
     * The factor in tiles.
     *
     * @param tiles ints on the device, batches x tiles along the lines x tiles along the depth x {@link #TILE}
     * @param steps distance of neighbours along the batch axes, in batches; 0 where the factor repeats
     */
    record Factor(Operand tiles, long[] steps) {}

    /**
     * Rounds a factor.
     *
     * @param x where it lies
     * @param right its place in the product
     * @param lines number and step of its rows (left) or columns (right)
     * @param depth number and step of what the product sums over
     * @param sizes batch axes, {@link Matmul#BATCH_AXES} of them
     * @param steps of the factor along them
     */
    static Factor emit(Emission to, Operand x, boolean right, long[] lines, long[] depth, long[] sizes, long[] steps) {
        long[] own = sizes.clone();
        long[] batch = new long[sizes.length];
        long count = 1;
        for (int i = sizes.length - 1; i >= 0; i--) {
            own[i] = steps[i] == 0 ? 1 : sizes[i];
            batch[i] = steps[i] == 0 ? 0 : count;
            count *= own[i];
        }
        long along = Math.ceilDiv(lines[0], LINES);
        long deep = Math.ceilDiv(depth[0], DEPTH);
        long n = Math.multiplyExact(Math.multiplyExact(count, along * deep), (long) TILE);
        if (n > Integer.MAX_VALUE - LOCAL) {
            throw to.refusal("has a factor of " + n + " pairs of half floats, device code can index " + Integer.MAX_VALUE + "; use --device-precision fp32 or fewer views");
        }
        Operand tiles = to.scratchInts(n, "half floats");
        Overflows overflows = to.overflows(x);
        Arguments a = new Arguments().add(n).add(right ? 1 : 0).add(lines[0]).add(depth[0]).add(along).add(deep).place(x).add(lines[1]).add(depth[1]).add(own)
                .add(steps).place(tiles).place(overflows.operand()).add(overflows.latest());
        to.launch(KERNEL, Grid.items(n, LOCAL), a, List.of(x), List.of(tiles, overflows.operand()));
        return new Factor(tiles, batch);
    }
}
