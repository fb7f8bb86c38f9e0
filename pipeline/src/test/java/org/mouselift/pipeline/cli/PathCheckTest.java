package org.mouselift.pipeline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.DynamicTest;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.TestFactory;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.PngWriter;
import org.mouselift.pipeline.multiview.TinyPipeline;
import picocli.CommandLine;
import picocli.CommandLine.Model.ArgGroupSpec;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.Model.PositionalParamSpec;

/**
 * A typing error in any path of any command ends the command before anything is read or written (mouse specification F-153). The
 * commands are found by their model, so a new one is tested without being named here. All other paths exist but are empty: a
 * command that read one of them before it looked at all of them would complain about that one.
 */
class PathCheckTest {
    private static final Set<PathRole.Kind> OUTPUTS = Set.of(PathRole.Kind.OUTPUT, PathRole.Kind.OUTPUT_FILE, PathRole.Kind.OUTPUT_FOLDER);
    private static final String NEAR = "mouse_weights.json";
    private static final String TYPO = "mouse_wieghts.json";

    @TempDir Path folder;
    private Path emptyFolder;
    private Path emptyFile;
    private Path written;

    @BeforeEach
    void place() throws IOException {
        emptyFolder = Files.createDirectories(folder.resolve("empty"));
        emptyFile = Files.createFile(folder.resolve("empty.file"));
        written = folder.resolve("written");
        for (String name : List.of(NEAR, "gslrm.yaml", "views")) {
            Files.createFile(Files.createDirectories(folder.resolve("inputs")).resolve(name));
        }
    }

    private record Command(List<String> name, CommandLine line) {}

    private static List<Command> leaves(List<String> name, CommandLine line) {
        List<Command> all = new ArrayList<>();
        line.getSubcommands().forEach((sub, command) -> {
            List<String> path = new ArrayList<>(name);
            path.add(sub);
            all.addAll(leaves(path, command));
        });
        return line.getSubcommands().isEmpty() && !Set.of("help", "generate-completion").contains(name.getLast()) ? List.of(new Command(name, line)) : all;
    }

    private static List<ArgSpec> paths(Command command) {
        return command.line.getCommandSpec().args().stream().filter(a -> PathCheck.kind(a) != null).toList();
    }

    private static String name(ArgSpec argument) {
        return argument instanceof OptionSpec option ? option.longestName() : argument.paramLabel();
    }

    @TestFactory
    Stream<DynamicTest> aTypingErrorInAnyInput() {
        return leaves(List.of(), Mouselift.commandLine()).stream().flatMap(command -> paths(command).stream().filter(a -> !OUTPUTS.contains(PathCheck.kind(a)))
                .filter(a -> PathCheck.kind(a) != PathRole.Kind.NAMED_BY_COMMAND)
                .map(a -> DynamicTest.dynamicTest(String.join(" ", command.name) + " " + name(a), () -> {
                    Path wrong = folder.resolve("inputs").resolve(TYPO);
                    String message = refused(command, a, PathCheck.kind(a) == PathRole.Kind.LIST_WITH_SHARE ? wrong + "=0.5" : wrong.toString());
                    assertTrue(message.contains(name(a) + ": " + wrong + " does not exist"), message);
                    assertTrue(message.contains("There is no " + TYPO + " in " + wrong.getParent() + "; nearest of 3 there: " + NEAR), message);
                    Path nowhere = folder.resolve("inptus").resolve(NEAR);
                    message = refused(command, a, PathCheck.kind(a) == PathRole.Kind.LIST_WITH_SHARE ? nowhere + "=0.5" : nowhere.toString());
                    assertTrue(message.contains("There is no inptus in " + folder + "; nearest of 3 there: inputs"), message);
                })));
    }

    @Test
    void whatOutputNamesNeedNotBeThere() {
        for (Command command : leaves(List.of(), Mouselift.commandLine())) {
            for (ArgSpec a : paths(command)) {
                if (a instanceof OptionSpec option && List.of(option.names()).contains("--output")) {
                    assertTrue(OUTPUTS.contains(PathCheck.kind(a)), () -> String.join(" ", command.name) + " --output has the role " + PathCheck.kind(a));
                }
            }
        }
    }

