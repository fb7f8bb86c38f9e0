package org.mouselift.pipeline.video;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.InterruptedIOException;
import java.time.Duration;
import java.util.concurrent.CountDownLatch;
import java.util.concurrent.atomic.AtomicBoolean;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.Timeout;

@Timeout(20)
class DecodeDeadlineTest {
    @Test
    void callsThatEndAreLeftAlone() throws Exception {
        try (DecodeDeadline deadline = new DecodeDeadline(Duration.ofSeconds(10))) {
            assertEquals(3, deadline.within(() -> 3));
            assertEquals("no slice", assertThrows(ArithmeticException.class, () -> deadline.within(() -> {
                throw new ArithmeticException("no slice");
            })).getMessage());
            assertEquals(4, deadline.within(() -> 4));
        }
    }

    @Test
    void aCallThatLoopsIsGivenUpAndSoAreThoseAfterIt() {
        AtomicBoolean ended = new AtomicBoolean();
        try (DecodeDeadline deadline = new DecodeDeadline(Duration.ofMillis(200))) {
            String message = assertThrows(DecodeDeadline.OverrunException.class, () -> deadline.within(() -> {
                while (!ended.get()) {
                    Thread.onSpinWait(); // as a decoder does: it does not heed interruption
                }
                return 1;
            })).getMessage();
            assertTrue(message.contains("did not come to an end within 0 s"), message);
            assertThrows(DecodeDeadline.OverrunException.class, () -> deadline.within(() -> 2));
        } finally {
            ended.set(true);
        }
    }

    @Test
    void whoWaitsCanBeInterrupted() {
        CountDownLatch never = new CountDownLatch(1);
        try (DecodeDeadline deadline = new DecodeDeadline(Duration.ofSeconds(15))) {
            Thread.currentThread().interrupt();
            assertThrows(InterruptedIOException.class, () -> deadline.within(() -> {
                try {
                    never.await();
                } catch (InterruptedException e) {
                    Thread.currentThread().interrupt();
                }
                return 1;
            }));
            assertTrue(Thread.interrupted(), "the interruption stays visible");
        }
    }
}
