package org.mouselift.pipeline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.pickle.OrderedDict;
import org.mouselift.data.safetensors.SafetensorsWriter;
import org.mouselift.data.torch.TorchValues;
import org.mouselift.data.torch.TorchWriter;
import picocli.CommandLine;

class InspectCheckpointTest {
    @TempDir Path folder;
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    private int run(String... arguments) {
        CommandLine command = Mouselift.commandLine();
        out.getBuffer().setLength(0);
        return command.setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true)).execute(arguments);
    }

    private Path torch(float bias) throws IOException {
        OrderedDict model = new OrderedDict();
        for (int i = 0; i < 3; i++) {
            model.put("blocks." + i + ".weight", TorchValues.of(new long[] {2, 2}, 1, 2, 3, Float.NaN));
        }
        model.put("bias", TorchValues.of(new long[] {1}, bias));
        Map<Object, Object> root = new LinkedHashMap<>();
        root.put("model", model);
        root.put("fwdbwd_pass_step", 12);
        Path path = folder.resolve("ckpt.pt");
        TorchWriter.write(path, root);
        return path;
    }

    @Test
    void theTreeCountsParametersAndFoldsEqualBlocks() throws IOException {
        assertEquals(ExitCode.OK, run("inspect", torch(1).toString()));
        String text = out.toString();
        assertTrue(text.contains("PyTorch, zip container") && text.contains("4 tensors, 13 parameters"), text);
        assertTrue(text.contains("fwdbwd_pass_step: 12"), text);
        assertTrue(text.contains("0..2.weight") && text.contains("3 × F32[2,2]"), text);
        assertTrue(text.contains("bias") && text.contains("F32[1]"), text);
    }

    @Test
    void statisticsCountWhatIsNotFinite() throws IOException {
        assertEquals(ExitCode.OK, run("inspect", torch(1).toString(), "--stats", "--hash", "--json"));
        JsonNode json = new ObjectMapper().readTree(out.toString());
        assertEquals(13, json.get("parameters").asLong());
        JsonNode weight = json.get("parts").get(0);
        assertEquals("model.blocks.0.weight", weight.get("name").asText());
        assertEquals(1, weight.get("statistics").get("nan").asInt());
        assertEquals(2.0, weight.get("statistics").get("mean").asDouble());
        assertEquals(64, json.get("sha256").asText().length());
        assertEquals(weight.get("sha256"), json.get("parts").get(1).get("sha256"));
    }

    @Test
    void differencesAreNumbersAcrossFormats() throws IOException {
        Path other = folder.resolve("other.safetensors");
        float[] w = {1, 2, 3, Float.NaN};
        new SafetensorsWriter().add("blocks.0.weight", new long[] {2, 2}, w).add("blocks.1.weight", new long[] {2, 2}, w)
                .add("blocks.2.weight", new long[] {4}, w).add("bias", new long[] {1}, new float[] {1.5f}).add("more", new long[] {1}, new float[1]).write(other);
        assertEquals(ExitCode.CHECK_FAILED, run("inspect", torch(1).toString(), "--diff", other.toString()));
        String text = out.toString();
        assertTrue(text.contains("2 tensors equal, 2 changed, 0 only in the first, 1 only in the second"), text);
        assertTrue(text.contains("1 elements, largest 0.500, rms 0.500, relative 0.500"), text);
        assertTrue(text.contains("F32[2,2] and F32[4]"), text);
        assertTrue(text.contains("only in the second  more"), text);
        assertEquals(ExitCode.OK, run("inspect", torch(1.5f).toString(), "--diff", other.toString(), "--match", "bias"));
        assertFalse(out.toString().contains("largest"), out.toString());
    }

    @Test
    void theFolderOfATrainingShowsItsNewestCheckpointAndSaysWhich() throws IOException {
        Path start = folder.resolve("start");
        assertEquals(ExitCode.OK, run("new-checkpoint", "--model", "gslrm", "-o", start.toString()));
        assertEquals(ExitCode.OK, run("inspect", start.toString()));
        assertTrue(out.toString().startsWith(start.resolve("ckpt_0000000000000000.pt") + ": PyTorch, zip container"), out.toString());
        assertTrue(err.toString().contains(start + ": the newest checkpoint by number is ckpt_0000000000000000.pt (step 0)"), err.toString());
        assertEquals(ExitCode.OK, run("inspect", start.toString(), "--diff", start.resolve("ckpt_0000000000000000.pt").toString()));
    }
}
