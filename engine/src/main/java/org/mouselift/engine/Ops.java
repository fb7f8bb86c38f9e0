package org.mouselift.engine;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.mouselift.engine.op.AddInto;
import org.mouselift.engine.op.Affine;
import org.mouselift.engine.op.Assign;
import org.mouselift.engine.op.Attention;
import org.mouselift.engine.op.Binary;
import org.mouselift.engine.op.Cast;
import org.mouselift.engine.op.Clamp;
import org.mouselift.engine.op.Compare;
import org.mouselift.engine.op.Concat;
import org.mouselift.engine.op.Contiguous;
import org.mouselift.engine.op.Conv2d;
import org.mouselift.engine.op.Expand;
import org.mouselift.engine.op.Fill;
import org.mouselift.engine.op.GatherRows;
import org.mouselift.engine.op.Geglu;
import org.mouselift.engine.op.GroupNorm;
import org.mouselift.engine.op.LayerNorm;
import org.mouselift.engine.op.Linear;
import org.mouselift.engine.op.MatMul;
import org.mouselift.engine.op.Pad;
import org.mouselift.engine.op.Permute;
import org.mouselift.engine.op.Reduce;
import org.mouselift.engine.op.Reshape;
import org.mouselift.engine.op.ScatterAddRows;
import org.mouselift.engine.op.Slice;
import org.mouselift.engine.op.Softmax;
import org.mouselift.engine.op.Unary;
import org.mouselift.engine.op.UpsampleNearest;
import org.mouselift.engine.op.Where;

/**
 * The front door: one static method an operation. Results belong to the current {@link Scope} (views share memory with
 * their operand), go through the current {@link Executor} and are recorded on the current {@link Tape}.
 */
public final class Ops {
    private Ops() {}

    // ---- the one way in ------------------------------------------------------------------------------------------

    /** Applies any operation: checks the operands, runs or records it, and tapes it when a gradient may be asked. */
    public static List<Tensor> apply(Operation operation, List<Tensor> inputs) {
        List<TensorSpec> specs = new ArrayList<>(inputs.size());
        for (Tensor t : inputs) {
            specs.add(t.spec());
        }
        List<TensorSpec> results = operation.infer(specs);
        Executor executor = Executor.current();
        if (!(operation instanceof ViewOperation) && !executor.computes(operation, Eager.kernelType(operation, inputs))) {
            var primitives = composed(operation, inputs);
            if (primitives.isPresent()) {
                return primitives.get();
            }
        }
        Tape tape = Tape.current();
        boolean taped = tape != null && tape.wants(inputs);
        int target = operation.overwrites();
        if (target >= 0) {
            if (taped) {
                throw new EngineException(operation.name() + ": would overwrite " + inputs.get(target)
                        + " while it is being differentiated; use Tape.pause" + ModulePath.suffix());
            }
            checkInPlace(operation, inputs, target);
            inputs.get(target).noteWrite();
        }
        List<Tensor> out = executor.execute(operation, inputs, results);
        if (taped) {
            tape.record(operation.name(), inputs, out, operation::vjp);
        }
        return out;
    }

    private static void checkInPlace(Operation operation, List<Tensor> inputs, int target) {
        Tensor to = inputs.get(target);
        if (Overlap.repeats(to.shape(), to.strides())) {
            throw new EngineException(operation.name() + ": " + to + " is an expanded view: one element would be written several times"
                    + ModulePath.suffix());
        }
        for (int i = 0; i < inputs.size(); i++) {
            Tensor x = inputs.get(i);
            if (i != target && x.sharesMemory(to)
                    && Overlap.garbles(to.shape(), to.strides(), to.offset(), x.shape(), x.strides(), x.offset())) {
                throw new EngineException(operation.name() + ": in-place hazard: operand " + x + " overlaps the overwritten " + to
                        + " at other indices; copy it first" + ModulePath.suffix());
            }
        }
    }

    /** The result from primitives; what they make on the way is freed unless a tape needs it. */
    private static Optional<List<Tensor>> composed(Operation operation, List<Tensor> inputs) {
        if (Tape.records(inputs)) {
            return operation.composed(inputs);
        }
        boolean[] parts = new boolean[1];
        List<Tensor> out = Scope.keepResults(operation.name(), () -> {
            Optional<List<Tensor>> made = operation.composed(inputs);
            parts[0] = made.isPresent();
            return made.orElse(List.of());
        });
        return parts[0] ? Optional.of(out) : Optional.empty();
    }

    /** As {@link #apply(Operation, List)}. */
    public static List<Tensor> apply(Operation operation, Tensor... inputs) {
        return apply(operation, List.of(inputs));
    }

    private static Tensor one(Operation operation, Tensor... inputs) {
        return apply(operation, List.of(inputs)).getFirst();
    }

