package org.mouselift.tornado.launch;

import java.util.List;
import org.mouselift.engine.Operation;
import org.mouselift.models.optim.AdamMoments;
import org.mouselift.models.optim.AdamWStep;
import org.mouselift.tornado.plan.Arguments;
import org.mouselift.tornado.plan.Emission;
import org.mouselift.tornado.plan.Grid;
import org.mouselift.tornado.plan.Operand;

/**
 * Launches of the kernels {@code adamMoments} and {@code adamWStep}, one work item an element of the parameter: one pass over memory
 * each, where the operations taken apart are about ten. What changes from step to step (clipping coefficient, learning rate, bias
 * corrections) is read from device memory.
 *
 * <p>Arguments. Moments: elements, places of moments, gradient and coefficient; floats: beta1, 1 - beta1, beta2, 1 - beta2. Step: elements,
 * places of parameter, moments and the three numbers; floats: factor of the learning rate, weight decay, epsilon.
 */
public final class AdamUpdate {
    public static final String MOMENTS = "adamMoments";
    public static final String STEP = "adamWStep";
    public static final int LOCAL = 128;

    private AdamUpdate() {}

    public static void emit(AdamMoments operation, Emission to) {
        Operand moments = overwritten(to);
        Operand gradient = to.packed(1);
        Operand coefficient = to.packed(2);
        long n = gradient.shape().numel();
        Arguments args = new Arguments().add(n).place(moments).place(gradient).place(coefficient);
        args.constant(operation.beta1());
        args.constant(1 - operation.beta1());
        args.constant(operation.beta2());
        args.constant(1 - operation.beta2());
        to.launch(MOMENTS, Grid.items(n, LOCAL), args, List.of(moments, gradient, coefficient), List.of(moments));
    }

    public static void emit(AdamWStep operation, Emission to) {
        Operand parameter = overwritten(to);
        Operand moments = to.packed(1);
        Operand numbers = to.packed(2);
        long n = parameter.shape().numel();
        Arguments args = new Arguments().add(n).place(parameter).place(moments).place(numbers);
        args.constant(operation.rateFactor());
        args.constant(operation.weightDecay());
        args.constant(operation.eps());
        to.launch(STEP, Grid.items(n, LOCAL), args, List.of(parameter, moments, numbers), List.of(parameter));
    }

    private static Operand overwritten(Emission to) {
        Operation operation = to.node().operation();
        Operand x = to.in(operation.overwrites());
        if (!x.isContiguous()) {
            throw to.refusal("overwrites an operand with gaps; the kernel takes one in row-major order");
        }
        return x;
    }
}
