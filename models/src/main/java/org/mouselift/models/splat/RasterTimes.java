package org.mouselift.models.splat;

/**
 * Where the time of the last view went, in seconds; the backward part is 0 until there was a backward pass.
 *
 * @param project projection and colours of all Gaussians
 * @param bin tile lists front to back
 * @param composite blending of all tiles
 * @param backwardTiles gradients of all tiles with respect to the splats in them
 * @param reduce sums over the tiles of a splat
 * @param chain from the splats back to the parameters
 */
public record RasterTimes(double project, double bin, double composite, double backwardTiles, double reduce, double chain) {
    static final RasterTimes NONE = new RasterTimes(0, 0, 0, 0, 0, 0);

    /** All of the rendering. */
    public double forward() {
        return project + bin + composite;
    }

    /** All of the backward pass. */
    public double backward() {
        return backwardTiles + reduce + chain;
    }
}
