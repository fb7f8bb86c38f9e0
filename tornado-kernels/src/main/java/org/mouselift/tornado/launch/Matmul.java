package org.mouselift.tornado.launch;

import java.util.ArrayList;
import java.util.List;
import org.mouselift.engine.op.Linear;
import org.mouselift.engine.op.MatMul;
import org.mouselift.tornado.plan.Arguments;
import org.mouselift.tornado.plan.Emission;
import org.mouselift.tornado.plan.Grid;
import org.mouselift.tornado.plan.Operand;

/**
 * Launch of the kernel {@code matmul}: C = activation(A B + bias) + residual for strided A [M,K] and B [K,N] in a batch of up to
 * {@link #BATCH_AXES} axes, row-major C. A group of {@link #LOCAL} work items computes {@link #TILE} x {@link #TILE} elements of C,
 * each of them 4 x 4 in registers, from panels of {@link #DEPTH} columns of A and rows of B in local memory.
 *
 * <p>Arguments: M, N, K; place of A and its steps along M and K; place of B and its steps along K and N; place of C; sizes of the
 * batch axes, steps of A and of B along them; place of the bias or -1, activation, place of the residual or -1.
 */
public final class Matmul {
    public static final String KERNEL = "matmul";
    public static final int LOCAL = 256;
    public static final int TILE = 64;
    public static final int DEPTH = 8;
    /** Row of a panel in local memory; the padding keeps neighbours out of the same bank. */
    public static final int PANEL = TILE + 4;
    public static final int BATCH_AXES = 3;

    private Matmul() {}

    /** Any strides; more than {@link #BATCH_AXES} batch axes that do not merge are copied. */
    public static void emit(MatMul operation, Emission to) {
        if (LibraryMatmul.emit(operation, to)) {
            return;
        }
        Operand c = to.out(0);
        int rank = c.shape().rank();
        Operand a = to.in(0);
        Operand b = to.in(1);
        Axes batch = batch(c, a, b);
        if (batch.sizes().length > BATCH_AXES) {
            a = to.packed(a);
            b = to.packed(b);
            batch = batch(c, a, b);
            if (batch.sizes().length > BATCH_AXES) {
                throw to.refusal("has " + batch.sizes().length + " batch axes that broadcast in turns; the kernel takes " + BATCH_AXES);
            }
        }
        Arguments args = shape(c.dim(rank - 2), c.dim(rank - 1), a.dim(-1)).place(a).add(a.stride(-2)).add(a.stride(-1)).place(b).add(b.stride(-2))
                .add(b.stride(-1)).place(c);
        long count = 1;
        for (int i = 0; i < BATCH_AXES; i++) {
            long size = i < batch.sizes().length ? batch.sizes()[i] : 1;
            count *= size;
            args.add(size);
        }
        for (int operand = 0; operand < 2; operand++) {
            for (int i = 0; i < BATCH_AXES; i++) {
                args.add(i < batch.sizes().length ? batch.steps().get(operand)[i] : 0);
            }
        }
        args.add(-1).add(0).add(-1);
        launch(to, args, c.dim(rank - 2), c.dim(rank - 1), count, List.of(a, b), c);
    }

    static Axes batch(Operand c, Operand a, Operand b) {
        int lead = c.shape().rank() - 2;
        return Axes.merged(java.util.Arrays.copyOf(c.shape().dims(), lead), List.of(leading(a, lead, c), leading(b, lead, c)));
    }

    /** Steps of an operand along the batch axes of the result, 0 where it repeats. */
    private static long[] leading(Operand x, int lead, Operand c) {
        long[] out = new long[lead];
        int own = x.shape().rank() - 2;
        for (int i = 0; i < own; i++) {
            out[lead - own + i] = x.dim(i) == 1 && c.dim(lead - own + i) != 1 ? 0 : x.strides()[i];
        }
        return out;
    }

    /** x [..,K] W[N,K]^T with bias, activation and residual. */
    public static void emit(Linear operation, Emission to) {
        if (LibraryMatmul.emit(operation, to)) {
            return;
        }
        Operand x = to.packed(0);
        Operand w = to.packed(1);
        Operand y = to.out(0);
        long k = x.dim(-1);
        long n = w.dim(0);
        long m = y.shape().numel() / n;
        List<Operand> reads = new ArrayList<>(List.of(x, w));
        Arguments args = shape(m, n, k).place(x).add(k).add(1).place(w).add(1).add(k).place(y).add(1).add(1).add(1);
        for (int i = 0; i < 2 * BATCH_AXES; i++) {
            args.add(0);
        }
        int next = 2;
        if (operation.bias()) {
            Operand bias = to.packed(next++);
            args.place(bias);
            reads.add(bias);
        } else {
            args.add(-1);
        }
        args.add(operation.activation().ordinal());
        if (operation.residual()) {
            Operand residual = to.packed(next);
            args.place(residual);
            reads.add(residual);
        } else {
            args.add(-1);
        }
        launch(to, args, m, n, 1, reads, y);
    }

    private static Arguments shape(long m, long n, long k) {
        return new Arguments().add(m).add(n).add(k);
    }

    private static void launch(Emission to, Arguments args, long m, long n, long batch, List<Operand> reads, Operand c) {
        to.launch(KERNEL, Grid.groups(Math.ceilDiv(m, TILE), Math.ceilDiv(n, TILE), batch, LOCAL), args, reads, List.of(c));
    }
}
