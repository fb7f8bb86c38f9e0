package org.mouselift.pipeline.config;

import java.util.List;
import java.util.Map;

/** A value of a configuration file, with the place it came from ({@code file.yaml:12}, or the override that set it). */
public sealed interface ConfigValue {
    /** Where the value stands, for messages. */
    String where();

    /** Key-value pairs in the order of the file. */
    record Mapping(Map<String, ConfigValue> entries, String where) implements ConfigValue {}

    /** A list. */
    record Sequence(List<ConfigValue> values, String where) implements ConfigValue {}

    /**
     * A single value.
     *
     * @param value a {@link Boolean}, {@link Long}, {@link Double}, {@link String}, or null for YAML's null
     * @param text as written
     */
    record Scalar(Object value, String text, String where) implements ConfigValue {}

    /** Short name of what it is, for messages. */
    default String kind() {
        return switch (this) {
            case Mapping mapping -> "a mapping of " + mapping.entries.size() + " keys";
            case Sequence sequence -> "a list of " + sequence.values.size();
            case Scalar scalar -> switch (scalar.value) {
                case null -> "null";
                case Boolean truth -> "the truth value " + scalar.text;
                case Long integer -> "the integer " + scalar.text;
                case Double number -> "the number " + scalar.text;
                default -> "the text \"" + scalar.text + "\"";
            };
        };
    }
}
