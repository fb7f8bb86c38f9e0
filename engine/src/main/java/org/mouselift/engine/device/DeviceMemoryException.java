package org.mouselift.engine.device;

/** A program does not fit into the memory that others leave on the device; closing some of them may help. */
public final class DeviceMemoryException extends DeviceException {
    private static final long serialVersionUID = 1L;

    public DeviceMemoryException(String message) {
        super(message);
    }
}
