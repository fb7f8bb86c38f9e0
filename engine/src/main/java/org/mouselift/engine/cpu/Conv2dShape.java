package org.mouselift.engine.cpu;

/**
 * Sizes of a two-dimensional convolution (cross-correlation, as in every framework): x [N, Ci, H, W], weights
 * [Co, Ci, Kh, Kw], y [N, Co, Ho, Wo] with {@code Ho = (H + padTop + padBottom - Kh) / strideH + 1} rounded down, Wo alike.
 * All contiguous.
 */
public record Conv2dShape(long batch, int inChannels, int height, int width, int outChannels, int kernelHeight, int kernelWidth, int strideH,
        int strideW, int padTop, int padBottom, int padLeft, int padRight) {
    public Conv2dShape {
        if (batch < 0 || inChannels < 1 || height < 1 || width < 1 || outChannels < 1 || kernelHeight < 1 || kernelWidth < 1 || strideH < 1 || strideW < 1
                || padTop < 0 || padBottom < 0 || padLeft < 0 || padRight < 0) {
            throw new IllegalArgumentException("conv2d: sizes, kernel and stride must be positive and padding not negative: x[" + batch + "," + inChannels + ","
                    + height + "," + width + "], " + outChannels + " outputs, kernel " + kernelHeight + "x" + kernelWidth + ", stride " + strideH + "x" + strideW
                    + ", padding " + padTop + "," + padBottom + "," + padLeft + "," + padRight);
        }
        long h = (long) height + padTop + padBottom;
        long w = (long) width + padLeft + padRight;
        if (h < kernelHeight || w < kernelWidth) {
            throw new IllegalArgumentException("conv2d: kernel " + kernelHeight + "x" + kernelWidth + " is larger than the padded image " + h + "x" + w);
        }
        long taps = (long) kernelHeight * kernelWidth;
        if (h * w > Integer.MAX_VALUE || Math.max(inChannels, outChannels) > Integer.MAX_VALUE / taps) {
            throw new IllegalArgumentException("conv2d: image of " + h + "x" + w + " or kernel with " + taps + " taps of " + Math.max(inChannels, outChannels)
                    + " channels exceeds 2^31 elements");
        }
    }

    /** Square kernel, equal stride and padding on all sides. */
    public static Conv2dShape square(long batch, int inChannels, int height, int width, int outChannels, int kernel, int stride, int pad) {
        return new Conv2dShape(batch, inChannels, height, width, outChannels, kernel, kernel, stride, stride, pad, pad, pad, pad);
    }

    public int outHeight() {
        return (height + padTop + padBottom - kernelHeight) / strideH + 1;
    }

    public int outWidth() {
        return (width + padLeft + padRight - kernelWidth) / strideW + 1;
    }

    /** Pixels of one input plane. */
    public int inPlane() {
        return height * width;
    }

    /** Pixels of one output plane. */
    public int outPlane() {
        return outHeight() * outWidth();
    }

    /** Taps of the kernel, Kh * Kw. */
    public int taps() {
        return kernelHeight * kernelWidth;
    }

    /** True for a 1x1 kernel that reads every pixel once: a plain matrix product. */
    boolean pointwise() {
        return taps() == 1 && strideH == 1 && strideW == 1 && padTop + padBottom + padLeft + padRight == 0;
    }

    void checkBounds(String kernel, org.mouselift.engine.DType type, String name, java.lang.foreign.MemorySegment data, long offset, boolean output) {
        if (output) {
            Bounds.strided(kernel, name, data, type, offset, batch, (long) outChannels * outPlane(), outChannels, outPlane(), outPlane(), 1);
        } else {
            Bounds.strided(kernel, name, data, type, offset, batch, (long) inChannels * inPlane(), inChannels, inPlane(), inPlane(), 1);
        }
    }
}
