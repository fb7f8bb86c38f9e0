package org.mouselift.data.prompts;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.StreamReadFeature;
import com.fasterxml.jackson.databind.DeserializationFeature;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.io.InputStream;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.TreeSet;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * The prompt styles by name (mouse specification §5.2). Their texts live in the resource {@code styles.json}; files of the same
 * format add species, view lists and languages.
 */
public final class PromptStyles {
    private static final String RESOURCE = "styles.json";
    private static final long MAX_BYTES = 1 << 20;
    private static final Set<String> STYLE_KEYS = Set.of("id", "description", "rig", "views", "height", "separator", "colour", "normal", "level", "words", "legacy_azimuths");
    private static final Set<String> LEVEL_KEYS = Set.of("up_to", "views", "height", "separator", "colour", "normal");
    private static final Pattern GAP = Pattern.compile("\\{([^}]*)}");
    private static final Set<String> GAPS = Set.of("view", "elevation", "azimuth");
    private static final JsonMapper JSON = JsonMapper.builder().enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            .enable(DeserializationFeature.FAIL_ON_TRAILING_TOKENS).build();
    private static final PromptStyles BUILT_IN = load();

    private final Map<String, PromptStyle> styles;

    private PromptStyles(Map<String, PromptStyle> styles) {
        this.styles = Collections.unmodifiableMap(styles);
    }

    /** The styles that come with the program. */
    public static PromptStyles builtIn() {
        return BUILT_IN;
    }

    /** All styles, in the order of their files. */
    public Collection<PromptStyle> all() {
        return styles.values();
    }

    /** A style by name; an unknown one is an error that lists the names. */
    public PromptStyle style(String id) {
        PromptStyle style = styles.get(id);
        if (style == null) {
            throw new PromptTextException("prompt style \"" + id + "\"", "is unknown", "there are " + String.join(", ", new TreeSet<>(styles.keySet())));
        }
        return style;
    }

    /** These styles and those of a file; a name that exists already is an error. */
    public PromptStyles with(Path file) throws IOException {
        if (Files.size(file) > MAX_BYTES) {
            throw new PromptTextException(file.toString(), "has " + Files.size(file) + " bytes, more than " + MAX_BYTES, "this is not a file of prompt styles");
        }
        return with(file.toString(), Files.readAllBytes(file));
    }

    private PromptStyles with(String file, byte[] bytes) {
        Map<String, PromptStyle> all = new LinkedHashMap<>(styles);
        JsonNode root;
        try {
            root = JSON.readTree(bytes);
        } catch (JsonProcessingException e) {
            throw new PromptTextException(file, "is not valid JSON: " + e.getOriginalMessage(), "", e);
        } catch (IOException e) {
            throw new PromptTextException(file, "is not JSON text: " + e.getMessage(), "store it as UTF-8", e);
        }
        if (root == null || !root.path("styles").isArray()) {
            throw new PromptTextException(file, "has no list \"styles\"", "expected {\"styles\": [{\"id\": …, \"colour\": …}]}");
        }
        int i = 0;
        for (JsonNode node : root.get("styles")) {
            PromptStyle style = style(file, "styles[" + i++ + "]", node);
            if (all.putIfAbsent(style.id(), style) != null) {
                throw new PromptTextException(file, "defines the style \"" + style.id() + "\", which exists already", "choose another id");
            }
        }
        return new PromptStyles(all);
    }

    private static PromptStyles load() {
        try (InputStream in = PromptStyles.class.getResourceAsStream(RESOURCE)) {
            if (in == null) {
                throw new IOException("resource " + RESOURCE + " is missing from the data module");
            }
            return new PromptStyles(Map.of()).with(RESOURCE, in.readAllBytes());
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
    }

    private static PromptStyle style(String file, String at, JsonNode node) {
        keys(file, at, node, STYLE_KEYS);
        String id = text(file, at, node, "id").orElse("");
        if (!id.matches("[A-Za-z][A-Za-z0-9_-]*")) {
            throw new PromptTextException(file, at + ".id is \"" + id + "\"", "name the style with letters, digits, _ and -");
        }
        Optional<PromptWording> level = Optional.empty();
        double upTo = 0;
        if (node.has("level")) {
            JsonNode inner = node.get("level");
            keys(file, at + ".level", inner, LEVEL_KEYS);
            if (!inner.path("up_to").isNumber()) {
                throw new PromptTextException(file, at + ".level.up_to is " + inner.get("up_to"), "expected an elevation in degrees");
            }
            upTo = inner.get("up_to").doubleValue();
            level = Optional.of(wording(file, at + ".level", inner));
        }
        Map<String, String> words = new LinkedHashMap<>();
        for (Map.Entry<String, JsonNode> word : node.path("words").properties()) {
            words.put(word.getKey(), text(file, at + ".words", node.get("words"), word.getKey()).orElseThrow());
        }
        List<Double> azimuths = new ArrayList<>();
        for (JsonNode azimuth : node.path("legacy_azimuths")) {
            azimuths.add(azimuth.doubleValue());
        }
        return new PromptStyle(id, text(file, at, node, "description").orElse(""), text(file, at, node, "rig").orElse("human6"), wording(file, at, node), upTo, level,
                words, azimuths);
    }

    private static PromptWording wording(String file, String at, JsonNode node) {
        List<String> views = new ArrayList<>();
        for (JsonNode view : node.path("views")) {
            if (!view.isTextual() || view.textValue().isBlank()) {
                throw new PromptTextException(file, at + ".views holds " + view, "expected names");
            }
            views.add(view.textValue());
        }
        ViewName.Height height;
        String said = text(file, at, node, "height").orElse("none");
        try {
            height = ViewName.Height.valueOf(said.toUpperCase(java.util.Locale.ROOT));
        } catch (IllegalArgumentException e) {
            throw new PromptTextException(file, at + ".height is \"" + said + "\"", "expected none, top or by_elevation", e);
        }
        String colour = sentence(file, at, node, "colour").orElseThrow(() -> new PromptTextException(file, at + " has no \"colour\"", "write a sentence with {view}"));
        return new PromptWording(views, height, text(file, at, node, "separator").orElse("-"), colour, sentence(file, at, node, "normal"));
    }

    private static void keys(String file, String at, JsonNode node, Set<String> known) {
        if (!node.isObject()) {
            throw new PromptTextException(file, at + " is " + node, "expected an object");
        }
        for (Map.Entry<String, JsonNode> e : node.properties()) {
            if (!known.contains(e.getKey())) {
                throw new PromptTextException(file, at + " has the unknown key \"" + e.getKey() + "\"", "known are " + new TreeSet<>(known));
            }
        }
    }

    private static Optional<String> sentence(String file, String at, JsonNode node, String key) {
        Optional<String> sentence = text(file, at, node, key);
        if (sentence.isPresent()) {
            Matcher gap = GAP.matcher(sentence.get());
            while (gap.find()) {
                if (!GAPS.contains(gap.group(1))) {
                    throw new PromptTextException(file, at + "." + key + " has the gap {" + gap.group(1) + "}", "known are {view}, {elevation} and {azimuth}");
                }
            }
        }
        return sentence;
    }

    private static Optional<String> text(String file, String at, JsonNode node, String key) {
        JsonNode value = node.get(key);
        if (value == null || value.isNull()) {
            return Optional.empty();
        }
        if (!value.isTextual()) {
            throw new PromptTextException(file, at + "." + key + " is " + value, "expected text");
        }
        return Optional.of(value.textValue());
    }
}
