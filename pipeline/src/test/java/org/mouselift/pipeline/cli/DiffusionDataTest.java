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
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.dataset.DiffusionViews;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.PngWriter;
import org.mouselift.engine.Philox;
import org.mouselift.pipeline.config.ConfigOverride;
import org.mouselift.pipeline.config.DiffusionConfig;
import org.mouselift.pipeline.config.DiffusionConfigReader;
import org.mouselift.pipeline.config.ConfigException;
import org.mouselift.pipeline.train.diffusion.DiffusionSetup;

/** The data of stage 1: steps that it must have been made by (F-017), lists in shares, and pictures as bad as real ones (F-035, K-71). */
class DiffusionDataTest {
    private static final int VIEWS = 3;
    private static final int SIZE = 32;
    private static final ObjectMapper JSON = new ObjectMapper();

    @TempDir
    Path folder;
    private int runs;
    private final StringWriter err = new StringWriter();

    /** Two data sets: grey squares of level 60 and of level 200 on transparent ground. */
    @BeforeEach
    void data() throws IOException {
        write("synthetic", 70, 60);
        write("real", 30, 200);
    }

    private void write(String set, int samples, int level) throws IOException {
        List<String> lines = new ArrayList<>();
        for (int s = 0; s < samples; s++) {
            Path images = Files.createDirectories(folder.resolve(set).resolve("sample_%06d".formatted(s)).resolve("images"));
            byte[] data = new byte[SIZE * SIZE * 4];
            for (int p = 0; p < SIZE * SIZE; p++) {
                boolean inside = p % SIZE >= 8 && p % SIZE < 24 && p / SIZE >= 8 && p / SIZE < 24;
                Arrays.fill(data, 4 * p, 4 * p + 3, (byte) level);
                data[4 * p + 3] = (byte) (inside ? 255 : 0);
            }
            for (int v = 0; v < VIEWS; v++) {
                PngWriter.write(images.resolve("cam_00" + v + ".png"), new Image8(SIZE, SIZE, 4, data));
            }
            lines.add(images.getParent().getFileName().toString());
        }
        Files.write(folder.resolve(set).resolve("train.txt"), lines);
        Files.writeString(folder.resolve(set).resolve("dataset.json"), "{\"chain\": [{\"step\": \"prepare\", \"intrinsics\": \"exact\"}, {\"step\": \"" + (set.equals("real") ? "pixel-based"
                : "hull3d") + "\", \"intrinsics\": \"exact\"}]}");
    }

    private Path config(String training) throws IOException {
        return Files.writeString(folder.resolve("config.yaml"), """
                n_views: 3
                img_wh: 32
                seed: 7
                train_dataset: {bg_color: black, %2$s}
                train_batch_size: 2
                max_train_steps: 1
                learning_rate: 1e-3
                checkpointing_steps: 1
                output_dir: %1$s/run%3$d
                latent_space: pixels
                learned_prompt_tokens: 2
                unet_config: {block_out_channels: [8, 8], down_block_types: [CrossAttnDownBlockMV2D, DownBlock2D], up_block_types: [UpBlock2D, CrossAttnUpBlockMV2D],
                  attention_head_dim: [1, 2], layers_per_block: 1, norm_num_groups: 4, cross_attention_dim: 8, use_linear_projection: true, sparse_mv_attention: true,
                  num_views: 3}
                """.formatted(folder, training.replace("DIR", folder.toString()), ++runs));
    }

    private DiffusionViews views(String training) throws IOException {
        DiffusionConfig c = DiffusionConfigReader.read(config(training), List.<ConfigOverride>of()).config();
        return DiffusionSetup.data(c, c.train(), false);
    }

    private int train() {
        err.getBuffer().setLength(0);
        return Mouselift.commandLine().setOut(new PrintWriter(new StringWriter())).setErr(new PrintWriter(err, true)).execute("train", "diffusion", "--config", folder.resolve("config.yaml").toString());
    }

    @Test
    void aSetWithoutAnExpectedStepIsRefused() throws IOException {
        config("path: DIR/real/train.txt, expect_preprocessing: [prepare, hull3d]");
        assertEquals(ExitCode.BAD_INPUT, train());
        assertTrue(err.toString().contains("MFL-D07") && err.toString().contains("prepare → pixel-based, expected prepare → hull3d: hull3d is missing"), err.toString());
        assertFalse(Files.exists(folder.resolve("run1")), "nothing may be written");
        config("path: DIR/synthetic/train.txt, expect_preprocessing: [prepare, hull3d]");
        assertEquals(ExitCode.OK, train(), err.toString());
        assertTrue(err.toString().contains("synthetic was made by prepare → hull3d"), err.toString());
        config("mix: {DIR/synthetic/train.txt: 0.7, DIR/real/train.txt: 0.3}, expect_preprocessing: hull3d");
        assertEquals(ExitCode.BAD_INPUT, train(), "every set of a mix must have it");
        assertTrue(err.toString().contains(folder.resolve("real").toString()), err.toString());
    }

