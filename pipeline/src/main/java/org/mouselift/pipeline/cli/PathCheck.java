package org.mouselift.pipeline.cli;

import java.io.IOException;
import java.lang.reflect.Field;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.util.Collection;
import java.util.List;
import java.util.stream.Stream;
import org.mouselift.engine.nn.NearestNames;
import picocli.CommandLine.Model.ArgSpec;
import picocli.CommandLine.Model.OptionSpec;
import picocli.CommandLine.ParseResult;

/**
 * Every path of a command line, checked before the command begins and so before anything is loaded or written (mouse specification
 * F-153): inputs are there and are files where a file is wanted, outputs can be written. The label of an argument says what it
 * takes: {@code FILE} a file, {@code DIR} a folder, any other label either; {@link PathRole} marks what is not an input.
 */
final class PathCheck {
    private static final int NAMES = 5;
    private static final int LISTED = 100_000;

    private PathCheck() {}

    /** @throws CommandException for the first path that cannot be used: with the argument, the path and names like it in the nearest folder */
    static void check(ParseResult parsed) {
        for (ArgSpec argument : parsed.matchedArgs()) {
            PathRole.Kind kind = kind(argument);
            if (kind != null) {
                for (Object value : argument.typedValues()) {
                    for (Object one : value instanceof Collection<?> several ? several : List.of(value)) {
                        check(argument, kind, one);
                    }
                }
            }
        }
    }

    private static PathRole role(ArgSpec argument) {
        return argument.userObject() instanceof Field field ? field.getAnnotation(PathRole.class) : null;
    }

    /** Null for an argument that names neither file nor folder. */
    static PathRole.Kind kind(ArgSpec argument) {
        PathRole role = role(argument);
        if (role != null) {
            return role.value();
        }
        return argument.type() == Path.class || List.of(argument.auxiliaryTypes()).contains(Path.class) ? PathRole.Kind.INPUT : null;
    }

    private static void check(ArgSpec argument, PathRole.Kind kind, Object value) {
        switch (kind) {
            case INPUT -> input(argument, (Path) value);
            case RIG -> RigArgument.file((String) value).ifPresent(file -> input(argument, file));
            case LIST_WITH_SHARE -> {
                String list = (String) value;
                if (list.lastIndexOf('=') > 0) {
                    input(argument, Path.of(list.substring(0, list.lastIndexOf('='))));
                }
            }
            case OUTPUT, OUTPUT_FILE, OUTPUT_FOLDER -> output(argument, kind, (Path) value);
            case NAMED_BY_COMMAND -> { }
        }
    }

    private static void input(ArgSpec argument, Path path) {
        if (!Files.exists(path)) {
            throw missing(name(argument), path);
        }
        String label = argument.paramLabel();
        if (label.equals("FILE") && Files.isDirectory(path)) {
            throw CommandException.badInput(name(argument) + ": " + path + " is a folder, expected a file", holds(path));
        }
        if (label.equals("DIR") && !Files.isDirectory(path)) {
            throw CommandException.badInput(name(argument) + ": " + path + " is a file, expected a folder", "");
        }
        if (!Files.isReadable(path)) {
            throw CommandException.badInput(name(argument) + ": no permission to read " + path, "");
        }
    }

    /**
     * The same for a path that a configuration names.
     *
     * @param key of the configuration
     */
    static void configured(Path configuration, String key, Path path) {
        if (!Files.exists(path)) {
            throw missing(configuration + ": " + key, path);
        }
    }

    private static void output(ArgSpec argument, PathRole.Kind kind, Path path) {
        if (kind == PathRole.Kind.OUTPUT_FILE && Files.isDirectory(path)) {
            throw CommandException.badInput(name(argument) + ": " + path + " is a folder, a file would be written", "Name a file in it.");
        }
        if (kind == PathRole.Kind.OUTPUT_FOLDER && Files.exists(path) && !Files.isDirectory(path)) {
            throw CommandException.badInput(name(argument) + ": " + path + " is a file, a folder would be written into", "Name another folder.");
        }
        Path above = nearest(path.toAbsolutePath().normalize());
        if (!Files.isDirectory(above) && !above.equals(path.toAbsolutePath().normalize())) {
            throw CommandException.badInput(name(argument) + ": " + path + " cannot be written: " + above + " is a file", "Name another place.");
        }
        if (!Files.isWritable(above)) {
            throw CommandException.badInput(name(argument) + ": " + path + " cannot be written: no permission for " + above, "Name another place.");
        }
    }

    /**
     * An input that is not there.
     *
     * @param argument what names it: {@code --weights}
     */
    static CommandException missing(String argument, Path path) {
        if (Files.exists(path, LinkOption.NOFOLLOW_LINKS)) {
            return CommandException.badInput(argument + ": " + path + " is a link to something that does not exist", "Mend the link, or name the file itself.");
        }
        Path whole = path.toAbsolutePath().normalize();
        Path above = nearest(whole);
        String absent = above.relativize(whole).getName(0).toString();
        if (!Files.isDirectory(above)) {
            return CommandException.badInput(argument + ": " + path + " does not exist; " + above + " is a file", "");
        }
        return CommandException.badInput(argument + ": " + path + " does not exist", near(above, absent));
    }

    private static Path nearest(Path whole) {
        Path above = whole;
        while (!Files.exists(above) && above.getParent() != null) {
            above = above.getParent();
        }
        return above;
    }

    private static String near(Path folder, String absent) {
        List<String> names = names(folder);
        List<String> near = NearestNames.of(absent, names, NAMES);
        return names.isEmpty() ? "The folder " + folder + " is empty." : "There is no " + absent + " in " + folder + "; nearest of " + names.size() + " there: " + String.join(", ", near);
    }

    private static String holds(Path folder) {
        List<String> names = names(folder);
        return names.isEmpty() ? "It is empty." : "It holds " + String.join(", ", names.subList(0, Math.min(NAMES, names.size()))) + (names.size() > NAMES ? ", …" : "");
    }

    private static List<String> names(Path folder) {
        try (Stream<Path> list = Files.list(folder)) {
            return list.limit(LISTED).map(p -> p.getFileName().toString()).sorted().toList();
        } catch (IOException e) {
            return List.of(); // a folder that cannot be listed holds nothing to propose
        }
    }

    /** {@code --weights}, or the label of a positional argument; after the code of the message, if it has one. */
    private static String name(ArgSpec argument) {
        PathRole role = role(argument);
        return (role == null || role.code().isEmpty() ? "" : role.code() + ": ") + (argument instanceof OptionSpec option ? option.longestName() : argument.paramLabel());
    }
}
