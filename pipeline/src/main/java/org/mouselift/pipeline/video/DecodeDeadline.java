package org.mouselift.pipeline.video;

import java.io.InterruptedIOException;
import java.time.Duration;
import java.util.concurrent.ExecutionException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.concurrent.TimeUnit;
import java.util.concurrent.TimeoutException;
import java.util.function.Supplier;

/**
 * Calls of the decoding library that must end within a time: a damaged slice can make it loop for ever, and such a call cannot be ended from
 * outside. It goes on, on a daemon thread of its own, until the process ends; whoever waited for it gets on.
 */
final class DecodeDeadline implements AutoCloseable {
    /** Far more than a slow machine takes for the largest picture. */
    static final Duration PATIENCE = Duration.ofSeconds(30);

    /** The call did not end in time, or an earlier one did not. */
    static final class OverrunException extends RuntimeException {
        private static final long serialVersionUID = 1;

        OverrunException(Duration patience) {
            super("the decoder did not come to an end within " + patience.toSeconds() + " s");
        }

        @Override
        public String toString() {
            return getMessage();
        }
    }

    private final Duration patience;
    private final ExecutorService thread = Executors.newSingleThreadExecutor(Thread.ofPlatform().daemon().name("video decoder").factory());
    private boolean overrun;

    DecodeDeadline(Duration patience) {
        this.patience = patience;
    }

    /**
     * @return what the call returns
     * @throws OverrunException if it takes longer than the patience, and for every call after such a one
     * @throws RuntimeException what the call throws
     */
    <T> T within(Supplier<T> call) throws InterruptedIOException {
        if (overrun) {
            throw new OverrunException(patience);
        }
        Future<T> result = thread.submit(call::get);
        try {
            return result.get(patience.toMillis(), TimeUnit.MILLISECONDS);
        } catch (TimeoutException e) {
            overrun = true;
            result.cancel(true);
            throw new OverrunException(patience);
        } catch (InterruptedException e) {
            overrun = true;
            result.cancel(true);
            Thread.currentThread().interrupt();
            throw new InterruptedIOException("interrupted while a video frame was decoded");
        } catch (ExecutionException e) {
            switch (e.getCause()) {
                case RuntimeException failure -> throw failure;
                case Error failure -> throw failure;
                default -> throw new IllegalStateException(e.getCause());
            }
        }
    }

    @Override
    public void close() {
        thread.shutdownNow();
    }
}
