package org.mouselift.engine.trace;

import org.mouselift.engine.EngineException;

/** A function cannot be traced, a program is malformed, or a program was run with operands it was not made for. */
public final class TraceException extends EngineException {
    private static final long serialVersionUID = 1L;

    public TraceException(String message) {
        super(message);
    }
}
