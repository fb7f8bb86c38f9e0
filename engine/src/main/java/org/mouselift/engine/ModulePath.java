package org.mouselift.engine;

/**
 * The state-dict path of the module that is running on this thread, for error messages, leak reports and program
 * listings. Empty outside of modules.
 */
public final class ModulePath {
    private static final ThreadLocal<String> CURRENT = ThreadLocal.withInitial(() -> "");

    private ModulePath() {}

    /** Path such as {@code transformer_layers.7.attn.to_qkv}; empty outside of modules. */
    public static String current() {
        return CURRENT.get();
    }

    /** Sets the path and returns the one before, to be restored by the caller in a finally block. */
    public static String enter(String path) {
        String before = CURRENT.get();
        CURRENT.set(path);
        return before;
    }

    static String suffix() {
        String path = current();
        return path.isEmpty() ? "" : "; in " + path;
    }
}
