package org.mouselift.pipeline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.Images;
import org.mouselift.pipeline.multiview.TinyPipeline;
import org.mouselift.pipeline.prompts.PromptEmbeddings;
import org.mouselift.pipeline.prompts.TinyTextEncoder;
import org.mouselift.pipeline.prompts.TrainedPrompts;
import org.mouselift.pipeline.prompts.ViewDirections;
import org.mouselift.data.camera.RigCatalog;

/** {@code evaluate prompts} with an untrained network: pairing, labels, files and refusals, not quality. */
class EvaluatePromptsCommandTest {
    @TempDir
    Path folder;

    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();
    private Path pipeline;
    private Path data;

    @BeforeEach
    void network() throws IOException {
        pipeline = TinyPipeline.write(folder.resolve("pipeline"), 6);
        TinyTextEncoder.write(folder.resolve("tower"), TinyPipeline.WIDTH);
        for (String style : List.of("mouse_elevated", "with_angles")) {
            assertEquals(0, run("prompts", "make", "--rig", "human6", "--style", style, "--text-encoder", folder.resolve("tower"), "-o", folder.resolve(style + ".safetensors")), err.toString());
        }
        var human = ViewDirections.of(RigCatalog.human6().cameras());
        new TrainedPrompts("words", PromptEmbeddings.read(folder.resolve("mouse_elevated.safetensors")).valuesSha256(), human.rig(), human.slots()).write(pipeline.resolve("unet"));
        data = folder.resolve("mice");
        assertEquals(0, run("synth-mice", "-n", 3, "--rig", "human6", "--size", 32, "--novel-views", 0, "--no-geometry", "-o", data), err.toString());
    }

    private int run(Object... arguments) {
        out.getBuffer().setLength(0);
        err.getBuffer().setLength(0);
        return Mouselift.commandLine().setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true))
                .execute(Stream.of(arguments).map(Object::toString).toArray(String[]::new));
    }

    private int compare(Object... more) {
        List<Object> all = new ArrayList<>(List.of("evaluate", "prompts", "--pipeline", pipeline, "--data", data, "--steps", 1, "-o", folder.resolve("ab")));
        all.addAll(List.of(more));
        return run(all.toArray());
    }

    private static JsonNode line(JsonNode report, String candidate, String view, String metric) {
        for (JsonNode l : report.get("differences")) {
            if (l.get("candidate").asText().equals(candidate) && l.get("view").asText().equals(view) && l.get("metric").asText().equals(metric)) {
                return l.get("difference");
            }
        }
        throw new AssertionError(candidate + " " + view + " " + metric);
    }

    @Test
    void wordsAndNumbersArePaired() throws IOException {
        String words = "words=" + folder.resolve("mouse_elevated.safetensors");
        assertEquals(0, compare(words, "numbers=" + folder.resolve("with_angles.safetensors"), "again=" + folder.resolve("mouse_elevated.safetensors"), "--control", "--allow", "MFL-E124",
                "--seeds", "1,2", "--pictures", 1, "--json"), err.toString());
        JsonNode report = new ObjectMapper().readTree(out.toString());
        assertEquals(report, new ObjectMapper().readTree(folder.resolve("ab/comparison.json").toFile()));
        assertEquals(List.of("WORDS", "NUMBERS", "WORDS", "WORDS"), report.get("candidates").findValuesAsText("told"));
        assertEquals(3 * 6 * 5, report.get("differences").size(), "three candidates, all and five slots, five metrics");
        // The same prompts draw the same views: all differences are exactly zero.
        for (JsonNode l : report.get("differences")) {
            if (l.get("candidate").asText().equals("again")) {
                assertEquals("EQUAL", l.at("/difference/verdict").asText(), l.toString());
            }
        }
        // The difference over all is what the single results say.
        double base = report.at("/results/words/views/generated/mean/psnr").asDouble();
        double numbers = report.at("/results/numbers/views/generated/mean/psnr").asDouble();
        assertEquals(numbers - base, line(report, "numbers", "all", "psnr").get("mean").asDouble(), 1e-9);
        double slots = 0;
        for (JsonNode slot : report.at("/results/words/slots")) {
            String view = slot.get("slot").asInt() + " " + slot.get("direction").asText();
            slots += line(report, "numbers", view, "psnr").get("mean").asDouble() / 5;
        }
        assertEquals(numbers - base, slots, 1e-9);
        assertTrue(Math.abs(numbers - base) > 1e-9, "other prompts, other views");
        // Cosines of the control are those of the words in another order.
        JsonNode cosines = report.at("/candidates/0/cosines");
        assertEquals(cosines.at("/2/1").asDouble(), report.at("/candidates/3/cosines/1/5").asDouble(), 1e-9);
        assertEquals(report.at("/candidates/0/sentences/1"), report.at("/candidates/3/sentences/5"));
        assertTrue(report.at("/candidates/1/origin").asText().contains("no published CLIP text tower is that narrow"), "a random tower is no text tower");
        String statements = report.get("statements").toString();
        assertFalse(statements.contains("no comparison of words with numbers") || statements.contains("The networks differ"), statements);
        assertTrue(statements.contains("Checks that were allowed to fail: MFL-E124") && statements.contains("The control"), statements);
        assertTrue(Files.readString(folder.resolve("ab/report.md")).contains("azimuth 45 degrees"));
        Image8 sheet = Images.read(folder.resolve("ab/sheet_sample_000000.png"));
        assertTrue(sheet.width() > 6 * 32 && sheet.height() > 5 * 32, "truth and four candidates");
        assertFalse(Files.exists(folder.resolve("ab/sheet_sample_000001.png")));
        assertTrue(Files.size(folder.resolve("ab/differences.png")) > 1000 && Files.size(folder.resolve("ab/embeddings.png")) > 1000);
    }

    @Test
    void whatCannotBeComparedIsSaid() throws IOException {
        String words = "words=" + folder.resolve("mouse_elevated.safetensors");
        assertEquals(ExitCode.BAD_INPUT, compare(words, "numbers=" + folder.resolve("with_angles.safetensors")));
        assertTrue(err.toString().contains("MFL-E124") && err.toString().contains("with_angles.safetensors"), err.toString());
        assertFalse(Files.exists(folder.resolve("ab")));
        assertEquals(ExitCode.USAGE, compare(words));
        assertTrue(err.toString().contains("--control"), err.toString());
        assertEquals(ExitCode.USAGE, compare(words, words));
        assertEquals(ExitCode.USAGE, compare("control=x", words));
        assertEquals(0, compare(words, "--control", "--samples", 1), err.toString());
        assertTrue(out.toString().contains("With one sample there are no intervals") && out.toString().contains("This is no comparison of words with numbers: the prompts say their directions with words. Sentences"),
                out.toString());
        Path other = TinyPipeline.write(folder.resolve("other"), 3);
        assertEquals(ExitCode.BAD_INPUT, compare(words, "other=" + other, "--cameras", "human6"));
        assertTrue(err.toString().contains("MFL-E114"), err.toString());
    }
}
