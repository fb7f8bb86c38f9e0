package org.mouselift.pipeline.cli;

import java.io.PrintWriter;
import java.util.List;
import java.util.Optional;
import java.util.stream.Stream;
import picocli.AutoComplete.GenerateCompletion;
import picocli.CommandLine;
import picocli.CommandLine.Command;
import picocli.CommandLine.HelpCommand;
import picocli.CommandLine.IVersionProvider;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Option;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.ParseResult;
import picocli.CommandLine.ScopeType;
import picocli.CommandLine.Spec;

/**
 * The command line. Every command is a class of its own, registered by one line of {@link #COMMANDS}; it returns an
 * {@link ExitCode} and throws for everything else, and {@link ErrorReport} makes one clear message of what it threw.
 * Results go to stdout, progress and messages to stderr.
 */
@Command(
        name = "mouselift",
        mixinStandardHelpOptions = true,
        description = "One photo to 3D Gaussian splats, on the JVM alone.",
        versionProvider = Mouselift.Version.class,
        sortOptions = false,
        synopsisSubcommandLabel = "COMMAND",
        footerHeading = "%n",
        footer = {
            "The launcher itself knows two more: build (only build) and test (the default test run).",
            "",
            "Examples:",
            "  mouselift doctor                               what this machine offers, and what slows it down",
            "  mouselift COMMAND --help                       the options of a command",
            "",
            "Exit codes: 0 done; 1 a check did not hold; 2 wrong usage; 3 bad input; 4 the machine lacks something;",
            "70 a defect of the program; 130 interrupted.",
            "Environment: MOUSELIFT_JVM_OPTS adds JVM flags (-Xmx8g), JAVA_HOME is the first place to look for a JDK.",
        })
public final class Mouselift implements Runnable {
    /** Every command, in the order of the help. */
    private static final List<Class<?>> COMMANDS = List.of(
            DoctorCommand.class,
            DemoCommand.class,
            ReconstructCommand.class,
            ViewsCommand.class,
            SplatCommand.class,
            ConfigCommand.class,
            SynthMiceCommand.class,
            DataCommand.class,
            RigCommand.class,
            PromptsCommand.class,
            TrainCommand.class,
            EvaluateCommand.class,
            RenderCommand.class,
            ViewerCommand.class,
            InspectCommand.class,
            NewCheckpointCommand.class,
            CheckpointCommand.class,
            WeightsCommand.class,
            FitCommand.class,
            VerifyCommand.class,
            BenchCommand.class,
            ProfileCommand.class,
            GenerateCompletion.class,
            HelpCommand.class);

    /** System property set by the launcher when stderr is a terminal. */
    public static final String TERMINAL_PROPERTY = "mouselift.terminal";

    @Option(names = {"-q", "--quiet"}, scope = ScopeType.INHERIT, description = "No progress, only results and errors.")
    private boolean quiet;

    @Option(names = "--stacktrace", scope = ScopeType.INHERIT, description = "Show where an error came from.")
    private boolean stacktrace;

    @Spec
    private CommandSpec spec;

    public static void main(String[] arguments) {
        System.exit(run(commandLine(arguments), arguments));
    }

    /** Runs a command line to its exit code, whatever happens. */
    static int run(CommandLine commandLine, String... arguments) {
        try {
            return commandLine.execute(arguments);
        } catch (Error e) {
            // Picocli hands on exceptions only; being out of memory or wrongly configured deserves a message too.
            ErrorReport report = ErrorReport.of(e, List.of(arguments).contains("--stacktrace"));
            commandLine.getErr().print(report.render());
            commandLine.getErr().flush();
            return report.exitCode();
        }
    }

    /** The complete command line; its writers can be replaced, which is how tests run it. */
    public static CommandLine commandLine() {
        return commandLine(COMMANDS);
    }

    /**
     * The command line as far as these arguments need it, because reading the options of every command takes longer than
     * many commands run: of commands that are not called only name and description are there.
     */
    static CommandLine commandLine(String... arguments) {
        Optional<String> called = Stream.of(arguments).filter(argument -> !argument.startsWith("-")).findFirst();
        if (called.isEmpty()) {
            return commandLine(List.of());
        }
        List<Class<?>> named = COMMANDS.stream().filter(command -> name(command).equals(called.get())).toList();
        return named.isEmpty() || named.getFirst() == HelpCommand.class || named.getFirst() == GenerateCompletion.class ? commandLine() : commandLine(named);
    }

