package org.mouselift.pipeline.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.checkpoint.Checkpoint;
import org.mouselift.data.prompts.PromptSlot;
import org.mouselift.data.prompts.PromptStyle;
import org.mouselift.data.prompts.PromptStyles;
import org.mouselift.data.prompts.PromptText;
import org.mouselift.data.camera.RigCatalog;
import org.mouselift.data.safetensors.SafetensorsWriter;
import org.mouselift.data.tokenizer.ClipTokenizer;
import org.mouselift.pipeline.prompts.PromptEmbeddings;
import org.mouselift.pipeline.prompts.TinyTextEncoder;
import org.mouselift.pipeline.prompts.TrainedPrompts;

/** Sentences to embeddings with a tiny random text tower, what is shown of them, and every check by its message. */
class PromptsCommandTest {
    private static final int WIDTH = 8;
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    Path folder;

    private Path encoder;
    private Path unet;
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @BeforeEach
    void networks() throws IOException {
        encoder = TinyTextEncoder.write(folder.resolve("pipeline"), WIDTH);
        unet = unet(folder.resolve("unet"), 6, WIDTH);
    }

    private static Path unet(Path folder, int views, int width) throws IOException {
        Files.createDirectories(folder);
        Files.writeString(folder.resolve("config.json"), """
                {"sample_size": 8, "in_channels": 8, "out_channels": 4, "block_out_channels": [8, 16], "layers_per_block": 1, "norm_num_groups": 4,
                 "down_block_types": ["CrossAttnDownBlockMV2D", "DownBlock2D"], "mid_block_type": "UNetMidBlockMV2DCrossAttn",
                 "up_block_types": ["UpBlock2D", "CrossAttnUpBlockMV2D"], "attention_head_dim": [1, 2], "cross_attention_dim": %d,
                 "use_linear_projection": true, "num_views": %d, "sparse_mv_attention": true, "multiview_attention": true}""".formatted(width, views));
        return folder;
    }

