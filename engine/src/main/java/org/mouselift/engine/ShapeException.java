package org.mouselift.engine;

/** Operand shapes or element types do not fit an operation. */
public final class ShapeException extends EngineException {
    private static final long serialVersionUID = 1L;
    private final String operation;

    public ShapeException(String operation, String problem) {
        super(operation + ": " + problem + ModulePath.suffix());
        this.operation = operation;
    }

    /** Name of the operation that refused its operands. */
    public String operation() {
        return operation;
    }
}
