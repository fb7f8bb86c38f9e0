package org.mouselift.data.prompts;

import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * A way to put viewing directions into words (mouse specification §5.2).
 *
 * @param rig the cameras it was made for, by their name in the rig catalogue
 * @param wording its sentences
 * @param levelUpTo mean elevation, degrees, up to which {@code level} is used
 * @param level sentences for cameras at the height of the subject
 * @param words of another language for view names, see {@link ViewName#of}
 * @param legacyAzimuths azimuths that the original's preset of this style states, degrees; not those of any model, kept for comparison
 */
public record PromptStyle(String id, String description, String rig, PromptWording wording, double levelUpTo, Optional<PromptWording> level,
        Map<String, String> words, List<Double> legacyAzimuths) {
    public PromptStyle {
        words = Map.copyOf(words);
        legacyAzimuths = List.copyOf(legacyAzimuths);
    }

    /** The sentences for cameras of a mean elevation in degrees. */
    public PromptWording wording(double meanElevation) {
        return level.isPresent() && meanElevation <= levelUpTo ? level.get() : wording;
    }
}
