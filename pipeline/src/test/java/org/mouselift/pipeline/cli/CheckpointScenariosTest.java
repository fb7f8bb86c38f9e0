package org.mouselift.pipeline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.lang.foreign.MemorySegment;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.checkpoint.Checkpoint;
import org.mouselift.data.checkpoint.StoredTensor;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.PngWriter;
import org.mouselift.data.pickle.OrderedDict;
import org.mouselift.data.safetensors.SafetensorsWriter;
import org.mouselift.data.torch.TorchValues;
import org.mouselift.data.torch.TorchWriter;
import org.mouselift.engine.DType;
import org.mouselift.pipeline.multiview.TinyPipeline;
import picocli.CommandLine;

/**
 * The ways in which real users lost studies, end to end with exit code and message: wrong path, prefixes written twice, damaged UNet,
 * a folder with averaged weights only, the latest by number (mouse specification §8.1, MFL-E201 to E205).
 */
class CheckpointScenariosTest {
    private static final String FILE = "diffusion_pytorch_model.safetensors";

    @TempDir Path folder;
    private Path pipeline;
    private Path photo;
    private Path training;
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    @BeforeEach
    void place() throws IOException {
        pipeline = TinyPipeline.write(folder.resolve("pipeckpts"), 3);
        Image8 picture = Image8.blank(32, 32, 3);
        java.util.Arrays.fill(picture.data(), (byte) 255);
        for (int y = 10; y < 22; y++) {
            java.util.Arrays.fill(picture.data(), 3 * (32 * y + 10), 3 * (32 * y + 22), (byte) 90);
        }
        photo = folder.resolve("mouse.png");
        PngWriter.write(photo, picture);
        training = folder.resolve("checkpoints/mvdiffusion/mouse");
    }

