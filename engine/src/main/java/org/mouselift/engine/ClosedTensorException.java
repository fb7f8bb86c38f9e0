package org.mouselift.engine;

/** A tensor was used after the scope that owned its memory had been closed. */
public final class ClosedTensorException extends EngineException {
    private static final long serialVersionUID = 1L;

    public ClosedTensorException(String message) {
        super(message);
    }
}
