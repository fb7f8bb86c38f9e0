package org.mouselift.models.splat;

/**
 * One splat's part in one pixel.
 *
 * @param gaussian number of the Gaussian
 * @param position 1-based position in the list of the pixel's tile
 * @param alpha opacity at the pixel, 1/255 … 0.99
 * @param weight alpha × transmittance in front: the factor on the colour
 * @param depth view-space z
 * @param red colour for this view direction
 * @param green colour for this view direction
 * @param blue colour for this view direction
 */
public record Contributor(int gaussian, int position, float alpha, float weight, float depth, float red, float green, float blue) {}
