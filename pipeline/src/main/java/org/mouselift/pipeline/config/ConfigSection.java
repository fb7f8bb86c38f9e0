package org.mouselift.pipeline.config;

import java.nio.file.InvalidPathException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.OptionalInt;
import java.util.Set;
import org.mouselift.engine.nn.NearestNames;
import org.mouselift.pipeline.config.ConfigValue.Mapping;
import org.mouselift.pipeline.config.ConfigValue.Scalar;
import org.mouselift.pipeline.config.ConfigValue.Sequence;

/**
 * Typed access to one mapping of a configuration. Wrong types and ranges are collected as problems, so that one run names
 * them all; a key that nobody asked for is a problem too, with the nearest known key as a suggestion.
 */
final class ConfigSection {
    private final Mapping mapping;
    private final String path;
    private final List<String> problems;
    private final List<String> warnings;
    private final Set<String> known = new LinkedHashSet<>();
    private final Map<String, ConfigSection> sections = new LinkedHashMap<>();

    ConfigSection(Mapping mapping, String path, List<String> problems, List<String> warnings) {
        this.mapping = mapping;
        this.path = path;
        this.problems = problems;
        this.warnings = warnings;
    }

    /** The mapping under {@code key}; empty when the key is missing, so that every default applies. */
    ConfigSection section(String key) {
        return sections.computeIfAbsent(key, name -> {
            known.add(name);
            Mapping below = new Mapping(new LinkedHashMap<>(), mapping.where());
            switch (mapping.entries().get(name)) {
                case null -> { }
                case Mapping present -> below = present;
                case Scalar empty when empty.value() == null -> { }
                case ConfigValue other -> wrong(name, other, "a mapping");
            }
            return new ConfigSection(below, path + name + ".", problems, warnings);
        });
    }

    boolean has(String key) {
        return mapping.entries().containsKey(key);
    }

    /** True if the key is there without a value. */
    boolean isNull(String key) {
        return mapping.entries().get(key) instanceof Scalar scalar && scalar.value() == null;
    }

    boolean truth(String key, boolean missing) {
        return switch (scalar(key, "true or false")) {
            case null -> missing;
            case Scalar(Boolean value, String text, String where) -> value;
            case Scalar other -> {
                wrong(key, other, "true or false");
                yield missing;
            }
        };
    }

    int integer(String key, int missing, int least, int most) {
        return integer(key, least, most).orElse(missing);
    }

    OptionalInt integer(String key, int least, int most) {
        String expected = most == Integer.MAX_VALUE ? "an integer of at least " + least : "an integer from " + least + " to " + most;
        return switch (scalar(key, expected)) {
            case null -> OptionalInt.empty();
            case Scalar(Long value, String text, String where) when value >= least && value <= most -> OptionalInt.of(value.intValue());
            case Scalar other -> {
                wrong(key, other, expected);
                yield OptionalInt.empty();
            }
        };
    }

    double number(String key, double missing, double least, double most) {
        String expected = most == Double.MAX_VALUE ? "a number of at least " + least : "a number from " + least + " to " + most;
        return switch (scalar(key, expected)) {
            case null -> missing;
            case Scalar value when inside(value.value(), least, most) -> ((Number) value.value()).doubleValue();
            case Scalar other -> {
                wrong(key, other, expected);
                yield missing;
            }
        };
    }

    /** A list of exactly {@code missing.length} numbers. */
    double[] numbers(String key, double[] missing, double least, double most) {
        known.add(key);
        String expected = "a list of " + missing.length + " numbers from " + least + " to " + most;
        switch (mapping.entries().get(key)) {
            case null -> { }
            case Sequence list when list.values().size() == missing.length && list.values().stream()
                    .allMatch(value -> value instanceof Scalar scalar && inside(scalar.value(), least, most)) -> {
                return list.values().stream().mapToDouble(value -> ((Number) ((Scalar) value).value()).doubleValue()).toArray();
            }
            case ConfigValue other -> wrong(key, other, expected);
        }
        return missing.clone();
    }

    String text(String key, String missing) {
        return text(key).orElse(missing);
    }

    /** A text that is neither missing nor empty. */
    Optional<String> text(String key) {
        return switch (scalar(key, "a text")) {
            case null -> Optional.empty();
            case Scalar(Boolean value, String text, String where) -> {
                wrong(key, new Scalar(value, text, where), "a text");
                yield Optional.empty();
            }
            case Scalar value -> Optional.of(value.text()).filter(text -> !text.isBlank());
        };
    }

