package org.mouselift.data.dataset;

import java.nio.file.Path;

/**
 * One sample with its chosen views, as the reconstructor takes it (GS-LRM specification §1.2).
 *
 * @param sample the sample's folder
 * @param channels 3 (RGB) or 4 (RGB on the background colour, and alpha)
 * @param size side of the square pictures in pixels
 * @param images [views, channels, size, size] in [0, 1]
 * @param c2w camera to world, OpenCV axes, row-major, [views][16]
 * @param fxfycxcy pixels at {@code size}, [views][4]
 * @param index {view number, sample number}, [views][2]
 * @param background the colour behind the pictures, three values in [0, 1]
 * @param depth z depth of the first pictures, world units at the stored cameras, 0 = unknown, [n, size, size]; empty unless asked for
 */
public record MultiViewItem(Path sample, int views, int channels, int size, float[] images, float[][] c2w, float[][] fxfycxcy, long[][] index,
                            float[] background, float[] depth) {}
