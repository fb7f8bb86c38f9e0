package org.mouselift.data.tokenizer;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.json.JsonMapper;
import java.io.IOException;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.text.Normalizer;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Collectors;

/**
 * The byte-pair tokenizer of CLIP (Radford et al. 2021; Sennrich et al. 2016; multi-view diffusion specification §2.6), from a folder
 * with {@code vocab.json}, {@code merges.txt} and {@code special_tokens_map.json}. Texts are cleaned as the original does without its
 * optional package for the repair of Unicode.
 */
public final class ClipTokenizer {
    private static final long MAX_BYTES = 64L << 20;
    private static final String END = "</w>";
    private static final Pattern PIECES = Pattern.compile("<\\|startoftext\\|>|<\\|endoftext\\|>|'s|'t|'re|'ve|'m|'ll|'d|\\p{L}+|\\p{N}|[^\\s\\p{L}\\p{N}]+",
            Pattern.CASE_INSENSITIVE | Pattern.UNICODE_CASE | Pattern.UNICODE_CHARACTER_CLASS);
    private static final Pattern SPACE = Pattern.compile("[\\s\\p{Z}]+", Pattern.UNICODE_CHARACTER_CLASS);
    private static final int[][] IDEOGRAPHS = {{0x4E00, 0x9FFF}, {0x3400, 0x4DBF}, {0x20000, 0x2A6DF}, {0x2A700, 0x2B73F}, {0x2B740, 0x2B81F}, {0x2B820, 0x2CEAF},
        {0xF900, 0xFAFF}, {0x2F800, 0x2FA1F}};
    private static final String[] BYTES = bytes();

    private final Map<String, Integer> vocabulary;
    private final Map<String, Integer> ranks;
    private final String start;
    private final String end;
    private final String unknown;
    private final String pad;
    private final Pattern special;
    private final Map<String, List<String>> known = new HashMap<>();

    private ClipTokenizer(Map<String, Integer> vocabulary, Map<String, Integer> ranks, String start, String end, String unknown, String pad) {
        this.vocabulary = vocabulary;
        this.ranks = ranks;
        this.start = start;
        this.end = end;
        this.unknown = unknown;
        this.pad = pad;
        Set<String> specials = new LinkedHashSet<>(List.of(start, end, unknown, pad));
        this.special = Pattern.compile(specials.stream().sorted((a, b) -> b.length() - a.length()).map(Pattern::quote).collect(Collectors.joining("|")));
    }

    /** Reads a tokenizer folder; the pad token of {@code special_tokens_map.json} counts, not that of {@code tokenizer_config.json}. */
    public static ClipTokenizer read(Path folder) throws IOException {
        JsonNode words = json(folder.resolve("vocab.json"));
        Map<String, Integer> vocabulary = new HashMap<>();
        for (Map.Entry<String, JsonNode> e : words.properties()) {
            if (!e.getValue().isInt() || e.getValue().intValue() < 0) {
                throw new IOException("MFL-E301: " + folder.resolve("vocab.json") + ": '" + e.getKey() + "' has the id " + e.getValue() + ", expected a whole number of at least 0");
            }
            vocabulary.put(e.getKey(), e.getValue().intValue());
        }
        JsonNode map = json(folder.resolve("special_tokens_map.json"));
        String[] names = {"bos_token", "eos_token", "unk_token", "pad_token"};
        String[] tokens = new String[names.length];
        for (int i = 0; i < names.length; i++) {
            JsonNode token = map.path(names[i]);
            tokens[i] = token.isTextual() ? token.textValue() : token.path("content").asText("");
            if (!vocabulary.containsKey(tokens[i])) {
                throw new IOException("MFL-E301: " + folder.resolve("special_tokens_map.json") + ": " + names[i] + " is '" + tokens[i] + "', which vocab.json does not hold");
            }
        }
        return new ClipTokenizer(vocabulary, merges(folder.resolve("merges.txt"), vocabulary), tokens[0], tokens[1], tokens[2], tokens[3]);
    }

    private static void bounded(Path file) throws IOException {
        if (!Files.isRegularFile(file)) {
            throw new IOException("MFL-E301: " + file + " does not exist; a tokenizer folder holds vocab.json (of SD 2.1: 49,408 entries, about 1 MB), merges.txt"
                    + " (48,895 lines, about 500 KB) and special_tokens_map.json; copy them there, nothing is downloaded");
        }
        if (Files.size(file) > MAX_BYTES) {
            throw new IOException("MFL-E301: " + file + ": " + Files.size(file) + " bytes, at most " + MAX_BYTES + " are read");
        }
    }

    private static JsonNode json(Path file) throws IOException {
        bounded(file);
        JsonNode node;
        try {
            node = new JsonMapper().readTree(Files.readAllBytes(file));
        } catch (IOException e) {
            throw new IOException("MFL-E301: " + file + " is not JSON: " + e.getMessage(), e);
        }
        if (node == null || !node.isObject()) {
            throw new IOException("MFL-E301: " + file + " is not a JSON object");
        }
        return node;
    }

