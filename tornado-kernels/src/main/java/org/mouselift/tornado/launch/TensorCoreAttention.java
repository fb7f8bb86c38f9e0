package org.mouselift.tornado.launch;

import java.util.ArrayList;
import java.util.List;
import org.mouselift.engine.op.Attention;
import org.mouselift.tornado.plan.Arguments;
import org.mouselift.tornado.plan.Emission;
import org.mouselift.tornado.plan.Grid;
import org.mouselift.tornado.plan.Operand;

/**
 * Launch of the kernel {@code tensorCoreAttention}: what {@link FlashAttention} computes, with q, k, v and the weights exp(scores - a
 * reference of the row) rounded to half floats, float32 scores and sums, for heads of width {@link #LEAST_WIDTH} to
 * {@link #MOST_WIDTH}. A group of {@link #LOCAL} work items, eight warps of 16 queries, computes {@link #QUERIES} queries of one head
 * from tiles of {@link #KEYS} keys. Fragments leave registers only as a whole and to the device's memory, so that scores go through
 * {@code scratch}, and sums cannot be rescaled in place: the reference of a row stays until a score is more than 2^{@link #SLACK}
 * times its weight 1, then the sums so far are scaled in {@code scratch} and begin again from zero. The sum of the weights is one more
 * column of the product with v.
 *
 * <p>Arguments: heads H, queries Tq, head width D; place of the tiles of q and steps along batch and head; for two sources keys (0 for
 * none), batch rows of q that share a row of the source, place of the tiles of k and its steps, place of the tiles of v and its steps;
 * places of the result [B,H,Tq,D], the log-sum-exp [B,H,Tq] and the scratch; float: scale.
 */
public final class TensorCoreAttention {
    public static final String KERNEL = "tensorCoreAttention";
    public static final int LEAST_WIDTH = HalfTiles.DEPTH + 1;
    public static final int MOST_WIDTH = 2 * HalfTiles.DEPTH;
    public static final int LOCAL = 256;
    public static final int QUERIES = HalfTiles.LINES;
    public static final int KEYS = 64;
    /** Powers of two that a weight may be larger than 1. */
    public static final int SLACK = 8;
    /** Columns of the sums: the head, the sum of the weights, and what fills its fragment. */
    public static final int COLUMNS = MOST_WIDTH + 8;
    /** Floats of a group: scores, sums as they leave registers, sums of before the last change of the references. */
    public static final int SCRATCH = QUERIES * (KEYS + 2 * COLUMNS);

    private TensorCoreAttention() {}

    /** True if the kernel computes attention over heads of a width. */
    static boolean takes(Attention operation, long width) {
        return width >= LEAST_WIDTH && width <= MOST_WIDTH && operation.sources() <= FlashAttention.MOST_SOURCES;
    }

    static void emit(Attention operation, Emission to) {
        Operand q = to.in(0);
        List<Operand> reads = new ArrayList<>();
        Arguments args = new Arguments().add(q.dim(1)).add(q.dim(2)).add(q.dim(3));
        factor(args, to, q, false, q.dim(2), q.stride(2), q.dim(3), q.stride(3), reads);
        for (int s = 0; s < FlashAttention.MOST_SOURCES; s++) {
            boolean real = s < operation.sources();
            if (!real) {
                args.add(new long[8]);
                continue;
            }
            Operand k = to.in(1 + 2 * s);
            Operand v = to.in(2 + 2 * s);
            args.add(k.dim(2)).add(q.dim(0) / k.dim(0));
            factor(args, to, k, true, k.dim(2), k.stride(2), k.dim(3), k.stride(3), reads);
            factor(args, to, v, true, v.dim(3), v.stride(3), v.dim(2), v.stride(2), reads);
        }
        Operand o = to.out(0);
        Operand lse = to.out(1);
        long tiles = Math.ceilDiv(q.dim(2), QUERIES);
        Operand scratch = to.scratch(Math.multiplyExact(tiles * q.dim(1) * q.dim(0), (long) SCRATCH), "scores");
        args.place(o).place(lse).place(scratch);
        args.constant(operation.scale());
        to.launch(KERNEL, Grid.groups(tiles, q.dim(1), q.dim(0), LOCAL), args, reads, List.of(o, lse, scratch));
    }

    /** Rounds an operand [B,H,T,D]. */
    private static void factor(Arguments args, Emission to, Operand x, boolean right, long lines, long lineStep, long depth, long depthStep, List<Operand> reads) {
        HalfTiles.Factor f = HalfTiles.emit(to, x, right, new long[] {lines, lineStep}, new long[] {depth, depthStep}, new long[] {x.dim(0), x.dim(1), 1},
                new long[] {x.stride(0), x.stride(1), 0});
        args.place(f.tiles()).add(f.steps()[0]).add(f.steps()[1]);
        reads.add(f.tiles());
    }
}
