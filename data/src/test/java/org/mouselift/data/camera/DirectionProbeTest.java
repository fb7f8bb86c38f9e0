package org.mouselift.data.camera;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.mouselift.data.synth.MouseParameters;
import org.mouselift.data.synth.MouseView;
import org.mouselift.data.synth.SynthMouse;

class DirectionProbeTest {
    private static final int SIZE = 96;
    private static final List<CameraRig> NAMED = List.of(RigCatalog.human6(), RigCatalog.named("uniform6"), RigCatalog.named("mouse6"));

    /** Masks of two mice from the cameras of a rig. */
    private static List<List<DirectionProbe.Mask>> pictures(CameraRig rig) {
        List<List<DirectionProbe.Mask>> out = new ArrayList<>();
        for (int i = 0; i < 2; i++) {
            List<DirectionProbe.Mask> masks = new ArrayList<>();
            for (MouseView v : SynthMouse.of(MouseParameters.sample(5, i, 0)).render(rig.cameras())) {
                boolean[] m = new boolean[SIZE * SIZE];
                for (int p = 0; p < m.length; p++) {
                    m[p] = (v.rgba()[4 * p + 3] & 0xFF) > 127;
                }
                masks.add(new DirectionProbe.Mask(SIZE, SIZE, m));
            }
            out.add(masks);
        }
        return out;
    }

    private static DirectionProbe.Result probe(CameraRig truth, CameraRig claimed) {
        return DirectionProbe.run(pictures(truth), DirectionProbe.hypotheses(Optional.of(claimed), NAMED, 6, SIZE), true);
    }

    private static CameraRig rig(String name) {
        return DirectionProbe.pictured(RigCatalog.named(name), SIZE);
    }

    @Test
    void theTrueRigIsConfirmed() {
        DirectionProbe.Result r = probe(rig("human6"), rig("human6"));
        assertTrue(r.confirmed() && r.claimed().orElseThrow() == r.best(), r.best().toString());
        assertTrue(r.best().coverage() > 0.97, "coverage " + r.best().coverage());
        assertEquals("human6", r.best().hypothesis().name());
    }

    @Test
    void reversedOrderIsDetected() {
        // The pictures run the other way round than the claim: front, front_left, left, back, right, front_right.
        DirectionProbe.Result r = probe(rig("human6").select(0, 5, 4, 3, 2, 1), rig("human6"));
        assertFalse(r.confirmed());
        assertEquals("human6, order reversed", r.best().hypothesis().name());
        assertTrue(r.lead() > 0.1, "lead " + r.lead());
    }

    @Test
    void elevatedPicturesDoNotPassAsHorizontal() {
        DirectionProbe.Result r = probe(DirectionProbe.pictured(RigCatalog.named("ring:n=6,elev=20"), SIZE), rig("human6"));
        assertFalse(r.confirmed());
        assertEquals("uniform6 at elevation 20°", r.best().hypothesis().name());
    }

    @Test
    void unequalDistancesAreFound() {
        DirectionProbe.Result r = probe(rig("mouse6"), rig("uniform6"));
        assertEquals("mouse6", r.best().hypothesis().name());
        assertFalse(r.confirmed());
    }

    @Test
    void oneTurnOfAllCamerasIsOneHypothesis() {
        List<DirectionProbe.Hypothesis> all = DirectionProbe.hypotheses(Optional.of(rig("uniform6")), List.of(), 6, SIZE);
        assertEquals(2, all.size(), "a ring of six: as it is, and reversed");
        assertEquals(12, DirectionProbe.hypotheses(Optional.of(rig("mouse6")), List.of(), 6, SIZE).size());
        assertThrows(CameraException.class, () -> DirectionProbe.hypotheses(Optional.empty(), NAMED, 5, SIZE));
        assertThrows(CameraException.class, () -> DirectionProbe.run(List.of(), all, true));
    }
}
