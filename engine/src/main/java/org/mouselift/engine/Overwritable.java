package org.mouselift.engine;

/** Identity of a block of memory, real or traced, that counts in-place writes so that a tape can notice them. */
public abstract class Overwritable {
    private volatile int writes;

    final int writes() {
        return writes;
    }

    final void noteWrite() {
        writes++;
    }
}
