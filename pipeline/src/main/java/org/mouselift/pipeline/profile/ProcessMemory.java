package org.mouselift.pipeline.profile;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.OptionalLong;

/** Physical memory of this process as Linux counts it; unknown on other systems. */
public final class ProcessMemory {
    private static final Path STATUS = Path.of("/proc/self/status");
    private static final Path CLEAR = Path.of("/proc/self/clear_refs");
    private static final String RESET_PEAK = "5";

    private ProcessMemory() {}

    /** Bytes in physical memory now, mapped files included. */
    public static OptionalLong resident() {
        return field("VmRSS:");
    }

    /** Bytes in physical memory now that belong to files: weights that are mapped, the program itself. */
    public static OptionalLong residentOfFiles() {
        return field("RssFile:");
    }

    /** The most bytes in physical memory at once since the start, or since {@link #resetPeak}. */
    public static OptionalLong peak() {
        return field("VmHWM:");
    }

    /**
     * Starts a new measurement of the peak from what is resident now.
     *
     * @return whether the system can do that; otherwise {@link #peak} stays that of the whole run
     */
    public static boolean resetPeak() {
        if (!Files.isWritable(CLEAR)) {
            return false;
        }
        try {
            Files.writeString(CLEAR, RESET_PEAK);
            return true;
        } catch (IOException containersMayForbidIt) {
            return false;
        }
    }

    private static OptionalLong field(String name) {
        if (!Files.isReadable(STATUS)) {
            return OptionalLong.empty();
        }
        try {
            for (String line : Files.readAllLines(STATUS)) {
                if (line.startsWith(name)) {
                    return OptionalLong.of(1024 * Long.parseLong(line.replaceAll("[^0-9]", "")));
                }
            }
            return OptionalLong.empty();
        } catch (IOException unreadable) {
            return OptionalLong.empty();
        }
    }
}
