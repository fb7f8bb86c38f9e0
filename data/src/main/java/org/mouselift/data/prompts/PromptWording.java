package org.mouselift.data.prompts;

import java.util.List;
import java.util.Locale;
import java.util.Optional;
import org.mouselift.data.camera.Azimuth;

/**
 * Sentences with gaps: {@code {view}}, {@code {elevation}} and {@code {azimuth}} (whole degrees, clockwise from the front).
 *
 * @param views names of the style's own views in order; empty for a style without such a list
 * @param height how names of other views tell the height
 * @param separator between the words of a name
 * @param colour sentence of the pictures
 * @param normal sentence of the normal or depth maps, for the styles that have one
 */
public record PromptWording(List<String> views, ViewName.Height height, String separator, String colour, Optional<String> normal) {
    public PromptWording {
        views = List.copyOf(views);
    }

    /** Fills the gaps of a sentence. */
    static String fill(String sentence, String view, double elevation, double clockwiseFromFront) {
        return sentence.replace("{view}", view).replace("{elevation}", Long.toString(Math.round(elevation)))
                .replace("{azimuth}", String.format(Locale.ROOT, "%d", Math.round(Azimuth.mod360(clockwiseFromFront)) % 360));
    }
}
