package org.mouselift.pipeline.cli;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.io.PrintWriter;
import java.io.StringWriter;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.OpencvCameraFile;
import org.mouselift.data.camera.Rings;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.Images;
import org.mouselift.data.image.PngWriter;
import org.mouselift.data.ply.SplatPly;
import org.mouselift.data.synth.MouseView;
import org.mouselift.data.synth.SynthMouse;
import picocli.CommandLine;

class FitCommandTest {
    @TempDir
    Path folder;

    private final StringWriter out = new StringWriter(), err = new StringWriter();

    private int run(String... arguments) {
        CommandLine commandLine = Mouselift.commandLine();
        commandLine.setOut(new PrintWriter(out));
        commandLine.setErr(new PrintWriter(err));
        return commandLine.execute(arguments);
    }

    private Path sample(boolean alpha) throws IOException {
        Path sample = Files.createDirectories(folder.resolve("sample"));
        Files.createDirectories(sample.resolve("images"));
        CameraRig rig = Rings.turntable(6, 20, 2.7, 50, 64, 64);
        OpencvCameraFile file = OpencvCameraFile.ofRig(rig);
        file.write(sample.resolve(OpencvCameraFile.FILE_NAME));
        for (int i = 0; i < rig.size(); i++) {
            MouseView view = SynthMouse.of(1, 0).render(rig.get(i));
            Image8 picture = new Image8(64, 64, 4, view.rgba());
            PngWriter.write(sample.resolve(file.frames().get(i).filePath().orElseThrow()), alpha ? picture : picture.toRgb());
        }
        return sample;
    }

    @Test
    void writesSplatsMetricsAndComparison() throws IOException {
        Path output = folder.resolve("a/b");
        assertEquals(ExitCode.OK, run("fit", sample(true).toString(), "-o", output.toString(), "--size", "32", "--iterations", "60", "--hold-out", "3",
            "--sh-degree", "1", "--hull", "16"), err.toString());
        JsonNode metrics = new ObjectMapper().readTree(output.resolve("metrics.json").toFile());
        assertEquals(4, metrics.at("/train/views").asInt());
        assertEquals(2, metrics.at("/held_out/views").asInt());
        assertEquals(6, metrics.get("views").size());
        assertTrue(metrics.at("/held_out/psnr").asDouble() > 15, metrics.toString());
        assertEquals("images/cam_000.png", metrics.at("/views/4/view").asText());
        assertTrue(metrics.at("/views/4/held_out").asBoolean());
        assertEquals(metrics.get("gaussians").asInt(), SplatPly.read(output.resolve("gaussians.ply")).count());
        Image8 strip = Images.read(output.resolve("held_out.png"));
        assertEquals(2 * 32, strip.width());
        assertEquals(3 * 32, strip.height());
        assertTrue(out.toString().contains("held-out views   2"), out.toString());
    }

    @Test
    void wrongInputsAreNamed() throws IOException {
        assertEquals(ExitCode.BAD_INPUT, run("fit", folder.toString(), "-o", folder.resolve("x").toString()));
        assertTrue(err.toString().contains("opencv_cameras.json"), err.toString());
        Path sample = sample(false);
        assertEquals(ExitCode.BAD_INPUT, run("fit", sample.toString(), "-o", folder.resolve("x").toString()));
        assertTrue(err.toString().contains("no picture has an alpha channel"), err.toString());
        assertEquals(ExitCode.USAGE, run("fit", sample.toString(), "-o", folder.resolve("x").toString(), "--hold-out", "1"));
        assertEquals(ExitCode.USAGE, run("fit", sample.toString(), "-o", folder.resolve("x").toString(), "--sh-degree", "4"));
        assertTrue(err.toString().contains("shDegree = 4"), err.toString());
        PngWriter.write(sample.resolve("images/cam_002.png"), Image8.blank(64, 32, 4));
        assertEquals(ExitCode.BAD_INPUT, run("fit", sample.toString(), "-o", folder.resolve("x").toString()));
        assertTrue(err.toString().contains("cam_002.png") && err.toString().contains("aspect"), err.toString());
    }
}
