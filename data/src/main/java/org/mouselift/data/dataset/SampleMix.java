package org.mouselift.data.dataset;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.OptionalInt;
import java.util.Random;
import org.mouselift.data.AtomicFile;

/**
 * Samples of several lists in given shares, for example 70 % synthetic and 30 % real (mouse specification §8, K-71). Every sample is used once at most,
 * so that each epoch has the shares to the sample; the list is as long as the scarcest part allows.
 *
 * @param parts lists with their shares, which are relative to their sum
 */
public record SampleMix(List<Part> parts) {
    /** @param share larger than 0 */
    public record Part(SampleList list, double share) {
        public Part {
            if (!(share > 0 && share < 1e9)) {
                throw new IllegalArgumentException("mix: share " + share + " of " + list.source() + ", expected more than 0");
            }
        }
    }

    public SampleMix {
        parts = List.copyOf(parts);
        if (parts.size() < 2) {
            throw new IllegalArgumentException("mix: " + parts.size() + " lists, expected two or more");
        }
    }

    /** Samples of each part and in all. */
    public int[] counts(OptionalInt wanted) {
        double sum = parts.stream().mapToDouble(Part::share).sum();
        double most = parts.stream().mapToDouble(p -> p.list.samples().size() * sum / p.share).min().orElseThrow();
        double total = Math.floor(most + 1e-9);
        if (wanted.isPresent()) {
            if (wanted.getAsInt() < parts.size() || wanted.getAsInt() > total) {
                throw new IllegalArgumentException("mix: " + wanted.getAsInt() + " samples, expected " + parts.size() + " to " + (long) total
                        + ": no sample is used twice, and the shares hold for the scarcest list");
            }
            total = wanted.getAsInt();
        }
        // Largest remainders: the counts add up, and none is off by a whole sample.
        int[] counts = new int[parts.size()];
        List<Integer> order = new ArrayList<>();
        double[] rest = new double[counts.length];
        int given = 0;
        for (int i = 0; i < counts.length; i++) {
            double exact = total * parts.get(i).share / sum;
            counts[i] = (int) Math.floor(exact + 1e-9);
            rest[i] = exact - counts[i];
            given += counts[i];
            order.add(i);
        }
        order.sort((a, b) -> Double.compare(rest[b], rest[a]));
        for (int k = 0; given < (int) total; k++) {
            int i = order.get(k % order.size());
            if (counts[i] < parts.get(i).list.samples().size()) {
                counts[i]++;
                given++;
            } else if (k >= 2 * order.size()) {
                break;
            }
        }
        return counts;
    }

    /** The samples in random order; equal seeds give equal lists. */
    public List<Path> samples(OptionalInt wanted, long seed) {
        int[] counts = counts(wanted);
        Random random = new Random(seed);
        List<Path> out = new ArrayList<>();
        for (int i = 0; i < counts.length; i++) {
            List<Path> own = new ArrayList<>(parts.get(i).list.samples());
            Collections.shuffle(own, random);
            out.addAll(own.subList(0, counts[i]));
        }
        Collections.shuffle(out, random);
        return List.copyOf(out);
    }

    /** Writes the list with paths relative to its folder. */
    public static void write(Path file, List<Path> samples) throws IOException {
        Path folder = file.toAbsolutePath().normalize().getParent();
        StringBuilder text = new StringBuilder();
        samples.forEach(s -> text.append(folder.relativize(s.toAbsolutePath().normalize())).append('\n'));
        AtomicFile.writeText(file, text.toString());
    }
}
