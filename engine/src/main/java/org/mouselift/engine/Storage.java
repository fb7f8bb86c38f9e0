package org.mouselift.engine;

import java.lang.foreign.MemorySegment;
import java.util.function.Consumer;

/**
 * A block of memory that one or more tensors look at. Pooled storage returns to the pool when its scope closes; foreign
 * storage (a mapped file, a caller's segment) belongs to somebody else and is only forgotten.
 */
public final class Storage extends Overwritable {
    private final MemorySegment segment;
    private final String origin;
    private final boolean pooled;
    private Scope owner;
    private boolean closed;
    /** Writes the newest contents, which are elsewhere, into the block; null if they are here. */
    private volatile Consumer<MemorySegment> elsewhere;

    Storage(MemorySegment segment, String origin, boolean pooled) {
        this.segment = segment;
        this.origin = origin;
        this.pooled = pooled;
    }

    MemorySegment segment() {
        if (closed) {
            throw new ClosedTensorException("tensor made by " + origin + " was used after its memory had been freed"
                    + (owner == null ? "" : " (scope '" + owner.name() + "' closed)")
                    + ": move it to a longer-lived scope with Tensor.moveTo(scope)" + ModulePath.suffix());
        }
        if (elsewhere != null) {
            bringBack();
        }
        return segment;
    }

    /** Says that the newest contents are elsewhere until somebody looks: then they are written into the block. */
    void elsewhere(Consumer<MemorySegment> fetch) {
        elsewhere = fetch;
    }

    /** Gets the newest contents if they are elsewhere and the block still exists. */
    synchronized void bringBack() {
        Consumer<MemorySegment> fetch = elsewhere;
        if (fetch != null && !closed) {
            fetch.accept(segment);
        }
        elsewhere = null;
    }

    /** Operation and module path that made this block. */
    public String origin() {
        return origin;
    }

    boolean pooled() {
        return pooled;
    }

    Scope owner() {
        return owner;
    }

    void owner(Scope scope) {
        owner = scope;
    }

    boolean closed() {
        return closed;
    }

    /** Gives the block back; repeated calls do nothing. */
    void close() {
        if (!closed) {
            closed = true;
            if (pooled) {
                MemoryPool.release(this, segment);
            }
        }
    }
}
