package org.mouselift.tornado.launch;

import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import org.mouselift.engine.DType;
import org.mouselift.engine.Operation;
import org.mouselift.engine.Shape;
import org.mouselift.engine.op.AddInto;
import org.mouselift.engine.op.Affine;
import org.mouselift.engine.op.Binary;
import org.mouselift.engine.op.Cast;
import org.mouselift.engine.op.Clamp;
import org.mouselift.engine.op.Compare;
import org.mouselift.engine.op.Fill;
import org.mouselift.engine.op.Geglu;
import org.mouselift.engine.op.Unary;
import org.mouselift.engine.op.Where;
import org.mouselift.engine.trace.Node;
import org.mouselift.engine.trace.Value;
import org.mouselift.tornado.plan.Arguments;
import org.mouselift.tornado.plan.Chains;
import org.mouselift.tornado.plan.Emission;
import org.mouselift.tornado.plan.Grid;
import org.mouselift.tornado.plan.Operand;
import org.mouselift.tornado.plan.Space;

/**
 * Launch of the kernel {@code elementwise}: a chain of element-wise operations on a value that stays in a register, with
 * broadcast operands from both arrays. One work item an element, groups of {@link #LOCAL}.
 *
 * <p>Arguments: elements n, axes r, operands m, instructions s, array and place of the result, r sizes, r steps of the result;
 * for each operand its array (0 floats, 1 ints), place and r steps; for each instruction its
 * code, two operands (or a float and nothing) and how many operands it takes.
 */
public final class Elementwise {
    public static final String KERNEL = "elementwise";
    public static final int LOCAL = 128;
    /** Operands of one launch: the kernel holds their places in a private array of this size. */
    public static final int MOST_OPERANDS = 8;

    /** Instruction codes; the value is called v, operand k x_k, floats f. Unary functions follow from {@link #UNARY} on. */
    public static final int LOAD = 0;
    /** v = f. */
    public static final int FILL = 1;
    /** v = f0 v + f1. */
    public static final int AFFINE = 2;
    /** v = min(max(v, f0), f1). */
    public static final int CLAMP = 3;
    /** v = v truncated to an integer of 32 bits. */
    public static final int TRUNCATE = 4;
    /** v = v is not 0. */
    public static final int TRUTH = 5;
    /** v = v ? x_a : x_b. */
    public static final int SELECT = 6;
    /** v = x_a ? v : x_b. */
    public static final int SELECT_FIRST = 7;
    /** v = x_a ? x_b : v. */
    public static final int SELECT_SECOND = 8;
    /** v = v (function) x_k, functions in the order of {@link Binary.Kind}. */
    public static final int BINARY = 10;
    /** v = x_k (function) v. */
    public static final int BINARY_SWAPPED = 20;
    /** v = v (relation) x_k, relations in the order of {@link Compare.Kind}. */
    public static final int COMPARE = 30;
    /** v = x_k (relation) v. */
    public static final int COMPARE_SWAPPED = 40;
    /** v = function(v), functions in the order of {@link Unary.Kind}. */
    public static final int UNARY = 50;

    /** What chains are made of. */
    public static final Set<Class<? extends Operation>> OPERATIONS = Set.of(Unary.class, Affine.class, Clamp.class, Binary.class, Compare.class, Where.class,
            Cast.class, Fill.class, AddInto.class);

    private final Emission to;
    private final Arguments arguments = new Arguments();
    private final List<Operand> operands = new ArrayList<>();
    private final List<long[]> code = new ArrayList<>();

    private Elementwise(Emission to) {
        this.to = to;
    }

    /** Emits a chain of nodes; the last one is the emission's node. */
    public static void emit(List<Chains.Link> links, Emission to) {
        Elementwise e = new Elementwise(to);
        links.forEach(e::link);
        Node last = links.getLast().node();
        e.finish(to.operand(last.overwritten() != null ? last.overwritten() : last.outputs().getFirst()));
    }

    /** Registered so that the table covers the chained operations; the lowering passes them as chains. */
    public static void emit(Operation operation, Emission to) {
        emit(List.of(new Chains.Link(to.node(), -1)), to);
    }

    /** First half of the last axis times the GELU of the second. */
    public static void geglu(Geglu operation, Emission to) {
        Operand x = to.in(0);
        int axis = x.shape().rank() - 1;
        long n = x.dim(axis) / 2;
        Elementwise e = new Elementwise(to);
        e.op(LOAD, e.operand(x.slice(axis, n, n, 1)));
        e.op(UNARY + Unary.Kind.GELU.ordinal());
        e.op(BINARY + Binary.Kind.MUL.ordinal(), e.operand(x.slice(axis, 0, n, 1)));
        e.finish(to.out(0));
    }

    /** Copies floats from one window to another of the same shape; ints that floats represent as well. */
    static void copy(Emission to, Operand from, Operand target) {
        Elementwise e = new Elementwise(to);
        e.op(LOAD, e.operand(from));
        e.finish(target);
    }