    private int run(Object... arguments) {
        out.getBuffer().setLength(0);
        err.getBuffer().setLength(0);
        return Mouselift.commandLine().setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true)).execute(Arrays.stream(arguments).map(Object::toString).toArray(String[]::new));
    }

    private Path make(String name, Object... more) {
        Path file = folder.resolve(name);
        List<Object> all = new ArrayList<>(List.of("prompts", "make", "--text-encoder", encoder, "-o", file));
        all.addAll(List.of(more));
        assertEquals(0, run(all.toArray()), err.toString());
        return file;
    }

    private void refused(int code, String message, Object... arguments) {
        assertEquals(code, run(arguments), out.toString() + err);
        assertTrue((out.toString() + err).contains(message), message + " expected in: " + out + err);
    }

    @Test
    void embeddingsOfEveryStyleSayWhatTheyAre() throws IOException {
        for (PromptStyle style : PromptStyles.builtIn().all()) {
            Path file = make(style.id() + ".safetensors", "--style", style.id());
            PromptText text = PromptText.of(style, RigCatalog.named(style.rig()), PromptText.Options.STANDARD);
            List<PromptEmbeddings> read = PromptEmbeddings.readAll(file);
            assertEquals(text.normal().isEmpty() ? 1 : 2, read.size());
            PromptEmbeddings colour = read.getFirst();
            assertArrayEquals(new long[] {text.slots().size(), 77, WIDTH}, colour.shape());
            assertEquals(text.colour(), colour.metadata().orElseThrow().colour());
            assertEquals(text.slots(), colour.metadata().orElseThrow().slots());
            assertEquals(colour.tensorSha256(), colour.metadata().orElseThrow().colourSha256());
            assertEquals(64, colour.metadata().orElseThrow().encoder().orElseThrow().weightsSha256().length());
            assertTrue(colour.metadata().orElseThrow().createdBy().contains("--style " + style.id()));
            String rig = style.rig();
            Path own = unet(folder.resolve("unet_" + style.id()), text.slots().size(), WIDTH);
            assertEquals(0, run("prompts", "check", file, "--unet", own, "--rig", rig, "--views", text.slots().size()), out.toString());
            assertFalse(out.toString().contains("FAIL"), out.toString());
        }
        try (Checkpoint both = Checkpoint.open(folder.resolve("facelift.safetensors"))) {
            assertEquals(List.of("clr", "normal"), both.names().stream().sorted().toList());
        }
    }

    @Test
    void theTextDecidesTheRowsUpToWhereItDiffers() throws IOException {
        PromptEmbeddings read = PromptEmbeddings.read(make("a.safetensors", "--type", "F32"));
        ClipTokenizer tokenizer = ClipTokenizer.read(encoder.resolve("tokenizer"));
        List<int[]> ids = read.metadata().orElseThrow().colour().stream().map(s -> tokenizer.ids(s, 77)).toList();
        for (int i = 1; i < 6; i++) {
            assertEquals(Arrays.mismatch(ids.get(0), ids.get(i)), firstDifference(read, 0, i), "causal: rows are equal until their tokens differ");
        }
        assertEquals(PromptEmbeddings.read(make("b.safetensors", "--type", "F32")).tensorSha256(), read.tensorSha256(), "the same text, the same numbers");
        PromptEmbeddings half = PromptEmbeddings.read(make("c.pt"));
        for (int i = 0; i < half.values().length; i++) {
            assertEquals(Float.float16ToFloat(Float.floatToFloat16(read.values()[i])), half.values()[i]);
        }
    }

    private static int firstDifference(PromptEmbeddings p, int a, int b) {
        int width = (int) p.shape()[2];
        for (int t = 0; t < p.shape()[1]; t++) {
            for (int k = 0; k < width; k++) {
                int at = t * width + k;
                int row = (int) (p.shape()[1] * width);
                if (p.values()[a * row + at] != p.values()[b * row + at]) {
                    return t;
                }
            }
        }
        return -1;
    }

    @Test
    void filesInTheLayoutOfTheOriginal() throws IOException {
        Path file = make("mouse_prompt_embeds_6view/clr_embeds.pt", "--style", "mouse_elevated");
        assertTrue(Files.isRegularFile(file.resolveSibling("normal_embeds.pt")));
        JsonNode metadata = JSON.readTree(file.resolveSibling("metadata.json").toFile());
        assertEquals(2, metadata.get("schema").asInt());
        assertEquals("top-front", metadata.at("/views/0").asText());
        assertEquals("human6_elevated", metadata.get("rig_id").asText());
        try (Checkpoint stored = Checkpoint.open(file)) {
            assertEquals(List.of("tensor"), stored.names(), "the tensor alone");
        }
        assertEquals(0, run("prompts", "check", file, "--unet", unet, "--rig", "human6_elevated"), out.toString());
        refused(1, "MFL-E109: " + file.resolveSibling("normal_embeds.pt") + " holds normal-map prompts", "prompts", "check", file.resolveSibling("normal_embeds.pt"), "--unet", unet);
        refused(ExitCode.BAD_INPUT, "clr_embeds.pt", "prompts", "make", "--text-encoder", encoder, "-o", file);
        assertTrue(err.toString().contains("exists already"), err.toString());
        make("other.pt", "--style", "simple");
        assertTrue(Files.isRegularFile(folder.resolve("other.json")) && Files.isRegularFile(folder.resolve("other_normal.pt")));
        assertEquals(PromptEmbeddings.Kind.NORMAL, PromptEmbeddings.read(file.resolveSibling("normal_embeds.pt")).kind());
    }

    @Test
    void filesOfBothKindsHoldTheSame() throws IOException {
        Path file = make("mouse_prompt_embeds_6view/clr_embeds.pt", "--style", "mouse_elevated");
        assertEquals(0, run("prompts", "verify", file, "--text-encoder", encoder), out.toString());
        assertEquals(12, out.toString().lines().filter(l -> l.startsWith("ok  ")).count(), out.toString());
        Path copy = folder.resolve("copy.safetensors");
        assertEquals(0, run("prompts", "convert", file, "-o", copy), err.toString());
        assertTrue(out.toString().contains("F16[6,77,8], with normal maps"), out.toString());
        Path back = folder.resolve("back/clr_embeds.pt");
        assertEquals(0, run("prompts", "convert", copy, "-o", back), err.toString());
        List<PromptEmbeddings> first = PromptEmbeddings.readAll(copy);
        assertArrayEquals(PromptEmbeddings.read(file).values(), first.getFirst().values());
        assertArrayEquals(Files.readAllBytes(file), Files.readAllBytes(back), "there and back, byte for byte");
        assertArrayEquals(Files.readAllBytes(file.resolveSibling("normal_embeds.pt")), Files.readAllBytes(back.resolveSibling("normal_embeds.pt")));
        assertEquals(JSON.readTree(file.resolveSibling("metadata.json").toFile()), JSON.readTree(back.resolveSibling("metadata.json").toFile()));
        assertEquals(0, run("prompts", "verify", copy, "--text-encoder", encoder), out.toString());
        refused(ExitCode.BAD_INPUT, "exists already", "prompts", "convert", file, "-o", copy);
        refused(ExitCode.BAD_INPUT, "MFL-E109", "prompts", "convert", file.resolveSibling("normal_embeds.pt"), "-o", folder.resolve("n.safetensors"));
        // Embeddings of another style under these sentences are found out.
        Path other = make("other/clr_embeds.pt", "--style", "simple");
        Files.copy(file.resolveSibling("metadata.json"), other.resolveSibling("metadata.json"), java.nio.file.StandardCopyOption.REPLACE_EXISTING);
        Files.delete(other.resolveSibling("normal_embeds.pt"));
        assertEquals(1, run("prompts", "verify", other, "--text-encoder", encoder), out.toString());
        assertEquals(6, out.toString().lines().filter(l -> l.startsWith("FAIL colour row")).count(), out.toString());
        Path wide = TinyTextEncoder.write(folder.resolve("wide"), 16);
        refused(ExitCode.BAD_INPUT, "MFL-E104", "prompts", "verify", file, "--text-encoder", wide);
    }

    @Test
    void whatCannotBeMadeIsNotWritten() throws IOException {
        Path file = folder.resolve("x.safetensors");
        refused(ExitCode.BAD_INPUT, "prompt style \"cat\": is unknown (there are facelift, hybrid", "prompts", "make", "--style", "cat", "--text-encoder", encoder, "-o", file);
        Path styles = Files.writeString(folder.resolve("styles.json"), "{\"styles\": [{\"id\": \"long\", \"colour\": \"{view} " + "zq ".repeat(40) + "\"}]}");
        refused(ExitCode.BAD_INPUT, "tokens with start and end, at most 77 fit", "prompts", "make", "--styles", styles, "--style", "long", "--text-encoder", encoder, "-o", file);
        refused(ExitCode.BAD_INPUT, "MFL-E104: the text encoder", "prompts", "make", "--text-encoder", encoder, "--unet", unet(folder.resolve("wide"), 6, 12), "-o", file);
        refused(ExitCode.BAD_INPUT, "MFL-E110: the rig lgm4 has 4 cameras", "prompts", "make", "--text-encoder", encoder, "--unet", unet, "--rig", "lgm4", "-o", file);
        refused(ExitCode.BAD_INPUT, "ends in .safetensors or .pt", "prompts", "make", "--text-encoder", encoder, "-o", folder.resolve("x.bin"));
        refused(ExitCode.BAD_INPUT, "MFL-E202: --text-encoder: " + folder.resolve("unet/none") + " does not exist", "prompts", "make", "--text-encoder", folder.resolve("unet/none"), "--unet", unet, "-o", file);
        refused(ExitCode.BAD_INPUT, "holds no text encoder", "prompts", "make", "--text-encoder", folder, "-o", file);
        refused(ExitCode.BAD_INPUT, "at most 77 fit", "prompts", "make", "--styles", styles, "--style", "long", "--text-encoder", encoder, "-o", file);
        Files.delete(encoder.resolve("tokenizer/merges.txt"));
        refused(ExitCode.BAD_INPUT, "MFL-E301", "prompts", "make", "--text-encoder", encoder, "-o", file);
        assertTrue(err.toString().contains("merges.txt") && err.toString().contains("vocab.json"), err.toString());
        Path small = Files.createDirectories(folder.resolve("small"));
        Files.writeString(small.resolve("vocab.json"), "{\"!\": 0, \"<s>\": 1}");
        Files.writeString(small.resolve("merges.txt"), "#version\n");
        Files.writeString(small.resolve("special_tokens_map.json"), "{\"bos_token\": \"<s>\", \"eos_token\": \"<s>\", \"unk_token\": \"<s>\", \"pad_token\": \"!\"}");
        refused(ExitCode.BAD_INPUT, "the vocabulary has 2 entries", "prompts", "make", "--text-encoder", encoder, "--tokenizer", small, "-o", file);
        assertFalse(Files.exists(file));
    }

    private Path stored(String name, String metadata, long[] shape, float... values) throws IOException {
        SafetensorsWriter writer = new SafetensorsWriter().add("clr", shape, values);
        if (metadata != null) {
            writer.metadata("prompts", metadata);
        }
        writer.write(folder.resolve(name));
        return folder.resolve(name);
    }

    private static float[] rows(int n, int row) {
        float[] values = new float[n * row];
        for (int i = 0; i < values.length; i++) {
            values[i] = (float) Math.sin(i * 0.7) + i / row;
        }
        return values;
    }

    @Test
    void everyCheckOfTheTensorByItsMessage() throws IOException {
        Path none = Files.createDirectories(folder.resolve("sets")).resolve("none.pt");
        refused(ExitCode.BAD_INPUT, "MFL-E101: " + none + ": prompt embeddings not found; sets near it: none", "prompts", "check", none);
        Path there = make("set_a/clr_embeds.pt");
        refused(ExitCode.BAD_INPUT, "sets near it: " + there, "prompts", "check", none);
        refused(ExitCode.BAD_INPUT, "MFL-E102: ", "prompts", "check", Files.writeString(folder.resolve("text.pt"), "no tensor"));
        refused(ExitCode.BAD_INPUT, "MFL-E103: ", "prompts", "check", stored("rank.safetensors", null, new long[] {6, 8}, rows(6, 8)));
        int row = 77 * WIDTH;
        refused(1, "prompt tensor has shape F32[6,5,8]; expected [slots, 77, 8]", "prompts", "check", stored("tokens.safetensors", null, new long[] {6, 5, 8}, rows(6, 40)), "--unet", unet);
        refused(1, "MFL-E104: " + there + ": prompt embeddings are 8-wide but the UNet expects 12", "prompts", "check", there, "--unet", unet(folder.resolve("wide"), 6, 12));
        refused(1, "8-wide but the UNet of the original expects 1024", "prompts", "check", there);
        float[] values = rows(6, row);
        values[3 * row + 1] = Float.NaN;
        refused(1, "prompt row 3 contains non-finite values", "prompts", "check", stored("nan.safetensors", null, new long[] {6, 77, WIDTH}, values), "--unet", unet);
        values = rows(6, row);
        Arrays.fill(values, row, 2 * row, 0);
        refused(1, "prompt row 1 is all zero", "prompts", "check", stored("zero.safetensors", null, new long[] {6, 77, WIDTH}, values), "--unet", unet);
        values = rows(6, row);
        System.arraycopy(values, 0, values, 4 * row, row);
        values[4 * row] += 0.5e-4f;
        Path same = stored("same.safetensors", null, new long[] {6, 77, WIDTH}, values);
        refused(1, "slots 0 and 4 have the same prompt", "prompts", "check", same, "--unet", unet);
        refused(1, "FAIL MFL-E107: No metadata.json beside " + same, "prompts", "check", same, "--unet", unet, "--allow", "MFL-E106");
        assertTrue(out.toString().contains("warn MFL-E106"), out.toString());
        assertEquals(0, run("prompts", "check", same, "--unet", unet, "--allow", "MFL-E106", "--allow", "MFL-E107"), out.toString());
        assertEquals(ExitCode.USAGE, run("prompts", "check", same, "--allow", "MFL-E104"), "a wrong width cannot be allowed");
        String metadata = Files.readString(there.resolveSibling("metadata.json"));
        Files.writeString(there.resolveSibling("metadata.json"), metadata.replaceAll("\"tensor_sha256\" : \"....", "\"tensor_sha256\" : \"0000"));
        refused(1, "MFL-E108: " + there + ": prompt tensor does not match its metadata (hash ", "prompts", "check", there, "--unet", unet);
        Files.writeString(there.resolveSibling("metadata.json"), metadata.replace("color map.", "normal map."));
        refused(1, "MFL-E109: ", "prompts", "check", there, "--unet", unet);
        Files.writeString(there.resolveSibling("metadata.json"), "{");
        refused(1, "MFL-E107: " + there.resolveSibling("metadata.json") + " is not valid JSON", "prompts", "check", there, "--unet", unet);
        Files.writeString(there.resolveSibling("metadata.json"), metadata);
        refused(1, "MFL-E110: " + there + ": prompt file has 6 slots, --views is 8", "prompts", "check", there, "--unet", unet, "--views", 8);
        assertTrue(out.toString().contains("FAIL MFL-E111: UNet " + unet + " was built for 6 views but --views is 8"), out.toString());
        refused(1, "num_views of the UNet is 4", "prompts", "check", there, "--unet", unet(folder.resolve("four"), 4, WIDTH));
    }

    /** Threshold check of mouse specification §5.6, and the others about directions. */
    @Test
    void everyCheckOfTheDirectionsByItsMessage() throws IOException {
        Path human = make("human.safetensors");
        Path mouse = make("mouse.safetensors", "--style", "mouse_elevated", "--rig", "mouse6", "--front", 0, "--elevation", 20);
        assertEquals(0, run("prompts", "check", human, "--unet", unet, "--rig", "human6"), out.toString());
        assertEquals(0, run("prompts", "check", mouse, "--unet", unet, "--rig", "mouse6"), out.toString());
        refused(1, "FAIL MFL-E121: prompt set 'facelift human6' describes elevation 0.0° but the cameras of rig mouse6 have elevation 19.1°", "prompts", "check", human, "--unet", unet, "--rig", "mouse6");
        refused(1, "FAIL MFL-E122: slot |", "prompts", "check", human, "--unet", unet, "--rig", "uniform6");
        assertTrue(out.toString().contains("FAIL MFL-E123: Camera order of rig uniform6 runs the other way round"), out.toString());
        refused(1, "FAIL MFL-E114: 4 cameras (lgm4) for 6 images", "prompts", "check", human, "--unet", unet, "--rig", "lgm4");
        Path record = unet(folder.resolve("trained"), 6, WIDTH);
        PromptEmbeddings read = PromptEmbeddings.read(human);
        new TrainedPrompts("a.pt", read.valuesSha256(), "human6_elevated", PromptEmbeddings.read(make("up.safetensors", "--rig", "human6_elevated")).metadata().orElseThrow().slots())
                .write(record);
        assertEquals(0, run("prompts", "check", human, "--unet", record, "--rig", "human6_elevated"), "what the training had counts, not the words: " + out);
        assertTrue(out.toString().contains("warn the words of " + human) && out.toString().contains("ok   MFL-E124"), out.toString());
        refused(1, "FAIL MFL-E121: prompt set 'human6_elevated'", "prompts", "check", human, "--unet", record, "--rig", "human6");
        refused(1, "MFL-E124: UNet " + record + " was trained with prompt set a.pt", "prompts", "check", mouse, "--unet", record);
        List<PromptSlot> broken = read.metadata().orElseThrow().slots();
        assertEquals(6, broken.size());
        Files.writeString(record.resolve("provenance.json"), "{\"slots\": [{}]}");
        refused(ExitCode.BAD_INPUT, "MFL-E202: " + record.resolve("provenance.json") + ": cannot be read: field slots[0].azimuth is missing", "prompts", "check", human, "--unet", record);
        refused(ExitCode.BAD_INPUT, "MFL-E201", "prompts", "check", human, "--unet", folder.resolve("nowhere"));
    }

    @Test
    void aSetWithoutMetadataCanBeDescribed() throws IOException {
        for (String type : List.of("safetensors", "pt")) {
            Path made = make("made." + type);
            Path bare = folder.resolve("bare." + type);
            PromptEmbeddings read = PromptEmbeddings.read(made);
            if (type.equals("pt")) {
                Files.copy(made, bare);
            } else {
                stored("bare.safetensors", null, read.shape(), read.values());
            }
            refused(1, "FAIL MFL-E107", "prompts", "check", bare, "--unet", unet);
            refused(ExitCode.USAGE, "--rig", "prompts", "show", bare, "--write-metadata");
            refused(ExitCode.BAD_INPUT, "MFL-E114", "prompts", "show", bare, "--write-metadata", "--rig", "lgm4");
            assertEquals(0, run("prompts", "show", bare, "--write-metadata", "--rig", "human6"), err.toString());
            assertEquals(0, run("prompts", "check", bare, "--unet", unet, "--rig", "human6"), out.toString());
            assertEquals(read.valuesSha256(), PromptEmbeddings.read(bare).valuesSha256());
            refused(ExitCode.BAD_INPUT, "has metadata already", "prompts", "show", bare, "--write-metadata", "--rig", "human6");
        }
    }

    @Test
    void showsSentencesNormsAndCosines() throws IOException {
        Path file = make("a.safetensors");
        assertEquals(0, run("prompts", "show", file), err.toString());
        PromptEmbeddings read = PromptEmbeddings.read(file);
        for (String text : List.of("clr", "front_right view, color map.", "front_right view, normal map.", "azimuth  225.0°", "1.0000", String.format("%8.4f", read.norm(3)).strip(),
                String.format("%8.4f", read.cosine(4, 2)).strip(), "prompts make")) {
            assertTrue(out.toString().contains(text), text + " in " + out);
        }
        assertEquals(0, run("prompts", "show", file, "--json"), err.toString());
        JsonNode report = JSON.readTree(out.toString());
        assertEquals(read.cosine(1, 5), report.at("/tensors/0/cosines/5/1").asDouble(), 1e-12);
        assertEquals(1, report.at("/tensors/1/cosines/5/5").asDouble(), 1e-12);
        assertEquals("facelift", report.at("/metadata/template_id").asText());
        assertEquals(0, run("prompts", "styles"));
        assertTrue(out.toString().contains("mouse_elevated (human6_elevated)") && out.toString().contains("up to 10 degrees"), out.toString());
        assertEquals(0, run("prompts", "styles", "--json"));
        assertEquals(9, JSON.readTree(out.toString()).size());
        assertEquals(ExitCode.USAGE, run("prompts"));
    }

    private static Path shared(String name) {
        Path path = Path.of(System.getProperty("mouselift.shared", "")).resolve(name);
        Assumptions.assumeTrue(Files.exists(path), "SKIPPED: no " + name + " below the property mouselift.shared");
        return path;
    }

    @Test
    void theHumanSetIsKnownAndTheNarrowMouseSetIsRefused() throws IOException {
        Path prompts = shared("real/prompts");
        Path human = prompts.resolve("fixed_prompt_embeds_6view/clr_embeds.pt");
        Path wide = unet(folder.resolve("wide"), 6, 1024);
        assertEquals(0, run("prompts", "check", human, "--unet", wide, "--rig", "human6", "--views", 6), out.toString());
        PromptEmbeddings.read(human);
        long best = Long.MAX_VALUE;
        for (int i = 0; i < 3; i++) {
            long start = System.nanoTime();
            PromptEmbeddings.read(human);
            best = Math.min(best, System.nanoTime() - start);
        }
        assertTrue(best < 200_000_000, "loading takes less than 0.2 s: " + best * 1e-9);
        refused(1, "MFL-E121", "prompts", "check", human, "--unet", wide, "--rig", "mouse6");
        Path mouse = prompts.resolve("mouse_prompt_embeds_6view/clr_embeds.pt");
        for (Object[] arguments : List.of(new Object[] {"prompts", "check", mouse}, new Object[] {"prompts", "check", mouse, "--unet", wide})) {
            refused(1, "768-wide but the UNet", arguments);
            assertTrue(out.toString().contains("(openai/clip-vit-large-patch14)"), out.toString());
        }
        refused(1, "MFL-E109", "prompts", "check", mouse.resolveSibling("normal_embeds.pt"));
    }

    /** The encoder is causal, so the stored rows differ first where the tokens of their sentences do (mouse specification §5.4). */
    @Test
    void theStoredRowsDifferWhereTheTokensOfTheirSentencesDo() throws IOException {
        Path prompts = shared("real/prompts");
        ClipTokenizer tokenizer = ClipTokenizer.read(shared("real/clip/tokenizer"));
        for (String name : List.of("fixed_prompt_embeds_6view/clr_embeds.pt", "mouse_prompt_embeds_6view/clr_embeds.pt")) {
            PromptEmbeddings read = PromptEmbeddings.read(prompts.resolve(name));
            PromptText text = name.startsWith("fixed") ? PromptText.of(PromptStyles.builtIn().style("facelift"), RigCatalog.human6(), PromptText.Options.STANDARD)
                    : PromptText.of(PromptStyles.builtIn().style("mouse_elevated"), RigCatalog.named("human6_elevated"), PromptText.Options.STANDARD);
            assertEquals(text.colour(), read.metadata().orElseThrow().colour());
            List<int[]> ids = text.colour().stream().map(s -> tokenizer.ids(s, 77)).toList();
            for (int i = 0; i < 6; i++) {
                for (int j = 0; j < i; j++) {
                    assertEquals(Arrays.mismatch(ids.get(i), ids.get(j)), firstDifference(read, i, j), name + " rows " + j + " and " + i);
                }
            }
        }
    }

    @Test
    void theGoldenPipelineMakesItsOwnEmbeddings() throws IOException {
        Path golden = shared("golden/mvdiffusion/pipeline");
        Path file = folder.resolve("made.pt");
        assertEquals(0, run("prompts", "make", "--style", "facelift", "--rig", "human6", "--text-encoder", golden.resolve("pipeckpts"), "--unet", golden.resolve("pipeckpts"), "-o", file),
                err.toString());
        float[] made = PromptEmbeddings.read(file).values();
        float[] stored = PromptEmbeddings.read(golden.resolve("clr_embeds.pt")).values();
        int unequal = 0;
        for (int i = 0; i < made.length; i++) {
            assertEquals(stored[i], made[i], Math.max(2e-5, Math.abs(stored[i]) * 0x1p-10), "one unit of float16 or the tolerance in float32 at most, at " + i);
            unequal += stored[i] == made[i] ? 0 : 1;
        }
        assertTrue(unequal < made.length / 100, unequal + " of " + made.length + " rounded to the neighbour");
        assertNotEquals(0, run("prompts", "make", "--style", "mouse_elevated", "--rig", "lgm4", "--text-encoder", golden.resolve("pipeckpts"), "--unet", golden.resolve("pipeckpts"),
                "-o", folder.resolve("four.pt")));
    }
}
