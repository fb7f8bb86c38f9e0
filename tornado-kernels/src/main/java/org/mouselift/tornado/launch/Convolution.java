package org.mouselift.tornado.launch;

import java.util.ArrayList;
import java.util.List;
import org.mouselift.engine.op.Conv2d;
import org.mouselift.tornado.plan.Arguments;
import org.mouselift.tornado.plan.Emission;
import org.mouselift.tornado.plan.Grid;
import org.mouselift.tornado.plan.Operand;

/**
 * Launch of the kernel {@code convolution}: a convolution or one of its gradients as a matrix product whose right factor is
 * gathered from the image on the way into local memory. Tiles as in {@link Matmul}.
 *
 * <ul>
 * <li>forward: [O, C P Q] x [C P Q, pixels of y] for each image;
 * <li>gradient of the image: [C, O P Q] x [O P Q, pixels of x] for each image;
 * <li>gradient of the weight: [O, images and pixels of y] x [images and pixels of y, C P Q].
 * </ul>
 *
 * <p>Arguments: kind, M, N, K, images, channels C, height, width of x, outputs O, rows, columns of y, kernel rows P and columns Q,
 * stride, top, left, places of the left factor's tensor, the gathered tensor, the result, and of the bias or -1.
 */
public final class Convolution {
    public static final String KERNEL = "convolution";
    public static final int FORWARD = 0;
    public static final int IMAGE = 1;
    public static final int WEIGHT = 2;

    private Convolution() {}

    private record Sizes(Operand x, Operand w, Operand y, Conv2d.Window window) {
        /** Sizes of the image x [N,C,H,W], the kernel w [O,C,P,Q] and the result y [N,O,rows,columns]. */
        Arguments of(int kind, long m, long n, long k) {
            return new Arguments().add(kind).add(m).add(n).add(k).add(x.dim(0)).add(x.dim(1)).add(x.dim(2)).add(x.dim(3)).add(w.dim(0)).add(y.dim(2))
                    .add(y.dim(3)).add(w.dim(2)).add(w.dim(3)).add(window.stride()).add(window.top()).add(window.left());
        }
    }

    public static void emit(Conv2d operation, Emission to) {
        Operand x = to.packed(0);
        Operand w = to.packed(1);
        Operand y = to.out(0);
        long m = w.dim(0);
        long n = y.dim(2) * y.dim(3);
        List<Operand> reads = new ArrayList<>(List.of(w, x));
        Arguments args = new Sizes(x, w, y, operation.window()).of(FORWARD, m, n, w.shape().numel() / m).place(w).place(x).place(y);
        if (operation.bias()) {
            Operand bias = to.packed(2);
            args.place(bias);
            reads.add(bias);
        } else {
            args.add(-1);
        }
        launch(to, args, m, n, x.dim(0), reads, y);
    }

    public static void emit(Conv2d.InputGrad operation, Emission to) {
        Operand dy = to.packed(0);
        Operand w = to.packed(1);
        Operand dx = to.out(0);
        long n = dx.dim(2) * dx.dim(3);
        Arguments args = new Sizes(dx, w, dy, operation.window()).of(IMAGE, w.dim(1), n, w.dim(0) * w.dim(2) * w.dim(3)).place(w).place(dy).place(dx).add(-1);
        launch(to, args, w.dim(1), n, dx.dim(0), List.of(w, dy), dx);
    }

    public static void emit(Conv2d.WeightGrad operation, Emission to) {
        Operand x = to.packed(0);
        Operand dy = to.packed(1);
        Operand dw = to.out(0);
        long n = dw.shape().numel() / dw.dim(0);
        Arguments args = new Sizes(x, dw, dy, operation.window()).of(WEIGHT, dw.dim(0), n, dy.dim(0) * dy.dim(2) * dy.dim(3)).place(dy).place(x).place(dw).add(-1);
        launch(to, args, dw.dim(0), n, 1, List.of(dy, x), dw);
    }

    private static void launch(Emission to, Arguments args, long m, long n, long images, List<Operand> reads, Operand result) {
        to.launch(KERNEL, Grid.groups(Math.ceilDiv(m, Matmul.TILE), Math.ceilDiv(n, Matmul.TILE), images, Matmul.LOCAL), args, reads, List.of(result));
    }
}
