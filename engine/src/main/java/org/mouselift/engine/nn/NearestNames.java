package org.mouselift.engine.nn;

import java.util.Collection;
import java.util.Comparator;
import java.util.List;

/** Names most like a misspelt one, by edit distance, for error messages. */
public final class NearestNames {
    private NearestNames() {}

    /** Up to {@code limit} of the known names, most similar first. */
    public static List<String> of(String name, Collection<String> known, int limit) {
        return known.stream().sorted(Comparator.comparingInt((String k) -> distance(name, k)).thenComparing(Comparator.naturalOrder()))
                .limit(limit).toList();
    }

    /** Levenshtein's edit distance. */
    public static int distance(String a, String b) {
        int[] row = new int[b.length() + 1];
        for (int j = 0; j <= b.length(); j++) {
            row[j] = j;
        }
        for (int i = 1; i <= a.length(); i++) {
            int diagonal = row[0];
            row[0] = i;
            for (int j = 1; j <= b.length(); j++) {
                int above = row[j];
                row[j] = Math.min(Math.min(row[j], row[j - 1]) + 1, diagonal + (a.charAt(i - 1) == b.charAt(j - 1) ? 0 : 1));
                diagonal = above;
            }
        }
        return row[b.length()];
    }
}
