package org.mouselift.tornado.launch;

import java.util.List;
import org.mouselift.engine.op.GatherRows;
import org.mouselift.engine.op.ScatterAddRows;
import org.mouselift.tornado.plan.Arguments;
import org.mouselift.tornado.plan.Emission;
import org.mouselift.tornado.plan.Grid;
import org.mouselift.tornado.plan.Operand;
import org.mouselift.tornado.plan.Space;

/**
 * Launches of the kernels {@code gatherRows} (one work item an element of the result; an index outside of the table gives NaN) and
 * {@code scatterAddRows} (one work item an element of the result, which adds the rows of its index in order: no atomics, fixed sums).
 *
 * <p>Arguments: elements of the result, width of a row, rows of the table or indices, places of table or rows, indices and result.
 */
public final class Rows {
    public static final String GATHER = "gatherRows";
    public static final String SCATTER = "scatterAddRows";
    public static final int LOCAL = 128;

    private Rows() {}

    public static void emit(GatherRows operation, Emission to) {
        Operand table = to.packed(0);
        if (table.block().space() != Space.FLOATS) {
            throw to.refusal("looks up rows of integers, which device kernels do not");
        }
        Operand index = to.packed(1);
        Operand y = to.out(0);
        long width = y.shape().numel() / index.shape().numel();
        Arguments args = new Arguments().add(y.shape().numel()).add(width).add(table.dim(0)).place(table).place(index).place(y);
        to.launch(GATHER, Grid.items(y.shape().numel(), LOCAL), args, List.of(table, index), List.of(y));
    }

    public static void emit(ScatterAddRows operation, Emission to) {
        Operand x = to.packed(0);
        Operand index = to.packed(1);
        Operand y = to.out(0);
        long width = y.shape().numel() / operation.rows();
        Arguments args = new Arguments().add(y.shape().numel()).add(width).add(index.shape().numel()).place(x).place(index).place(y);
        to.launch(SCATTER, Grid.items(y.shape().numel(), LOCAL), args, List.of(x, index), List.of(y));
    }
}
