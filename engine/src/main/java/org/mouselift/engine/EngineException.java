package org.mouselift.engine;

/** Base of the engine's own exceptions. The message names the operation, the tensors and the module path. */
public class EngineException extends IllegalArgumentException {
    private static final long serialVersionUID = 1L;

    public EngineException(String message) {
        super(message);
    }

    public EngineException(String message, Throwable cause) {
        super(message, cause);
    }
}
