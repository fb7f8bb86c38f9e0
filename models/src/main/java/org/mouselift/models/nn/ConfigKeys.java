package org.mouselift.models.nn;

import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.nn.NearestNames;

/**
 * The keys of a component's {@code config.json}, taken one by one: wrong types, values that ask for something not built and keys
 * nobody took are refused by name. Keys that begin with an underscore are ignored.
 */
public final class ConfigKeys {
    private final Map<String, Object> left = new TreeMap<>();
    private final List<String> known = new ArrayList<>();
    private final String source;

    /**
     * @param json the parsed object: numbers, strings, booleans, lists, maps and nulls
     * @param source label for messages
     * @param ignored keys without meaning here
     */
    public ConfigKeys(Map<String, ?> json, String source, Set<String> ignored) {
        this.source = source;
        json.forEach((k, v) -> {
            if (!k.startsWith("_") && !ignored.contains(k)) {
                left.put(k, v == null ? "null" : v);
            }
        });
    }

    /** What to throw for a value that cannot be used. */
    public EngineException refuse(String key, Object value, String expected) {
        return new EngineException(source + ": " + key + " is " + value + ", expected " + expected);
    }

    /** The raw value; null when missing or null. */
    public Object take(String key) {
        known.add(key);
        Object value = left.remove(key);
        return "null".equals(value) ? null : value;
    }

    /** A whole number. */
    public int integer(String key, int missing) {
        double value = number(key, missing);
        if (value != Math.rint(value) || Math.abs(value) > Integer.MAX_VALUE) {
            throw refuse(key, value, "a whole number");
        }
        return (int) value;
    }

    /** A number. */
    public double number(String key, double missing) {
        Object value = take(key);
        if (value == null) {
            return missing;
        }
        if (!(value instanceof Number n)) {
            throw refuse(key, value, "a number");
        }
        return n.doubleValue();
    }

    /** A truth value. */
    public boolean truth(String key, boolean missing) {
        Object value = take(key);
        if (value == null) {
            return missing;
        }
        if (!(value instanceof Boolean b)) {
            throw refuse(key, value, "true or false");
        }
        return b;
    }

    /** A word. */
    public String text(String key, String missing) {
        Object value = take(key);
        return value == null ? missing : value.toString();
    }

    /** A list of words. */
    public List<String> words(String key, List<String> missing) {
        Object value = take(key);
        if (value == null) {
            return missing;
        }
        if (!(value instanceof List<?> list) || !list.stream().allMatch(String.class::isInstance)) {
            throw refuse(key, value, "a list of words");
        }
        return list.stream().map(String.class::cast).toList();
    }

    /**
     * A list of whole numbers.
     *
     * @param repeat length of the list that a single number stands for, 0 to insist on a list
     */
    public List<Integer> integers(String key, List<Integer> missing, int repeat) {
        Object value = take(key);
        if (value == null) {
            return missing.size() == 1 && repeat > 0 ? Collections.nCopies(repeat, missing.getFirst()) : missing;
        }
        if (repeat > 0 && value instanceof Number n) {
            return Collections.nCopies(repeat, n.intValue());
        }
        if (!(value instanceof List<?> list) || !list.stream().allMatch(v -> v instanceof Number n && n.doubleValue() == n.intValue())) {
            throw refuse(key, value, "a list of whole numbers");
        }
        return list.stream().map(v -> ((Number) v).intValue()).toList();
    }

    /** True for one word, false for another; refuses all others. */
    public boolean oneOf(String key, String value, String yes, String no) {
        if (!value.equals(yes) && !value.equals(no)) {
            throw refuse(key, value, yes + " or " + no + "; nothing else is built");
        }
        return value.equals(yes);
    }

    /** Takes a key that, if present and not null, must have one value; numbers as {@link Double#toString(double)} writes them. */
    public void only(String key, String value) {
        Object found = take(key);
        String text = found instanceof Number n ? String.valueOf(n.doubleValue()) : String.valueOf(found);
        if (found != null && !text.equals(value)) {
            throw refuse(key, found, value + "; nothing else is built");
        }
    }

    /** Refuses keys that nobody took. */
    public void finish() {
        if (!left.isEmpty()) {
            String key = left.keySet().iterator().next();
            throw new EngineException(source + ": unknown key '" + key + "' (" + left.get(key) + "); nearest known: " + NearestNames.of(key, known, 3));
        }
    }
}