    /** Every command, and every one below it, has --help and --version. */
    private static void withHelp(CommandLine command, IVersionProvider version) {
        CommandSpec spec = command.getCommandSpec();
        if (!spec.mixinStandardHelpOptions() && !spec.optionsMap().containsKey("--help")) {
            spec.mixinStandardHelpOptions(true).versionProvider(version);
        }
        command.getSubcommands().values().forEach(below -> withHelp(below, version));
    }

    private static String name(Class<?> command) {
        return command.getAnnotation(Command.class).name();
    }

    /** @param complete commands that are needed with their options */
    private static CommandLine commandLine(List<Class<?>> complete) {
        CommandLine commandLine = new CommandLine(new Mouselift());
        IVersionProvider version = commandLine.getCommandSpec().versionProvider();
        for (Class<?> command : COMMANDS) {
            if (complete.contains(command)) {
                CommandLine added = new CommandLine(command);
                inDeclaredOrder(added);
                withHelp(added, version);
                commandLine.addSubcommand(name(command), added);
            } else {
                Command described = command.getAnnotation(Command.class);
                CommandSpec spec = CommandSpec.create().name(described.name());
                spec.usageMessage().description(described.description()).header(described.header());
                commandLine.addSubcommand(described.name(), spec);
            }
        }
        commandLine.setCaseInsensitiveEnumValuesAllowed(true);
        commandLine.setExecutionStrategy(Mouselift::execute);
        commandLine.setExecutionExceptionHandler(Mouselift::report);
        commandLine.setParameterExceptionHandler(Mouselift::explain);
        commandLine.setUsageHelpWidth(110);
        commandLine.getSubcommands().get("generate-completion").getCommandSpec().usageMessage()
                .description("Print a completion script for bash and zsh.");
        return commandLine;
    }

    /** Options of a help page stand as they are declared, those of every command at the end. */
    private static void inDeclaredOrder(CommandLine command) {
        command.getCommandSpec().usageMessage().sortOptions(false);
        command.getSubcommands().values().forEach(Mouselift::inDeclaredOrder);
    }

    @Override
    public void run() {
        spec.commandLine().usage(spec.commandLine().getOut());
    }

    /** A progress line of {@code total} units on stderr; silent with {@code --quiet}. */
    public Progress progress(String what, long total, String unit) {
        PrintWriter err = spec.root().commandLine().getErr();
        return quiet ? Progress.silent() : new Progress(what, total, unit, err, Boolean.getBoolean(TERMINAL_PROPERTY), System::nanoTime);
    }

    /** A message for a waiting person on stderr; silent with {@code --quiet}. */
    public void note(String message) {
        if (!quiet) {
            spec.root().commandLine().getErr().println(message);
        }
    }

    /** Runs the last command named, once its paths are known to be usable. */
    private static int execute(ParseResult parsed) {
        Integer help = CommandLine.executeHelpRequest(parsed);
        if (help != null) {
            return help;
        }
        CommandLine called = parsed.asCommandLineList().getLast();
        try {
            PathCheck.check(called.getParseResult());
        } catch (CommandException e) {
            throw new CommandLine.ExecutionException(called, e.getMessage(), e);
        }
        return new CommandLine.RunLast().execute(parsed);
    }

    private static int report(Exception failure, CommandLine command, ParseResult parsed) {
        Mouselift root = (Mouselift) command.getCommandSpec().root().userObject();
        ErrorReport report = ErrorReport.of(failure, root.stacktrace);
        command.getErr().print(report.render());
        command.getErr().flush();
        return report.exitCode();
    }

    private static int explain(ParameterException failure, String[] arguments) {
        CommandLine command = failure.getCommandLine();
        PrintWriter err = command.getErr();
        err.println("error: " + failure.getMessage());
        if (!CommandLine.UnmatchedArgumentException.printSuggestions(failure, err)) {
            err.println("  " + command.getCommandSpec().qualifiedName() + " --help shows the usage.");
        }
        err.flush();
        return ExitCode.USAGE;
    }

    /** Version of the jar, as its manifest states it. */
    static final class Version implements IVersionProvider {
        @Override
        public String[] getVersion() {
            String version = Mouselift.class.getPackage().getImplementationVersion();
            return new String[] {"mouselift " + (version == null ? "(unpackaged classes)" : version)
                    + " on Java " + Runtime.version()};
        }
    }
}
