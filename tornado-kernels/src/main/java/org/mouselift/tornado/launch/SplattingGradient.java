package org.mouselift.tornado.launch;

import java.util.ArrayList;
import java.util.List;
import org.mouselift.engine.DType;
import org.mouselift.engine.TensorSpec;
import org.mouselift.models.splat.SplatViews;
import org.mouselift.tornado.plan.Arguments;
import org.mouselift.tornado.plan.Emission;
import org.mouselift.tornado.plan.Grid;
import org.mouselift.tornado.plan.Operand;

/**
 * Launches of the renderer's gradient, for every view: the forward launches of {@link Splatting} up to the transmittance and the last
 * splat of every pixel; {@code splatTileGradients} (a group a tile), which leaves {@link #MOMENTS} sums for every pair of a Gaussian
 * and a tile; {@code splatPairSums} (a work item a moment), which adds up the pairs of a Gaussian in raster order; and from those
 * {@code splatColourGradient} and {@code splatShapeGradient} (a work item a Gaussian). No atomic operations: every number is
 * written by one work item, all sums have a fixed order, and the result is the same in every run.
 *
 * <p>A Gaussian's pairs lie together, at the sum of the numbers of tiles of those before it. There is room for {@link #pairs} of them,
 * whatever the scene; Gaussians whose pairs do not fit are left out of the first {@code splatTileGradients} and done by a second one,
 * in which one group walks all tiles and adds to the Gaussians' sums directly. It ends at once when everything fitted.
 *
 * <p>Arguments. Clear: Gaussians, places of table, first pairs and their blocks, room for pairs, place of the pairs. Tiles: Gaussians,
 * words a tile, width, height, first tile, tiles, groups, places of table, order, mask, transmittance, last splat, dL/drgb, dL/dalpha or
 * -1, first pairs and their blocks, room for pairs, place of the pairs or of the sums, 1 for what has no room; floats: background. Sums:
 * Gaussians, places of table, first pairs, blocks, room for pairs, places of pairs and sums. Colour: Gaussians, coefficients, places of
 * camera, centres, features, table, sums and of the gradients of centres and features, 1 to add to them. Shape: Gaussians, places of
 * camera, centres, scales, quaternions, table, sums and of the gradients of centres (added to), scales, quaternions and opacities, 1 to add to
 * these; float: scaling modifier.
 */
public final class SplattingGradient {
    public static final String CLEAR = "splatPairsClear";
    public static final String TILES = "splatTileGradients";
    public static final String SUMS = "splatPairSums";
    public static final String COLOUR = "splatColourGradient";
    public static final String SHAPE = "splatShapeGradient";
    public static final int MOMENTS = 9;
    /** Splats whose sums over a tile's pixels are taken together, 32 work items each. */
    public static final int BATCH = Splatting.TILE_PIXELS / 32;
    /** Splats that a tile lists at a time; 8 bits a work item. */
    public static final int ROUND = 8 * Splatting.TILE_PIXELS;
    /** Gaussians whose first pairs count from a common sum. */
    public static final int BLOCK = RadixSort.ELEMENTS;
    private static final int PAIRS_A_GAUSSIAN = 4;

    private SplattingGradient() {}

    /** Pairs that there is room for. */
    static long pairs(long gaussians) {
        return PAIRS_A_GAUSSIAN * gaussians;
    }

    public static void emit(SplatViews.Gradient operation, Emission to) {
        SplatViews views = operation.views();
        Operand[] scene = Splatting.scene(to);
        long n = scene[0].dim(0);
        if (Math.multiplyExact(n, Splatting.tiles(views)) > Integer.MAX_VALUE) {
            throw to.refusal("has " + n + " Gaussians and " + Splatting.tiles(views) + " tiles of 16 x 16 pixels a view; their product may not exceed 2^31 - 1. Render smaller pictures");
        }
        Operand rgb = to.packed(7);
        Operand alpha = operation.alpha() ? to.packed(8) : null;
        for (long view = 0; view < to.in(5).dim(0); view++) {
            view(views, to, scene, view, rgb, alpha);
        }
    }

