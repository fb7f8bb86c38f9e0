package org.mouselift.pipeline.evaluate;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.safetensors.SafetensorsFile;
import org.mouselift.data.safetensors.SafetensorsWriter;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;

/** Weights of VGG19 from files: the published loss of made-up weights, and every file that is none. */
class PerceptualNetworkTest {
    @TempDir
    Path folder;

    private static Tensor picture(boolean second) {
        float[] values = new float[2 * 3 * 32 * 32];
        for (int i = 0; i < values.length; i++) {
            int n = i / 3072;
            int c = i / 1024 % 3;
            int y = i / 32 % 32;
            int x = i % 32;
            values[i] = (float) (second ? 0.5 + 0.35 * Math.sin(0.9 * n + 0.7 * c + 0.45 * y + 0.33 * x + 0.2) : 0.5 + 0.4 * Math.sin(0.9 * n + 0.7 * c + 0.5 * y + 0.3 * x));
        }
        return Tensor.of(values, 2, 3, 32, 32);
    }

    private static double loss(Path file) throws IOException {
        try (PerceptualNetwork network = PerceptualNetwork.open(file); Scope scope = Scope.open("test")) {
            return network.distance().between(picture(false), picture(true)).item();
        }
    }

    /** GS-LRM specification §10.5 gives the number. */
    @Test
    void plainFilesAndCheckpointsGiveTheSameLoss() throws IOException {
        Path plain = MadeUpVgg19.write(folder.resolve("vgg19.pth"), "", 14);
        assertEquals(1.613230, loss(plain), 5e-5);
        Path checkpoint = MadeUpVgg19.write(folder.resolve("ckpt.pt"), "loss_calculator.perceptual_loss_module.net.", 16);
        assertEquals(loss(plain), loss(checkpoint));
        assertTrue(PerceptualNetwork.isIn(checkpoint));
        assertFalse(PerceptualNetwork.isIn(plain));
        assertFalse(PerceptualNetwork.isIn(folder.resolve("gone")));
    }

    private void refused(Path file, String... parts) {
        String message = assertThrows(IOException.class, () -> PerceptualNetwork.open(file)).getMessage();
        for (String part : parts) {
            assertTrue(message.contains(part), part + " expected in: " + message);
        }
    }

    private Path stored(String name, Object... namesAndShapes) throws IOException {
        SafetensorsWriter writer = new SafetensorsWriter();
        for (int i = 0; i < namesAndShapes.length; i += 2) {
            long[] shape = (long[]) namesAndShapes[i + 1];
            int n = 1;
            for (long side : shape) {
                n *= (int) side;
            }
            writer.add((String) namesAndShapes[i], shape, new float[n]);
        }
        writer.write(folder.resolve(name));
        return folder.resolve(name);
    }

    /** Files with the nesting of MatConvNet's and few channels: every convolution is read, and that it is too narrow is said. */
    @Test
    void matConvNetsOwnFileIsRead() throws IOException {
        Path mat = Path.of(System.getProperty("mouselift.shared", "")).resolve("golden/gslrm/losses/mat");
        Assumptions.assumeTrue(Files.isDirectory(mat), "SKIPPED: no golden/gslrm/losses/mat below the property mouselift.shared");
        for (String name : List.of("mini_vgg19_plain.mat", "mini_vgg19_compressed.mat")) {
            var read = MatConvNetVgg.read(mat.resolve(name));
            assertEquals(32, read.size());
            try (SafetensorsFile expected = SafetensorsFile.open(mat.resolve("mini_vgg19_expected.safetensors"))) {
                for (var e : expected.entries().values()) {
                    assertArrayEquals(e.shape(), read.get(e.name()).shape(), e.name());
                    assertArrayEquals(e.floats(), read.get(e.name()).values(), e.name());
                }
            }
            refused(mat.resolve(name), "'conv1.weight' is f32[4,3,3,3], expected shape");
        }
    }

    @Test
    void otherFilesAreRefused() throws IOException {
        long[] first = {64, 3, 3, 3};
        refused(stored("torchvision.safetensors", "features.0.weight", first), "torchvision's VGG", "imagenet-vgg-verydeep-19");
        refused(stored("half.safetensors", "conv1.weight", first, "conv1.bias", new long[] {64}), "'conv2.weight' is missing", "half.safetensors");
        refused(stored("shape.safetensors", "conv1.weight", new long[] {64, 3, 5, 5}, "conv1.bias", new long[] {64}), "'conv1.weight' is", "expected shape");
        refused(stored("other.safetensors", "conv1.weight", first, "conv17.weight", first, "fc6.weight", new long[] {3}), "2 unexpected tensors [conv17.weight, fc6.weight]");
        refused(stored("twice.safetensors", "conv1.weight", first, "net.conv1.weight", first), "appears twice");
        refused(Files.writeString(folder.resolve("text.pth"), "no checkpoint"), "text.pth");
        refused(folder.resolve("gone.pth"), "gone.pth");
    }

    @Test
    void lpipsRefusesAnotherVgg() throws IOException {
        Path vgg19 = stored("vgg19.safetensors", "features.0.weight", new long[] {64, 3, 3, 3}, "features.16.weight", new long[] {1});
        String message = assertThrows(IOException.class, () -> LpipsNetwork.open(List.of(vgg19))).getMessage();
        assertTrue(message.contains("'features.16.weight' is no part of VGG16"), message);
        Path norm = stored("norm.safetensors", "features.0.running_mean", new long[] {1});
        message = assertThrows(IOException.class, () -> LpipsNetwork.open(List.of(norm))).getMessage();
        assertTrue(message.contains("without batch norm"), message);
        Path factor = stored("lin.safetensors", "lin0.model.1.weight", new long[] {1, 64, 1, 1});
        message = assertThrows(IOException.class, () -> LpipsNetwork.open(List.of(factor, factor))).getMessage();
        assertTrue(message.contains("in two of the files"), message);
    }
}
