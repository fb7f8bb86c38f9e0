package org.mouselift.engine;

/** Thread-local holder behind {@link Executor#current()}. */
final class CurrentExecutor {
    private static final ThreadLocal<Executor> CURRENT = ThreadLocal.withInitial(() -> Eager.INSTANCE);

    private CurrentExecutor() {}

    static Executor get() {
        return CURRENT.get();
    }

    static void set(Executor executor) {
        CURRENT.set(executor);
    }
}