    /** Fills a window. */
    static void fill(Emission to, Operand target, double value) {
        Elementwise e = new Elementwise(to);
        e.op(FILL, e.arguments.constant(value));
        e.finish(target);
    }

    private void link(Chains.Link link) {
        Node n = link.node();
        int carried = link.carried();
        for (Value v : n.inputs()) {
            DType t = v.spec().dtype();
            boolean wide = (t == DType.I64 || t == DType.I32) && !(n.operation() instanceof Cast);
            if (wide) {
                throw to.refusal("compares or computes with integers; device kernels carry them as floats, which are exact only to 2^24");
            }
        }
        switch (n.operation()) {
            case Fill op -> op(FILL, arguments.constant(op.value()));
            case Unary op -> {
                begin(n, carried);
                op(UNARY + op.kind().ordinal());
            }
            case Affine op -> {
                begin(n, carried);
                int f = arguments.constant(op.scale());
                arguments.constant(op.shift());
                op(AFFINE, f);
            }
            case Clamp op -> {
                begin(n, carried);
                int f = arguments.constant(op.low());
                arguments.constant(op.high());
                op(CLAMP, f);
            }
            case Cast op -> {
                begin(n, carried);
                cast(n.inputs().getFirst().spec().dtype(), op.to());
            }
            case Binary op -> two(n, carried, BINARY + op.kind().ordinal(), BINARY_SWAPPED + op.kind().ordinal());
            case Compare op -> two(n, carried, COMPARE + op.kind().ordinal(), COMPARE_SWAPPED + op.kind().ordinal());
            case AddInto op -> two(n, carried, BINARY + Binary.Kind.ADD.ordinal(), BINARY_SWAPPED + Binary.Kind.ADD.ordinal());
            case Where op -> select(n, carried);
            default -> throw new IllegalStateException(n.operation() + " is not element-wise");
        }
    }

    private void begin(Node n, int carried) {
        if (carried < 0) {
            op(LOAD, operand(to.operand(n.inputs().getFirst())));
        }
    }

    private void two(Node n, int carried, int straight, int swapped) {
        if (carried < 0) {
            op(LOAD, operand(to.operand(n.inputs().get(0))));
        }
        if (carried == 1) {
            op(swapped, operand(to.operand(n.inputs().get(0))));
        } else {
            op(straight, operand(to.operand(n.inputs().get(1))));
        }
    }

    private void select(Node n, int carried) {
        int[] k = new int[3];
        for (int i = 0; i < 3; i++) {
            k[i] = i == carried ? -1 : operand(to.operand(n.inputs().get(i)));
        }
        switch (carried) {
            case 1 -> op(SELECT_FIRST, k[0], k[2]);
            case 2 -> op(SELECT_SECOND, k[0], k[1]);
            default -> {
                if (carried < 0) {
                    op(LOAD, k[0]);
                }
                op(SELECT, k[1], k[2]);
            }
        }
    }

    private void cast(DType from, DType target) {
        switch (target) {
            case F32 -> { }
            case BOOL -> op(TRUTH);
            case I32 -> {
                if (from.isFloat()) {
                    op(TRUNCATE);
                } else if (from != DType.BOOL && from != DType.U8) {
                    throw to.refusal("converts between integer types, which device kernels do not");
                }
            }
            default -> throw to.refusal("converts to " + target.label() + ", which devices do not hold");
        }
    }

    private void op(int instruction, long... numbers) {
        boolean takes = instruction == LOAD || instruction >= SELECT && instruction < UNARY;
        long[] line = {instruction, numbers.length > 0 ? numbers[0] : 0, numbers.length > 1 ? numbers[1] : 0, takes ? numbers.length : 0};
        code.add(line);
    }

    private int operand(Operand x) {
        operands.add(x);
        if (operands.size() > MOST_OPERANDS) {
            throw to.refusal("has more than " + MOST_OPERANDS + " operands");
        }
        return operands.size() - 1;
    }

    private void finish(Operand result) {
        Shape shape = result.shape();
        List<long[]> steps = new ArrayList<>();
        steps.add(result.strides());
        operands.forEach(x -> steps.add(x.stridesFor(shape)));
        Axes axes = Axes.merged(shape.dims(), steps);
        arguments.add(shape.numel()).add(axes.sizes().length).add(operands.size()).add(code.size()).add(space(result)).place(result);
        arguments.add(axes.sizes()).add(axes.steps().getFirst());
        for (int i = 0; i < operands.size(); i++) {
            arguments.add(space(operands.get(i))).place(operands.get(i)).add(axes.steps().get(i + 1));
        }
        code.forEach(arguments::add);
        to.launch(KERNEL, Grid.items(shape.numel(), LOCAL), arguments, operands, List.of(result));
    }

    private static long space(Operand x) {
        return x.block().space() == Space.FLOATS ? 0 : 1;
    }
}
