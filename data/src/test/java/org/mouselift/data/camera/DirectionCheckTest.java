package org.mouselift.data.camera;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import org.junit.jupiter.api.Test;

/** The acceptance pairs of mouse specification §5.6. */
class DirectionCheckTest {
    private static final CameraRig HUMAN = RigCatalog.human6();
    private static final CameraRig MOUSE = RigCatalog.named("mouse6");

    @Test
    void matchingPairsPass() {
        assertEquals(List.of(), codes(DirectionCheck.directions(HUMAN), HUMAN));
        assertEquals(List.of(), codes(DirectionCheck.directions(HUMAN), Similarity.rotate(Rotations.aboutZ(77)).apply(HUMAN)));
        // Elevated prompts (20°) in the mouse rig's own directions.
        List<DirectionCheck.Direction> elevated = DirectionCheck.directions(MOUSE).stream()
                .map(d -> new DirectionCheck.Direction(d.name(), 20, d.azimuth())).toList();
        assertEquals(List.of(), codes(elevated, MOUSE));
    }

    @Test
    void mismatchesAreNamed() {
        assertTrue(codes(DirectionCheck.directions(HUMAN), MOUSE).containsAll(List.of("MFL-E121", "MFL-E122")));
        assertEquals(List.of("MFL-E122"), codes(DirectionCheck.directions(HUMAN), HUMAN.select(0, 1, 2, 4, 3, 5)));
        // Counter-clockwise slots: an unsymmetric rig, so that the mirrored order is not the same set.
        CameraRig clockwise = RigCatalog.named("ring:n=5,elev=0,start=270,sense=cw");
        CameraRig counter = RigCatalog.named("ring:n=5,elev=0,start=270,sense=ccw");
        assertTrue(codes(DirectionCheck.directions(clockwise), counter).contains("MFL-E123"));
        assertEquals(List.of("MFL-E114"), codes(DirectionCheck.directions(HUMAN), HUMAN.select(0, 1)));
        // uniform6 in slot order of the human model: up to 60° wrong.
        assertTrue(codes(DirectionCheck.directions(HUMAN), RigCatalog.named("uniform6")).contains("MFL-E122"));
        String table = DirectionCheck.compare("human prompts", DirectionCheck.directions(HUMAN), MOUSE).toString();
        assertTrue(table.contains("slot 3") && table.contains("human prompts"), table);
    }

    private static List<String> codes(List<DirectionCheck.Direction> expected, CameraRig rig) {
        return DirectionCheck.compare("prompts", expected, rig).stream().map(DirectionCheck.Finding::code).toList();
    }
}
