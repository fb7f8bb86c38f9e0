package org.mouselift.pipeline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.util.concurrent.atomic.AtomicLong;
import org.junit.jupiter.api.Test;

class ProgressTest {
    private final AtomicLong clock = new AtomicLong();
    private final StringWriter text = new StringWriter();

    private Progress progress(long total, boolean terminal) {
        return new Progress("render", total, "frames", new PrintWriter(text), terminal, clock::get);
    }

    private void pass(double seconds) {
        clock.addAndGet(Math.round(seconds * 1e9));
    }

    @Test
    void aLogGetsSparseLinesWithRateAndRemainingTime() {
        try (Progress progress = progress(120, false)) {
            for (int i = 0; i < 120; i++) {
                pass(0.25);
                progress.advance(1);
            }
        }
        String[] lines = text.toString().lines().toArray(String[]::new);
        assertEquals(4, lines.length, "every ten seconds and at the end:\n" + text);
        assertEquals("render  40/120 frames  33 %  4.00 frames/s  20 s left", lines[0]);
        assertEquals("render  120/120 frames  100 %  4.00 frames/s  in 30 s", lines[3]);
    }

    @Test
    void aTerminalGetsOneLineThatRewritesItself() {
        try (Progress progress = progress(100, true)) {
            for (int i = 0; i < 100; i++) {
                pass(0.01);
                progress.advance(1);
            }
        }
        assertEquals(1, text.toString().lines().filter(line -> line.contains(System.lineSeparator()) || !line.isEmpty())
                .filter(line -> line.contains("in ")).count());
        assertEquals(1, text.toString().chars().filter(c -> c == '\n').count());
        long rewrites = text.toString().chars().filter(c -> c == '\r').count();
        assertTrue(rewrites >= 9 && rewrites <= 12, rewrites + " rewrites in one second");
    }

    @Test
    void anUnknownTotalShowsNoPercentage() {
        try (Progress progress = progress(-1, false)) {
            pass(3);
            progress.to(7);
        }
        assertEquals("render  7 frames  2.33 frames/s  in 3.0 s", text.toString().strip());
    }

    @Test
    void durationsReadNaturally() {
        assertEquals("0.0 s", Progress.duration(-1));
        assertEquals("10 s", Progress.duration(9.96));
        assertEquals("3:05 min", Progress.duration(185));
        assertEquals("2:07 h", Progress.duration(2 * 3600 + 7 * 60 + 12));
    }
}
