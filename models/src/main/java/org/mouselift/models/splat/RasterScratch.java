package org.mouselift.models.splat;

import java.util.Arrays;
import org.mouselift.engine.cpu.VectorWidth;
import org.mouselift.engine.cpu.Workers;
import org.mouselift.models.splat.cpu.VectorProjection;

/**
 * Buffers that a rasterizer needs only while it works, so that rasterizers that keep different views can share them. Used
 * by one caller at a time.
 */
final class RasterScratch {
    /** One a worker thread. */
    final TileKernel.Pixels[] pixels = new TileKernel.Pixels[Workers.count()];
    final ParameterBlock[] blocks = new ParameterBlock[Workers.count()], sums = new ParameterBlock[Workers.count()];
    /** Null where kernels are scalar. */
    final VectorProjection[] lanes = new VectorProjection[Workers.count()];
    /** Numbers in their block of the Gaussians that may be visible, from the beginning of the block's part. */
    int[] candidates = new int[0];
    /** Where the moments of every tile of a band begin, and {@link TileKernel#MOMENTS} numbers for each splat that a tile uses. */
    int[] used = new int[0];
    float[] tileMoments = new float[0];
    /** {@link TileKernel#MOMENTS} numbers per row of the table, valid for the visible ones after the backward pass of the tiles. */
    float[] moments = new float[0];

    RasterScratch() {
        for (int i = 0; i < pixels.length; i++) {
            pixels[i] = new TileKernel.Pixels();
            blocks[i] = new ParameterBlock();
            sums[i] = new ParameterBlock();
            lanes[i] = VectorWidth.SCALAR ? null : new VectorProjection();
        }
    }

    /** Memory of the buffers that grow with the scene. */
    long bytes() {
        long sum = 4L * (candidates.length + used.length + tileMoments.length + moments.length);
        for (TileKernel.Pixels p : pixels) {
            sum += 4L * p.moments.length;
        }
        return sum;
    }

    /** Prepares the moments of {@code count} rows: zeros. */
    void clearMoments(int count) {
        int numbers = count * TileKernel.MOMENTS;
        if (moments.length < numbers) {
            moments = new float[(int) Math.min(Integer.MAX_VALUE - 16, numbers + numbers / 4L)];
            return;
        }
        Workers.split(numbers, 4096, (worker, begin, end) -> Arrays.fill(moments, (int) begin, (int) end, 0));
    }
}
