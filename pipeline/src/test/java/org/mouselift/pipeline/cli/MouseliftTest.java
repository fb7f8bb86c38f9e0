package org.mouselift.pipeline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.io.UncheckedIOException;
import java.nio.file.NoSuchFileException;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.concurrent.Callable;
import org.junit.jupiter.api.Test;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.Model.CommandSpec;

class MouseliftTest {
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    private int run(String... arguments) {
        return run(Mouselift.commandLine(), arguments);
    }

    private int run(CommandLine commandLine, String... arguments) {
        return Mouselift.run(commandLine.setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true)), arguments);
    }

    @Test
    void everyCommandHasHelpWithADescription() {
        CommandLine root = Mouselift.commandLine();
        assertEquals(0, run("--help"));
        for (var entry : root.getSubcommands().entrySet()) {
            assertTrue(out.toString().contains("  " + entry.getKey()), entry.getKey() + " is missing in the help");
            assertTrue(entry.getValue().getCommandSpec().usageMessage().description().length > 0, entry.getKey() + " has no description");
            assertEquals(0, run(entry.getKey(), "--help"), entry.getKey());
            for (String below : entry.getValue().getSubcommands().keySet()) {
                assertEquals(0, run(entry.getKey(), below, "--help"), entry.getKey() + " " + below + ": " + err);
            }
        }
    }

    /** Help pages fit the usage width as written, and name their values. */
    @Test
    void helpPagesAreTidy() {
        List<String> untidy = new ArrayList<>();
        Deque<CommandLine> left = new ArrayDeque<>(List.of(Mouselift.commandLine()));
        while (!left.isEmpty()) {
            CommandLine command = left.pop();
            left.addAll(command.getSubcommands().values());
            CommandSpec spec = command.getCommandSpec();
            if (List.of("generate-completion", "help").contains(spec.name())) {
                continue;
            }
            for (String line : spec.usageMessage().footer()) {
                if (line.replace("%%", "").replace("%n", "").contains("%")) {
                    untidy.add(spec.qualifiedName() + " has a sign that is taken for a format: " + line);
                }
                if (line.length() > 110) {
                    untidy.add(spec.qualifiedName() + " wraps: " + line);
                }
            }
            spec.options().stream().filter(option -> option.arity().max() > 0 && option.paramLabel().startsWith("<"))
                    .forEach(option -> untidy.add(spec.qualifiedName() + ": " + option.longestName() + " takes " + option.paramLabel()));
        }
        assertEquals(List.of(), untidy);
    }

    /** What is built for given arguments says and does the same as the complete command line. */
    @Test
    void onlyTheCalledCommandIsBuiltAndNobodyNotices() {
        List<List<String>> calls = new ArrayList<>(List.of(List.of("--help"), List.of("-h"), List.of(), List.of("--quiet"), List.of("help", "inspect"),
                List.of("help"), List.of("doctr"), List.of("--colour"), List.of("inspect"), List.of("--quiet", "inspect", "gone.safetensors"),
                List.of("train", "gslrm", "--help"), List.of("--version")));
        Mouselift.commandLine().getSubcommands().keySet().forEach(name -> calls.add(List.of(name, "--help")));
        for (List<String> call : calls) {
            String[] arguments = call.toArray(String[]::new);
            String[] seen = new String[2];
            for (int i = 0; i < 2; i++) {
                out.getBuffer().setLength(0);
                err.getBuffer().setLength(0);
                int code = run(i == 0 ? Mouselift.commandLine() : Mouselift.commandLine(arguments), arguments);
                seen[i] = code + "\n" + out + "\n" + err;
            }
            assertEquals(seen[0], seen[1], call.toString());
        }
        CommandLine some = Mouselift.commandLine("inspect", "a.ply");
        assertTrue(some.getSubcommands().get("inspect").getCommandSpec().optionsMap().containsKey("--stats"));
        assertFalse(some.getSubcommands().get("fit").getCommandSpec().optionsMap().containsKey("--iterations"), "fit is not called");
    }

    @Test
    void aMistypedCommandIsAUsageErrorWithASuggestion() {
        assertEquals(ExitCode.USAGE, run("doctr"));
        assertTrue(err.toString().contains("doctor"), err.toString());
    }

    @Test
    void anUnknownOptionNamesTheHelp() {
        assertEquals(ExitCode.USAGE, run("doctor", "--colour"));
        assertTrue(err.toString().startsWith("error: Unknown option: '--colour'"), err.toString());
    }

    @Test
    void doctorReportsThisJvmAsJson() throws IOException {
        int code = run("doctor", "--json");
        JsonNode report = new ObjectMapper().readTree(out.toString());
        assertEquals(code == 0, report.get("ok").asBoolean());
        String text = report.toString();
        assertTrue(text.contains(System.getProperty("java.home")), text);
        // Surefire passes conf/jvm.options, so a flag that got lost there shows here.
        for (JsonNode finding : report.get("findings")) {
            if (finding.get("name").asText().equals("Tier3DelayOn")) {
                assertEquals("OK", finding.get("state").asText(), finding.toString());
            }
        }
    }

    @Test
    void expectedFailuresAreOneMessageWithoutTrace() {
        assertEquals(ExitCode.BAD_INPUT, fail(new NoSuchFileException("a/b.ply")));
        assertEquals("error: file not found: a/b.ply" + System.lineSeparator(), err.toString());
        assertEquals(ExitCode.BAD_INPUT, fail(new UncheckedIOException(new IOException("broken"))));
        assertEquals(ExitCode.BAD_INPUT, fail(new IllegalArgumentException("size: -3")));
        assertEquals(ExitCode.ENVIRONMENT, fail(new CommandException(ExitCode.ENVIRONMENT, "no device", "plug one in")));
        assertTrue(err.toString().endsWith("error: no device" + System.lineSeparator() + "  plug one in" + System.lineSeparator()));
        assertFalse(err.toString().contains("\tat "), err.toString());
    }

    @Test
    void aTraceIsShownWhenAskedForAndForDefects() {
        assertEquals(ExitCode.BAD_INPUT, fail(new IllegalArgumentException("size: -3"), "--stacktrace"));
        assertTrue(err.toString().contains("\tat "), err.toString());
        err.getBuffer().setLength(0);
        assertEquals(ExitCode.INTERNAL, fail(new IllegalStateException("impossible")));
        assertTrue(err.toString().contains("\tat ") && err.toString().contains("a defect of Mouselift"), err.toString());
    }

    @Test
    void errorsOfTheJvmAreMessagesToo() {
        assertEquals(ExitCode.ENVIRONMENT, fail(new OutOfMemoryError("Java heap space")));
        assertTrue(err.toString().contains("MOUSELIFT_JVM_OPTS") && !err.toString().contains("\tat "), err.toString());
        assertEquals(ExitCode.BAD_INPUT, fail(new ExceptionInInitializerError(new IllegalArgumentException("-Dmouselift.vector.bits=7"))));
        assertEquals(ExitCode.INTERNAL, fail(new StackOverflowError()));
    }

    @Command(name = "failing")
    private static final class Failing implements Callable<Integer> {
        private final Throwable failure;

        private Failing(Throwable failure) {
            this.failure = failure;
        }

        @Override
        public Integer call() throws Exception {
            if (failure instanceof Error error) {
                throw error;
            }
            throw (Exception) failure;
        }
    }

    private int fail(Throwable failure, String... options) {
        CommandLine commandLine = Mouselift.commandLine();
        commandLine.addSubcommand("failing", new CommandLine(new Failing(failure)));
        commandLine.setExecutionExceptionHandler(commandLine.getExecutionExceptionHandler());
        String[] arguments = new String[options.length + 1];
        System.arraycopy(options, 0, arguments, 0, options.length);
        arguments[options.length] = "failing";
        return run(commandLine, arguments);
    }
}
