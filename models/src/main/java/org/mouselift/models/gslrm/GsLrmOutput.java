package org.mouselift.models.gslrm;

import org.mouselift.engine.Tensor;

/**
 * Result of a reconstruction (GS-LRM specification §1.15).
 *
 * @param gaussians all Gaussians
 * @param alignedXyz centres of the pixel-aligned Gaussians [B,Vin*H*W,3] in patch order
 * @param imageTokens image tokens after the last block [B,Vin*H*W/p²,d]
 * @param rays rays of the input views
 * @param patchSize side of a patch
 */
public record GsLrmOutput(GaussianBatch gaussians, Tensor alignedXyz, Tensor imageTokens, RayMaps rays, int patchSize) {
    /** Centres of the pixel-aligned Gaussians as maps [B,Vin,3,H,W] ({@code pixelalign_xyz}). */
    public Tensor pixelAlignedXyz() {
        Tensor d = rays.direction();
        return PatchOrder.toMaps(alignedXyz, d.dim(1), d.dim(3), d.dim(4), patchSize);
    }
}
