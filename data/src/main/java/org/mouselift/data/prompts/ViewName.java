package org.mouselift.data.prompts;

import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.OptionalDouble;
import org.mouselift.data.camera.Azimuth;

/**
 * Words for a viewing direction (mouse specification §5.3): {@code front-right}, {@code top-back}. Azimuths here are counted
 * clockwise from the front, in degrees.
 */
public final class ViewName {
    /** Above this elevation, degrees, a view is called {@code top}. */
    public static final double TOP = 30;
    /** Above this elevation, degrees, a view is called {@code upper}. */
    public static final double UPPER = 10;

    /** How a name tells the height of the camera. */
    public enum Height {
        /** Not at all. */
        NONE,
        /** Every view is called {@code top}. */
        TOP,
        /** {@code top} above {@link ViewName#TOP}, {@code upper} above {@link ViewName#UPPER}, otherwise nothing. */
        BY_ELEVATION
    }

    private static final List<String> DIRECTIONS = List.of("front", "front-right", "right", "back-right", "back", "back-left", "left", "front-left");
    /** First azimuth of each direction; the sector of the front begins at 330. */
    private static final double[] FROM = {-30, 30, 60, 120, 150, 210, 240, 300};

    private ViewName() {}

    /** The direction in words, such as {@code back-left}. */
    public static String direction(double clockwiseFromFront) {
        double a = Azimuth.mod360(clockwiseFromFront);
        int sector = 0;
        for (int i = 1; i < FROM.length; i++) {
            if (a >= FROM[i] && a < 330) {
                sector = i;
            }
        }
        return DIRECTIONS.get(sector);
    }

    /** The word for the height; empty for none. */
    public static String height(Height rule, double elevation) {
        return switch (rule) {
            case NONE -> "";
            case TOP -> "top";
            case BY_ELEVATION -> elevation > TOP ? "top" : elevation > UPPER ? "upper" : "";
        };
    }

    /**
     * The name of a view.
     *
     * @param separator between the words
     * @param words other words for some of {@code front}, {@code front-right}, …, {@code top}, {@code upper}: another language
     */
    public static String of(Height rule, String separator, Map<String, String> words, double elevation, double clockwiseFromFront) {
        String direction = direction(clockwiseFromFront);
        String height = height(rule, elevation);
        String named = words.getOrDefault(direction, direction.replace("-", separator));
        return height.isEmpty() ? named : words.getOrDefault(height, height) + separator + named;
    }

    /** The azimuth in the middle of what a name says, with or without a word for the height; empty for other names. */
    public static OptionalDouble azimuth(String name) {
        String plain = name.toLowerCase(Locale.ROOT).replace('_', '-').replaceFirst("^(top|upper)-", "");
        int at = DIRECTIONS.indexOf(plain);
        return at < 0 ? OptionalDouble.empty() : OptionalDouble.of(45.0 * at);
    }
}
