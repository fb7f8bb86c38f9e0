package org.mouselift.pipeline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import picocli.CommandLine;

/** The whole path as a user goes it: recording, data set, every method, check, page, comparison, gap, gate. */
class DataCommandsTest {
    @TempDir
    Path folder;

    private record Run(int code, String out, String err) {}

    private static Run run(Object... arguments) {
        CommandLine commandLine = Mouselift.commandLine();
        StringWriter out = new StringWriter();
        StringWriter err = new StringWriter();
        commandLine.setOut(new PrintWriter(out, true)).setErr(new PrintWriter(err, true));
        return new Run(Mouselift.run(commandLine, java.util.Arrays.stream(arguments).map(Object::toString).toArray(String[]::new)), out.toString(), err.toString());
    }

    private static Run ok(Object... arguments) {
        Run r = run(arguments);
        assertEquals(0, r.code, r.out + r.err);
        return r;
    }

    /** F-030, F-031: the published numbers of the real data sets (mouse specification §3.8), from their published metrics. */
    @Test
    void publishedMetricsGiveThePublishedNumbers() throws Exception {
        Path reports = Path.of(System.getProperty("mouselift.shared", "missing"), "real/reports/preprocessing_quality");
        Path pixel = reports.resolve("data_mouse_pixel_based_metrics.json");
        Path uniform = reports.resolve("data_mouse_uniform_v2_metrics.json");
        org.junit.jupiter.api.Assumptions.assumeTrue(Files.exists(pixel) && Files.exists(uniform), () -> "SKIPPED: no " + reports);
        ok("data", "compare", pixel, uniform, "--num-samples", 100, "-o", folder.resolve("all"));
        Run first = ok("data", "compare", pixel, uniform, "-o", folder.resolve("first"));
        assertTrue(first.out.contains("30.6 %   0.16 %    1.5 px  A") && first.out.contains("30.1 %   0.20 %   42.0 px  D"), first.out);
        var mapper = new com.fasterxml.jackson.databind.ObjectMapper();
        var all = mapper.readTree(folder.resolve("all/comparison_metrics.json").toFile()).path("datasets");
        var fifty = mapper.readTree(folder.resolve("first/comparison_metrics.json").toFile()).path("datasets");
        int at = all.get(0).path("dataset").asText().equals("data_mouse_pixel_based") ? 0 : 1;
        Object[][] expected = {{"/views/size_ratio/mean", 0.306119, 0.301049, 1e-6}, {"/views/size_ratio/std", 0.0011928, 0.00069785, 1e-7}, {"/views/size_ratio/cv", 0.38966, 0.2318, 1e-5},
            {"/views/size_ratio/min", 0.303194, 0.299313, 1e-6}, {"/views/size_ratio/max", 0.308964, 0.303401, 1e-6}, {"/views/com_offset/mean", 1.40399, 45.7966, 1e-4},
            {"/views/com_offset/std", 0.823939, 25.1133, 1e-4}, {"/views/com_offset/max", 4.381753, 95.4148, 1e-4}, {"/views/com_offset/p95", 2.740316, 89.1339, 1e-4},
            {"/views/com_offset/p99", 3.795852, 94.1218, 1e-4}, {"/views/com_offset/mean_percent", 0.274217, 8.944655, 1e-6}, {"/views/size_ratio/intra_sample_cv", 0.345532, 0.135654, 1e-6},
            {"/views/com_offset/intra_sample_std", 0.734245, 23.192490, 1e-6}, {"/views/com_offset/outliers", 0.0, 227.0, 0.0}};
        for (Object[] e : expected) {
            assertEquals((double) e[1], all.get(at).at((String) e[0]).asDouble(), (double) e[3], e[0] + " of pixel_based");
            assertEquals((double) e[2], all.get(1 - at).at((String) e[0]).asDouble(), (double) e[3], e[0] + " of uniform_v2");
        }
        Object[][] samples = {{"/size_ratio_mean", 0.306216, 0.301223, 1e-6}, {"/cv_samples", 0.164488, 0.198981, 1e-6}, {"/com_offset_mean", 1.458500, 41.9670, 1e-4},
            {"/com_offset_std", 0.260616, 9.2967, 1e-4}, {"/com_offset_max", 1.947934, 53.5532, 1e-4}};
        for (Object[] e : samples) {
            assertEquals((double) e[1], fifty.get(at).at((String) e[0]).asDouble(), (double) e[3], e[0] + " of pixel_based");
            assertEquals((double) e[2], fifty.get(1 - at).at((String) e[0]).asDouble(), (double) e[3], e[0] + " of uniform_v2");
        }
        assertEquals("A D", all.get(at).path("quality_grade").asText() + " " + all.get(1 - at).at("/views/quality_grade").asText());
    }

