package org.mouselift.engine.cpu;

/**
 * A stretch of {@code tokens} keys and their values; attention treats a list of them as one concatenated sequence.
 *
 * @param shared consecutive batch rows that read the same row of this source; its batch is that of the queries divided by it
 */
public record KeyValues(Heads keys, Heads values, long tokens, long shared) {
    /** One row of keys for every batch row of queries. */
    public KeyValues(Heads keys, Heads values, long tokens) {
        this(keys, values, tokens, 1);
    }
}