    // ---- element by element --------------------------------------------------------------------------------------

    public static Tensor unary(Unary.Kind kind, Tensor x) {
        return one(new Unary(kind), x);
    }

    public static Tensor binary(Binary.Kind kind, Tensor x, Tensor y) {
        return one(new Binary(kind), x, y);
    }

    public static Tensor add(Tensor x, Tensor y) {
        return binary(Binary.Kind.ADD, x, y);
    }

    public static Tensor sub(Tensor x, Tensor y) {
        return binary(Binary.Kind.SUB, x, y);
    }

    public static Tensor mul(Tensor x, Tensor y) {
        return binary(Binary.Kind.MUL, x, y);
    }

    public static Tensor div(Tensor x, Tensor y) {
        return binary(Binary.Kind.DIV, x, y);
    }

    /** Element-wise maximum; the gradient of a tie goes to x. */
    public static Tensor max(Tensor x, Tensor y) {
        return binary(Binary.Kind.MAX, x, y);
    }

    /** Element-wise minimum; the gradient of a tie goes to x. */
    public static Tensor min(Tensor x, Tensor y) {
        return binary(Binary.Kind.MIN, x, y);
    }

    public static Tensor pow(Tensor x, Tensor y) {
        return binary(Binary.Kind.POW, x, y);
    }

    /** {@code scale * x + shift}. */
    public static Tensor affine(Tensor x, double scale, double shift) {
        return scale == 1 && shift == 0 ? x : one(new Affine(scale, shift), x);
    }

    public static Tensor neg(Tensor x) {
        return unary(Unary.Kind.NEG, x);
    }

    public static Tensor abs(Tensor x) {
        return unary(Unary.Kind.ABS, x);
    }

    public static Tensor square(Tensor x) {
        return unary(Unary.Kind.SQUARE, x);
    }

    public static Tensor sqrt(Tensor x) {
        return unary(Unary.Kind.SQRT, x);
    }

    public static Tensor exp(Tensor x) {
        return unary(Unary.Kind.EXP, x);
    }

    public static Tensor log(Tensor x) {
        return unary(Unary.Kind.LOG, x);
    }

    public static Tensor tanh(Tensor x) {
        return unary(Unary.Kind.TANH, x);
    }

    public static Tensor sigmoid(Tensor x) {
        return unary(Unary.Kind.SIGMOID, x);
    }

    public static Tensor relu(Tensor x) {
        return unary(Unary.Kind.RELU, x);
    }

    public static Tensor silu(Tensor x) {
        return unary(Unary.Kind.SILU, x);
    }

    /** Exact GELU. */
    public static Tensor gelu(Tensor x) {
        return unary(Unary.Kind.GELU, x);
    }

    public static Tensor clamp(Tensor x, double low, double high) {
        return one(new Clamp(low, high), x);
    }

    public static Tensor compare(Compare.Kind kind, Tensor x, Tensor y) {
        return one(new Compare(kind), x, y);
    }

    public static Tensor where(Tensor condition, Tensor x, Tensor y) {
        return one(new Where(), condition, x, y);
    }

    public static Tensor cast(Tensor x, DType dtype) {
        return x.dtype() == dtype ? x : one(new Cast(dtype), x);
    }

    /** A tensor with one value everywhere. */
    public static Tensor fill(TensorSpec spec, double value) {
        return apply(new org.mouselift.engine.op.Fill(spec, value), List.of()).getFirst();
    }

    /** A constant of x's type that broadcasts against it. */
    public static Tensor constantLike(Tensor x, double value) {
        return fill(TensorSpec.of(x.dtype()), value);
    }

    // ---- shape ---------------------------------------------------------------------------------------------------

    /** Row-major form: x itself, or a copy. */
    public static Tensor contiguous(Tensor x) {
        return x.isContiguous() ? x : one(new Contiguous(), x);
    }

    /** A copy that shares nothing with x. */
    public static Tensor copy(Tensor x) {
        return one(new Contiguous(), x);
    }

    /** Another shape in the same row-major order; one size may be -1. Copies only if x is not contiguous. */
    public static Tensor reshape(Tensor x, long... dims) {
        long[] d = dims.clone();
        int open = -1;
        long known = 1;
        for (int i = 0; i < d.length; i++) {
            if (d[i] == -1) {
                if (open >= 0) {
                    throw new ShapeException("reshape", "more than one -1 in " + Arrays.toString(dims));
                }
                open = i;
            } else {
                known *= d[i];
            }
        }
        if (open >= 0) {
            if (known == 0 || x.numel() % known != 0) {
                throw new ShapeException("reshape", x.spec() + " does not divide into " + Arrays.toString(dims));
            }
            d[open] = x.numel() / known;
        }
        Shape shape = Shape.of(d);
        return shape.equals(x.shape()) ? x : one(new Reshape(shape), contiguous(x));
    }

