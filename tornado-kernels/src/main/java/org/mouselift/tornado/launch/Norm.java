package org.mouselift.tornado.launch;

import java.util.ArrayList;
import java.util.List;
import org.mouselift.engine.op.GroupNorm;
import org.mouselift.engine.op.LayerNorm;
import org.mouselift.engine.op.Softmax;
import org.mouselift.tornado.plan.Arguments;
import org.mouselift.tornado.plan.Emission;
import org.mouselift.tornado.plan.Grid;
import org.mouselift.tornado.plan.Operand;

/**
 * Launches of the kernels that normalise rows, one group of {@link #LOCAL} work items a row: {@code layerNorm} (row = last axis),
 * {@code groupNorm} (row = channels of a group and all positions) and {@code softmax} (row = last axis).
 *
 * <p>Arguments of layerNorm: width, places of x, w, b (-1 for none), y, mean, 1/deviation; float: eps. Of groupNorm: elements of a
 * row, positions of a channel, channels of a group, groups, 1 for SiLU, places as before. Of softmax: width, places of x and y, 1 for the logarithm.
 */
public final class Norm {
    public static final String LAYER = "layerNorm";
    public static final String GROUP = "groupNorm";
    public static final String SOFTMAX = "softmax";
    /** A power of two: partial sums are added in a tree. */
    public static final int LOCAL = 128;

    private Norm() {}

    public static void emit(LayerNorm operation, Emission to) {
        Operand x = to.packed(0);
        Operand w = to.packed(1);
        List<Operand> reads = new ArrayList<>(List.of(x, w));
        Arguments args = new Arguments().add(x.dim(-1)).place(x).place(w);
        if (operation.bias()) {
            Operand b = to.packed(2);
            args.place(b);
            reads.add(b);
        } else {
            args.add(-1);
        }
        args.place(to.out(0)).place(to.out(1)).place(to.out(2));
        args.constant(operation.eps());
        to.launch(LAYER, rows(x.shape().numel() / x.dim(-1)), args, reads, List.of(to.out(0), to.out(1), to.out(2)));
    }

    public static void emit(GroupNorm operation, Emission to) {
        Operand x = to.packed(0);
        Operand w = to.packed(1);
        Operand b = to.packed(2);
        long rows = x.dim(0) * operation.groups();
        long positions = x.shape().numel() / (x.dim(0) * x.dim(1));
        long channels = x.dim(1) / operation.groups();
        Arguments args = new Arguments().add(channels * positions).add(positions).add(channels).add(operation.groups()).add(operation.silu() ? 1 : 0)
                .place(x).place(w).place(b).place(to.out(0)).place(to.out(1)).place(to.out(2));
        args.constant(operation.eps());
        to.launch(GROUP, rows(rows), args, List.of(x, w, b), List.of(to.out(0), to.out(1), to.out(2)));
    }

    public static void emit(Softmax operation, Emission to) {
        Operand x = to.packed(0);
        Arguments args = new Arguments().add(x.dim(-1)).place(x).place(to.out(0)).add(operation.logarithm() ? 1 : 0);
        to.launch(SOFTMAX, rows(x.shape().numel() / x.dim(-1)), args, List.of(x), List.of(to.out(0)));
    }

    private static Grid rows(long n) {
        return Grid.groups(n, 1, 1, LOCAL);
    }
}
