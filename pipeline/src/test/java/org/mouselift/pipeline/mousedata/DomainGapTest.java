package org.mouselift.pipeline.mousedata;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.SplittableRandom;
import java.util.function.UnaryOperator;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.OpencvCameraFile;
import org.mouselift.data.camera.RigCatalog;
import org.mouselift.data.image.Image8;
import org.mouselift.data.preprocess.PictureStatistics;
import org.mouselift.data.synth.MouseParameters;
import org.mouselift.data.synth.SynthMouse;
import org.mouselift.pipeline.mousedata.DomainGap.Row;

/** Each injected defect raises the score of its own row. */
class DomainGapTest {
    private static final int SIZE = 128;

    @TempDir
    Path folder;
    private final List<List<Image8>> mice = new ArrayList<>();
    private final CameraRig rig = new CameraRig("human6", SynthMouse.resized(RigCatalog.human6().cameras(), SIZE));

    @BeforeEach
    void render() {
        for (int i = 0; i < 2; i++) {
            mice.add(SynthMouse.of(MouseParameters.sample(21, i, 0)).render(rig.cameras()).stream().map(v -> {
                byte[] rgba = v.rgba().clone();
                for (int p = 3; p < rgba.length; p += 4) {
                    rgba[p] = (byte) ((rgba[p] & 0xFF) > 127 ? 255 : 0);
                }
                return new Image8(SIZE, SIZE, 4, rgba);
            }).toList());
        }
    }

    private Path write(String name, CameraRig cameras, UnaryOperator<Image8> defect) throws IOException {
        Path set = Files.createDirectories(folder.resolve(name));
        for (int i = 0; i < mice.size(); i++) {
            SampleFolder.write(set, SampleFolder.name(i), OpencvCameraFile.ofRig(cameras.withId(SampleFolder.name(i))), mice.get(i).stream().map(defect).toList());
        }
        return set;
    }

    private static Image8 noisy(Image8 in, double deviation) {
        SplittableRandom random = new SplittableRandom(5);
        byte[] out = in.data().clone();
        for (int i = 0; i < out.length; i++) {
            if (i % 4 < 3) {
                out[i] = (byte) Math.clamp(Math.round((out[i] & 0xFF) + deviation * random.nextGaussian()), 0, 255);
            }
        }
        return new Image8(in.width(), in.height(), 4, out);
    }

    private static Image8 blurred(Image8 in) {
        byte[] out = in.data().clone();
        for (int y = 2; y < in.height() - 2; y++) {
            for (int x = 2; x < in.width() - 2; x++) {
                for (int c = 0; c < 3; c++) {
                    int sum = 0;
                    for (int k = 0; k < 25; k++) {
                        sum += in.get(x + k % 5 - 2, y + k / 5 - 2, c);
                    }
                    out[4 * (y * in.width() + x) + c] = (byte) (sum / 25);
                }
            }
        }
        return new Image8(in.width(), in.height(), 4, out);
    }

    private static Image8 lit(Image8 in) {
        byte[] out = in.data().clone();
        for (int i = 0; i < out.length; i++) {
            if (i % 4 < 3) {
                out[i] = (byte) Math.round((out[i] & 0xFF) * (1 - 0.7 * (i / 4 % in.width()) / in.width()));
            }
        }
        return new Image8(in.width(), in.height(), 4, out);
    }

    @Test
    void eachDefectRaisesItsOwnRow() throws IOException {
        Path clean = write("clean", rig, x -> x);
        DomainGap.Report same = DomainGap.of(clean, clean, 9, n -> { });
        assertTrue(same.scores().values().stream().allMatch(s -> s == 0), same.scores().toString());
        DomainGap.Report noise = DomainGap.of(clean, write("noise", rig, x -> noisy(x, 8)), 9, n -> { });
        assertTrue(noise.scores().get(Row.NOISE) > DomainGap.LARGE, noise.scores().toString());
        assertTrue(noise.scores().get(Row.POSE) == 0 && noise.scores().get(Row.LIGHTING) < DomainGap.NOTICEABLE, noise.scores().toString());
        DomainGap.Report blur = DomainGap.of(clean, write("blur", rig, DomainGapTest::blurred), 9, n -> { });
        DomainGap.Line blurLine = blur.lines().stream().filter(l -> l.measure().startsWith("blur")).findFirst().orElseThrow();
        assertTrue(blurLine.gap() > DomainGap.NOTICEABLE && blurLine.inference().mean() > blurLine.training().mean(), blurLine.toString());
        DomainGap.Report light = DomainGap.of(clean, write("light", rig, DomainGapTest::lit), 9, n -> { });
        assertTrue(light.scores().get(Row.LIGHTING) > DomainGap.NOTICEABLE && light.scores().get(Row.LIGHTING) > light.scores().get(Row.NOISE), light.scores().toString());
        CameraRig wrong = rig.map(c -> new Camera(c.intrinsics(), org.mouselift.data.camera.Pose.lookAt(c.center().scalarMultiply(1.3), org.apache.commons.math3.geometry.euclidean.threed.Vector3D.ZERO)));
        DomainGap.Report pose = DomainGap.of(clean, write("pose", wrong, x -> x), 9, n -> { });
        assertTrue(pose.scores().get(Row.POSE) > DomainGap.LARGE && pose.scores().get(Row.NOISE) == 0, pose.scores().toString());
    }

    @Test
    void theMeasuresAreWhatTheySay() {
        Image8 flat = Image8.blank(SIZE, SIZE, 4);
        for (int i = 0; i < flat.data().length; i++) {
            int x = i / 4 % SIZE;
            int y = i / 4 / SIZE;
            flat.data()[i] = (byte) (i % 4 < 3 ? 60 + x / 2 : x > 20 && x < 108 && y > 20 && y < 108 ? 255 : 0);
        }
        PictureStatistics ramp = PictureStatistics.of(flat);
        // 0.5 grey levels a pixel over 128 pixels, around a mean of 92.
        assertEquals(64 / 91.75, ramp.unevenness(), 0.01);
        assertEquals(0, ramp.cast(), 1e-9);
        assertEquals(1, ramp.ragged(), 0.02, "a square is smooth");
        // Luminance of equal noise in three channels: √(0.299² + 0.587² + 0.114²) = 0.669 of it.
        assertEquals(0.669 * 10, PictureStatistics.of(noisy(flat, 10)).noise(), 0.4);
        assertTrue(PictureStatistics.of(flat).noise() < 0.6, "rounding only: " + ramp.noise());
        assertTrue(Double.isNaN(PictureStatistics.of(Image8.blank(SIZE, SIZE, 4)).noise()), "nothing to measure");
    }
}
