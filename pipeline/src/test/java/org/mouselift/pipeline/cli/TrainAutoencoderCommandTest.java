package org.mouselift.pipeline.cli;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
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
import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.checkpoint.Checkpoint;
import org.mouselift.data.checkpoint.StoredTensor;

/** Training of an autoencoder from the command line: the component folder it leaves, and going on from one. */
class TrainAutoencoderCommandTest {
    private static final String YAML = """
            model: {block_out_channels: [4, 8], norm_num_groups: %d, latent_channels: 2, sample_size: 16}
            data: {train: %s, views: 2, batch: 2}
            losses: {l1: 1, chroma: 0.5, foreground: 3}
            optimizer: {name: muon, lr: 1.0e-2}
            schedule: {passes: 3, warmup: 1}
            checkpointing: {folder: %s, every: 2}
            %s
            """;

    @TempDir
    private Path folder;

    private final StringWriter err = new StringWriter();
    private Path list;

    private int run(String... arguments) {
        err.getBuffer().setLength(0);
        return Mouselift.commandLine().setOut(new PrintWriter(new StringWriter(), true)).setErr(new PrintWriter(err, true)).execute(arguments);
    }

    @BeforeEach
    void mice() {
        assertEquals(0, run("synth-mice", "-n", "2", "--rig", "ring:n=2,elev=10,dist=2.7,fov=50", "--size", "16", "--val-ratio", "0", "-o", folder.resolve("mice").toString()),
                err.toString());
        list = folder.resolve("mice").resolve("data_train.txt");
    }

    private int train(String name, int groups, String more) throws IOException {
        Path config = folder.resolve(name + ".yaml");
        Files.writeString(config, YAML.formatted(groups, list, folder.resolve(name), more));
        return run("train", "autoencoder", "--config", config.toString());
    }

    private Map<String, float[]> weights(String name) throws IOException {
        Map<String, float[]> out = new LinkedHashMap<>();
        try (Checkpoint file = Checkpoint.open(folder.resolve(name).resolve("vae"))) {
            for (StoredTensor t : file.tensors().values()) {
                out.put(t.name(), t.floats());
            }
        }
        return out;
    }

    private JsonNode config(String name) throws IOException {
        return new ObjectMapper().readTree(folder.resolve(name).resolve("vae").resolve("config.json").toFile());
    }

    @Test
    void aDecoderLearnsWhileTheLatentsStay() throws IOException {
        assertEquals(0, train("first", 2, ""), err.toString());
        assertEquals(0, train("second", 2, "start: " + folder.resolve("first").resolve("vae") + "\ntrainable: decoder"), err.toString());
        Map<String, float[]> first = weights("first");
        Map<String, float[]> second = weights("second");
        assertEquals(first.keySet(), second.keySet());
        first.forEach((name, values) -> {
            if (name.startsWith("encoder.") || name.startsWith("quant_conv.")) {
                assertArrayEquals(values, second.get(name), name);
            }
        });
        assertFalse(java.util.Arrays.equals(first.get("decoder.conv_in.weight"), second.get("decoder.conv_in.weight")), "the decoder learnt nothing");
        assertEquals(config("first"), config("second"), "the scaling of the latents stays with the encoder");
        assertTrue(config("first").get("scaling_factor").asDouble() != 1);
    }

    @Test
    void whatDoesNotFitIsNamed() throws IOException {
        assertEquals(0, train("first", 2, ""), err.toString());
        assertEquals(ExitCode.BAD_INPUT, train("second", 4, "start: " + folder.resolve("first").resolve("vae")));
        assertTrue(err.toString().contains("groups=2") && err.toString().contains("groups=4"), err.toString());
        assertEquals(ExitCode.BAD_INPUT, train("third", 2, "start: " + folder.resolve("nothing")));
        assertTrue(err.toString().contains("start: " + folder.resolve("nothing") + " does not exist"), err.toString());
        assertEquals(ExitCode.BAD_INPUT, train("fourth", 2, "trainable: decoder"));
        assertTrue(err.toString().contains("trainable"), err.toString());
    }
}
