package org.mouselift.tornado.plan;

import java.util.ArrayList;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Cuts a plan into the pieces that become task graphs: runs of launches of one part of the model, which is the path up to its
 * first number ({@code transformer_layers.3}, {@code down_blocks.1}). Steps on the CPU and in libraries stand alone.
 */
public final class Segments {
    /** Task graphs have room for so many tasks. */
    public static final int MOST_LAUNCHES = 32;
    private static final Pattern PART = Pattern.compile("^(?:[^.]*[^.\\d][^.]*\\.)*?\\d+(?=\\.|$)");

    /** Steps first … end-1. */
    public record Segment(String name, int first, int end) {}

    private Segments() {}

    /** The part of a model that a path belongs to; empty outside of numbered parts. */
    static String part(String path) {
        Matcher m = PART.matcher(path);
        return m.find() ? m.group() : "";
    }

    public static List<Segment> of(List<Step> steps) {
        List<Segment> out = new ArrayList<>();
        int first = 0;
        for (int i = 1; i <= steps.size(); i++) {
            boolean cut = i == steps.size() || i - first >= MOST_LAUNCHES || !(steps.get(i) instanceof Launch) || !(steps.get(first) instanceof Launch)
                    || !part(steps.get(i).path()).equals(part(steps.get(first).path()));
            if (cut) {
                String part = part(steps.get(first).path());
                out.add(new Segment(part.isEmpty() ? "-" : part, first, i));
                first = i;
            }
        }
        return out;
    }
}
