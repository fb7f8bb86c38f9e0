package org.mouselift.tornado.launch;

import java.util.ArrayList;
import java.util.List;
import org.mouselift.engine.op.Reduce;
import org.mouselift.tornado.plan.Arguments;
import org.mouselift.tornado.plan.Emission;
import org.mouselift.tornado.plan.Grid;
import org.mouselift.tornado.plan.Operand;

/**
 * Launch of the kernel {@code reduce}: sums, means, maxima or minima over any axes of a strided operand. A group of {@link #LOCAL}
 * work items computes one result: each joins every {@link #LOCAL}-th element in parts of 32, then a tree joins
 * them, so that the order and the result are fixed.
 *
 * <p>Arguments: kind, elements a result, kept axes, reduced axes, places of x and y, sizes and steps of the kept axes, sizes and
 * steps of the reduced ones; float: the factor of a mean.
 */
public final class Reduction {
    public static final String KERNEL = "reduce";
    public static final int LOCAL = 64;

    private Reduction() {}

    public static void emit(Reduce operation, Emission to) {
        Operand x = to.in(0);
        Operand y = to.out(0);
        List<Integer> kept = new ArrayList<>();
        for (int i = 0; i < x.shape().rank(); i++) {
            if (!operation.axes().contains(i)) {
                kept.add(i);
            }
        }
        List<Integer> reduced = operation.axes().stream().sorted().toList();
        long count = reduced.stream().mapToLong(x::dim).reduce(1, Math::multiplyExact);
        if (count == 0) {
            throw to.refusal("reduces no elements, which the kernel does not");
        }
        Axes outer = axes(x, kept);
        Axes inner = axes(x, reduced);
        Arguments args = new Arguments().add(operation.kind().ordinal()).add(count).add(outer.sizes().length).add(inner.sizes().length).place(x).place(y)
                .add(outer.sizes()).add(outer.steps().getFirst()).add(inner.sizes()).add(inner.steps().getFirst());
        args.constant(1.0 / count);
        to.launch(KERNEL, Grid.groups(y.shape().numel(), 1, 1, LOCAL), args, List.of(x), List.of(y));
    }

    private static Axes axes(Operand x, List<Integer> which) {
        long[] sizes = which.stream().mapToLong(x::dim).toArray();
        long[] steps = which.stream().mapToLong(x::stride).toArray();
        return Axes.merged(sizes, List.of(steps));
    }
}
