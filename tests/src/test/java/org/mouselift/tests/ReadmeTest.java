package org.mouselift.tests;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import org.junit.jupiter.api.Test;
import org.mouselift.pipeline.cli.Mouselift;
import picocli.CommandLine;
import picocli.CommandLine.ParameterException;

/**
 * Every command of the README is one that the program understands. CI also runs them, in order, in an empty folder
 * ({@code .ci/readme}), except those that {@code .ci/readme-not-run} lists with a reason.
 */
class ReadmeTest {
    private static final Path ROOT = Path.of(System.getProperty("mouselift.root"));
    private static final Set<String> LAUNCHER = Set.of("build", "test");

    /** Lines that begin with {@code $ ./mouselift} inside a console block, continued lines joined. */
    private static List<String> commands() throws IOException {
        List<String> commands = new ArrayList<>();
        boolean inside = false;
        StringBuilder open = new StringBuilder();
        for (String line : Files.readAllLines(ROOT.resolve("README.md"))) {
            if (line.startsWith("```")) {
                inside = line.equals("```console") || line.equals("```sh");
                continue;
            }
            String text = line.startsWith("$ ") ? line.substring(2) : line;
            if (inside && (text.startsWith("./mouselift") || !open.isEmpty())) {
                open.append(text.endsWith("\\") ? text.substring(0, text.length() - 1) : text);
                if (!text.endsWith("\\")) {
                    commands.add(open.toString().strip());
                    open.setLength(0);
                }
            }
        }
        return commands;
    }

    private static List<String> notRun() throws IOException {
        return Files.readAllLines(ROOT.resolve(".ci/readme-not-run")).stream().map(String::strip)
                .filter(line -> !line.isEmpty() && !line.startsWith("#")).toList();
    }

    /** The words a shell makes of a command: what stands between double or single quotes is one word. */
    private static String[] words(String command) {
        return Pattern.compile("\"([^\"]*)\"|'([^']*)'|(\\S+)").matcher(command).results()
                .map(match -> match.group(1) != null ? match.group(1) : match.group(2) != null ? match.group(2) : match.group(3)).toArray(String[]::new);
    }

    @Test
    void everyCommandIsUnderstood() throws IOException {
        List<String> commands = commands();
        assertTrue(commands.size() >= 4, "the README shows how to use the program: " + commands);
        CommandLine commandLine = Mouselift.commandLine();
        List<String> wrong = new ArrayList<>();
        for (String command : commands) {
            String[] words = words(command);
            if (words.length == 1 || LAUNCHER.contains(words[1])) {
                continue;
            }
            try {
                commandLine.parseArgs(List.of(words).subList(1, words.length).toArray(String[]::new));
            } catch (ParameterException e) {
                wrong.add(command + ": " + e.getMessage());
            }
        }
        assertEquals(List.of(), wrong);
    }

    @Test
    void everyExceptionOfCiIsACommandOfTheReadmeAndMostCommandsAreRun() throws IOException {
        List<String> commands = commands();
        for (String exception : notRun()) {
            assertTrue(commands.contains(exception), "not a command of the README any more: " + exception);
        }
        assertTrue(notRun().size() <= commands.size() / 2, "most commands of the README must be run by CI");
    }

    @Test
    void everyCommandOfTheProgramIsInTheReadme() throws IOException {
        String readme = Files.readString(ROOT.resolve("README.md"));
        for (String name : Mouselift.commandLine().getSubcommands().keySet()) {
            if (!Set.of("help", "generate-completion").contains(name)) {
                assertTrue(Pattern.compile("mouselift " + Pattern.quote(name) + "\\b").matcher(readme).find(), "the README does not show: mouselift " + name);
            }
        }
    }

    @Test
    void everyFileTheReadmeLinksToIsThere() throws IOException {
        var links = Pattern.compile("\\]\\(([^)#]+)[^)]*\\)").matcher(Files.readString(ROOT.resolve("README.md")));
        while (links.find()) {
            String target = links.group(1);
            assertTrue(target.startsWith("http") || Files.exists(ROOT.resolve(target)), "the README links to " + target + ", which does not exist");
        }
    }
}
