package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.OptionalInt;
import java.util.concurrent.Callable;
import org.mouselift.data.dataset.SampleList;
import org.mouselift.data.dataset.SampleMix;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** {@code mouselift data mix}: one list of samples from several, in given shares. */
@Command(name = "mix", description = "Mix lists of samples in given shares, for example synthetic and real ones.",
        footer = {"", "Every sample is used once at most; the list is as long as the scarcest part allows. Every epoch then has the",
            "shares exactly.", "", "Example:", "  mouselift data mix synthetic/data_mouse_train.txt=0.7 data_mouse/data_mouse_train.txt=0.3 -o mixed_train.txt"})
final class DataMixCommand implements Callable<Integer> {
    @Parameters(arity = "2..*", paramLabel = "LIST=SHARE", description = "Lists with their shares.")
    @PathRole(PathRole.Kind.LIST_WITH_SHARE)
    private List<String> lists;

    @Option(names = {"-n", "--samples"}, paramLabel = "N", description = "Samples in all (default: as many as there can be).")
    private Integer count;

    @Option(names = "--seed", defaultValue = "42", paramLabel = "N", description = "Seed of the choice and the order (default: ${DEFAULT-VALUE}).")
    private long seed;

    @Option(names = {"-o", "--output"}, required = true, paramLabel = "FILE", description = "The new list.")
    @PathRole(PathRole.Kind.OUTPUT_FILE)
    private Path output;

    @Spec
    private CommandSpec spec;

    @Override
    public Integer call() throws IOException {
        List<SampleMix.Part> parts = new ArrayList<>();
        for (String l : lists) {
            int at = l.lastIndexOf('=');
            try {
                if (at < 1) {
                    throw new NumberFormatException("no share");
                }
                parts.add(new SampleMix.Part(SampleList.read(Path.of(l.substring(0, at))), Double.parseDouble(l.substring(at + 1))));
            } catch (NumberFormatException e) {
                throw CommandException.usage("'" + l + "' is no LIST=SHARE", "For example data_mouse/data_mouse_train.txt=0.7");
            }
        }
        SampleMix mix;
        int[] counts;
        OptionalInt wanted = count == null ? OptionalInt.empty() : OptionalInt.of(count);
        try {
            mix = new SampleMix(parts);
            counts = mix.counts(wanted);
        } catch (IllegalArgumentException e) {
            throw CommandException.usage(e.getMessage(), "mouselift data mix --help shows the options.");
        }
        List<Path> samples = mix.samples(wanted, seed);
        SampleMix.write(output, samples);
        for (int i = 0; i < counts.length; i++) {
            spec.commandLine().getOut().printf(Locale.ROOT, "%6d  %5.1f %%  %s%n", counts[i], 100.0 * counts[i] / samples.size(), parts.get(i).list().source());
        }
        spec.commandLine().getOut().printf("%s: %d samples%n", output, samples.size());
        return ExitCode.OK;
    }
}
