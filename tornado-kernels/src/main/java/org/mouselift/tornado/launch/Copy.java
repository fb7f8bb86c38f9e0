package org.mouselift.tornado.launch;

import java.util.List;
import org.mouselift.engine.op.Concat;
import org.mouselift.engine.op.Pad;
import org.mouselift.engine.op.SliceScatter;
import org.mouselift.tornado.plan.Arguments;
import org.mouselift.tornado.plan.Emission;
import org.mouselift.tornado.plan.Grid;
import org.mouselift.tornado.plan.Operand;
import org.mouselift.tornado.plan.Space;

/**
 * Copies between windows, and the operations that consist of them. Floats go through {@link Elementwise}, ints through the kernel
 * {@code copyInts} (elements n, axes r, places of source and target, r sizes, r steps of each).
 */
public final class Copy {
    public static final String INTS = "copyInts";
    public static final int LOCAL = 128;

    private Copy() {}

    /** Copies a window to another of the same shape and type. */
    public static void emit(Emission to, Operand from, Operand target) {
        if (from.shape().numel() == 0) {
            return;
        }
        if (from.block().space() == Space.FLOATS) {
            Elementwise.copy(to, from, target);
            return;
        }
        Axes axes = Axes.merged(from.shape().dims(), List.of(from.strides(), target.strides()));
        Arguments a = new Arguments().add(from.shape().numel()).add(axes.sizes().length).place(from).place(target).add(axes.sizes())
                .add(axes.steps().get(0)).add(axes.steps().get(1));
        to.launch(INTS, Grid.items(from.shape().numel(), LOCAL), a, List.of(from), List.of(target));
    }

    /** Each part into its place in the result. */
    public static void concat(Concat operation, Emission to) {
        Operand out = to.out(0);
        int axis = out.shape().axis(operation.axis());
        long at = 0;
        for (int i = 0; i < to.node().inputs().size(); i++) {
            Operand part = to.in(i);
            emit(to, part, out.slice(axis, at, part.dim(axis), 1));
            at += part.dim(axis);
        }
    }

    /** Zeros, and the operand inside of them. */
    public static void pad(Pad operation, Emission to) {
        Operand out = to.out(0);
        floatsOnly(to, out);
        Operand inner = out;
        for (int i = 0; i < operation.before().size(); i++) {
            inner = inner.slice(i, operation.before().get(i), to.in(0).dim(i), 1);
        }
        Elementwise.fill(to, out, 0);
        emit(to, to.in(0), inner);
    }

    /** Zeros, and the operand at every {@code step}-th place of an axis. */
    public static void scatter(SliceScatter operation, Emission to) {
        Operand out = to.out(0);
        floatsOnly(to, out);
        int axis = out.shape().axis(operation.axis());
        Elementwise.fill(to, out, 0);
        emit(to, to.in(0), out.slice(axis, operation.begin(), to.in(0).dim(axis), operation.step()));
    }

    private static void floatsOnly(Emission to, Operand out) {
        if (out.block().space() != Space.FLOATS) {
            throw to.refusal("pads integers, which device kernels do not");
        }
    }
}
