package org.mouselift.data.camera;

/**
 * The order in which the reconstructor cuts pictures into patches and numbers its pixel-aligned Gaussians (GS-LRM
 * specification §1.6, §1.12): views in order, patches in raster order, pixels of a patch in raster order, and inside a
 * token the channel runs fastest.
 */
public record PatchOrder(int height, int width, int patch) {
    public PatchOrder {
        if (patch < 1 || height < 1 || width < 1 || height % patch != 0 || width % patch != 0) {
            throw new CameraException(null, "patches: image " + width + "×" + height, "is not divisible by the patch size "
                    + patch, "resize or crop the image to a multiple of the patch size");
        }
    }

    /** Patches per view. */
    public int patches() {
        return (height / patch) * (width / patch);
    }

    /** The position of pixel (row, column) of a view among the pixel-aligned Gaussians; add the free ones before it. */
    public long gaussianIndex(int view, int row, int column) {
        java.util.Objects.checkIndex(row, height);
        java.util.Objects.checkIndex(column, width);
        long hp = row / patch;
        long wp = column / patch;
        return (((view * (long) (height / patch) + hp) * (width / patch) + wp) * patch + row % patch) * patch
                + column % patch;
    }

    /** The pixel {@code {view, row, column}} of a pixel-aligned Gaussian: inverse of {@link #gaussianIndex}. */
    public int[] pixel(long gaussian) {
        long inPatch = (long) patch * patch;
        long token = gaussian / inPatch;
        int rest = (int) (gaussian % inPatch);
        int view = Math.toIntExact(token / patches());
        int inView = (int) (token % patches());
        return new int[] {view, inView / (width / patch) * patch + rest / patch,
            inView % (width / patch) * patch + rest % patch};
    }

    /** One view {@code [C, H, W]} → tokens {@code [patches, patch·patch·C]}. */
    public float[] patchify(float[] image, int channels) {
        int n = Math.multiplyExact(height, width);
        if (image.length != Math.multiplyExact(channels, n)) {
            throw new CameraException(null, "patches: image", "has " + image.length + " values", "expected [" + channels
                    + "," + height + "," + width + "]");
        }
        float[] out = new float[image.length];
        for (int row = 0; row < height; row++) {
            for (int column = 0; column < width; column++) {
                int at = (int) gaussianIndex(0, row, column) * channels;
                for (int c = 0; c < channels; c++) {
                    out[at + c] = image[c * n + row * width + column];
                }
            }
        }
        return out;
    }
}
