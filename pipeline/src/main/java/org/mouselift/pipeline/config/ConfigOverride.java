package org.mouselift.pipeline.config;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import org.mouselift.pipeline.config.ConfigValue.Mapping;
import org.mouselift.pipeline.config.ConfigValue.Scalar;

/**
 * A value set on the command line: {@code --set training.optimizer.lr 1e-5}. It is read as true, false or null,
 * integer, number, else text, and creates the mappings it needs (GS-LRM specification §6.1).
 *
 * @param key dotted path
 * @param value as typed
 */
public record ConfigOverride(String key, String value) {
    public ConfigOverride {
        for (String part : key.split("\\.", -1)) {
            if (part.isBlank()) {
                throw new IllegalArgumentException("--set " + key + ": expected a dotted key such as training.optimizer.lr");
            }
        }
    }

    /** From the words of a command line: key, value, key, value, … */
    public static List<ConfigOverride> pairs(List<String> words) {
        if (words.size() % 2 != 0) {
            throw new IllegalArgumentException("--set " + words.getLast() + ": expected a key and a value");
        }
        List<ConfigOverride> overrides = new ArrayList<>();
        for (int i = 0; i < words.size(); i += 2) {
            overrides.add(new ConfigOverride(words.get(i), words.get(i + 1)));
        }
        return overrides;
    }

    /** A copy of {@code root} with all values set, in order. */
    public static Mapping apply(Mapping root, List<ConfigOverride> overrides) throws ConfigException {
        Mapping changed = root;
        for (ConfigOverride override : overrides) {
            changed = override.applyTo(changed);
        }
        return changed;
    }

    /** A copy of {@code root} with the value set. */
    Mapping applyTo(Mapping root) throws ConfigException {
        return set(root, List.of(key.split("\\.")));
    }

    private Mapping set(Mapping mapping, List<String> path) throws ConfigException {
        LinkedHashMap<String, ConfigValue> entries = new LinkedHashMap<>(mapping.entries());
        String head = path.getFirst();
        String where = "--set " + key;
        if (path.size() == 1) {
            entries.put(head, new Scalar(parsed(), value, where));
        } else {
            Mapping below = switch (entries.get(head)) {
                case null -> new Mapping(new LinkedHashMap<>(), where);
                case Mapping existing -> existing;
                case ConfigValue other -> throw new ConfigException(where, List.of(where + ": \"" + head + "\" is " + other.kind()
                        + " (" + other.where() + "), not a mapping"));
            };
            entries.put(head, set(below, path.subList(1, path.size())));
        }
        return new Mapping(entries, mapping.where());
    }

    private Object parsed() {
        return switch (value) {
            case "true", "True" -> Boolean.TRUE;
            case "false", "False" -> Boolean.FALSE;
            case "null", "~" -> null;
            default -> YamlReader.numberOrText(value);
        };
    }
}
