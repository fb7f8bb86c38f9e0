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
 * Launches of the splat renderer, for every view: {@code splatCamera}, {@code splatProject} (one work item a Gaussian), a
 * {@link RadixSort} by depth, {@code splatBins} (a group {@link #CHUNK} splats) and {@code splatComposite} (a group a tile of 16 x 16
 * pixels). The plan is the same for every scene: a tile's splats are bits in a row of the mask, one for every splat in depth order,
 * instead of lists whose length depends on the scene. Tiles are taken in bands of at most {@link #MASK_WORDS} words of mask.
 *
 * <p>Arguments. Camera: width, height, places of c2w, of fx fy cx cy and of the result. Project: Gaussians, width, height,
 * coefficients, places of the camera, centres, features, scales, quaternions, opacities, of the table ({@link #STRIDE} floats a
 * Gaussian: u, v, conic, opacity, rgb, rectangle of tiles), of keys and order, and of the numbers of tiles or -1; float: scaling modifier.
 * Bins: Gaussians, words a tile, tiles a row, first tile, tiles, places of table, order and mask. Composite: words a tile, width, height,
 * first tile, places of table, order, mask, rgb and alpha (or -1), transmittance and last splat (or -1); floats: background.
 */
public final class Splatting {
    public static final String CAMERA = "splatCamera";
    public static final String PROJECT = "splatProject";
    public static final String BINS = "splatBins";
    public static final String COMPOSITE = "splatComposite";
    public static final int LOCAL = 128;
    public static final int TILE_PIXELS = 256;
    public static final int STRIDE = 16;
    /** Numbers of a Gaussian that compositing reads. */
    public static final int NUMBERS = 9;
    /** Key of a Gaussian that is not in the picture; above every depth. */
    public static final int NOWHERE = Integer.MAX_VALUE;
    /** Splats whose bits a group sets, as many as it has work items. */
    public static final int CHUNK = TILE_PIXELS;
    public static final int CHUNK_WORDS = CHUNK / 32;
    /** Room for the rectangles of a chunk in rows of 33. */
    public static final int BIN_ROWS = CHUNK_WORDS * 33;
    /** Splats that compositing looks at before it asks whether it may stop; 16 bits a work item. */
    public static final int FORWARD_ROUND = 16 * TILE_PIXELS;
    /** Most words of a mask. */
    static final long MASK_WORDS = 1L << 26;
    private static final int CAMERA_NUMBERS = 32;

    private Splatting() {}

    /** Splats of one view that are projected and in depth order, and where the camera lies. */
    record Projected(Operand camera, Operand table, Operand order) {}

    /** Tiles that share a mask. */
    record Band(long first, long tiles, long words, Operand mask) {}

    public static void emit(SplatViews operation, Emission to) {
        Operand[] scene = scene(to);
        for (long view = 0; view < to.in(5).dim(0); view++) {
            Projected p = project(operation, to, scene, view, null);
            for (Band band : bands(operation, to, scene[0].dim(0))) {
                bins(operation, to, scene[0].dim(0), p, band);
                composite(operation, to, p, band, to.out(0).slice(0, view, 1, 1), to.out(1).slice(0, view, 1, 1), null, null);
            }
        }
    }

    /** Centres, features, scales, quaternions, opacities. */
    static Operand[] scene(Emission to) {
        Operand[] scene = new Operand[5];
        for (int i = 0; i < scene.length; i++) {
            scene[i] = to.packed(i);
        }
        if (scene[0].dim(0) == 0) {
            throw to.refusal("renders no Gaussians");
        }
        return scene;
    }

    /** @param tileCounts takes the number of tiles of every Gaussian; may be null */
    static Projected project(SplatViews operation, Emission to, Operand[] scene, long view, Operand tileCounts) {
        long n = scene[0].dim(0);
        Operand poses = to.packed(5);
        Operand lenses = to.packed(6);
        Operand camera = to.scratch(CAMERA_NUMBERS, "camera");
        to.launch(CAMERA, Grid.items(1, LOCAL), new Arguments().add(operation.width()).add(operation.height()).place(poses.slice(0, view, 1, 1))
                .place(lenses.slice(0, view, 1, 1)).place(camera), List.of(poses, lenses), List.of(camera));
        Operand table = to.scratch(n * STRIDE, "projected Gaussians");
        Operand keys = to.scratch(TensorSpec.of(DType.I32, n), "depths");
        Operand order = to.scratch(TensorSpec.of(DType.I32, n), "depth order");
        Arguments project = new Arguments().add(n).add(operation.width()).add(operation.height()).add(scene[1].dim(1)).place(camera);
        for (Operand part : scene) {
            project.place(part);
        }
        project.place(table).place(keys).place(order);
        List<Operand> written = new ArrayList<>(List.of(table, keys, order));
        if (tileCounts == null) {
            project.add(-1);
        } else {
            project.place(tileCounts);
            written.add(tileCounts);
        }
        project.constant(operation.scalingModifier());
        to.launch(PROJECT, Grid.items(n, LOCAL), project, List.of(camera, scene[0], scene[1], scene[2], scene[3], scene[4]), written);
        return new Projected(camera, table, RadixSort.emit(to, n, keys, order).values());
    }

    static long tiles(SplatViews operation) {
        return (long) tilesX(operation) * ((operation.height() + 15) / 16);
    }

    private static int tilesX(SplatViews operation) {
        return (operation.width() + 15) / 16;
    }

    static List<Band> bands(SplatViews operation, Emission to, long n) {
        long words = Math.ceilDiv(n, CHUNK) * CHUNK_WORDS;
        long most = Math.max(1, MASK_WORDS / words);
        List<Band> out = new ArrayList<>();
        for (long first = 0; first < tiles(operation); first += most) {
            long count = Math.min(most, tiles(operation) - first);
            out.add(new Band(first, count, words, to.scratch(TensorSpec.of(DType.I32, count * words), "splats of tiles")));
        }
        return out;
    }

    static void bins(SplatViews operation, Emission to, long n, Projected p, Band band) {
        to.launch(BINS, Grid.groups(Math.ceilDiv(n, CHUNK), 1, 1, TILE_PIXELS), new Arguments().add(n).add(band.words).add(tilesX(operation)).add(band.first)
                .add(band.tiles).place(p.table).place(p.order).place(band.mask), List.of(p.table, p.order), List.of(band.mask));
    }

    /** Pictures, or transmittance and last splat of every pixel; the others are null. */
    static void composite(SplatViews operation, Emission to, Projected p, Band band, Operand rgb, Operand alpha, Operand transmittance, Operand last) {
        Arguments composite = new Arguments().add(band.words).add(operation.width()).add(operation.height()).add(band.first).place(p.table).place(p.order)
                .place(band.mask);
        List<Operand> written = new ArrayList<>();
        for (Operand result : new Operand[] {rgb, alpha, transmittance, last}) {
            if (result == null) {
                composite.add(-1);
            } else {
                composite.place(result);
                written.add(result);
            }
        }
        background(operation, composite);
        to.launch(COMPOSITE, Grid.groups(band.tiles, 1, 1, TILE_PIXELS), composite, List.of(p.table, p.order, band.mask), written);
    }

    static void background(SplatViews operation, Arguments to) {
        to.constant(operation.red());
        to.constant(operation.green());
        to.constant(operation.blue());
    }
}