    private static void view(SplatViews views, Emission to, Operand[] scene, long view, Operand gradRgb, Operand gradAlpha) {
        long n = scene[0].dim(0);
        Operand places = to.scratch(TensorSpec.of(DType.I32, n), "first pairs");
        Splatting.Projected p = Splatting.project(views, to, scene, view, places);
        Operand blocks = RadixSort.placesInBlocks(to, n, places);
        Operand pairs = to.scratch(pairs(n) * MOMENTS, "gradients of pairs");
        Operand sums = to.scratch(n * MOMENTS, "gradients of splats");
        to.launch(CLEAR, Grid.items(pairs(n), Splatting.LOCAL), new Arguments().add(n).place(p.table()).place(places).place(blocks).add(pairs(n)).place(pairs),
                List.of(p.table(), places, blocks), List.of(pairs));
        Operand transmittance = to.scratch((long) views.width() * views.height(), "transmittance");
        Operand last = to.scratch(TensorSpec.of(DType.I32, (long) views.width() * views.height()), "last splats");
        List<Operand> reads = new ArrayList<>(List.of(p.table(), p.order(), transmittance, last, gradRgb, places, blocks));
        if (gradAlpha != null) {
            reads.add(gradAlpha);
        }
        List<Splatting.Band> bands = Splatting.bands(views, to, n);
        for (int rest = 0; rest < 2; rest++) {
            Operand target = rest == 0 ? pairs : sums;
            for (Splatting.Band band : bands) {
                if (rest == 0 || bands.size() > 1) {
                    Splatting.bins(views, to, n, p, band);
                }
                if (rest == 0) {
                    Splatting.composite(views, to, p, band, null, null, transmittance, last);
                }
                long groups = rest == 0 ? band.tiles() : 1;
                Arguments tiles = new Arguments().add(n).add(band.words()).add(views.width()).add(views.height()).add(band.first()).add(band.tiles()).add(groups)
                        .place(p.table()).place(p.order()).place(band.mask()).place(transmittance).place(last).place(gradRgb.slice(0, view, 1, 1));
                if (gradAlpha == null) {
                    tiles.add(-1);
                } else {
                    tiles.place(gradAlpha.slice(0, view, 1, 1));
                }
                tiles.place(places).place(blocks).add(pairs(n)).place(target).add(rest);
                Splatting.background(views, tiles);
                List<Operand> all = new ArrayList<>(reads);
                all.add(band.mask());
                all.add(target);
                to.launch(TILES, Grid.groups(groups, 1, 1, Splatting.TILE_PIXELS), tiles, all, List.of(target));
            }
            if (rest == 0) {
                to.launch(SUMS, Grid.items(n * MOMENTS, Splatting.LOCAL), new Arguments().add(n).place(p.table()).place(places).place(blocks).add(pairs(n)).place(pairs)
                        .place(sums), List.of(p.table(), places, blocks, pairs), List.of(sums));
            }
        }
        chain(views, to, scene, p, sums, view > 0 ? 1 : 0);
    }

    private static void chain(SplatViews views, Emission to, Operand[] scene, Splatting.Projected p, Operand sums, int add) {
        long n = scene[0].dim(0);
        Operand[] gradients = new Operand[scene.length];
        for (int i = 0; i < gradients.length; i++) {
            gradients[i] = to.out(i);
        }
        to.launch(COLOUR, Grid.items(n, Splatting.LOCAL), new Arguments().add(n).add(scene[1].dim(1)).place(p.camera()).place(scene[0]).place(scene[1]).place(p.table())
                .place(sums).place(gradients[0]).place(gradients[1]).add(add), List.of(p.camera(), scene[0], scene[1], p.table(), sums), List.of(gradients[0], gradients[1]));
        Arguments shape = new Arguments().add(n).place(p.camera()).place(scene[0]).place(scene[2]).place(scene[3]).place(p.table()).place(sums).place(gradients[0])
                .place(gradients[2]).place(gradients[3]).place(gradients[4]).add(add);
        shape.constant(views.scalingModifier());
        to.launch(SHAPE, Grid.items(n, Splatting.LOCAL), shape, List.of(p.camera(), scene[0], scene[2], scene[3], p.table(), sums, gradients[0]),
                List.of(gradients[0], gradients[2], gradients[3], gradients[4]));
    }
}
