package org.mouselift.tornado.launch;

import java.util.ArrayList;
import java.util.List;
import org.mouselift.engine.device.DevicePrecision;
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
        long[] sizes = new long[BATCH_AXES];
        long[][] steps = new long[2][BATCH_AXES];
        for (int i = 0; i < BATCH_AXES; i++) {
            boolean real = i < batch.sizes().length;
            sizes[i] = real ? batch.sizes()[i] : 1;
            for (int operand = 0; operand < 2; operand++) {
                steps[operand][i] = real ? batch.steps().get(operand)[i] : 0;
            }
        }
        launch(to, new Product(c.dim(rank - 2), c.dim(rank - 1), a.dim(-1), a, a.stride(-2), a.stride(-1), b, b.stride(-2), b.stride(-1), c, sizes, steps[0], steps[1],
                null, 0, null));
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
        int next = 2;
        Operand bias = operation.bias() ? to.packed(next++) : null;
        Operand residual = operation.residual() ? to.packed(next) : null;
        launch(to, new Product(m, n, k, x, k, 1, w, 1, k, y, new long[] {1, 1, 1}, new long[BATCH_AXES], new long[BATCH_AXES], bias, operation.activation().ordinal(),
                residual));
    }

    /**
     * What is to be computed: c = activation(a b + bias) + residual.
     *
     * @param aRow step of a along M; @param aColumn along K; @param bRow step of b along K; @param bColumn along N
     * @param batch sizes of {@link #BATCH_AXES} axes; @param aBatch steps of a along them; @param bBatch steps of b
     * @param bias or null; @param activation ordinal in {@link Linear.Activation}; @param residual or null
     */
    record Product(long m, long n, long k, Operand a, long aRow, long aColumn, Operand b, long bRow, long bColumn, Operand c, long[] batch, long[] aBatch, long[] bBatch,
            Operand bias, int activation, Operand residual) {
        long count() {
            return batch[0] * batch[1] * batch[2];
        }
    }

    private static void launch(Emission to, Product x) {
        if (to.precision() == DevicePrecision.FP16) {
            TensorCoreMatmul.emit(to, x);
            return;
        }
        Arguments args = new Arguments().add(x.m).add(x.n).add(x.k).place(x.a).add(x.aRow).add(x.aColumn).place(x.b).add(x.bRow).add(x.bColumn).place(x.c).add(x.batch)
                .add(x.aBatch).add(x.bBatch);
        List<Operand> reads = new ArrayList<>(List.of(x.a, x.b));
        optional(args, x.bias, reads);
        args.add(x.activation);
        optional(args, x.residual, reads);
        to.launch(KERNEL, Grid.groups(Math.ceilDiv(x.m, TILE), Math.ceilDiv(x.n, TILE), x.count(), LOCAL), args, reads, List.of(x.c));
    }

    /** The place of an operand that may be missing, -1 for one that is. */
    static void optional(Arguments args, Operand x, List<Operand> reads) {
        if (x == null) {
            args.add(-1);
        } else {
            args.place(x);
            reads.add(x);
        }
    }
}
