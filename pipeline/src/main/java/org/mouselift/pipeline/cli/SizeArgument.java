package org.mouselift.pipeline.cli;

import org.mouselift.data.recording.SourceCalibration;

/** A size on the command line, {@code 1152x1024}. */
final class SizeArgument {
    private SizeArgument() {}

    static SourceCalibration.Size parse(String option, String text) {
        String[] parts = text.split("x", -1);
        try {
            if (parts.length == 2) {
                return new SourceCalibration.Size(Integer.parseInt(parts[0].strip()), Integer.parseInt(parts[1].strip()));
            }
        } catch (NumberFormatException e) {
            // Reported below together with a wrong number of parts.
        }
        throw CommandException.usage(option + " " + text + " is not WIDTHxHEIGHT", "For example " + option + " 1152x1024.");
    }
}
