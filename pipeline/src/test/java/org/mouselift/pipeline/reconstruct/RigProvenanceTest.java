package org.mouselift.pipeline.reconstruct;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.mouselift.data.camera.Camera;
import org.mouselift.data.camera.Intrinsics;
import org.mouselift.data.camera.RigCatalog;
import org.mouselift.data.camera.Rings;

class RigProvenanceTest {
    private static final Path FILE = Path.of("w", "provenance.json");

    private static List<Camera> ring(double elevation, double distance, double fov) {
        return Rings.turntable(4, elevation, 64).cameras().stream()
                .map(c -> Camera.orbit(Intrinsics.fromFov(fov, 64, 64), new org.mouselift.data.camera.SphericalPosition(distance, elevation, c.position().azimuth())))
                .toList();
    }

    private static boolean fits(RigProvenance rig, List<Camera> cameras) {
        return rig.mismatch("w", "s", cameras).isEmpty();
    }

    /** The limits of mouse specification §5.6: elevation 8°, distance 15 %, field of view 10 %, each on both sides of the trained range. */
    @Test
    void limitsOfTheSpecification() {
        RigProvenance rig = RigProvenance.of(List.of(ring(10, 2.7, 50), ring(20, 3, 40)));
        assertEquals(15, rig.elevation().mean(), 1e-9);
        assertTrue(fits(rig, ring(15, 2.8, 45)));
        assertTrue(fits(rig, ring(2.01, 2.7, 50)) && !fits(rig, ring(1.99, 2.7, 50)));
        assertTrue(fits(rig, ring(27.99, 2.7, 50)) && !fits(rig, ring(28.01, 2.7, 50)));
        assertTrue(fits(rig, ring(15, 2.7 * 0.851, 50)) && !fits(rig, ring(15, 2.7 * 0.849, 50)));
        assertTrue(fits(rig, ring(15, 3 * 1.149, 50)) && !fits(rig, ring(15, 3 * 1.151, 50)));
        assertTrue(fits(rig, ring(15, 2.7, 40 * 0.901)) && !fits(rig, ring(15, 2.7, 40 * 0.899)));
        assertTrue(fits(rig, ring(15, 2.7, 50 * 1.099)) && !fits(rig, ring(15, 2.7, 50 * 1.101)));
        String message = rig.mismatch("w", "the photos", ring(35, 2.7, 50)).orElseThrow();
        assertEquals("MFL-E125: w was trained with cameras at elevation 10.00 to 20.00°, distance 2.70 to 3.00, field of view 40.00 to 50.00°; the photos has "
                + "elevation 35.00°, distance 2.70, field of view 50.00°", message);
    }

    @Test
    void mouseCamerasDoNotFitAHumanModel() {
        RigProvenance human = RigProvenance.of(List.of(RigCatalog.human6().cameras()));
        assertTrue(fits(human, RigCatalog.human6().cameras()));
        assertTrue(human.mismatch("w", "mouse6", RigCatalog.named("mouse6").cameras()).orElse("").contains("elevation 19.1"));
    }

    /** The trap of K-16: six cameras every 60° are not the rig of the human model, whatever camera comes first. */
    @Test
    void directionsCountWhereTheTrainingHadAFixedRig() {
        List<Camera> human6 = RigCatalog.human6().cameras();
        RigProvenance human = RigProvenance.of(List.of(human6, human6));
        List<Camera> turned = new java.util.ArrayList<>(human6);
        java.util.Collections.rotate(turned, 2);
        assertTrue(fits(human, turned));
        String message = human.mismatch("w", "uniform6", Rings.turntable(6, 0, 64).cameras()).orElse("");
        assertTrue(message.startsWith("MFL-E125") && message.contains("[0°, 60°, 120°, 180°, 240°, 300°], up to 30° off"), message);
        // Different rigs in the training: directions say nothing.
        assertTrue(fits(RigProvenance.of(List.of(human6, Rings.turntable(6, 0, 64).cameras())), Rings.turntable(6, 0, 64).cameras()));
    }

    @Test
    void whatIsWrittenIsReadAndDamageIsNamed() throws IOException {
        RigProvenance rig = RigProvenance.of(List.of(ring(10, 2.7, 50), ring(20, 3, 40)));
        ObjectNode node = JsonNodeFactory.instance.objectNode().put("seed", 3);
        rig.into(node);
        ObjectMapper mapper = new ObjectMapper();
        assertEquals(Optional.of(rig), RigProvenance.of((ObjectNode) mapper.readTree(node.toString()), FILE));
        assertEquals(Optional.empty(), RigProvenance.of(JsonNodeFactory.instance.objectNode(), FILE));
        for (String[] damage : new String[][] {{"\"samples\":2", "\"samples\":\"2\"", "rig/samples"}, {"\"least\":10.", "\"least\":90.", "rig/elevation"},
                {"\"fov\"", "\"fob\"", "rig/fov/least"}}) {
            String text = node.toString().replaceFirst(java.util.regex.Pattern.quote(damage[0]), damage[1]);
            String message = assertThrows(WeightsException.class, () -> RigProvenance.of((ObjectNode) mapper.readTree(text), FILE), text).getMessage();
            assertTrue(message.contains("MFL-E202") && message.contains("provenance.json") && message.contains(damage[2]), message);
        }
    }
}