    @TestFactory
    Stream<DynamicTest> anyOutputThatCannotBeWritten() {
        return leaves(List.of(), Mouselift.commandLine()).stream().flatMap(command -> paths(command).stream().filter(a -> OUTPUTS.contains(PathCheck.kind(a)))
                .map(a -> DynamicTest.dynamicTest(String.join(" ", command.name) + " " + name(a), () -> {
                    Path below = emptyFile.resolve("results");
                    String message = refused(command, a, below.toString());
                    assertTrue(message.contains(name(a) + ": " + below + " cannot be written: " + emptyFile + " is a file"), message);
                    if (PathCheck.kind(a) == PathRole.Kind.OUTPUT_FILE) {
                        assertTrue(refused(command, a, emptyFolder.toString()).contains(emptyFolder + " is a folder, a file would be written"));
                    }
                    if (PathCheck.kind(a) == PathRole.Kind.OUTPUT_FOLDER) {
                        assertTrue(refused(command, a, emptyFile.toString()).contains(emptyFile + " is a file, a folder would be written into"));
                    }
                })));
    }

    /** Runs a command with one argument that is to be refused, and all others that name paths. */
    private String refused(Command command, ArgSpec tested, String value) throws IOException {
        List<String> arguments = new ArrayList<>(command.name);
        for (ArgSpec argument : command.line.getCommandSpec().args()) {
            if (argument == tested || wanted(argument, tested)) {
                List<String> values = argument == tested ? List.of(value) : values(argument);
                if (argument instanceof OptionSpec option) {
                    arguments.add(option.longestName());
                }
                arguments.addAll(values);
                if (argument instanceof PositionalParamSpec && argument == tested) {
                    for (int i = values.size(); i < argument.arity().min(); i++) {
                        arguments.add(values(argument).getFirst());
                    }
                }
            }
        }
        StringWriter err = new StringWriter();
        int exit = Mouselift.commandLine().setOut(new PrintWriter(new StringWriter())).setErr(new PrintWriter(err, true)).execute(arguments.toArray(String[]::new));
        assertEquals(ExitCode.BAD_INPUT, exit, arguments + ": " + err);
        assertFalse(Files.exists(written), "something was written");
        assertEquals(0, Files.size(emptyFile));
        try (Stream<Path> list = Files.list(emptyFolder)) {
            assertEquals(List.of(), list.toList(), "something was written");
        }
        return err.toString();
    }

    /** What a command cannot do without, and every path that does not exclude the tested argument. */
    private static boolean wanted(ArgSpec argument, ArgSpec tested) {
        for (ArgGroupSpec group = argument.group(); group != null; group = group.parentGroup()) {
            if (group.exclusive()) {
                return tested.group() != group && group.multiplicity().min() > 0 && argument == group.args().iterator().next();
            }
        }
        return argument.required() || PathCheck.kind(argument) != null;
    }

    private List<String> values(ArgSpec argument) {
        PathRole.Kind kind = PathCheck.kind(argument);
        String one = kind == null ? plain(argument) : switch (kind) {
            case INPUT, NAMED_BY_COMMAND -> (argument.paramLabel().equals("FILE") ? emptyFile : emptyFolder).toString();
            case OUTPUT_FILE, OUTPUT_FOLDER, OUTPUT -> written.toString();
            case RIG -> "human6";
            case LIST_WITH_SHARE -> emptyFile + "=0.5";
        };
        List<String> values = new ArrayList<>();
        for (int i = 0; i < Math.max(1, argument.arity().min()); i++) {
            values.add(one);
        }
        return values;
    }

    private static String plain(ArgSpec argument) {
        Class<?> type = argument.type();
        return type.isEnum() ? String.valueOf(type.getEnumConstants()[0]) : type == String.class || type == List.class ? "x" : "1";
    }

