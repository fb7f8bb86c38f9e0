package org.mouselift.engine.device;

import org.mouselift.engine.EngineException;

/** A device cannot be used, or cannot do what is asked of it; the message says what was found and what helps. */
public sealed class DeviceException extends EngineException permits DeviceMemoryException {
    private static final long serialVersionUID = 1L;

    public DeviceException(String message) {
        super(message);
    }

    public DeviceException(String message, Throwable cause) {
        super(message, cause);
    }
}
