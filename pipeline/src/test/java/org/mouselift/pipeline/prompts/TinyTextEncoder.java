package org.mouselift.pipeline.prompts;

import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.mouselift.data.prompts.PromptStyle;
import org.mouselift.data.prompts.PromptStyles;
import org.mouselift.data.safetensors.SafetensorsWriter;
import org.mouselift.engine.Philox;

/** A text tower with random weights and a small tokenizer that knows the words of the styles, in the layout of a pipeline folder. */
public final class TinyTextEncoder {
    private TinyTextEncoder() {}

    /** Writes {@code text_encoder/} and {@code tokenizer/} into a folder and returns it. */
    public static Path write(Path folder, int width) throws IOException {
        int vocabulary = tokenizer(Files.createDirectories(folder.resolve("tokenizer")));
        Path encoder = Files.createDirectories(folder.resolve("text_encoder"));
        Files.writeString(encoder.resolve("config.json"), """
                {"architectures": ["CLIPTextModel"], "hidden_size": %d, "intermediate_size": %d, "num_hidden_layers": 2, "num_attention_heads": 2, "hidden_act": "gelu",
                 "layer_norm_eps": 1e-5, "max_position_embeddings": 77, "vocab_size": %d, "model_type": "clip_text_model"}""".formatted(width, 2 * width, vocabulary));
        Philox random = new Philox(7, 1);
        SafetensorsWriter writer = new SafetensorsWriter().metadata("format", "pt");
        add(writer, random, 1, "text_model.embeddings.token_embedding.weight", vocabulary, width);
        add(writer, random, 1, "text_model.embeddings.position_embedding.weight", 77, width);
        writer.add("text_model.embeddings.position_ids", new long[] {1, 77}, new long[77]);
        for (int i = 0; i < 2; i++) {
            String layer = "text_model.encoder.layers." + i + ".";
            for (String p : List.of("q_proj", "k_proj", "v_proj", "out_proj")) {
                add(writer, random, 0.3, layer + "self_attn." + p + ".weight", width, width);
                add(writer, random, 0.1, layer + "self_attn." + p + ".bias", width);
            }
            add(writer, random, 0.3, layer + "mlp.fc1.weight", 2 * width, width);
            add(writer, random, 0.1, layer + "mlp.fc1.bias", 2 * width);
            add(writer, random, 0.3, layer + "mlp.fc2.weight", width, 2 * width);
            add(writer, random, 0.1, layer + "mlp.fc2.bias", width);
            for (String norm : List.of("layer_norm1", "layer_norm2")) {
                add(writer, random, 1, layer + norm + ".weight", width);
                add(writer, random, 0.1, layer + norm + ".bias", width);
            }
        }
        add(writer, random, 1, "text_model.final_layer_norm.weight", width);
        add(writer, random, 0.1, "text_model.final_layer_norm.bias", width);
        writer.write(encoder.resolve("model.safetensors"));
        return folder;
    }

    private static void add(SafetensorsWriter writer, Philox random, double deviation, String name, long... shape) {
        int n = 1;
        for (long side : shape) {
            n *= (int) side;
        }
        float[] values = new float[n];
        for (int i = 0; i < n; i++) {
            values[i] = (float) (deviation * random.nextGaussian());
        }
        writer.add(name, shape, values);
    }

    /** All printable ASCII characters, and merges that build the words of the styles from left to right. */
    private static int tokenizer(Path folder) throws IOException {
        Map<String, Integer> words = new LinkedHashMap<>();
        for (String end : List.of("", "</w>")) {
            for (char c = '!'; c <= '~'; c++) {
                words.put(c + end, words.size());
            }
        }
        List<String> merges = new ArrayList<>(List.of("#version: 0.2"));
        for (PromptStyle style : PromptStyles.builtIn().all()) {
            for (String word : style.wording().colour().toLowerCase(java.util.Locale.ROOT).split("[^a-z]+")) {
                String left = word.isEmpty() ? "" : word.substring(0, 1);
                for (int i = 1; i < word.length(); i++) {
                    String right = word.charAt(i) + (i == word.length() - 1 ? "</w>" : "");
                    if (words.putIfAbsent(left + right, words.size()) == null) {
                        merges.add(left + " " + right);
                    }
                    left += right;
                }
            }
        }
        words.put("<|startoftext|>", words.size());
        words.put("<|endoftext|>", words.size());
        Files.write(folder.resolve("vocab.json"), new ObjectMapper().writeValueAsBytes(words));
        Files.write(folder.resolve("merges.txt"), merges, StandardCharsets.UTF_8);
        Files.writeString(folder.resolve("special_tokens_map.json"), """
                {"bos_token": "<|startoftext|>", "eos_token": "<|endoftext|>", "unk_token": "<|endoftext|>", "pad_token": "!"}""");
        return words.size();
    }
}
