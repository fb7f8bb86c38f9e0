package org.mouselift.data.dataset;

import java.io.IOException;
import java.lang.System.Logger.Level;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.random.RandomGenerator;

/**
 * Samples by number, with a choice of views. Items depend on the sample number and the generator only, so equal seeds give
 * equal items. Safe for use by several threads.
 */
public abstract sealed class MultiViewDataset permits RandomViewDataset, MouseViewDataset {
    private static final System.Logger LOG = System.getLogger(MultiViewDataset.class.getName());

    private final SampleList samples;
    private final int maxBadSamples;
    private final Set<Integer> bad = ConcurrentHashMap.newKeySet();

    /**
     * @param maxBadSamples how many different samples may fail and be replaced by others before loading fails; 0: none
     */
    MultiViewDataset(SampleList samples, int maxBadSamples) {
        if (maxBadSamples < 0) {
            throw new IllegalArgumentException("max_bad_samples: " + maxBadSamples + " must not be negative");
        }
        this.samples = samples;
        this.maxBadSamples = maxBadSamples;
    }

    /** Number of samples. */
    public final int size() {
        return samples.samples().size();
    }

    public final SampleList samples() {
        return samples;
    }

    /** Sample numbers that failed so far. */
    public final Set<Integer> badSamples() {
        return Set.copyOf(bad);
    }

    /**
     * One item. A sample that cannot be loaded is an error that names file and view; up to {@code maxBadSamples} such
     * samples are reported and replaced by a random other one.
     */
    public final MultiViewItem get(int sample, RandomGenerator random) throws IOException {
        int chosen = java.util.Objects.checkIndex(sample, size());
        while (true) {
            try {
                return load(chosen, random);
            } catch (IOException e) {
                bad.add(chosen);
                if (bad.size() > maxBadSamples || bad.size() >= size()) {
                    throw e;
                }
                LOG.log(Level.WARNING, "sample replaced by another one ({0} of at most {1} bad samples): {2}", bad.size(), maxBadSamples, e.getMessage());
                do {
                    chosen = random.nextInt(size());
                } while (bad.contains(chosen));
            }
        }
    }

    abstract MultiViewItem load(int sample, RandomGenerator random) throws IOException;
}
