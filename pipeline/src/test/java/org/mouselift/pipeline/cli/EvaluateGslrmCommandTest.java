package org.mouselift.pipeline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.camera.Rings;
import org.mouselift.data.checkpoint.Checkpoint;
import org.mouselift.data.safetensors.SafetensorsWriter;
import org.mouselift.data.synth.SynthMice;
import org.mouselift.engine.DType;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.models.gslrm.GsLrm;
import org.mouselift.models.losses.Lpips;
import org.mouselift.pipeline.evaluate.LpipsNetwork;
import org.mouselift.pipeline.evaluate.MadeUpVgg16;
import org.mouselift.pipeline.reconstruct.GsLrmWeights;
import org.mouselift.pipeline.reconstruct.PosedView;
import org.mouselift.pipeline.reconstruct.PosedViewReader;
import org.mouselift.pipeline.reconstruct.Reconstruction;
import org.mouselift.pipeline.reconstruct.RigProvenance;
import org.mouselift.pipeline.reconstruct.TinyWeights;
import org.mouselift.pipeline.reconstruct.ViewMetrics;
import org.mouselift.pipeline.train.TrainingCheckpoint;

class EvaluateGslrmCommandTest {
    @TempDir
    static Path folder;

    private static Path weights;
    private final StringWriter out = new StringWriter();
    private final StringWriter err = new StringWriter();

    /** Three mice, three views of a ring and two random ones each; a network that takes three. */
    @BeforeAll
    static void data() throws IOException {
        SynthMice.write(folder.resolve("mice"), new SynthMice.Options(4, 0, 3, Rings.turntable(3, 5, 32), 32, 0, 0, false, new SynthMice.NovelViews(2, -10, 40)),
                done -> {});
        weights = TinyWeights.write(folder.resolve("weights"), 3, DType.F32);
    }

