package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.time.LocalDate;
import java.util.Locale;
import java.util.concurrent.Callable;
import org.mouselift.data.preprocess.GeometryConsistency;
import org.mouselift.pipeline.mousedata.CalibrationStudy;
import org.mouselift.pipeline.report.CalibrationPage;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.ParentCommand;
import picocli.CommandLine.Spec;

/** {@code mouselift data calibration}: how accurate the cameras are, from silhouettes alone. */
@Command(name = "calibration", description = "Measure how accurate the cameras of a data set are, by its silhouettes.",
        footer = {"", "--study also puts errors of known size into one camera after the other, and shows which could be seen.",
            "Exit code 1 when one camera contradicts the others, or all disagree.", "", "Example:",
            "  mouselift data calibration data_mouse --samples 50 --study 5 -o calibration.html"})
final class DataCalibrationCommand implements Callable<Integer> {
    @Parameters(paramLabel = "DIR", description = "Data set or sample folder.")
    private Path folder;

    @Option(names = "--samples", defaultValue = "20", paramLabel = "N", description = "Samples, spread evenly (default: ${DEFAULT-VALUE}).")
    private int samples;

    @Option(names = "--study", arity = "0..1", defaultValue = "0", fallbackValue = "3", paramLabel = "N", description = "Put errors into the cameras of the first N samples (without a number: ${FALLBACK-VALUE}).")
    private int study;

    @Option(names = "--seed", defaultValue = "1", paramLabel = "N", description = "Seed of the errors' directions (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(names = {"-o", "--output"}, paramLabel = "FILE", description = "Also write an HTML page.")
    @PathRole(PathRole.Kind.OUTPUT_FILE)
    private Path output;

    @ParentCommand
    private DataCommand parent;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        if (samples < 1 || study < 0) {
            throw CommandException.usage("--samples " + samples + ", --study " + study, "Give at least 1, and 0 or more.");
        }
        CalibrationStudy.Report r;
        try (Progress progress = parent.mouselift.progress("data calibration", 0, "measurements")) {
            r = CalibrationStudy.of(folder, samples, study, seed, progress::advance);
        }
        PrintWriter out = spec.commandLine().getOut();
        out.printf(Locale.ROOT, "%d samples, frontier points in pixels at 512%n", r.samples());
        out.println("camera  median   worst  suspect in");
        r.cameras().forEach(c -> out.printf(Locale.ROOT, "%6d  %6.2f  %6.2f  %d of %d%n", c.camera(), c.error(), c.worst(), c.suspected(), r.samples()));
        if (!r.levels().isEmpty()) {
            out.println("error put into one camera         wrong  others  named rightly");
            r.levels().forEach(l -> out.printf(Locale.ROOT, "%-26s %5.4g  %6.2f  %6.2f  %11.0f %%%n", l.defect().text(), l.size(), l.own(), l.others(), 100 * l.found()));
        }
        r.skipped().forEach(s -> out.println("left out: " + s));
        if (output != null) {
            CalibrationPage.write(output, folder, r, LocalDate.now());
            out.println(output);
        }
        boolean good = r.suspect().isEmpty() && r.meanError() < GeometryConsistency.Grade.GB.limit();
        out.println(r.suspect().isPresent() ? "Camera " + r.suspect().getAsInt() + " contradicts the others: calibrate it again or leave it out."
                : good ? "The cameras agree with the silhouettes." : "The cameras disagree with the silhouettes: were pictures moved without their cameras?");
        return good ? ExitCode.OK : ExitCode.CHECK_FAILED;
    }
}