    @Test
    void theWholePath() throws Exception {
        Path rec = folder.resolve("rec");
        Path base = folder.resolve("data_mouse");
        ok("data", "synth-recording", "-n", 3, "--size", "108x96", "-o", rec);
        Run dry = ok("data", "prepare", "--video-dir", rec, "-o", base, "--dry-run", "--frame-interval", 1, "--image-size", 96);
        assertTrue(dry.out.contains("scale        0.00814") && !Files.exists(base), dry.out);
        ok("data", "prepare", "--video_dir", rec, "--meta_dir", rec, "--output_dir", base, "--frame-interval", 1, "--image_size", 96, "--num_views", 6);
        for (String method : new String[] {"center-align", "uniform-scale", "uniform-legacy", "pixel-based", "add-alpha", "normalize-cameras", "hull3d", "virtual-lookat"}) {
            Path out = folder.resolve("data_mouse_" + method);
            Run made = ok("data", "preprocess", base, "--method", method, "--size", 96, "--ratio", 0.3, "-o", out);
            assertTrue(made.out.contains("3 samples written") && made.out.contains("intrinsics exact"), made.out);
            Run check = run("data", "check", out, "--geometry-samples", 1);
            // Each view scaled for itself about the picture's middle, as the original did, cuts tails off.
            assertEquals(0, method.equals("uniform-legacy") ? 0 : check.code, method + ": " + check.out);
            assertTrue(check.out.contains("made by     prepare → " + method), check.out);
        }
        Path page = folder.resolve("report.html");
        ok("data", "report", folder.resolve("data_mouse_hull3d"), "-o", page, "--geometry-samples", 1);
        assertTrue(Files.readString(page).startsWith("<!DOCTYPE html>"));
        Run compare = ok("data", "compare", base, folder.resolve("data_mouse_hull3d"), folder.resolve("missing"), "--skip-missing", "-o", folder.resolve("cmp"), "--geometry-samples", 1);
        assertTrue(compare.out.contains("left out") && Files.isRegularFile(folder.resolve("cmp/multi_sample_comparison.png")), compare.out);
        assertEquals(3, run("data", "compare", folder.resolve("missing"), "-o", folder.resolve("cmp2")).code);

        ok("data", "check", folder.resolve("data_mouse_hull3d"), "--geometry-samples", 0, "--expect", "prepare,hull3d");
        Run unmade = run("data", "check", base, "--geometry-samples", 0, "--expect", "prepare,hull3d");
        assertTrue(unmade.code == 1 && unmade.out.contains("MFL-D07") && unmade.out.contains("hull3d is missing"), unmade.out);
        Path local = folder.resolve("data_mouse_local");
        ok("data", "prepare", "--video-dir", rec, "-o", local, "--frame-interval", 1, "--image-size", 96, "--crop", "subject", "--split", "last");
        ok("data", "prepare", "--video-dir", rec, "-o", folder.resolve("raw"), "--frame-interval", 1, "--image-size", 96, "--crop", "subject", "--geometry", "none", "--dry-run");
        Run noMasks = run("data", "check", local);
        assertTrue(noMasks.code == 1 && noMasks.out.contains("--method add-alpha"), "RGB on white, as the original's second converter writes it: " + noMasks.out);
        ok("data", "preprocess", base, "--method", "degrade", "--noise", 5, "--jpeg", 60, "--mask-shift", 1, "-o", folder.resolve("data_bad"));
        assertEquals(2, run("data", "preprocess", base, "--method", "degrade", "-o", folder.resolve("data_bad2")).code, "nothing to degrade");
        Run calibration = run("data", "calibration", base, "--samples", 2, "--study", 1, "-o", folder.resolve("calibration.html"));
        assertTrue(calibration.code <= 1 && calibration.out.contains("named rightly") && Files.isRegularFile(folder.resolve("calibration.html")), calibration.out);
        Run mix = ok("data", "mix", base.resolve("data_mouse_train.txt") + "=0.5", folder.resolve("data_bad/data_mouse_train.txt") + "=0.5", "-o", folder.resolve("mixed.txt"));
        assertTrue(mix.out.contains(" 50.0 %"), mix.out);
        assertEquals(2, run("data", "mix", base.resolve("data_mouse_train.txt"), base.resolve("data_mouse_train.txt") + "=1", "-o", folder.resolve("mixed.txt")).code);

        Run gap = ok("data", "gap", base, folder.resolve("data_mouse_hull3d"), "-o", folder.resolve("gap.html"));
        assertTrue(gap.out.contains("noise") && gap.out.contains("size ratio"), gap.out);
        Run gate = run("data", "gate", base, "--source", base);
        assertTrue(gate.out.contains("excellent  PSNR of the reference slot") && !gate.out.contains("rejected") || gate.out.contains("reject     sharpness"),
                "a copy; only the outlines of so small a mouse may be called soft: " + gate.out);
        Run wrong = run("data", "gate", folder.resolve("data_mouse_pixel-based"), "--source", base);
        assertTrue(wrong.code == 1 && wrong.out.contains("reject     mask IoU"), "other pictures than those they were made from: " + wrong.out);
        assertEquals(2, run("data", "preprocess", base, "--method", "magic", "-o", folder.resolve("x")).code);
        assertEquals(3, run("data", "preprocess", base, "--method", "hull3d", "-o", base).code);
    }
}
