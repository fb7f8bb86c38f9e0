package org.mouselift.tornado.launch;

import java.util.ArrayList;
import java.util.List;
import org.mouselift.tornado.plan.Arguments;
import org.mouselift.tornado.plan.Emission;
import org.mouselift.tornado.plan.Grid;
import org.mouselift.tornado.plan.Operand;

/**
 * Launch of the kernel {@code tensorCoreMatmul}: C = activation(A B + bias) + residual with the factors rounded to half floats and
 * float32 sums, through matrix instructions of 16 x 8 x 16 (PTX ISA, mma.m16n8k16). A group of {@link #LOCAL} work items, eight
 * warps, computes {@link HalfTiles#LINES} x {@link HalfTiles#LINES} elements of C, a warp 32 x 64 of them, from tiles that
 * {@link HalfTiles} has made. Sums leave registers only as whole fragments: into C itself where the group's part of C is complete,
 * else into {@code edges}, from where what exists is copied.
 *
 * <p>Arguments: M, N, tiles along the depth; place of the tiles of A and of B; sizes of the batch axes, steps of A and of B along
 * them; place of C, place of the bias or -1, activation, place of the residual or -1; place of the edges, edges a batch.
 */
public final class TensorCoreMatmul {
    public static final String KERNEL = "tensorCoreMatmul";
    public static final int LOCAL = 256;
    /** Lines of a tile of C in {@code edges}. */
    public static final int EDGE = HalfTiles.LINES * HalfTiles.LINES;

    private TensorCoreMatmul() {}

    /**
     * A product.
     *
     * @param product what {@link Matmul} would launch
     */
    static void emit(Emission to, Matmul.Product product) {
        long m = product.m();
        long n = product.n();
        long[] sizes = product.batch();
        HalfTiles.Factor a = HalfTiles.emit(to, product.a(), false, new long[] {m, product.aRow()}, new long[] {product.k(), product.aColumn()}, sizes, product.aBatch());
        HalfTiles.Factor b = HalfTiles.emit(to, product.b(), true, new long[] {n, product.bColumn()}, new long[] {product.k(), product.bRow()}, sizes, product.bBatch());
        long rows = Math.ceilDiv(m, HalfTiles.LINES);
        long columns = Math.ceilDiv(n, HalfTiles.LINES);
        boolean whole = m % HalfTiles.LINES == 0 && n % HalfTiles.LINES == 0;
        long edgesEach = whole ? 0 : rows + columns - 1;
        Operand edges = to.scratch(Math.max(1, Math.multiplyExact(product.count() * edgesEach, (long) EDGE)), "edges");
        Arguments args = new Arguments().add(m).add(n).add(Math.ceilDiv(product.k(), HalfTiles.DEPTH)).place(a.tiles()).place(b.tiles()).add(sizes).add(a.steps())
                .add(b.steps()).place(product.c());
        List<Operand> reads = new ArrayList<>(List.of(a.tiles(), b.tiles()));
        Matmul.optional(args, product.bias(), reads);
        args.add(product.activation());
        Matmul.optional(args, product.residual(), reads);
        args.place(edges).add(edgesEach);
        to.launch(KERNEL, Grid.groups(rows, columns, product.count(), LOCAL), args, reads, List.of(product.c(), edges));
    }
}
