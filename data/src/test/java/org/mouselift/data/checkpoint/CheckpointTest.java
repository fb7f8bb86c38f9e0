package org.mouselift.data.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.safetensors.SafetensorsWriter;

class CheckpointTest {
    @TempDir Path folder;

    private Path shard(String file, String... names) throws IOException {
        SafetensorsWriter writer = new SafetensorsWriter();
        for (String name : names) {
            writer.add(name, new long[] {2}, new float[] {name.length(), 1});
        }
        Path path = folder.resolve(file);
        Files.createDirectories(path.getParent());
        writer.write(path);
        return path;
    }

    private Path index(String json) throws IOException {
        return Files.writeString(folder.resolve("model.safetensors.index.json"), json);
    }

    private String refusal(Path path) {
        return assertThrows(CheckpointException.class, () -> Checkpoint.open(path).close()).getMessage();
    }

    @Test
    void shardsAreOneCheckpoint() throws IOException {
        shard("a.safetensors", "x", "yy");
        shard("b.safetensors", "zzz");
        Path index = index("{\"metadata\":{\"total_size\":24},\"weight_map\":{\"zzz\":\"b.safetensors\",\"x\":\"a.safetensors\",\"yy\":\"a.safetensors\"}}");
        for (Path path : List.of(index, folder)) { // the folder holds the index under its usual name
            try (Checkpoint c = Checkpoint.open(path)) {
                assertEquals(Checkpoint.Format.SHARDED, c.format());
                assertEquals(List.of("zzz", "x", "yy"), c.names());
                assertArrayEquals(new float[] {2, 1}, c.tensor("yy").floats());
                assertEquals("24", c.metadata().get("total_size"));
            }
        }
    }

    @Test
    void anIndexThatDoesNotFitItsShards() throws IOException {
        shard("a.safetensors", "x", "yy");
        assertTrue(refusal(index("{\"weight_map\":{\"x\":\"a.safetensors\"}}")).contains("does not name 1 tensors of a.safetensors, the first 'yy'"));
        assertTrue(refusal(index("{\"weight_map\":{\"z\":\"a.safetensors\"}}")).contains("has no tensor 'z'"));
        assertTrue(refusal(index("{\"weight_map\":{\"x\":\"gone.safetensors\"}}")).contains("shard gone.safetensors is missing"));
        assertTrue(refusal(index("{\"weight_map\":{\"x\":\"../a.safetensors\"}}")).contains("a shard is a file beside the index"));
        assertTrue(refusal(index("{\"weight_map\":{\"x\":\"model.safetensors.index.json\"}}")).contains("a shard is a file of tensors"));
        assertTrue(refusal(index("{\"no\":1}")).contains("no object 'weight_map'"));
    }

    @Test
    void componentsOfAPipelineHaveTheirFoldersName() throws IOException {
        shard("unet/diffusion_pytorch_model.safetensors", "conv_in.weight");
        shard("vae/diffusion_pytorch_model.safetensors", "encoder.conv_in.weight");
        Files.createDirectories(folder.resolve("scheduler"));
        try (Checkpoint c = Checkpoint.open(folder)) {
            assertEquals(List.of("unet/conv_in.weight", "vae/encoder.conv_in.weight"), c.names());
        }
        assertTrue(refusal(folder.resolve("scheduler")).contains("holds no weights"));
    }

    @Test
    void ofATrainingTheNewestByNumberIsOpened() throws IOException {
        shard("ckpt_0000000000009000.safetensors", "a");
        Path newest = shard("ckpt_12000.safetensors", "b");
        Files.writeString(folder.resolve("ckpt_best.safetensors"), "no checkpoint");
        Files.writeString(folder.resolve("config.yaml"), "model: {}");
        shard("weights/model.safetensors", "c");
        shard("checkpoint-13000/unet/diffusion_pytorch_model.safetensors", "d");
        try (Checkpoint c = Checkpoint.open(folder)) {
            assertEquals(List.of("b"), c.names());
            assertEquals(newest, c.path());
        }
        assertEquals(List.of(13000L, 12000L, 9000L), NumberedCheckpoint.list(folder).stream().map(NumberedCheckpoint::step).toList());
    }

    @Test
    void ofCheckpointFoldersTheNewestByNumberIsOpened() throws IOException {
        shard("checkpoint-9000/unet/diffusion_pytorch_model.safetensors", "old");
        shard("checkpoint-12000/unet/diffusion_pytorch_model.safetensors", "new");
        Files.createDirectories(folder.resolve("checkpoint-best"));
        try (Checkpoint c = Checkpoint.open(folder)) {
            assertEquals(List.of("unet/new"), c.names());
            assertEquals(folder.resolve("checkpoint-12000"), c.path());
        }
    }

    @Test
    void whatIsNotACheckpointSaysSo() throws IOException {
        assertTrue(refusal(Files.writeString(folder.resolve("x.safetensors"), "")).contains("the file is empty"));
        assertTrue(refusal(Files.writeString(folder.resolve("y.pt"), "hello world, this is text")).contains("neither safetensors nor PyTorch"));
        assertThrows(IOException.class, () -> Checkpoint.open(folder.resolve("absent.pt")));
    }

    @Test
    void missingNamesListTheNearestAndHashesFollowContent() throws IOException {
        try (Checkpoint c = Checkpoint.open(shard("m.safetensors", "layer.0.weight", "layer.1.weight", "bias"))) {
            String message = assertThrows(CheckpointException.class, () -> c.tensor("layer.0.wieght")).getMessage();
            assertTrue(message.contains("nearest of 3: [layer.0.weight"), message);
            assertEquals(c.tensor("layer.0.weight").sha256(), c.tensor("layer.1.weight").sha256());
            assertNotEquals(c.tensor("layer.0.weight").sha256(), c.tensor("bias").sha256());
        }
    }
}
