package org.mouselift.data.dataset;

import java.util.Locale;
import java.util.random.RandomGenerator;

/**
 * The {@code background_color} setting of the data sets (GS-LRM specification §5.2): {@code white}, {@code black},
 * {@code gray}, {@code random} (three uniform values), {@code three_choices} (one of the three names) or a grey level in
 * [0, 1]. Drawn once per sample.
 */
public record BackgroundColor(Kind kind, float level) {
    /** How the colour is chosen. */
    public enum Kind { FIXED, RANDOM, THREE_CHOICES }

    public static final BackgroundColor WHITE = grey(1);
    public static final BackgroundColor BLACK = grey(0);
    public static final BackgroundColor GRAY = grey(0.5f);

    public BackgroundColor {
        if (!(level >= 0 && level <= 1)) {
            throw new IllegalArgumentException("background_color: " + level + " is not in [0, 1]");
        }
    }

    /** One grey level in [0, 1]. */
    public static BackgroundColor grey(float level) {
        return new BackgroundColor(Kind.FIXED, level);
    }

    /** Parses the setting's text. */
    public static BackgroundColor parse(String text) {
        switch (text.strip().toLowerCase(Locale.ROOT)) {
            case "white":
                return WHITE;
            case "black":
                return BLACK;
            case "gray", "grey":
                return GRAY;
            case "random":
                return new BackgroundColor(Kind.RANDOM, 0);
            case "three_choices":
                return new BackgroundColor(Kind.THREE_CHOICES, 0);
            default:
                try {
                    return grey(Float.parseFloat(text.strip()));
                } catch (NumberFormatException e) {
                    throw new IllegalArgumentException("background_color: '" + text
                            + "'; expected white, black, gray, random, three_choices or a number in [0, 1]", e);
                }
        }
    }

    /** The colour of one sample: three values in [0, 1]. */
    public float[] draw(RandomGenerator random) {
        float[] grey = switch (kind) {
            case RANDOM -> new float[] {random.nextFloat(), random.nextFloat(), random.nextFloat()};
            case THREE_CHOICES -> new float[] {new float[] {1, 0, 0.5f}[random.nextInt(3)]};
            case FIXED -> new float[] {level};
        };
        return grey.length == 3 ? grey : new float[] {grey[0], grey[0], grey[0]};
    }

    /** The 8-bit form {@code trunc(255 c)}; gray is 127. */
    public static int[] toBytes(float[] colour) {
        return new int[] {(int) (255 * colour[0]), (int) (255 * colour[1]), (int) (255 * colour[2])};
    }
}