    private int run(String... arguments) {
        CommandLine command = Mouselift.commandLine();
        out.getBuffer().setLength(0);
        err.getBuffer().setLength(0);
        return command.setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true)).execute(arguments);
    }

    private int views(Path unet, String... more) {
        List<String> arguments = new ArrayList<>(List.of("views", photo.toString(), "--pipeline", pipeline.toString(), "--unet", unet.toString(), "--steps", "1", "--guidance",
                "1", "-o", folder.resolve("out").toString()));
        arguments.addAll(List.of(more));
        return run(arguments.toArray(String[]::new));
    }

    /** A fine-tuned UNet: that of the pipeline with one weight changed. */
    private Path unet(Path target) throws IOException {
        Files.createDirectories(target);
        Files.copy(pipeline.resolve("unet/config.json"), target.resolve("config.json"));
        Files.copy(pipeline.resolve("unet").resolve(FILE), target.resolve(FILE));
        try (FileChannel channel = FileChannel.open(target.resolve(FILE), StandardOpenOption.WRITE)) {
            channel.write(java.nio.ByteBuffer.wrap(new byte[] {1, 2}), channel.size() - 4);
        }
        return target;
    }

    private void refused(int exit, String message) {
        assertEquals(ExitCode.BAD_INPUT, exit, err.toString());
        String text = err.toString();
        // Warnings about the made-up prompts may come before.
        assertEquals("error: " + message, text.substring(Math.max(0, text.indexOf("error: "))).strip());
        assertFalse(Files.exists(folder.resolve("out")), "nothing may be written");
    }

    @Test
    void aWrongPathListsWhatThereIsAndNothingTakesItsPlace() throws IOException {
        unet(training.resolve("checkpoint-9000/unet"));
        unet(training.resolve("checkpoint-12000/unet"));
        Path wrong = training.resolve("checkpoint-6000");
        refused(views(wrong), "MFL-E201: Fine-tuned UNet not found at " + wrong + "/unet; available checkpoints: " + training.resolve("checkpoint-12000")
                + " (step 12000), " + training.resolve("checkpoint-9000") + " (step 9000) (not falling back to the base model; to use it on purpose leave --unet away)");
        Path misspelt = folder.resolve("checkpoints/mvdifusion/mouse");
        refused(views(misspelt), "MFL-E201: Fine-tuned UNet not found at " + misspelt + "/unet; available checkpoints: " + training.resolve("checkpoint-12000")
                + " (step 12000), " + training.resolve("checkpoint-9000") + " (step 9000) (not falling back to the base model; to use it on purpose leave --unet away)");
    }

    @Test
    void aPathThatWasJoinedTwiceIsFoundAndNamed() throws IOException {
        Path real = folder.resolve("checkpoints/checkpoints/mvdiffusion/mouse/checkpoint-500");
        unet(real.resolve("unet"));
        Files.createDirectories(training.resolve("checkpoint-500"));
        Path given = training.resolve("checkpoint-500");
        assertEquals(ExitCode.OK, views(given), err.toString());
        assertTrue(err.toString().startsWith(given + " has no UNet; it lies at " + real + ", where the original saves it when checkpoint_prefix is a relative path: "
                + "a prefix of the path was written twice"), err.toString());
        assertEquals(ExitCode.OK, views(real), err.toString());
    }

    @Test
    void writingToADoubledPathIsRefused() {
        Path twice = folder.resolve("checkpoints/checkpoints/start");
        refused(run("new-checkpoint", "--model", "gslrm", "-o", twice.toString()), "MFL-E205: Output path contains the prefix twice: " + twice + " (write "
                + folder.resolve("checkpoints/start") + "; nothing was written)");
        assertFalse(Files.exists(twice.getParent()));
    }

    @Test
    void namesWithTheWrapperTwiceAreRefused() throws IOException {
        Path start = folder.resolve("start");
        assertEquals(ExitCode.OK, run("new-checkpoint", "--model", "gslrm", "-o", start.toString()), err.toString());
        Path file = start.resolve("ckpt_0000000000000000.pt");
        OrderedDict model = new OrderedDict();
        String first = null;
        try (Checkpoint stored = Checkpoint.open(file)) {
            for (Map.Entry<String, StoredTensor> e : stored.stateDict().entrySet()) {
                model.put("module.module." + e.getKey(), TorchValues.of(e.getValue().shape(), e.getValue().floats()));
                first = first == null ? e.getKey() : first;
            }
        }
        TorchWriter.write(file, new LinkedHashMap<>(Map.of("model", model)));
        refused(run("reconstruct", photo.toString(), "--cameras", "ring:n=3,elev=0,dist=2.7,fov=50", "--pipeline", pipeline.toString(), "--weights", start.toString(), "-o", folder.resolve("out").toString()), "MFL-E203: " + file + ": tensor 'module.module." + first + "' has the prefix 'module.' twice "
                + "(it was saved from a network that was wrapped twice; save it again from the network itself)");
    }

    @Test
    void aDamagedUNetIsRefusedBeforeAnythingIsDrawn() throws IOException {
        Path unet = unet(training.resolve("checkpoint-7/unet"));
        Path weights = unet.resolve(FILE);
        byte[] whole = Files.readAllBytes(weights);
        Files.write(weights, java.util.Arrays.copyOf(whole, whole.length - 1000));
        assertEquals(ExitCode.BAD_INPUT, views(training.resolve("checkpoint-7")));
        assertTrue(err.toString().startsWith("error: MFL-E202: Checkpoint " + unet + " is incomplete or damaged: " + weights + ": "), err.toString());
        Files.write(weights, new byte[0]);
        refused(views(training.resolve("checkpoint-7")), "MFL-E202: Checkpoint " + unet + " is incomplete or damaged: " + weights
                + ": neither safetensors nor PyTorch nor the index of a sharded checkpoint (by its first bytes) (the file is empty) (restore it from a copy)");
        Files.delete(weights);
        refused(views(training.resolve("checkpoint-7")), "MFL-E202: Checkpoint " + unet + " is incomplete or damaged: it has no weights (" + FILE
                + ") (restore it from a copy)");
        Files.write(weights, whole);
        renamed(weights, "conv_out.bias", "conv_out.bais");
        assertEquals(ExitCode.BAD_INPUT, views(training.resolve("checkpoint-7")));
        assertTrue(err.toString().contains("error: MFL-E203: unet: " + weights + " does not fit the model: ") && err.toString().contains("1 missing [conv_out.bias (nearest in the file: conv_out.bais)]; "
                + "1 unexpected [conv_out.bais (nearest in the model: conv_out.bias)]"), err.toString());
        assertFalse(Files.exists(folder.resolve("out")));
    }

    private static void renamed(Path weights, String from, String to) throws IOException {
        SafetensorsWriter writer = new SafetensorsWriter();
        try (Checkpoint stored = Checkpoint.open(weights)) {
            for (StoredTensor t : stored.tensors().values()) {
                writer.add(t.name().equals(from) ? to : t.name(), t.shape(), t.floats());
            }
        }
        writer.write(weights);
    }

    @Test
    void aFolderWithAveragedWeightsOnlyIsUsedAndSaysSo() throws IOException {
        Path average = unet(training.resolve("checkpoint-3/unet_ema"));
        assertEquals(ExitCode.OK, views(training.resolve("checkpoint-3")), err.toString());
        assertTrue(err.toString().startsWith("UNet: " + average + " (averaged weights; there is no unet/)"), err.toString());
        delete(folder.resolve("out"));
        refused(views(training.resolve("checkpoint-3"), "--unet-weights", "unet"), "MFL-E201: " + training.resolve("checkpoint-3")
                + " has no unet/, only unet_ema/ (take the other weights with --unet-weights ema)");
    }

    @Test
    void theLatestIsTakenByNumberAndADamagedOneIsPassedOver() throws IOException {
        unet(training.resolve("checkpoint-9000/unet"));
        Path newest = unet(training.resolve("checkpoint-12000/unet"));
        Files.createDirectories(training.resolve("checkpoint-best"));
        assertEquals(ExitCode.OK, views(training), err.toString());
        assertTrue(err.toString().contains(training + ": the newest checkpoint by number is checkpoint-12000 (step 12000)"), err.toString());
        Files.delete(newest.resolve(FILE));
        assertEquals(ExitCode.OK, views(training), err.toString());
        assertTrue(err.toString().contains("passed over: MFL-E202: Checkpoint " + newest + " is incomplete or damaged")
                && err.toString().contains(training + ": the newest readable checkpoint by number is checkpoint-9000 (step 9000)"), err.toString());
    }

    @Test
    void theBaseModelUnderAnotherNameIsNoFineTunedOne() throws IOException {
        Path same = training.resolve("checkpoint-1/unet");
        Files.createDirectories(same);
        for (String name : List.of("config.json", FILE)) {
            Files.copy(pipeline.resolve("unet").resolve(name), same.resolve(name), StandardCopyOption.REPLACE_EXISTING);
        }
        assertEquals(ExitCode.BAD_INPUT, views(training.resolve("checkpoint-1")));
        assertTrue(err.toString().contains("error: MFL-E204: " + same + ": the UNet equals that of the pipeline " + pipeline), err.toString());
    }

    @Test
    void theBaseModelSavedInAnotherWayIsNoFineTunedOneEither() throws IOException {
        Path folder = unet(training.resolve("checkpoint-1/unet"));
        SafetensorsWriter half = new SafetensorsWriter();
        OrderedDict torch = new OrderedDict();
        try (Checkpoint stored = Checkpoint.open(pipeline.resolve("unet").resolve(FILE))) {
            for (StoredTensor t : stored.tensors().values()) {
                java.nio.ByteBuffer bits = java.nio.ByteBuffer.allocate(2 * (int) t.elements()).order(java.nio.ByteOrder.LITTLE_ENDIAN);
                for (float value : t.floats()) {
                    bits.putShort(Float.floatToFloat16(value));
                }
                half.add(t.name(), DType.F16, t.shape(), MemorySegment.ofArray(bits.array()));
                torch.put(t.name(), TorchValues.of(t.shape(), t.floats()));
            }
        }
        half.write(folder.resolve(FILE));
        assertEquals(ExitCode.BAD_INPUT, views(training.resolve("checkpoint-1")));
        assertTrue(err.toString().contains("error: MFL-E204: " + folder + ": the UNet equals that of the pipeline "), err.toString());
        Files.delete(folder.resolve(FILE));
        TorchWriter.write(folder.resolve("diffusion_pytorch_model.bin"), torch);
        assertEquals(ExitCode.BAD_INPUT, views(training.resolve("checkpoint-1")));
        assertTrue(err.toString().contains("error: MFL-E204: " + folder + ": the UNet equals that of the pipeline "), err.toString());
    }

    private static void delete(Path tree) throws IOException {
        try (Stream<Path> files = Files.walk(tree)) {
            for (Path file : files.sorted(java.util.Comparator.reverseOrder()).toList()) {
                Files.delete(file);
            }
        }
    }
}
