package org.mouselift.pipeline.cli;

import java.util.concurrent.CountDownLatch;
import java.util.concurrent.TimeUnit;

/** Ctrl-C as a question: the work asks between its steps, tidies up, and closes this; only then does the JVM end. */
final class Interruption implements AutoCloseable {
    private static final long PATIENCE_SECONDS = 120;

    private final CountDownLatch tidy = new CountDownLatch(1);
    private final Thread hook = new Thread(this::request, "interruption");
    private volatile boolean requested;

    Interruption() {
        Runtime.getRuntime().addShutdownHook(hook);
    }

    private void request() {
        requested = true;
        try {
            tidy.await(PATIENCE_SECONDS, TimeUnit.SECONDS);
        } catch (InterruptedException e) {
            Thread.currentThread().interrupt();
        }
    }

    boolean requested() {
        return requested;
    }

    @Override
    public void close() {
        tidy.countDown();
        if (!requested) {
            try {
                Runtime.getRuntime().removeShutdownHook(hook);
            } catch (IllegalStateException e) {
                // The JVM began to end between the two lines; the hook finds the latch open.
                System.getLogger(Interruption.class.getName()).log(System.Logger.Level.DEBUG, "interrupted", e);
            }
        }
    }
}
