package org.mouselift.engine.nn;

import java.util.ArrayList;
import java.util.Collection;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;

/**
 * How the named tensors of a file differ from those of a model, in words: the number of every kind of problem, the first
 * {@value #SHOWN} of each, and for every name the nearest one of the other side, so that a renamed layer is seen at once.
 */
public final class NameMismatch {
    /** How many names of a kind are written out. */
    public static final int SHOWN = 20;

    private NameMismatch() {}

    /**
     * The differences; empty if there are none.
     *
     * @param expected names of the model
     * @param given names of the file
     * @param wrong descriptions of tensors that both have, with another shape or type
     */
    public static Optional<String> describe(Collection<String> expected, Collection<String> given, List<String> wrong) {
        Set<String> missing = new LinkedHashSet<>(expected); // in the order of the model
        missing.removeAll(given);
        Set<String> unexpected = new TreeSet<>(given);
        unexpected.removeAll(expected);
        if (missing.isEmpty() && unexpected.isEmpty() && wrong.isEmpty()) {
            return Optional.empty();
        }
        List<String> parts = new ArrayList<>();
        if (!missing.isEmpty()) {
            // A renamed tensor is among the unexpected ones; the nearest other name tells more than nothing.
            Set<String> other = unexpected.isEmpty() ? new TreeSet<>(given) : unexpected;
            parts.add(missing.size() + " missing " + listed(missing, other, "nearest in the file"));
        }
        if (!unexpected.isEmpty()) {
            Set<String> other = missing.isEmpty() ? new TreeSet<>(expected) : missing;
            parts.add(unexpected.size() + " unexpected " + listed(unexpected, other, "nearest in the model"));
        }
        if (!wrong.isEmpty()) {
            parts.add(wrong.size() + " of wrong shape or type " + wrong.subList(0, Math.min(SHOWN, wrong.size())) + (wrong.size() > SHOWN ? " …" : ""));
        }
        prefix(missing, unexpected).ifPresent(parts::add);
        return Optional.of(String.join("; ", parts));
    }

    private static String listed(Set<String> names, Set<String> other, String label) {
        List<String> shown = names.stream().limit(SHOWN)
                .map(name -> other.isEmpty() ? name : name + " (" + label + ": " + NearestNames.of(name, other, 1).getFirst() + ")").toList();
        return shown + (names.size() > SHOWN ? " …" : "");
    }

    /** The words before all names of one side that the other has without them. */
    private static Optional<String> prefix(Set<String> missing, Set<String> unexpected) {
        if (missing.isEmpty() || missing.size() != unexpected.size()) {
            return Optional.empty();
        }
        String first = missing.iterator().next();
        for (String name : unexpected) {
            String before = name.endsWith("." + first) ? name.substring(0, name.length() - first.length()) : "";
            if (!before.isEmpty() && missing.stream().allMatch(n -> unexpected.contains(before + n))) {
                return Optional.of("all of these have '" + before + "' before their name in the file and not in the model");
            }
        }
        return Optional.empty();
    }
}
