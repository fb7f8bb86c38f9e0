package org.mouselift.tornado.launch;

import java.util.List;
import org.mouselift.engine.op.UpsampleNearest;
import org.mouselift.tornado.plan.Arguments;
import org.mouselift.tornado.plan.Emission;
import org.mouselift.tornado.plan.Grid;
import org.mouselift.tornado.plan.Operand;

/**
 * Launches of the kernels {@code upsampleNearest} and {@code upsampleNearestGrad}, one work item an element of the result.
 *
 * <p>Arguments: elements of the result, height and width of the operand, height and width of the result, places of both.
 */
public final class Upsampling {
    public static final String KERNEL = "upsampleNearest";
    public static final String GRADIENT = "upsampleNearestGrad";
    public static final int LOCAL = 128;

    private Upsampling() {}

    public static void emit(UpsampleNearest operation, Emission to) {
        launch(KERNEL, to);
    }

    public static void emit(UpsampleNearest.Grad operation, Emission to) {
        launch(GRADIENT, to);
    }

    private static void launch(String kernel, Emission to) {
        Operand x = to.packed(0);
        Operand y = to.out(0);
        Arguments args = new Arguments().add(y.shape().numel()).add(x.dim(-2)).add(x.dim(-1)).add(y.dim(-2)).add(y.dim(-1)).place(x).place(y);
        to.launch(kernel, Grid.items(y.shape().numel(), LOCAL), args, List.of(x), List.of(y));
    }
}