    /** Pairs by rank; the first line is a version comment. */
    private static Map<String, Integer> merges(Path file, Map<String, Integer> vocabulary) throws IOException {
        bounded(file);
        List<String> lines;
        try {
            lines = Files.readString(file, StandardCharsets.UTF_8).lines().toList();
        } catch (CharacterCodingException e) {
            throw new IOException("MFL-E301: " + file + " is not text in UTF-8", e);
        }
        Map<String, Integer> ranks = new HashMap<>();
        for (int i = 1; i < lines.size(); i++) {
            if (lines.get(i).isBlank()) {
                continue;
            }
            String[] pair = lines.get(i).split(" ", -1);
            if (pair.length != 2 || !vocabulary.containsKey(pair[0] + pair[1])) {
                throw new IOException("MFL-E301: " + file + ": line " + (i + 1) + " is '" + lines.get(i) + "', expected two pieces whose union is in vocab.json (" + vocabulary.size()
                        + " entries); do both files belong together?");
            }
            ranks.putIfAbsent(lines.get(i), i);
        }
        return ranks;
    }

    /** Printable characters for the 256 bytes: themselves where printable, else U+0100 and on. */
    private static String[] bytes() {
        String[] out = new String[256];
        int next = 0x100;
        for (int b = 0; b < 256; b++) {
            boolean printable = b >= 33 && b <= 126 || b >= 161 && b <= 172 || b >= 174;
            out[b] = Character.toString(printable ? b : next++);
        }
        return out;
    }

    /** Id of the padding. */
    public int padId() {
        return vocabulary.get(pad);
    }

    /** Number of entries of the vocabulary. */
    public int size() {
        return vocabulary.size();
    }

    /** The pieces of a text, without start and end; special tokens stay whole. */
    public List<String> tokens(String text) {
        List<String> out = new ArrayList<>();
        Matcher m = special.matcher(text);
        int from = 0;
        while (m.find()) {
            plain(text.substring(from, m.start()), out);
            out.add(m.group());
            from = m.end();
        }
        plain(text.substring(from), out);
        return out;
    }

    /** Ids with start and end, neither cut nor padded. */
    public int[] ids(String text) {
        List<String> tokens = tokens(text);
        int[] out = new int[tokens.size() + 2];
        out[0] = vocabulary.get(start);
        for (int i = 0; i < tokens.size(); i++) {
            out[i + 1] = vocabulary.getOrDefault(tokens.get(i), vocabulary.get(unknown));
        }
        out[out.length - 1] = vocabulary.get(end);
        return out;
    }

    /** Ids cut to a length, keeping the end, or padded on the right. */
    public int[] ids(String text, int length) {
        int[] all = ids(text);
        int[] out = java.util.Arrays.copyOf(all, length);
        if (all.length > length) {
            out[length - 1] = vocabulary.get(end);
        } else {
            java.util.Arrays.fill(out, all.length, length, padId());
        }
        return out;
    }

    private void plain(String text, List<String> out) {
        Matcher m = PIECES.matcher(clean(text));
        while (m.find()) {
            out.addAll(known.computeIfAbsent(m.group(), this::merge));
        }
    }

    private static String clean(String text) {
        StringBuilder kept = new StringBuilder();
        text.codePoints().forEach(c -> {
            int type = Character.getType(c);
            if (c == '\t' || c == '\n' || c == '\r' || type == Character.SPACE_SEPARATOR) {
                kept.append(' ');
            } else if (ideograph(c)) {
                kept.append(' ').appendCodePoint(c).append(' ');
            } else if (c != 0xFFFD && type != Character.CONTROL && type != Character.FORMAT && type != Character.SURROGATE && type != Character.PRIVATE_USE
                    && type != Character.UNASSIGNED) {
                kept.appendCodePoint(c);
            }
        });
        return SPACE.splitAsStream(Normalizer.normalize(kept, Normalizer.Form.NFC)).filter(w -> !w.isEmpty()).map(w -> w.toLowerCase(Locale.ROOT))
                .collect(Collectors.joining(" "));
    }

    private static boolean ideograph(int c) {
        for (int[] range : IDEOGRAPHS) {
            if (c >= range[0] && c <= range[1]) {
                return true;
            }
        }
        return false;
    }

    /** Byte-pair encoding: the pair of lowest rank is merged wherever it occurs, until no pair has a rank. */
    private List<String> merge(String piece) {
        List<String> parts = new ArrayList<>();
        for (byte b : piece.getBytes(StandardCharsets.UTF_8)) {
            parts.add(BYTES[b & 0xFF]);
        }
        parts.set(parts.size() - 1, parts.getLast() + END);
        while (parts.size() > 1) {
            int best = Integer.MAX_VALUE;
            int at = -1;
            for (int i = 0; i + 1 < parts.size(); i++) {
                int rank = ranks.getOrDefault(parts.get(i) + " " + parts.get(i + 1), Integer.MAX_VALUE);
                if (rank < best) {
                    best = rank;
                    at = i;
                }
            }
            if (at < 0) {
                break;
            }
            String left = parts.get(at);
            String right = parts.get(at + 1);
            List<String> next = new ArrayList<>();
            for (int i = 0; i < parts.size(); i++) {
                if (i + 1 < parts.size() && parts.get(i).equals(left) && parts.get(i + 1).equals(right)) {
                    next.add(left + right);
                    i++;
                } else {
                    next.add(parts.get(i));
                }
            }
            parts = next;
        }
        return List.copyOf(parts);
    }
}