    /** Where a command has more to say than names in the folder: other checkpoints, other prompts. */
    @Test
    void whatTheCommandsSayThemselves() throws IOException {
        Path pipeline = TinyPipeline.write(folder.resolve("pipeckpts"), 3);
        Path photo = folder.resolve("mouse.png");
        Image8 picture = Image8.blank(32, 32, 3);
        java.util.Arrays.fill(picture.data(), (byte) 255);
        PngWriter.write(photo, picture);
        Path typo = folder.resolve("pipeckpts/unte");
        for (String command : List.of("views", "reconstruct")) {
            says("MFL-E201: Fine-tuned UNet not found at " + typo, command, photo, "--pipeline", pipeline, "--unet", typo, "-o", written);
            says("MFL-E101: " + typo + ": prompt embeddings not found; sets near it: ", command, photo, "--pipeline", pipeline, "--prompts", typo, "-o", written);
        }
        says("MFL-E201: Fine-tuned UNet not found at " + typo, "data", "generate", photo, "--pipeline", pipeline, "--unet", typo, "-o", written);
        for (String command : List.of("check", "show")) {
            says("MFL-E101: " + typo + ": prompt embeddings not found; sets near it: ", "prompts", command, typo);
        }
        for (String command : List.of("list", "verify", "prune")) {
            says("no such folder of checkpoints: " + typo, "checkpoint", command, typo);
        }
        says("no such folder of checkpoints: " + typo, "checkpoint", "show", typo, "x");
        says("no such folder of checkpoints: " + typo, "checkpoint", "tag", typo, "x", "keep");
        says("no such folder of checkpoints: " + typo, "checkpoint", "invalidate", typo, "x", "--reason", "y");
        for (String command : List.of("status", "verify")) {
            says("no such folder of checkpoints: " + typo, "weights", command, typo);
        }
        says("DATASET: " + typo + " does not exist", "data", "compare", emptyFolder, typo, "-o", written);
    }

    /** Paths in configurations, each in turn, the others being there. */
    @Test
    void typingErrorsInConfigurations() throws IOException {
        String typo = folder.resolve("inputs").resolve(TYPO).toString();
        String there = folder.resolve("inputs").resolve(NEAR).toString();
        Path pipeline = TinyPipeline.write(folder.resolve("pipeckpts"), 3);
        String gslrm = "training.dataset.dataset_path: %s\nvalidation.enabled: true\nvalidation.dataset_path: %s\n";
        String diffusion = "train_dataset.path: %s\nvalidation_dataset.path: %s\npretrained_model_name_or_path: %s\nautoencoder_path: %s\n";
        String autoencoder = "data.train: %s\ndata.validation: %s\nstart: %s\n";
        Path root = Path.of(System.getProperty("mouselift.root", "..")).resolve("conf");
        for (String[] c : List.of(new String[] {"gslrm", "gslrm-tiny.yaml", gslrm, there, there}, new String[] {"diffusion", "mvdiffusion-mouse-128.yaml", diffusion, there, there,
                pipeline.toString(), pipeline.resolve("vae").toString()}, new String[] {"autoencoder", "autoencoder-mouse-128.yaml", autoencoder, there, there, emptyFolder.toString()})) {
            for (int wrong = 3; wrong < c.length; wrong++) {
                String[] values = java.util.Arrays.copyOfRange(c, 3, c.length);
                values[wrong - 3] = typo;
                List<String> arguments = new ArrayList<>(List.of("train", c[0], "--config", root.resolve(c[1]).toString(), "--set", c[0].equals("gslrm") ? "training.checkpointing.checkpoint_dir"
                        : c[0].equals("diffusion") ? "output_dir" : "checkpointing.folder", written.toString()));
                String key = "";
                String[] lines = String.format(c[2], (Object[]) values).split("\n");
                for (String line : lines) {
                    String[] pair = line.split(": ", 2);
                    arguments.addAll(List.of("--set", pair[0], pair[1]));
                    key = pair[1].equals(typo) ? pair[0] : key;
                }
                says(key + ": " + typo + " does not exist", arguments.toArray());
            }
        }
    }

    private void says(String message, Object... arguments) {
        StringWriter err = new StringWriter();
        int exit = Mouselift.commandLine().setOut(new PrintWriter(new StringWriter())).setErr(new PrintWriter(err, true))
                .execute(Stream.of(arguments).map(Object::toString).toArray(String[]::new));
        assertTrue(exit == ExitCode.BAD_INPUT && err.toString().contains(message), List.of(arguments) + ": " + exit + ", " + err);
        assertFalse(Files.exists(written), "something was written");
    }
}
