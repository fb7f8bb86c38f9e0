package org.mouselift.engine;

import java.lang.foreign.MemorySegment;

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
        return segment;
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
