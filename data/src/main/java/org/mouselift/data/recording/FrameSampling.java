package org.mouselift.data.recording;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.BitSet;
import java.util.OptionalInt;

/**
 * Which frames become samples (mouse specification §2.4).
 *
 * @param policy the rule
 * @param start  first frame that may be used
 * @param end    first frame that may not, or empty for the last
 * @param skip   frames that are never used, for example the joints of a montage
 */
public record FrameSampling(Policy policy, int start, OptionalInt end, BitSet skip) {
    /** The montage joints of the markerless-mouse recording. */
    public static final String JUMP_FRAMES = "5900,11800,17700";

    /** How frames are chosen within the range. */
    public sealed interface Policy {
        /** {@code count} frames spread evenly between margins of 5 % of the video at both ends. */
        record Uniform(int count) implements Policy {
            public Uniform {
                require(count >= 1, "number of samples", count, "at least 1");
            }
        }

        /** Every {@code step}-th frame, at most {@code count} of them. */
        record Interval(int step, OptionalInt count) implements Policy {
            public Interval {
                require(step >= 1, "frame interval", step, "at least 1");
                require(count.isEmpty() || count.getAsInt() >= 1, "number of samples", count, "at least 1");
            }
        }
    }

    public FrameSampling {
        require(start >= 0, "start", start, "at least 0");
        require(end.isEmpty() || end.getAsInt() > start, "end", end, "more than start " + start);
        skip = (BitSet) skip.clone();
    }

    @Override
    public BitSet skip() {
        return (BitSet) skip.clone();
    }

    private static void require(boolean holds, String field, Object value, String expected) {
        if (!holds) {
            throw new IllegalArgumentException("frame sampling: " + field + " is " + value + ", expected " + expected);
        }
    }

    /** The chosen frame indices, ascending, of a recording with {@code frames} synchronised frames. */
    public int[] indices(int frames) {
        require(frames >= 1, "frames", frames, "at least 1");
        return switch (policy) {
            case Policy.Uniform u -> uniform(frames, u.count);
            case Policy.Interval i -> interval(frames, i);
        };
    }

    private int[] uniform(int frames, int count) {
        int margin = frames / 20;
        int from = Math.max(start, margin);
        int to = Math.min(end.orElse(frames), frames - margin);
        if (to <= from) {
            from = 0;
            to = frames;
        }
        int range = to - from;
        int n = Math.min(count, range);
        int[] out = new int[n];
        for (int i = 0; i < n; i++) {
            out[i] = from + (int) ((long) i * range / n);
        }
        return Arrays.stream(out).filter(f -> !skip.get(f)).toArray();
    }

    private int[] interval(int frames, Policy.Interval interval) {
        ArrayList<Integer> out = new ArrayList<>();
        int to = Math.min(end.orElse(frames), frames);
        for (long f = start; f < to && out.size() < interval.count.orElse(Integer.MAX_VALUE); f += interval.step) {
            if (!skip.get((int) f)) {
                out.add((int) f);
            }
        }
        return out.stream().mapToInt(Integer::intValue).toArray();
    }

    /** Reads a list such as {@code 5900,11800,100-120}; empty text or {@code none} skips nothing. */
    public static BitSet parseSkip(String text) {
        BitSet skip = new BitSet();
        String plain = text.strip();
        if (plain.isEmpty() || plain.equals("none")) {
            return skip;
        }
        for (String part : plain.split(",")) {
            String[] ends = part.strip().split("-", -1);
            try {
                int from = Integer.parseInt(ends[0].strip());
                int to = ends.length == 1 ? from : Integer.parseInt(ends[1].strip());
                require(ends.length <= 2 && from >= 0 && to >= from && to < 100_000_000, "skip", part, "FRAME or FIRST-LAST");
                skip.set(from, to + 1);
            } catch (NumberFormatException e) {
                throw new IllegalArgumentException("frame sampling: skip is '" + part + "', expected FRAME or FIRST-LAST", e);
            }
        }
        return skip;
    }
}
