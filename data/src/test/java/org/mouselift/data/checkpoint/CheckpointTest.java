package org.mouselift.data.checkpoint;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.safetensors.SafetensorsWriter;
import org.mouselift.data.torch.TorchValues;
import org.mouselift.data.torch.TorchWriter;

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

    /** What people have instead of weights, by what they can do about it. */
    @Test
    void whatItIsInstead() throws IOException {
        byte[] tar = new byte[1024];
        System.arraycopy("storages".getBytes(StandardCharsets.US_ASCII), 0, tar, 0, 8);
        System.arraycopy("ustar".getBytes(StandardCharsets.US_ASCII), 0, tar, 257, 5);
        assertTrue(refusal(Files.write(folder.resolve("old.pth"), tar)).contains("tar archive") && refusal(folder.resolve("old.pth")).contains("before 0.1.10"));
        for (String[] c : new String[][] {{"version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 1\n", "git lfs pull"}, {"<!DOCTYPE html><html>", "web page"},
                {"\u001f\u008b\b\0\0", "gzip"}, {"\u0089HDF\r\n\u001a\n", "HDF5"}, {"GGUF\3\0\0\0", "GGUF"}, {"\u0093NUMPY\1\0v\0", "NumPy array"},
                {"\u00ef\u00bb\u00bf{\"weight_map\": {}}", "byte order mark"}}) {
            String message = refusal(Files.write(folder.resolve("x.safetensors"), c[0].getBytes(StandardCharsets.ISO_8859_1)));
            assertTrue(message.contains(c[1]), message);
        }
    }

    /** Every name under which the libraries save a component's weights. */
    @Test
    void variantsAndShardsOfComponents() throws IOException {
        for (String name : List.of("diffusion_pytorch_model.fp16.safetensors", "model.fp16.safetensors", "diffusion_pytorch_model.bin", "pytorch_model.bin",
                "diffusion_pytorch_model.fp16.bin", "pytorch_model.fp16.bin")) {
            Path component = folder.resolve(name + ".folder");
            Files.createDirectories(component);
            if (name.endsWith(".bin")) {
                TorchWriter.write(component.resolve(name), new LinkedHashMap<>(Map.of("w", TorchValues.of(new long[] {2}, 1, 2))));
            } else {
                shard(component.getFileName() + "/" + name, "w");
            }
            try (Checkpoint c = Checkpoint.open(component)) {
                assertEquals(List.of("w"), List.copyOf(c.stateDict().keySet()), name);
            }
        }
        for (String[] c : new String[][] {{"diffusion_pytorch_model.safetensors.index.json", "diffusion_pytorch_model-00001-of-00001.safetensors"},
                {"model.safetensors.index.fp16.json", "model.fp16-00001-of-00001.safetensors"}, {"pytorch_model.bin.index.json", "pytorch_model-00001-of-00001.bin"},
                {"diffusion_pytorch_model.bin.index.json", "diffusion_pytorch_model-00001-of-00001.bin"}}) {
            Path component = Files.createDirectories(folder.resolve(c[0] + ".folder"));
            Files.writeString(component.resolve(c[0]), "{\"metadata\": {\"total_size\": 8}, \"weight_map\": {\"w\": \"" + c[1] + "\"}}");
            if (c[1].endsWith(".bin")) {
                TorchWriter.write(component.resolve(c[1]), new LinkedHashMap<>(Map.of("w", TorchValues.of(new long[] {2}, 1, 2))));
            } else {
                shard(component.getFileName() + "/" + c[1], "w");
            }
            try (Checkpoint open = Checkpoint.open(component)) {
                assertEquals(List.of("w"), List.copyOf(open.stateDict().keySet()), c[0]);
                assertEquals(Checkpoint.Format.SHARDED, open.format());
            }
        }
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
