package org.mouselift.engine.op;

import java.util.List;
import org.mouselift.engine.Operation;
import org.mouselift.engine.Shape;
import org.mouselift.engine.TensorSpec;

/**
 * How much arithmetic an operation asks for: that of products, convolutions and attention, a multiply-add counted as two. The count
 * is that of the definition, whatever a kernel saves (minimal filtering of 3x3 kernels does with less than half). Everything
 * else is bound by memory and counts as 0.
 */
public final class Arithmetic {
    private Arithmetic() {}

    /**
     * Floating-point operations of one call.
     *
     * @param in specs of the operands
     * @param out specs of the results
     */
    public static double flops(Operation operation, List<TensorSpec> in, List<TensorSpec> out) {
        return switch (operation) {
            case MatMul m -> 2.0 * out.getFirst().shape().numel() * in.getFirst().shape().dim(-1);
            case Linear l -> 2.0 * out.getFirst().shape().numel() * in.get(1).shape().dim(1);
            case Conv2d c -> 2.0 * out.getFirst().shape().numel() * taps(in.get(1).shape());
            // Every element of dy meets every tap of every input channel once.
            case Conv2d.InputGrad g -> 2.0 * in.getFirst().shape().numel() * taps(in.get(1).shape());
            case Conv2d.WeightGrad g -> 2.0 * in.get(1).shape().numel() * taps(out.getFirst().shape());
            case Attention a -> attention(in, a.sources());
            // Two products forward; backward the scores again, and a gradient for each operand of both.
            case Attention.AttentionGrad a -> 2.5 * attention(in, a.sources());
            default -> 0;
        };
    }

    /** Input channels times kernel positions of a weight [O,C,P,Q]. */
    private static double taps(Shape weight) {
        return (double) weight.dim(1) * weight.dim(2) * weight.dim(3);
    }

    private static double attention(List<TensorSpec> in, int sources) {
        double keys = 0;
        for (int i = 0; i < sources; i++) {
            keys += in.get(1 + 2 * i).shape().dim(2);
        }
        return 4.0 * in.getFirst().shape().numel() * keys;
    }

    /** What kind of work a call is, for listings: the operation's name, for a convolution with kernel and stride, for attention with the width of a head. */
    public static String kind(Operation operation, List<TensorSpec> in) {
        return switch (operation) {
            case Conv2d c -> {
                Shape weight = in.get(1).shape();
                yield "conv2d " + weight.dim(2) + "x" + weight.dim(3) + (c.window().stride() == 1 ? "" : " stride " + c.window().stride());
            }
            case Attention a -> "attention, heads of " + in.getFirst().shape().dim(3);
            default -> operation.name();
        };
    }
}
