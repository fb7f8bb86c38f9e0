package org.mouselift.data.preprocess;

/**
 * How pictures are moved.
 *
 * @param size            width and height of the new pictures, pixels
 * @param contract        whether the cameras follow
 * @param resampling      quality of the pixels
 * @param legacyHalfPixel exact intrinsics without the term 0.5·(1−s), to reproduce the original's numbers
 */
public record MoveSettings(int size, PreprocessMethod.Contract contract, Resampling.Mode resampling, boolean legacyHalfPixel) {
    public MoveSettings {
        if (size < 8 || size > 8192) {
            throw new IllegalArgumentException("preprocessing: output size " + size + ", expected 8 to 8192 pixels");
        }
    }

    /** The default: cameras follow exactly. */
    public static MoveSettings exact(int size) {
        return new MoveSettings(size, PreprocessMethod.Contract.EXACT, Resampling.Mode.EXACT, false);
    }

    /** The original's behaviour: pictures move, cameras stay. */
    public static MoveSettings legacy(int size) {
        return new MoveSettings(size, PreprocessMethod.Contract.FROZEN, Resampling.Mode.LEGACY, false);
    }
}
