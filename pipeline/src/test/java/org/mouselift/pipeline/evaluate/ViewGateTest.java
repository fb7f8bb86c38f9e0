package org.mouselift.pipeline.evaluate;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.RigCatalog;
import org.mouselift.data.image.Composite;
import org.mouselift.data.image.Image8;
import org.mouselift.data.synth.MouseParameters;
import org.mouselift.data.synth.SynthMouse;

class ViewGateTest {
    private static final int SIZE = 128;
    private final CameraRig rig = new CameraRig("human6", SynthMouse.resized(RigCatalog.human6().cameras(), SIZE));
    private final List<Image8> mouse = SynthMouse.of(MouseParameters.sample(31, 0, 0)).render(rig.cameras()).stream().map(v -> new Image8(SIZE, SIZE, 4, v.rgba().clone())).toList();

    private static Image8 onWhite(Image8 view) {
        return Composite.onto(view, new int[] {255, 255, 255});
    }

    /** A face: a pale ellipse with eyes, in the middle. */
    private static Image8 face() {
        Image8 out = Image8.blank(SIZE, SIZE, 3);
        for (int i = 0; i < SIZE * SIZE; i++) {
            double x = (i % SIZE - 63.5) / 36;
            double y = (i / SIZE - 63.5) / 48;
            boolean eye = Math.hypot(Math.abs(x) - 0.4, y + 0.2) < 0.12;
            for (int c = 0; c < 3; c++) {
                out.data()[3 * i + c] = (byte) (x * x + y * y > 1 ? 255 : eye ? 40 : 220 - 30 * c);
            }
        }
        return out;
    }

    @Test
    void aCorrectCopyIsReadyAndAFaceIsRejected() {
        List<Image8> copies = mouse.stream().map(ViewGateTest::onWhite).toList();
        ViewGate.Verdict good = ViewGate.judge(mouse.getFirst(), copies, Optional.of(rig), Optional.empty());
        assertEquals(ViewGate.Decision.READY, good.decision(), good.findings().toString());
        assertEquals(6, good.findings().size(), "all but LPIPS");
        ViewGate.Verdict face = ViewGate.judge(mouse.getFirst(), List.of(face(), face(), face(), face(), face(), face()), Optional.empty(), Optional.empty());
        assertTrue(face.rejected());
        assertEquals(ViewGate.Decision.FINETUNE_MVDIFF, face.decision());
        assertTrue(face.findings().stream().anyMatch(f -> f.metric() == ViewGate.Metric.IOU && f.level() == ViewGate.Level.REJECT), face.findings().toString());
    }

    /** A white belly on white is not seen in the copy, nor in the picture it was copied from. */
    @Test
    void aWhiteMouseIsNoWrongMouse() {
        List<Image8> pale = mouse.stream().map(v -> {
            byte[] rgba = v.data().clone();
            for (int i = 0; i < SIZE * SIZE; i++) {
                if (i / SIZE > 70) {
                    java.util.Arrays.fill(rgba, 4 * i, 4 * i + 3, (byte) 250);
                }
            }
            return new Image8(SIZE, SIZE, 4, rgba);
        }).toList();
        for (List<Image8> copies : List.of(pale, pale.stream().map(ViewGateTest::onWhite).toList())) {
            ViewGate.Verdict v = ViewGate.judge(pale.getFirst(), copies, Optional.empty(), Optional.empty());
            assertEquals(ViewGate.Decision.READY, v.decision(), v.findings().toString());
        }
    }

    @Test
    void viewsInTheWrongOrderContradictTheCameras() {
        List<Image8> order = new ArrayList<>();
        for (int i : new int[] {0, 4, 5, 1, 2, 3}) {
            order.add(mouse.get(i));
        }
        ViewGate.Verdict v = ViewGate.judge(mouse.getFirst(), order, Optional.of(rig), Optional.empty());
        assertEquals(ViewGate.Decision.FINETUNE_BOTH, v.decision(), v.findings().toString());
        assertEquals(ViewGate.Decision.READY, ViewGate.judge(mouse.getFirst(), order, Optional.empty(), Optional.empty()).decision(), "without cameras nobody can tell");
    }

    @Test
    void neighboursThatDifferTooMuchAreSeenByLpips() {
        ViewGate.Distance far = (a, b, h, w) -> 0.5;
        ViewGate.Verdict v = ViewGate.judge(mouse.getFirst(), mouse, Optional.of(rig), Optional.of(far));
        assertTrue(v.rejected() && v.decision() == ViewGate.Decision.FINETUNE_MVDIFF, v.findings().toString());
        assertEquals(ViewGate.Decision.READY_WITH_CAUTION, ViewGate.judge(mouse.getFirst(), mouse, Optional.of(rig), Optional.of((a, b, h, w) -> 0.3)).decision());
        assertFalse(ViewGate.judge(mouse.getFirst(), mouse, Optional.of(rig), Optional.of((a, b, h, w) -> 0.1)).rejected());
    }

    @Test
    void aStepBetweenTwoPixelsIsSharpAndARampIsNot() {
        assertEquals(1, ViewGate.sharpness(step(0), SIZE, SIZE), 1e-6);
        assertTrue(ViewGate.sharpness(step(8), SIZE, SIZE) < 0.3);
    }

    /** White to black at the middle column, over a ramp of some pixels. */
    private static float[] step(int ramp) {
        float[] out = new float[3 * SIZE * SIZE];
        for (int i = 0; i < out.length; i++) {
            double x = i % SIZE - SIZE / 2.0 + 0.5;
            out[i] = (float) (ramp == 0 ? x < 0 ? 1 : 0 : Math.clamp(0.5 - x / ramp, 0, 1));
        }
        return out;
    }
}
