package org.mouselift.tornado.launch;

import java.util.ArrayList;
import java.util.List;
import org.mouselift.engine.op.Attention;
import org.mouselift.tornado.plan.Arguments;
import org.mouselift.tornado.plan.Emission;
import org.mouselift.tornado.plan.Grid;
import org.mouselift.tornado.plan.Operand;

/**
 * Launches of the gradient of {@link FlashAttention}: {@code attentionDelta} (rowsum(do o)), {@code attentionGradQueries…} (dq, a group
 * a tile of queries) and for each source {@code attentionGradKeys…} (dk and dv, a group a tile of keys, over all batch rows of q that
 * read it). Suffix 64 or 160 by head width.
 *
 * <p>Arguments of the queries' kernel as in {@link FlashAttention} up to the sources, then places of do, lse, delta and dq. Of the keys'
 * kernel: heads, queries, head width, unused; place and steps of q; tokens of the source, batch rows of q a row; place and steps of k and of
 * v; places of do, lse, delta, dk and dv. Float: scale.
 */
public final class AttentionGradient {
    public static final String DELTA = "attentionDelta";
    public static final String QUERIES_NARROW = "attentionGradQueries64";
    public static final String QUERIES_WIDE = "attentionGradQueries160";
    public static final String KEYS_NARROW = "attentionGradKeys64";
    public static final String KEYS_WIDE = "attentionGradKeys160";
    public static final int LOCAL = 256;
    public static final int NARROW_WIDTH = FlashAttention.NARROW_WIDTH;
    public static final int WIDE_WIDTH = FlashAttention.WIDE_WIDTH;
    /** Queries and keys of a tile; four tiles of a head's width fit into 48 KiB of local memory. */
    public static final int NARROW_TILE = 32;
    public static final int WIDE_TILE = 16;
    /** Work items a query or key. */
    public static final int NARROW_SHARE = LOCAL / NARROW_TILE;
    public static final int WIDE_SHARE = LOCAL / WIDE_TILE;

    private AttentionGradient() {}

    public static void emit(Attention.AttentionGrad operation, Emission to) {
        int sources = operation.sources();
        Operand q = FlashAttention.dense(to, to.in(0));
        long width = q.dim(3);
        FlashAttention.require(to, sources, width);
        Operand o = to.packed(1 + 2 * sources);
        Operand lse = to.packed(2 + 2 * sources);
        Operand g = to.packed(3 + 2 * sources);
        Operand delta = to.scratch(lse.shape().numel(), "attention delta");
        to.launch(DELTA, Grid.items(lse.shape().numel(), 128), new Arguments().add(lse.shape().numel()).add(width).place(g).place(o).place(delta), List.of(g, o),
                List.of(delta));
        boolean narrow = width <= NARROW_WIDTH;
        int tile = narrow ? NARROW_TILE : WIDE_TILE;
        List<Operand> reads = new ArrayList<>(List.of(q, g, lse, delta));
        Arguments args = new Arguments().add(q.dim(1)).add(q.dim(2)).add(width).add(sources);
        FlashAttention.window(args, q);
        FlashAttention.sources(args, to, sources, q.dim(0), reads);
        args.place(g).place(lse).place(delta).place(to.out(0));
        args.constant(operation.scale());
        to.launch(narrow ? QUERIES_NARROW : QUERIES_WIDE, Grid.groups(Math.ceilDiv(q.dim(2), tile), q.dim(1), q.dim(0), LOCAL), args, reads, List.of(to.out(0)));
        for (int s = 0; s < sources; s++) {
            Operand k = FlashAttention.dense(to, to.in(1 + 2 * s));
            Operand v = FlashAttention.dense(to, to.in(2 + 2 * s));
            Operand dk = to.out(1 + 2 * s);
            Operand dv = to.out(2 + 2 * s);
            if (k.shape().numel() == 0) {
                continue;
            }
            Arguments a = new Arguments().add(q.dim(1)).add(q.dim(2)).add(width).add(0);
            FlashAttention.window(a, q);
            a.add(k.dim(2)).add(q.dim(0) / k.dim(0));
            FlashAttention.window(a, k);
            FlashAttention.window(a, v);
            a.place(g).place(lse).place(delta).place(dk).place(dv);
            a.constant(operation.scale());
            to.launch(narrow ? KEYS_NARROW : KEYS_WIDE, Grid.groups(Math.ceilDiv(k.dim(2), tile), k.dim(1), k.dim(0), LOCAL), a, List.of(q, k, v, g, lse, delta),
                    List.of(dk, dv));
        }
    }
}
