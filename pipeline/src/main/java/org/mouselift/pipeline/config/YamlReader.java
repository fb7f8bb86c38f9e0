package org.mouselift.pipeline.config;

import java.io.IOException;
import java.io.StringReader;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.IdentityHashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Pattern;
import org.mouselift.pipeline.config.ConfigValue.Mapping;
import org.mouselift.pipeline.config.ConfigValue.Scalar;
import org.mouselift.pipeline.config.ConfigValue.Sequence;
import org.yaml.snakeyaml.DumperOptions.ScalarStyle;
import org.yaml.snakeyaml.LoaderOptions;
import org.yaml.snakeyaml.Yaml;
import org.yaml.snakeyaml.error.MarkedYAMLException;
import org.yaml.snakeyaml.error.YAMLException;
import org.yaml.snakeyaml.nodes.MappingNode;
import org.yaml.snakeyaml.nodes.Node;
import org.yaml.snakeyaml.nodes.NodeTuple;
import org.yaml.snakeyaml.nodes.ScalarNode;
import org.yaml.snakeyaml.nodes.SequenceNode;
import org.yaml.snakeyaml.nodes.Tag;

/**
 * Reads YAML 1.1 as the original's configurations use it: {@code off} and {@code no} are false, {@code 1e-4} is a
 * number. Strict where silence would hide a mistake: duplicate keys, aliases and tags are refused. Only plain data is
 * built, nothing is executed; files above one MiB are refused.
 */
public final class YamlReader {
    private static final int MAX_BYTES = 1 << 20;
    private static final Set<String> TRUE = Set.of("true", "yes", "on", "y");
    private static final Set<String> FALSE = Set.of("false", "no", "off", "n");
    private static final Set<String> NULL = Set.of("", "~", "null");
    private static final Pattern INTEGER = Pattern.compile("[-+]?(0|[1-9][0-9_]*)");
    private static final Pattern NUMBER = Pattern.compile("[-+]?([0-9][0-9_]*(\\.[0-9_]*)?|\\.[0-9_]+)([eE][-+]?[0-9]+)?");
    private static final Set<Tag> PLAIN = Set.of(Tag.STR, Tag.INT, Tag.FLOAT, Tag.BOOL, Tag.NULL, Tag.TIMESTAMP, Tag.MAP, Tag.SEQ);

    private final String name;
    private final Set<Node> seen = Collections.newSetFromMap(new IdentityHashMap<>());

    private YamlReader(String name) {
        this.name = name;
    }

    /** The mapping that a file consists of. */
    public static Mapping read(Path file) throws IOException {
        long size = Files.size(file);
        if (size > MAX_BYTES) {
            throw new ConfigException(file.toString(), List.of(file + ": " + size + " bytes; a configuration has at most " + MAX_BYTES));
        }
        try {
            return parse(file.toString(), Files.readString(file, StandardCharsets.UTF_8));
        } catch (CharacterCodingException e) {
            throw new ConfigException(file.toString(), List.of(file + ": is not text in UTF-8; save it as that"));
        }
    }

    /** The mapping that a text consists of; {@code name} stands in messages. */
    public static Mapping parse(String name, String text) throws ConfigException {
        LoaderOptions options = new LoaderOptions();
        options.setCodePointLimit(MAX_BYTES);
        options.setNestingDepthLimit(32);
        options.setMaxAliasesForCollections(0);
        Node root;
        try {
            root = new Yaml(options).compose(new StringReader(text));
        } catch (MarkedYAMLException e) {
            String line = e.getProblemMark() == null ? "" : ":" + (e.getProblemMark().getLine() + 1);
            throw new ConfigException(name, List.of(name + line + ": not YAML: " + e.getProblem()));
        } catch (YAMLException e) {
            throw new ConfigException(name, List.of(name + ": not YAML: " + e.getMessage()));
        }
        if (root == null) {
            return new Mapping(new LinkedHashMap<>(), name);
        }
        if (new YamlReader(name).value(root) instanceof Mapping mapping) {
            return mapping;
        }
        throw new ConfigException(name, List.of(name + ": expected keys and values at the top level"));
    }

    private ConfigValue value(Node node) throws ConfigException {
        String where = name + ":" + (node.getStartMark().getLine() + 1);
        if (!PLAIN.contains(node.getTag())) {
            throw problem(where, "the tag " + node.getTag().getValue() + " is not allowed");
        }
        if (!seen.add(node)) {
            throw problem(where, "anchors and aliases are not allowed; write the value out");
        }
        return switch (node) {
            case MappingNode mapping -> mapping(mapping, where);
            case SequenceNode sequence -> {
                List<ConfigValue> values = new ArrayList<>();
                for (Node element : sequence.getValue()) {
                    values.add(value(element));
                }
                yield new Sequence(values, where);
            }
            case ScalarNode scalar -> new Scalar(
                    scalar.getScalarStyle() == ScalarStyle.PLAIN ? plain(scalar.getValue()) : scalar.getValue(), scalar.getValue(), where);
            default -> throw problem(where, "unexpected " + node.getNodeId());
        };
    }

    private Mapping mapping(MappingNode node, String where) throws ConfigException {
        Map<String, ConfigValue> entries = new LinkedHashMap<>();
        for (NodeTuple tuple : node.getValue()) {
            String line = name + ":" + (tuple.getKeyNode().getStartMark().getLine() + 1);
            if (!(tuple.getKeyNode() instanceof ScalarNode key)) {
                throw problem(line, "a key must be a single word");
            }
            if (key.getTag().equals(Tag.MERGE)) {
                throw problem(line, "merge keys (<<) are not allowed");
            }
            ConfigValue before = entries.get(key.getValue());
            if (before != null) {
                throw problem(line, "the key \"" + key.getValue() + "\" stands twice in this mapping, first in line "
                        + before.where().substring(name.length() + 1));
            }
            entries.put(key.getValue(), value(tuple.getValueNode()));
        }
        return new Mapping(entries, where);
    }

    /** What an unquoted word means. */
    private static Object plain(String text) {
        String lower = text.toLowerCase(Locale.ROOT);
        if (NULL.contains(lower)) {
            return null;
        }
        if (TRUE.contains(lower)) {
            return Boolean.TRUE;
        }
        if (FALSE.contains(lower)) {
            return Boolean.FALSE;
        }
        return numberOrText(text);
    }

    /** A {@link Long}, a {@link Double}, or the text itself. */
    static Object numberOrText(String text) {
        String digits = text.replace("_", "");
        if (INTEGER.matcher(text).matches()) {
            try {
                return Long.valueOf(digits);
            } catch (NumberFormatException tooLarge) {
                return Double.valueOf(digits);
            }
        }
        return switch (text.toLowerCase(Locale.ROOT)) {
            case ".inf", "+.inf" -> Double.POSITIVE_INFINITY;
            case "-.inf" -> Double.NEGATIVE_INFINITY;
            case ".nan" -> Double.NaN;
            default -> NUMBER.matcher(text).matches() ? (Object) Double.valueOf(digits) : text;
        };
    }

    private ConfigException problem(String where, String what) {
        return new ConfigException(name, List.of(where + ": " + what));
    }
}
