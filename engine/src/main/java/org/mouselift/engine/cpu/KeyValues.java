package org.mouselift.engine.cpu;

/** A stretch of {@code tokens} keys and their values; attention treats a list of them as one concatenated sequence. */
public record KeyValues(Heads keys, Heads values, long tokens) {
}
