package org.mouselift.tornado.launch;

import java.util.ArrayList;
import java.util.List;
import org.mouselift.engine.device.DevicePrecision;
import org.mouselift.engine.op.Attention;
import org.mouselift.tornado.plan.Arguments;
import org.mouselift.tornado.plan.Emission;
import org.mouselift.tornado.plan.Grid;
import org.mouselift.tornado.plan.Operand;

/**
 * Launch of the kernels {@code attention64} and {@code attention160} (head width up to 64 and 160): softmax(scale q k^T) v and its
 * log-sum-exp without storing the scores, with an online softmax over tiles of keys (Dao et al. 2022, "FlashAttention"), keys from
 * one or two sources. A group of {@link #LOCAL} work items computes {@link #QUERIES} queries of one head.
 *
 * <p>Arguments: heads H, queries Tq, head width D, sources; place of q and its steps along batch, head and token; for two sources
 * tokens (0 for none), batch rows of q that share a row of the source, place and steps of k, place and steps of v; places of the
 * result [B,H,Tq,D] and the log-sum-exp [B,H,Tq]; float: scale.
 */
public final class FlashAttention {
    public static final String NARROW = "attention64";
    public static final String WIDE = "attention160";
    public static final int NARROW_WIDTH = 64;
    public static final int WIDE_WIDTH = 160;
    public static final int LOCAL = 256;
    public static final int QUERIES = 32;
    public static final int KEYS = 32;
    /** Work items a query. */
    public static final int SHARE = LOCAL / QUERIES;
    public static final int MOST_SOURCES = 2;

    private FlashAttention() {}

    public static void emit(Attention operation, Emission to) {
        if (to.precision() == DevicePrecision.FP16 && TensorCoreAttention.takes(operation, to.in(0).dim(3))) {
            TensorCoreAttention.emit(operation, to);
            return;
        }
        Operand q = dense(to, to.in(0));
        long width = q.dim(3);
        require(to, operation.sources(), width);
        List<Operand> reads = new ArrayList<>(List.of(q));
        Operand o = to.out(0);
        Operand lse = to.out(1);
        Arguments args = new Arguments().add(q.dim(1)).add(q.dim(2)).add(width).add(operation.sources());
        window(args, q);
        sources(args, to, operation.sources(), q.dim(0), reads);
        args.place(o).place(lse);
        args.constant(operation.scale());
        Grid grid = Grid.groups(Math.ceilDiv(q.dim(2), QUERIES), q.dim(1), q.dim(0), LOCAL);
        to.launch(width <= NARROW_WIDTH ? NARROW : WIDE, grid, args, reads, List.of(o, lse));
    }

    static void require(Emission to, int sources, long width) {
        if (sources > MOST_SOURCES || width > WIDE_WIDTH) {
            throw to.refusal("has " + sources + " sources of keys and heads of width " + width + "; the kernel takes " + MOST_SOURCES + " sources and widths up to "
                    + WIDE_WIDTH);
        }
    }

    /** Adds the windows of {@link #MOST_SOURCES} sources, those that are missing without tokens. */
    static void sources(Arguments args, Emission to, int sources, long batch, List<Operand> reads) {
        for (int s = 0; s < MOST_SOURCES; s++) {
            boolean real = s < sources;
            Operand k = dense(to, to.in(real ? 1 + 2 * s : 1));
            Operand v = dense(to, to.in(real ? 2 + 2 * s : 2));
            args.add(real ? k.dim(2) : 0).add(batch / k.dim(0));
            window(args, k);
            window(args, v);
            reads.add(k);
            reads.add(v);
        }
    }

    static void window(Arguments args, Operand x) {
        args.place(x).add(x.stride(0)).add(x.stride(1)).add(x.stride(2));
    }

    /** The kernel reads a token's numbers in a row. */
    static Operand dense(Emission to, Operand x) {
        return x.stride(3) == 1 || x.dim(3) == 1 ? x : to.packed(x);
    }
}
