package org.mouselift.tornado.launch;

import java.util.List;
import org.mouselift.engine.DType;
import org.mouselift.engine.TensorSpec;
import org.mouselift.models.splat.SplatViews;
import org.mouselift.tornado.plan.Arguments;
import org.mouselift.tornado.plan.Emission;
import org.mouselift.tornado.plan.Grid;
import org.mouselift.tornado.plan.Operand;

/**
 * Launches of the splat renderer, for every view: {@code splatCamera}, {@code splatProject} (one work item a Gaussian), the passes of
 * {@code splatSort} and {@code splatComposite} (a group a tile of 16 x 16 pixels). The number of launches depends on the number of
 * Gaussians only, so that the plan is the same for every scene: tiles pick their Gaussians out of the common depth order instead of
 * having lists of their own.
 *
 * <p>Arguments. Camera: width, height, places of c2w, of fx fy cx cy and of the result. Project: Gaussians, sort keys, width, height,
 * coefficients, places of the camera, centres, features, scales, quaternions, opacities, of the table ({@link #STRIDE} floats a
 * Gaussian: u, v, conic, opacity, rgb, rectangle of tiles), of keys and order; float: scaling modifier. Sort: keys, step, size of the
 * sorted runs, places of keys and order. Composite: Gaussians, width, height, places of table, keys, order, rgb and alpha; floats: background.
 */
public final class Splatting {
    public static final String CAMERA = "splatCamera";
    public static final String PROJECT = "splatProject";
    public static final String SORT = "splatSort";
    public static final String COMPOSITE = "splatComposite";
    public static final int LOCAL = 128;
    public static final int TILE_PIXELS = 256;
    public static final int STRIDE = 16;
    /** Numbers of a Gaussian that compositing reads. */
    public static final int NUMBERS = 9;
    /** Key of a Gaussian that is not in the picture; above every depth. */
    public static final float NOWHERE = 3e38f;
    private static final int CAMERA_NUMBERS = 32;

    private Splatting() {}

    public static void emit(SplatViews operation, Emission to) {
        Operand[] scene = new Operand[5];
        for (int i = 0; i < scene.length; i++) {
            scene[i] = to.packed(i);
        }
        Operand poses = to.packed(5);
        Operand lenses = to.packed(6);
        long n = scene[0].dim(0);
        if (n == 0) {
            throw to.refusal("renders no Gaussians");
        }
        long keysLength = Math.max(2, Long.highestOneBit(2 * n - 1));
        int width = operation.width();
        int height = operation.height();
        for (long view = 0; view < poses.dim(0); view++) {
            Operand camera = to.scratch(CAMERA_NUMBERS, "camera");
            Operand pose = poses.slice(0, view, 1, 1);
            Operand lens = lenses.slice(0, view, 1, 1);
            to.launch(CAMERA, Grid.items(1, LOCAL), new Arguments().add(width).add(height).place(pose).place(lens).place(camera), List.of(poses, lenses), List.of(camera));
            Operand table = to.scratch(n * STRIDE, "projected Gaussians");
            Operand keys = to.scratch(keysLength, "depths");
            Operand order = to.scratch(TensorSpec.of(DType.I32, keysLength), "depth order");
            Arguments project = new Arguments().add(n).add(keysLength).add(width).add(height).add(scene[1].dim(1)).place(camera);
            for (Operand part : scene) {
                project.place(part);
            }
            project.place(table).place(keys).place(order);
            project.constant(operation.scalingModifier());
            to.launch(PROJECT, Grid.items(keysLength, LOCAL), project, List.of(camera, scene[0], scene[1], scene[2], scene[3], scene[4]), List.of(table, keys, order));
            for (long run = 2; run <= keysLength; run *= 2) {
                for (long step = run / 2; step > 0; step /= 2) {
                    to.launch(SORT, Grid.items(keysLength, LOCAL), new Arguments().add(keysLength).add(step).add(run).place(keys).place(order), List.of(keys, order),
                            List.of(keys, order));
                }
            }
            Operand rgb = to.out(0).slice(0, view, 1, 1);
            Operand alpha = to.out(1).slice(0, view, 1, 1);
            Arguments composite = new Arguments().add(n).add(width).add(height).place(table).place(keys).place(order).place(rgb).place(alpha);
            composite.constant(operation.red());
            composite.constant(operation.green());
            composite.constant(operation.blue());
            long tiles = (long) ((width + 15) / 16) * ((height + 15) / 16);
            to.launch(COMPOSITE, Grid.groups(tiles, 1, 1, TILE_PIXELS), composite, List.of(table, keys, order), List.of(to.out(0), to.out(1)));
        }
    }
}
