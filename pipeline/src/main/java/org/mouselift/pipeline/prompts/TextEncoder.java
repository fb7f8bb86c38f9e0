package org.mouselift.pipeline.prompts;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.lang.foreign.MemorySegment;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.mouselift.data.checkpoint.Checkpoint;
import org.mouselift.data.checkpoint.ContentHash;
import org.mouselift.data.prompts.PromptMetadata;
import org.mouselift.data.tokenizer.ClipTokenizer;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.models.clip.ClipConfig;
import org.mouselift.models.clip.ClipTextModel;
import org.mouselift.pipeline.checkpoint.MappedWeights;

/**
 * Tokenizer and CLIP text tower in their folders (multi-view diffusion specification §2.5 to §2.7): sentences to prompt embeddings,
 * the last hidden state of all tokens. Opening reads the tokenizer and the configuration; weights are loaded by {@link #encode}.
 */
public final class TextEncoder {
    /** Tokens of a row: the text, padded. */
    public static final int TOKENS = 77;
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final List<String> TOKENIZER_FILES = List.of("vocab.json", "merges.txt", "special_tokens_map.json");

    private final Path folder;
    private final Path tokenizerFolder;
    private final Path weights;
    private final ClipConfig config;
    private final ClipTokenizer tokenizer;

    private TextEncoder(Path folder, Path tokenizerFolder, Path weights, ClipConfig config, ClipTokenizer tokenizer) {
        this.folder = folder;
        this.tokenizerFolder = tokenizerFolder;
        this.weights = weights;
        this.config = config;
        this.tokenizer = tokenizer;
    }

    /**
     * Opens a text encoder.
     *
     * @param path its folder ({@code config.json} and weights), or a pipeline folder with {@code text_encoder/}
     * @param tokenizer folder of the tokenizer; null to look in {@code path}, {@code path/tokenizer} and beside {@code path}
     * @throws PromptException MFL-E202 without configuration or weights, MFL-E301 without a tokenizer or with one of another vocabulary
     */
    public static TextEncoder open(Path path, Path tokenizer) throws IOException {
        Path folder = Files.isRegularFile(path.resolve("text_encoder").resolve("config.json")) ? path.resolve("text_encoder") : path;
        Path file = folder.resolve("config.json");
        if (!Files.isRegularFile(file)) {
            throw new PromptException("MFL-E202", path, "holds no text encoder: neither config.json nor text_encoder/config.json; it has " + listing(path),
                    "Name the folder text_encoder of the pipeline");
        }
        Map<String, Object> keys;
        try {
            keys = JSON.readValue(file.toFile(), new TypeReference<LinkedHashMap<String, Object>>() {});
        } catch (IOException e) {
            throw new PromptException("MFL-E202", file, "is not JSON: " + e.getMessage(), "", e);
        }
        ClipConfig config = ClipConfig.text(keys, file.toString());
        if (config.positions() < TOKENS) {
            throw new PromptException("MFL-E202", file, "max_position_embeddings is " + config.positions(), "Prompt embeddings have " + TOKENS + " tokens");
        }
        Path weights = Checkpoint.weightsIn(folder).orElse(null);
        if (weights == null) {
            throw new PromptException("MFL-E202", folder, "has no weights (model.safetensors); it has " + listing(folder), "");
        }
        Path words = tokenizer != null ? tokenizer : tokenizerFolder(path, folder);
        ClipTokenizer read = ClipTokenizer.read(words);
        if (read.size() != config.vocabulary()) {
            throw new PromptException("MFL-E301", words, "the vocabulary has " + read.size() + " entries, the text encoder " + folder + " knows " + config.vocabulary(),
                    "Use the tokenizer that belongs to it");
        }
        return new TextEncoder(folder, words, weights, config, read);
    }

    private static Path tokenizerFolder(Path path, Path folder) throws PromptException {
        List<Path> candidates = new ArrayList<>(List.of(path.resolve("tokenizer"), folder, folder.toAbsolutePath().resolveSibling("tokenizer")));
        return candidates.stream().filter(c -> Files.isRegularFile(c.resolve("vocab.json"))).findFirst().orElseThrow(() -> new PromptException("MFL-E301", path,
                "no tokenizer (vocab.json, merges.txt, special_tokens_map.json) in any of " + candidates, "Name its folder with --tokenizer"));
    }

    private static String listing(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            return "nothing (the folder does not exist)";
        }
        try (Stream<Path> files = Files.list(folder)) {
            List<String> names = files.map(f -> f.getFileName().toString()).sorted().limit(20).toList();
            return names.isEmpty() ? "nothing" : String.join(", ", names);
        }
    }

    /** Width of the embeddings. */
    public int width() {
        return config.hiddenSize();
    }

    /** What {@link PromptMetadata} records; reads the weights file once for its hash. */
    public PromptMetadata.Encoder provenance() throws IOException {
        StringBuilder all = new StringBuilder();
        for (String name : TOKENIZER_FILES) {
            all.append(ContentHash.ofFile(tokenizerFolder.resolve(name))).append('\n');
        }
        return new PromptMetadata.Encoder(folder.toString(), config.hiddenSize(), ContentHash.ofBytes(MemorySegment.ofArray(all.toString().getBytes(StandardCharsets.UTF_8))),
                ContentHash.ofFile(weights));
    }

    /**
     * Token numbers [n][77] of sentences.
     *
     * @throws PromptException MFL-E103 for a sentence that does not fit: nothing is cut off silently
     */
    public long[][] tokens(List<String> sentences) throws PromptException {
        long[][] ids = new long[sentences.size()][TOKENS];
        for (int i = 0; i < ids.length; i++) {
            int length = tokenizer.ids(sentences.get(i)).length;
            if (length > TOKENS) {
                throw new PromptException("MFL-E103", "slot " + i, "the sentence has " + length + " tokens with start and end, at most " + TOKENS + " fit: \""
                        + sentences.get(i) + "\"", "Shorten it");
            }
            int[] row = tokenizer.ids(sentences.get(i), TOKENS);
            for (int t = 0; t < TOKENS; t++) {
                ids[i][t] = row[t];
            }
        }
        return ids;
    }

    /** Embeddings of sentences [n, 77, width], flat; lists one after the other, with one load of the weights. */
    public List<float[]> encode(List<List<String>> lists) throws IOException {
        List<long[][]> ids = new ArrayList<>();
        for (List<String> sentences : lists) {
            ids.add(tokens(sentences));
        }
        try (MappedWeights file = MappedWeights.open(weights); ClipTextModel model = ClipTextModel.stored(config, file.state(), weights.toString())) {
            List<float[]> out = new ArrayList<>();
            for (long[][] rows : ids) {
                out.add(embed(model, rows));
            }
            return out;
        }
    }

    /** Row by row: a set of many views needs no more memory than one view. */
    private float[] embed(ClipTextModel model, long[][] ids) {
        int row = TOKENS * config.hiddenSize();
        float[] out = new float[Math.multiplyExact(ids.length, row)];
        Tape.pause(() -> {
            for (int i = 0; i < ids.length; i++) {
                try (Scope scope = Scope.open("prompt " + i)) {
                    System.arraycopy(model.embed(new long[][] {ids[i]}).toFloats(), 0, out, i * row, row);
                }
            }
            return null;
        });
        return out;
    }
}
