package org.mouselift.pipeline.verify;

import com.fasterxml.jackson.databind.JsonNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Optional;
import org.mouselift.data.golden.GoldenCase;
import org.mouselift.data.golden.GoldenException;
import org.mouselift.data.golden.GoldenFolder;
import org.mouselift.data.tokenizer.ClipTokenizer;

/** Tokens and ids of texts, with the vocabulary beside the cases, or the full one of the accompanying real data. */
public final class TokenizerVerifier implements CaseVerifier {
    private static final String SUFFIX = "_cases.json";
    private static final int LENGTH = 77;

    @Override
    public boolean knows(GoldenFolder folder, String file) throws GoldenException {
        return folder.kind(file).equals("cases") && file.endsWith(SUFFIX) && folder.entry(file).path("description").asText().contains("texts");
    }

    @Override
    public List<CheckResult> verify(GoldenCase c) throws IOException {
        Path beside = c.folder().resolve(c.file().substring(0, c.file().length() - SUFFIX.length()));
        Optional<Path> vocabulary = Files.isDirectory(beside) ? Optional.of(beside) : c.folder().real("clip/tokenizer");
        if (vocabulary.isEmpty()) {
            return List.of(CheckResult.skipped(c.file(), "the vocabulary real/clip/tokenizer is not present"));
        }
        ClipTokenizer tokenizer = ClipTokenizer.read(vocabulary.get());
        JsonNode root = GoldenFolder.readJson(c.path());
        List<CheckResult> checks = new ArrayList<>();
        checks.add(CheckResult.check("pad_id", tokenizer.padId() == root.path("pad_id").asInt(), "padding is " + tokenizer.padId() + ", expected " + root.path("pad_id")));
        int number = 0;
        for (JsonNode one : root.path("cases")) {
            String text = one.path("text").asText();
            String name = "text " + number++;
            List<String> tokens = new ArrayList<>();
            one.path("tokens").forEach(t -> tokens.add(t.asText()));
            List<String> got = tokenizer.tokens(text);
            boolean same = got.equals(tokens) && Arrays.equals(tokenizer.ids(text), numbers(one.path("ids")))
                    && (!one.has("input_ids_77") || Arrays.equals(tokenizer.ids(text, LENGTH), numbers(one.path("input_ids_77"))));
            checks.add(CheckResult.check(name, same, same ? "" : "\"" + text + "\": " + got + " " + Arrays.toString(tokenizer.ids(text)) + ", expected " + tokens + " " + one.path("ids")));
        }
        return checks;
    }

    private static int[] numbers(JsonNode list) {
        int[] out = new int[list.size()];
        Arrays.setAll(out, i -> list.get(i).asInt());
        return out;
    }
}
