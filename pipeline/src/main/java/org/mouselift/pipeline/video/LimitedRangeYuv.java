package org.mouselift.pipeline.video;

/**
 * Conversion between sRGB and limited-range Y'CbCr as video wants it: luma 16 … 235, chroma 16 … 240 around 128.
 * With {@code K = (kr, kg, kb)}: {@code Y = 16 + 219 K·rgb}, {@code Cb = 128 + 112 (b − K·rgb)/(1 − kb)},
 * {@code Cr = 128 + 112 (r − K·rgb)/(1 − kr)}, rgb in [0,1]. Source: ITU-R BT.601 and BT.709.
 */
enum LimitedRangeYuv {
    /** Standard definition; what players assume below 720 lines. */
    BT601(0.299, 0.114, 6),
    /** High definition; what players assume from 720 lines on. */
    BT709(0.2126, 0.0722, 1);

    private final double kr;
    private final double kg;
    private final double kb;
    /** Matrix coefficients code of H.264 (table E-5). */
    final int code;

    LimitedRangeYuv(double kr, double kb, int code) {
        this.kr = kr;
        this.kg = 1 - kr - kb;
        this.kb = kb;
        this.code = code;
    }

    static LimitedRangeYuv forHeight(int height) {
        return height >= 720 ? BT709 : BT601;
    }

    /** Y of a colour with channels 0 … 255. */
    int luma(int red, int green, int blue) {
        return (int) Math.round(16 + 219 / 255.0 * (kr * red + kg * green + kb * blue));
    }

    /** Cb of a colour with channels 0 … 255, which may be averages. */
    int blueDifference(double red, double green, double blue) {
        return (int) Math.round(128 + 112 / 255.0 * (blue - (kr * red + kg * green + kb * blue)) / (1 - kb));
    }

    /** Cr of a colour with channels 0 … 255, which may be averages. */
    int redDifference(double red, double green, double blue) {
        return (int) Math.round(128 + 112 / 255.0 * (red - (kr * red + kg * green + kb * blue)) / (1 - kr));
    }

    /** The colour of Y, Cb and Cr as 0xRRGGBB. */
    int rgb(int luma, int blueDifference, int redDifference) {
        double y = (luma - 16) * 255 / 219.0;
        double b = (blueDifference - 128) * 255 / 112.0 * (1 - kb);
        double r = (redDifference - 128) * 255 / 112.0 * (1 - kr);
        double red = y + r;
        double blue = y + b;
        double green = (y - kr * red - kb * blue) / kg;
        return level(red) << 16 | level(green) << 8 | level(blue);
    }

    private static int level(double value) {
        return Math.clamp(Math.round(value), 0, 255);
    }
}