    Optional<Path> file(String key) {
        return text(key).flatMap(text -> {
            try {
                return Optional.of(Path.of(text));
            } catch (InvalidPathException e) {
                wrong(key, "a path (" + e.getReason() + ")");
                return Optional.empty();
            }
        });
    }

    /** One of a few words. */
    String choice(String key, String missing, String... choices) {
        String value = text(key, missing);
        if (!List.of(choices).contains(value)) {
            wrong(key, mapping.entries().get(key), "one of " + String.join(", ", choices));
            return missing;
        }
        return value;
    }

    /** The raw value, for keys with several types; null when missing. */
    Object any(String key) {
        Scalar scalar = scalar(key, "a single value");
        return scalar == null ? null : scalar.value();
    }

    /** A single value or a list of them, as {@link Scalar#value} has them; nulls left out. */
    List<Object> values(String key, List<Object> missing) {
        known.add(key);
        return switch (mapping.entries().get(key)) {
            case null -> missing;
            case Scalar scalar -> scalar.value() == null ? missing : List.of(scalar.value());
            case Sequence list when list.values().stream().allMatch(v -> v instanceof Scalar s && s.value() != null) ->
                list.values().stream().map(v -> ((Scalar) v).value()).toList();
            case ConfigValue other -> {
                wrong(key, other, "a value or a list of values");
                yield missing;
            }
        };
    }

    /** A list of words; empty when missing. */
    List<String> words(String key) {
        return values(key, List.of()).stream().map(Object::toString).toList();
    }

    /** A mapping as plain objects, for keys that other code checks; empty when missing. */
    Map<String, Object> plain(String key) {
        known.add(key);
        return switch (mapping.entries().get(key)) {
            case null -> Map.of();
            case Scalar empty when empty.value() == null -> Map.of();
            case Mapping present -> {
                Map<String, Object> out = new LinkedHashMap<>();
                present.entries().forEach((name, value) -> out.put(name, YamlText.plain(value)));
                yield out;
            }
            case ConfigValue other -> {
                wrong(key, other, "a mapping");
                yield Map.of();
            }
        };
    }

    /** Accepts a key that no code reads and that changes no result. */
    void unread(String key) {
        known.add(key);
    }

    /** Accepts a key that no code reads; a value other than {@code neutral} gets a warning. */
    void unread(String key, Set<Object> neutral, String why) {
        known.add(key);
        ConfigValue value = mapping.entries().get(key);
        if (value != null && !(value instanceof Scalar scalar && neutral.contains(scalar.value()))) {
            warn(key, why);
        }
    }

    void warn(String key, String why) {
        ConfigValue value = mapping.entries().get(key);
        warnings.add((value == null ? mapping.where() : value.where()) + ": " + path + key + (value instanceof Mapping || value == null ? "" : " is " + value.kind()) + ": " + why);
    }

    /** Reports a value as wrong. */
    void wrong(String key, String expected) {
        wrong(key, mapping.entries().get(key), expected);
    }

    private void wrong(String key, ConfigValue value, String expected) {
        problems.add(value == null ? mapping.where() + ": " + path + key + " is missing, expected " + expected
                : value.where() + ": " + path + key + " is " + value.kind() + ", expected " + expected);
    }

    private Scalar scalar(String key, String expected) {
        known.add(key);
        return switch (mapping.entries().get(key)) {
            case null -> null;
            case Scalar scalar -> scalar.value() == null ? null : scalar;
            case ConfigValue other -> {
                wrong(key, other, expected);
                yield null;
            }
        };
    }

    private static boolean inside(Object value, double least, double most) {
        return value instanceof Number number && number.doubleValue() >= least && number.doubleValue() <= most;
    }

    /** Reports every key, here and below, that was never asked for. */
    void reportUnknownKeys() {
        mapping.entries().forEach((key, value) -> {
            if (!known.contains(key)) {
                String nearest = nearest(key);
                problems.add(value.where() + ": unknown key " + path + key + (nearest.isEmpty() ? "" : " (did you mean " + path + nearest + "?)"));
            }
        });
        List.copyOf(sections.values()).forEach(ConfigSection::reportUnknownKeys);
    }

    private String nearest(String key) {
        String best = "";
        int least = Math.max(2, key.length() / 3) + 1;
        for (String candidate : known) {
            int distance = NearestNames.distance(key, candidate);
            if (distance < least) {
                least = distance;
                best = candidate;
            }
        }
        return best;
    }
}