    /** Axes in another order, without copying. */
    public static Tensor permute(Tensor x, int... order) {
        List<Integer> axes = new ArrayList<>();
        for (int a : order) {
            axes.add(x.shape().axis(a));
        }
        return one(new Permute(axes), x);
    }

    /** Exchanges two axes, without copying. */
    public static Tensor transpose(Tensor x, int a, int b) {
        int[] order = new int[x.rank()];
        Arrays.setAll(order, i -> i);
        order[x.shape().axis(a)] = x.shape().axis(b);
        order[x.shape().axis(b)] = x.shape().axis(a);
        return permute(x, order);
    }

    /** Elements begin, begin+step, … below end of an axis, without copying. */
    public static Tensor slice(Tensor x, int axis, long begin, long end, long step) {
        return one(new Slice(x.shape().axis(axis), begin, end, step), x);
    }

    /** Elements begin … end-1 of an axis, without copying. */
    public static Tensor slice(Tensor x, int axis, long begin, long end) {
        return slice(x, axis, begin, end, 1);
    }

    /** Repeats axes of size 1 up to a shape, without copying. */
    public static Tensor expand(Tensor x, long... dims) {
        Shape shape = Shape.of(dims);
        return shape.equals(x.shape()) ? x : one(new Expand(shape), x);
    }

    public static Tensor concat(int axis, Tensor... parts) {
        return concat(axis, List.of(parts));
    }

    public static Tensor concat(int axis, List<Tensor> parts) {
        if (parts.isEmpty()) {
            throw new ShapeException("concat", "no operands");
        }
        return apply(new Concat(parts.getFirst().shape().axis(axis)), parts).getFirst();
    }

    // ---- reductions ----------------------------------------------------------------------------------------------

    /** Reduces axes to size 1. */
    public static Tensor reduce(Reduce.Kind kind, Tensor x, List<Integer> axes) {
        return one(new Reduce(kind, List.copyOf(axes)), x);
    }

    private static Tensor reduce(Reduce.Kind kind, Tensor x, boolean keep, int... axes) {
        List<Integer> list = new ArrayList<>();
        if (axes.length == 0) {
            for (int i = 0; i < x.rank(); i++) {
                list.add(i);
            }
        }
        for (int a : axes) {
            list.add(x.shape().axis(a));
        }
        Tensor y = reduce(kind, x, list);
        if (keep) {
            return y;
        }
        long[] d = new long[x.rank() - list.size()];
        int n = 0;
        for (int i = 0; i < x.rank(); i++) {
            if (!list.contains(i)) {
                d[n++] = x.dim(i);
            }
        }
        return reshape(y, d);
    }

    /** Sum over axes (all if none is named); {@code keep} leaves them with size 1. */
    public static Tensor sum(Tensor x, boolean keep, int... axes) {
        return reduce(Reduce.Kind.SUM, x, keep, axes);
    }

    /** Mean over axes (all if none is named); {@code keep} leaves them with size 1. */
    public static Tensor mean(Tensor x, boolean keep, int... axes) {
        return reduce(Reduce.Kind.MEAN, x, keep, axes);
    }

    /** Sum of all elements, rank 0. */
    public static Tensor sum(Tensor x) {
        return sum(x, false);
    }

    /** Mean of all elements, rank 0. */
    public static Tensor mean(Tensor x) {
        return mean(x, false);
    }

    /** Sums a broadcast result back to an operand's shape: the transpose of broadcasting. */
    public static Tensor sumTo(Tensor x, Shape shape) {
        if (x.shape().equals(shape)) {
            return x;
        }
        int lead = x.rank() - shape.rank();
        List<Integer> axes = new ArrayList<>();
        for (int i = 0; i < x.rank(); i++) {
            if (i < lead || (shape.dim(i - lead) == 1 && x.dim(i) != 1)) {
                axes.add(i);
            }
        }
        return reshape(axes.isEmpty() ? x : reduce(Reduce.Kind.SUM, x, axes), shape.dims());
    }

    // ---- linear algebra and networks -----------------------------------------------------------------------------

    /** Batched matrix product with broadcasting of the leading axes. */
    public static Tensor matmul(Tensor a, Tensor b) {
        return one(new MatMul(), a, b);
    }

    /** {@code x W^T}, with W [N,K]. */
    public static Tensor linear(Tensor x, Tensor weight) {
        return one(new Linear(Linear.Activation.NONE, false, false), x, weight);
    }