    @Test
    void listsAreMixedInTheirShares() throws IOException {
        DiffusionViews mixed = views("mix: {DIR/synthetic/train.txt: 0.7, DIR/real/train.txt: 0.3}");
        assertEquals(100, mixed.size());
        Philox random = new Philox(3, 1);
        Map<String, Integer> drawn = new TreeMap<>();
        for (int i = 0; i < 10_000; i++) {
            drawn.merge(mixed.sample(random.nextInt(mixed.size())).getParent().getFileName().toString(), 1, Integer::sum);
        }
        assertEquals(0.7, drawn.get("synthetic") / 10_000.0, 0.01, drawn.toString());
        assertTrue(mixed.sample(0).isAbsolute() && Files.isDirectory(mixed.sample(0)));
        DiffusionViews again = views("mix: {DIR/synthetic/train.txt: 0.7, DIR/real/train.txt: 0.3}");
        for (int i = 0; i < mixed.size(); i++) {
            assertEquals(mixed.sample(i), again.sample(i), "the same seed mixes the same");
        }
        assertEquals(60, views("mix: {DIR/synthetic/train.txt: 1, DIR/real/train.txt: 1}").size(), "the scarcer list decides");
        assertEquals(ExitCode.OK, train(), err.toString());
        JsonNode parents = JSON.readTree(Files.readString(folder.resolve("run" + runs + "/checkpoint-1/provenance.json"))).path("parents");
        assertEquals(2, parents.findValuesAsText("role").stream().filter("data"::equals).count(), parents.toString());
    }

    @Test
    void picturesAreMadeWorseWithinTheirRanges() throws IOException {
        DiffusionViews plain = views("path: DIR/real/train.txt");
        float[] clean = plain.load(0, false, new Philox(1, 1), 0).images();
        assertArrayEquals(clean, views("path: DIR/real/train.txt, augmentation: false, noise_range: [9, 9]").load(0, false, new Philox(1, 1), 0).images());
        String on = "path: DIR/real/train.txt, augmentation: true, aug_brightness: [1, 1], aug_contrast: [1, 1], ";
        assertArrayEquals(clean, views(on + "noise_range: [0, 0]").load(0, false, new Philox(1, 1), 0).images());

        float[] noisy = views(on + "noise_range: [10, 10]").load(0, false, new Philox(1, 1), 0).images();
        double sum = 0;
        int n = 0;
        for (int i = 0; i < noisy.length; i++) {
            if (clean[i] > 0) {
                sum += (noisy[i] - clean[i]) * (noisy[i] - clean[i]) * 255 * 255;
                n++;
            } else {
                assertEquals(0, noisy[i], "the background has no noise");
            }
        }
        assertEquals(10, Math.sqrt(sum / n), 0.6);
        assertArrayEquals(noisy, views(on + "noise_range: [10, 10]").load(0, false, new Philox(1, 1), 0).images(), "the same draws give the same pictures");
        assertFalse(Arrays.equals(noisy, views(on + "noise_range: [10, 10]").load(0, false, new Philox(1, 2), 0).images()));

        float[] tinted = views(on + "gain_range: [0.8, 0.8]").load(0, false, new Philox(1, 1), 0).images();
        assertEquals(160 / 255f, tinted[16 * SIZE + 16], 1e-6f);
        float[] shifted = views(on + "mask_shift: 3").load(0, false, new Philox(5, 1), 0).images();
        long before = count(clean);
        long after = count(shifted);
        assertTrue(after != before && after > 0 && Math.abs(after - before) < 0.9 * before, before + " " + after);
        assertFalse(views(on + "jpeg_range: [20, 20]").options().constant() || views(on + "blur_range: [1, 1]").options().constant(), "these are not encoded once and remembered");
        assertTrue(plain.options().constant());
    }

    private static long count(float[] images) {
        int n = 0;
        for (float x : images) {
            n += x > 0 ? 1 : 0;
        }
        return n;
    }

    @Test
    void whatMakesNoSenseIsRefusedByItsKey() throws IOException {
        for (String[] wrong : new String[][] {{"path: DIR/real/train.txt, mix: {a.txt: 1, b.txt: 2}", "train_dataset.path"}, {"mix: {a.txt: 1}", "train_dataset.mix"},
            {"mix: {a.txt: 0.5, b.txt: -1}", "b.txt has -1"}, {"bg_color2: x", "unknown key"}, {"path: DIR/real/train.txt, noise_range: [5, 3]", "noise_range"},
            {"path: DIR/real/train.txt, pose_jitter: 2", "pose_jitter"}, {"path: DIR/real/train.txt, jpeg_range: [0, 100]", "jpeg_range"}}) {
            Path file = config(wrong[0]);
            String message = org.junit.jupiter.api.Assertions.assertThrows(ConfigException.class, () -> DiffusionConfigReader.read(file, List.of())).getMessage();
            assertTrue(message.contains(wrong[1]), wrong[1] + " in " + message);
        }
        assertTrue(DiffusionConfigReader.read(config("path: DIR/real/train.txt, noise_range: [3, 5]"), List.of()).warnings().toString().contains("augmentation"));
        Files.writeString(folder.resolve("val.yaml"), Files.readString(config("path: DIR/real/train.txt"))
                + "validation_dataset: {path: " + folder + "/real/train.txt, augmentation: true, noise_range: [3, 5]}\n");
        String message = org.junit.jupiter.api.Assertions.assertThrows(ConfigException.class, () -> DiffusionConfigReader.read(folder.resolve("val.yaml"), List.of())).getMessage();
        assertTrue(message.contains("validation has none"), message);
    }
}
