package org.mouselift.pipeline.cli;

import java.io.PrintWriter;
import java.io.Writer;
import java.time.Duration;
import java.util.Locale;
import java.util.function.LongSupplier;

/**
 * Progress of a long task: how much is done, how fast, and how long it will still take. On a terminal one line rewrites
 * itself ten times a second; elsewhere (a log file, CI) lines are sparse. Safe for use by several threads.
 */
public final class Progress implements AutoCloseable {
    private static final long TERMINAL_INTERVAL = 100_000_000L;
    private static final long LOG_INTERVAL = 10_000_000_000L;
    private static final int LINE = 100;

    private final String what;
    private final String unit;
    private final long total;
    private final PrintWriter out;
    private final boolean terminal;
    private final LongSupplier clock;
    private final long started;
    private long shown;
    private long done;
    private String note = "";
    private boolean closed;

    /**
     * @param total number of units, or a value ≤ 0 when it is not known
     * @param clock nanoseconds, as {@link System#nanoTime}
     */
    public Progress(String what, long total, String unit, PrintWriter out, boolean terminal, LongSupplier clock) {
        this.what = what;
        this.total = total;
        this.unit = unit;
        this.out = out;
        this.terminal = terminal;
        this.clock = clock;
        this.started = clock.getAsLong();
        this.shown = started - (terminal ? TERMINAL_INTERVAL : 0);
    }

    /** A progress that prints nothing. */
    public static Progress silent() {
        Progress progress = new Progress("", 0, "", new PrintWriter(Writer.nullWriter()), false, () -> 0L);
        progress.closed = true;
        return progress;
    }

    public synchronized void advance(long units) {
        to(done + units);
    }

    /** Sets how many units are done, counted from the beginning. */
    public synchronized void to(long units) {
        done = units;
        long now = clock.getAsLong();
        if (!closed && now - shown >= (terminal ? TERMINAL_INTERVAL : LOG_INTERVAL)) {
            shown = now;
            show(now, false);
        }
    }

    /** Text shown behind the rate, such as the current loss. */
    public synchronized void note(String text) {
        note = text;
    }

    public synchronized long done() {
        return done;
    }

    /** Prints the last line: what was done and how long it took. */
    @Override
    public synchronized void close() {
        if (!closed) {
            closed = true;
            show(clock.getAsLong(), true);
        }
    }

    private void show(long now, boolean last) {
        double seconds = (now - started) * 1e-9;
        double rate = seconds > 0 ? done / seconds : 0;
        StringBuilder line = new StringBuilder(what).append("  ").append(done);
        if (total > 0) {
            line.append('/').append(total).append(' ').append(unit).append("  ")
                    .append(Math.clamp(100 * done / total, 0, 100)).append(" %");
        } else {
            line.append(' ').append(unit);
        }
        if (rate > 0) {
            line.append(String.format(Locale.ROOT, rate < 10 ? "  %.2f %s/s" : "  %.0f %s/s", rate, unit));
        }
        if (last) {
            line.append("  in ").append(duration(seconds));
        } else if (total > 0 && rate > 0) {
            line.append("  ").append(duration((total - done) / rate)).append(" left");
        }
        if (!note.isEmpty()) {
            line.append("  ").append(note);
        }
        if (terminal) {
            // Pads with spaces so that a shorter line covers the longer one before it.
            out.print('\r' + line.toString() + " ".repeat(Math.max(0, LINE - line.length())) + (last ? System.lineSeparator() : ""));
        } else {
            out.println(line);
        }
        out.flush();
    }

    /** "0.8 s", "42 s", "3:05 min", "2:07 h". */
    static String duration(double seconds) {
        if (seconds < 9.95) {
            return String.format(Locale.ROOT, "%.1f s", Math.max(0, seconds));
        }
        Duration time = Duration.ofSeconds(Math.round(seconds));
        if (time.toMinutes() < 1) {
            return time.toSeconds() + " s";
        }
        return time.toHours() < 1
                ? String.format(Locale.ROOT, "%d:%02d min", time.toMinutes(), time.toSecondsPart())
                : String.format(Locale.ROOT, "%d:%02d h", time.toHours(), time.toMinutesPart());
    }
}