    /** {@code activation(x W^T + bias) + residual}; bias and residual may be null. */
    public static Tensor linear(Tensor x, Tensor weight, Tensor bias, Linear.Activation activation, Tensor residual) {
        List<Tensor> in = new ArrayList<>(List.of(x, weight));
        if (bias != null) {
            in.add(bias);
        }
        if (residual != null) {
            in.add(residual);
        }
        return apply(new Linear(activation, bias != null, residual != null), in).getFirst();
    }

    /** Layer norm over the last axis; bias may be null. */
    public static Tensor layerNorm(Tensor x, Tensor weight, Tensor bias, double eps) {
        return (bias == null ? apply(new LayerNorm(eps, false), x, weight) : apply(new LayerNorm(eps, true), x, weight, bias)).getFirst();
    }

    /** softmax(scale q k^T) v for q, k, v [B,H,T,D]. */
    public static Tensor attention(Tensor q, Tensor k, Tensor v, double scale) {
        return apply(new Attention(scale), q, k, v).getFirst();
    }

    /**
     * Attention over two sources of keys and values in a row, as if k and k2, v and v2 were concatenated along the tokens.
     * A source may have fewer batch rows than q; each then serves the same number of consecutive rows of q.
     */
    public static Tensor attention(Tensor q, Tensor k, Tensor v, Tensor k2, Tensor v2, double scale) {
        return apply(new Attention(scale, 2), q, k, v, k2, v2).getFirst();
    }

    /** Softmax over the last axis. */
    public static Tensor softmax(Tensor x) {
        return one(new Softmax(false), x);
    }

    /** Logarithm of the softmax over the last axis. */
    public static Tensor logSoftmax(Tensor x) {
        return one(new Softmax(true), x);
    }

    /** Group norm of x[N,C,…] with weight and bias [C]. */
    public static Tensor groupNorm(Tensor x, Tensor weight, Tensor bias, int groups, double eps) {
        return one(new GroupNorm(groups, eps, false), x, weight, bias);
    }

    /** Group norm of x[N,C,…] followed by SiLU, in one pass. */
    public static Tensor groupNormSilu(Tensor x, Tensor weight, Tensor bias, int groups, double eps) {
        return one(new GroupNorm(groups, eps, true), x, weight, bias);
    }

    /** Convolution of x[N,C,H,W] with weight[O,C,P,Q] and bias[O]; bias may be null. */
    public static Tensor conv2d(Tensor x, Tensor weight, Tensor bias, Conv2d.Window window) {
        return bias == null ? one(new Conv2d(window, false), x, weight) : one(new Conv2d(window, true), x, weight, bias);
    }

    /** Convolution with the same padding on all four sides; bias may be null. */
    public static Tensor conv2d(Tensor x, Tensor weight, Tensor bias, int stride, int padding) {
        return conv2d(x, weight, bias, Conv2d.Window.of(stride, padding));
    }

    /** Repeats the pixels of x[…,H,W] a whole number of times in both directions. */
    public static Tensor upsampleNearest(Tensor x, int factor) {
        return upsampleNearest(x, Math.multiplyExact(x.dim(-2), factor), Math.multiplyExact(x.dim(-1), factor));
    }

    /** Resizes x[…,H,W] to height and width by taking the nearest pixel towards the origin. */
    public static Tensor upsampleNearest(Tensor x, long height, long width) {
        return one(new UpsampleNearest(height, width), x);
    }

    /** Rows of table[R,…] by i64 or i32 index: the embedding look-up. */
    public static Tensor gatherRows(Tensor table, Tensor index) {
        return one(new GatherRows(), table, index);
    }

    /** Sums the rows of x that have the same index into a tensor of {@code rows} rows. */
    public static Tensor scatterAddRows(Tensor x, Tensor index, long rows) {
        return one(new ScatterAddRows(rows), x, index);
    }

    /** First half of the last axis times the GELU of the second half. */
    public static Tensor geglu(Tensor x) {
        return one(new Geglu(), x);
    }

    /** Zeros around x: one number before and one after each axis. */
    public static Tensor pad(Tensor x, long[] before, long[] after) {
        boolean any = Arrays.stream(before).anyMatch(n -> n != 0) || Arrays.stream(after).anyMatch(n -> n != 0)
                || before.length != x.rank() || after.length != x.rank();
        return any ? one(new Pad(Arrays.stream(before).boxed().toList(), Arrays.stream(after).boxed().toList()), x) : x;
    }

    // ---- in place ------------------------------------------------------------------------------------------------

    /** Overwrites {@code target} with a value. */
    public static void assign(Tensor target, Tensor value) {
        apply(new Assign(), target, value);
    }

    /** Adds a value to {@code target} in place. */
    public static void addInto(Tensor target, Tensor value) {
        apply(new AddInto(), target, value);
    }
}
