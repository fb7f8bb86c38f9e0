package org.mouselift.models.splat;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;

/**
 * Output of the renderer: float32 planes in native byte order, written in place.
 *
 * <p>{@code depth} is the expected depth Σ zᵢ·αᵢ·Tᵢ over the splats of a pixel (view-space z, world units): the background
 * counts as depth 0. Divided by {@code alpha} it becomes the mean depth of the surface, see {@link #normalisedDepth()}.
 *
 * @param width pixels
 * @param height pixels
 * @param rgb [3,H,W], not clamped: may exceed 1
 * @param alpha 1 - final transmittance, [H,W]; null if not wanted
 * @param depth alpha-weighted view depth, [H,W]; null if not wanted
 */
public record SplatImage(int width, int height, MemorySegment rgb, MemorySegment alpha, MemorySegment depth) {
    public SplatImage {
        check("rgb", rgb, 3, width, height, false);
        check("alpha", alpha, 1, width, height, true);
        check("depth", depth, 1, width, height, true);
    }

    static void check(String name, MemorySegment segment, int planes, int width, int height, boolean optional) {
        if (segment == null && optional) {
            return;
        }
        long expected = 4L * planes * width * height;
        if (segment == null || segment.byteSize() != expected) {
            throw new IllegalArgumentException("image plane " + name + " has " + (segment == null ? "no memory" : segment.byteSize() + " bytes")
                + ", expected " + expected + " (f32[" + (planes == 1 ? "" : planes + ",") + height + "," + width + "])");
        }
    }

    /** An image with all three outputs on the heap. */
    public static SplatImage allocate(int width, int height) {
        int pixels = Math.multiplyExact(width, height);
        return new SplatImage(width, height, MemorySegment.ofArray(new float[Math.multiplyExact(3, pixels)]),
            MemorySegment.ofArray(new float[pixels]), MemorySegment.ofArray(new float[pixels]));
    }

    /** Depth divided by alpha, [H,W] row-major; 0 where alpha is 0. */
    public float[] normalisedDepth() {
        if (alpha == null || depth == null) {
            throw new IllegalStateException("normalised depth needs an image with alpha and depth planes");
        }
        float[] out = new float[Math.multiplyExact(width, height)];
        for (int i = 0; i < out.length; i++) {
            float a = alpha.get(ValueLayout.JAVA_FLOAT_UNALIGNED, 4L * i);
            out[i] = a > 0 ? depth.get(ValueLayout.JAVA_FLOAT_UNALIGNED, 4L * i) / a : 0;
        }
        return out;
    }

    /** A copy of the colour planes, [3,H,W] row-major. */
    public float[] rgbArray() {
        return rgb.toArray(ValueLayout.JAVA_FLOAT_UNALIGNED);
    }
}