    private int run(String... arguments) {
        out.getBuffer().setLength(0);
        err.getBuffer().setLength(0);
        return Mouselift.commandLine().setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true)).execute(arguments);
    }

    @Test
    void modelWhiteAndBaselinesSideBySide() throws IOException {
        Path results = folder.resolve("results");
        String list = folder.resolve("mice").resolve(SynthMice.TRAIN_LIST).toString();
        assertEquals(0, run("evaluate", "gslrm", "--data", list, "--weights", weights.toString(), "--baseline", list, "--baseline-steps", "3", "--pictures", "1",
                "-o", results.toString(), "--json"), err.toString());
        JsonNode report = new ObjectMapper().readTree(out.toString());
        assertEquals(report, new ObjectMapper().readTree(results.resolve("evaluation.json").toFile()));
        assertEquals(3, report.get("samples").asInt());
        for (String what : List.of("input", "unseen", "white", "meanView", "constantCloud")) {
            assertTrue(report.at("/scores/" + what + "/mean/psnr").isNumber(), what + " in " + report.get("scores"));
            assertTrue(report.at("/scores/" + what + "/median/ssim").isNumber(), what);
        }
        List<String> csv = Files.readAllLines(results.resolve("summary.csv"));
        assertEquals("basename,psnr,ssim,foreground_psnr,mask_iou,input_psnr,white_psnr,meanView_psnr,constantCloud_psnr", csv.getFirst());
        assertEquals(6, csv.size());
        assertEquals("", csv.get(4));
        double sum = 0;
        for (String row : csv.subList(1, 4)) {
            sum += Double.parseDouble(row.split(",")[1]);
        }
        assertEquals(sum / 3, Double.parseDouble(csv.get(5).split(",")[1]), 1e-3);
        assertTrue(csv.get(5).startsWith("average,"));
        assertTrue(Files.exists(results.resolve("sample_000000/gt_vs_pred.png")) && !Files.exists(results.resolve("sample_000001")));
        // The first sample by hand.
        try (GsLrmWeights model = GsLrmWeights.open(weights)) {
            List<PosedView> views = PosedViewReader.sample(folder.resolve("mice/sample_000000"), 32);
            Reconstruction r = Reconstruction.of(model, views.subList(0, 3));
            double psnr = (ViewMetrics.of(r.render(views.get(3).camera()), views.get(3)).psnr()
                    + ViewMetrics.of(r.render(views.get(4).camera()), views.get(4)).psnr()) / 2;
            assertEquals(psnr, report.at("/perSample/0/scores/unseen/psnr").asDouble(), 1e-6);
        }
    }

    @Test
    void lpipsIsMeasuredWithTheGivenNetwork() throws IOException {
        Path vgg = folder.resolve("vgg16.safetensors");
        Path factors = folder.resolve("lpips.safetensors");
        double expected;
        try (Scope scope = Scope.open("made-up VGG16"); GsLrmWeights model = GsLrmWeights.open(weights)) {
            Lpips lpips = MadeUpVgg16.write(vgg, factors);
            List<PosedView> views = PosedViewReader.sample(folder.resolve("mice/sample_000000"), 32);
            Reconstruction r = Reconstruction.of(model, views.subList(0, 3));
            double sum = 0;
            for (PosedView view : views.subList(3, 5)) {
                sum += lpips.distances(Ops.clamp(Tensor.of(r.render(view.camera()), 1, 3, 32, 32), 0, 1), Tensor.of(view.picture().toFloatChw(), 1, 3, 32, 32)).item();
            }
            expected = sum / 2;
        }
        String data = folder.resolve("mice").toString();
        Path results = folder.resolve("lpips");
        assertEquals(0, run("evaluate", "gslrm", "--data", data, "--samples", "1", "--weights", weights.toString(), "--lpips", vgg + "," + factors, "-o",
                results.toString()), err.toString());
        assertTrue(out.toString().contains("LPIPS"), out.toString());
        JsonNode report = new ObjectMapper().readTree(results.resolve("evaluation.json").toFile());
        assertTrue(expected > 1e-4, "the made-up network tells pictures apart: " + expected);
        assertEquals(expected, report.at("/scores/unseen/mean/lpips").asDouble(), 1e-6 * expected);
        assertTrue(report.at("/scores/white/mean/lpips").asDouble() > 0);
        List<String> csv = Files.readAllLines(results.resolve("summary.csv"));
        assertTrue(csv.getFirst().startsWith("basename,psnr,lpips,ssim,"), csv.getFirst());
        assertEquals(expected, Double.parseDouble(csv.get(1).split(",")[2]), 1e-4);

        assertEquals(ExitCode.BAD_INPUT, run("evaluate", "gslrm", "--data", data, "--weights", weights.toString(), "--lpips", vgg.toString(), "-o",
                folder.resolve("none").toString()));
        assertTrue(err.toString().contains("features.17.weight") && err.toString().contains("vgg16.safetensors"), err.toString());
    }

    /** The learned factors as they are published; the sums are those of GS-LRM specification §3.3. */
    @Test
    void thePublishedFactorsAreRead() throws IOException {
        Path published = Path.of(System.getProperty("mouselift.shared", "none"), "real", "lpips", "vgg.pth");
        assumeTrue(Files.exists(published), "SKIPPED: no " + published);
        String message = assertThrows(IOException.class, () -> LpipsNetwork.open(List.of(published))).getMessage();
        assertTrue(message.contains("features.0.weight"), "only the convolutions are missing: " + message);
        try (Scope scope = Scope.open("VGG16")) {
            Path vgg = folder.resolve("zero.safetensors");
            SafetensorsWriter zeros = new SafetensorsWriter();
            int[] channels = {64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512};
            int[] indices = {0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28};
            // The first convolution passes its constant input on: after it every picture is (1, 0, 0, ...) or (0, 1, 0, ...).
            for (int i = 0, inputs = 3; i < channels.length; inputs = channels[i++]) {
                Tensor weight = Tensor.zeros(DType.F32, channels[i], inputs, 3, 3);
                Tensor bias = Tensor.zeros(DType.F32, channels[i]);
                float[] w = new float[channels[i] * inputs * 9];
                for (int c = 0; c < 2; c++) {
                    // Channel 0 sees red, channel 1 sees green.
                    w[(c * inputs + c) * 9 + 4] = 1;
                }
                zeros.add("features." + indices[i] + ".weight", DType.F32, weight.shape().dims(), Tensor.of(w, weight.shape().dims()).contiguousSegment());
                zeros.add("features." + indices[i] + ".bias", DType.F32, bias.shape().dims(), bias.contiguousSegment());
            }
            zeros.write(vgg);
            float[] red = new float[3 * 32 * 32];
            float[] green = new float[3 * 32 * 32];
            Arrays.fill(red, 0, 1024, 1);
            Arrays.fill(green, 1024, 2048, 1);
            double expected = 0;
            try (Checkpoint stored = Checkpoint.open(published); LpipsNetwork network = LpipsNetwork.open(List.of(vgg, published))) {
                double sum = 0;
                for (float f : stored.tensor("lin0.model.1.weight").floats()) {
                    sum += f;
                }
                assertEquals(6.925992, sum, 1e-5);
                for (int i = 0; i < 5; i++) {
                    // Two unit vectors: the squared difference is 1 in either channel.
                    float[] f = stored.tensor("lin" + i + ".model.1.weight").floats();
                    expected += f[0] + f[1];
                }
                assertEquals(expected, network.distance(red, green, 32, 32), 1e-5 * expected);
                assertEquals(0, network.distance(red, red, 32, 32));
            }
        }
    }

    @Test
    void aCheckpointGivesWhatItsWeightsGive() throws IOException {
        String yaml = TinyWeights.yaml(3);
        var provenance = new ObjectMapper().createObjectNode();
        RigProvenance.of(List.of(Rings.turntable(3, 5, 32).cameras())).into(provenance);
        Path checkpoint;
        try (GsLrm model = TinyWeights.model(yaml)) {
            checkpoint = TrainingCheckpoint.save(folder.resolve("run"), new TrainingCheckpoint.Counters(1, 1, 1, 0, "", 0),
                    new TrainingCheckpoint.State(model.stateDict(), Map.of(), Map.of()), yaml, provenance.toString(), 0);
        }
        String data = folder.resolve("mice").toString();
        assertEquals(0, run("evaluate", "gslrm", "--data", data, "--samples", "1", "--checkpoint", checkpoint.toString(), "-o", folder.resolve("a").toString()),
                err.toString());
        assertTrue(out.toString().contains("1 samples") && out.toString().contains("unseen"), out.toString());
        assertFalse(err.toString().contains("MFL-E125"), "the checkpoint knows its cameras: " + err);
        assertEquals(0, run("evaluate", "gslrm", "--data", data, "--samples", "1", "--weights", weights.toString(), "-o", folder.resolve("b").toString()),
                err.toString());
        assertEquals(Files.readString(folder.resolve("a/summary.csv")), Files.readString(folder.resolve("b/summary.csv")));
    }

    @Test
    void wrongArguments() {
        String data = folder.resolve("mice").toString();
        String results = folder.resolve("none").toString();
        assertEquals(ExitCode.USAGE, run("evaluate"));
        assertEquals(ExitCode.USAGE, run("evaluate", "gslrm", "--data", data, "--weights", weights.toString(), "--checkpoint", weights.resolve("model.safetensors").toString(), "-o", results));
        assertEquals(ExitCode.USAGE, run("evaluate", "gslrm", "--data", data, "--samples", "0", "-o", results));
        assertEquals(ExitCode.BAD_INPUT, run("evaluate", "gslrm", "--data", data, "--checkpoint", folder.resolve("gone").toString(), "-o", results));
        assertTrue(err.toString().contains("MFL-E207"), err.toString());
        assertEquals(ExitCode.BAD_INPUT, run("evaluate", "gslrm", "--data", weights.toString(), "--weights", weights.toString(), "-o", results));
        assertTrue(err.toString().contains("holds no sample folders"), err.toString());
        assertFalse(Files.exists(Path.of(results)));
    }
}
