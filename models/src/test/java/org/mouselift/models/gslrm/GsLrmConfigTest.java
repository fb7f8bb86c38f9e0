package org.mouselift.models.gslrm;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.mouselift.engine.DType;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Shape;

class GsLrmConfigTest {
    /** GS-LRM specification §8 and §9. */
    @Test
    void parameterCounts() {
        assertEquals(303_565_824L, GsLrmConfig.published().parameterCount());
        assertEquals(151, GsLrmConfig.published().parameterShapes().size());
        assertEquals(193_984, GsLrmConfig.tiny().parameterCount());
        assertEquals(381_184, GsLrmConfig.tiny().withGaussians(2, 3).parameterCount());
        long matrices = GsLrmConfig.published().parameterShapes().values().stream().filter(s -> s.rank() == 2).mapToLong(Shape::numel).sum();
        assertEquals(303_513_600L, matrices);
    }

    @Test
    void computedShapesAreThoseOfTheModel() {
        for (GsLrmConfig config : List.of(GsLrmConfig.tiny(), GsLrmConfig.tiny().withMarker(true).withGaussians(3, 2),
                GsLrmConfig.tiny().withRays(RayEncoding.AUGMENTED, GsLrmConfig.Depth.DEFAULT))) {
            try (GsLrm model = GsLrm.initialised(config, DType.F32, 1)) {
                Map<String, Shape> own = new LinkedHashMap<>();
                model.stateDict().forEach((name, p) -> own.put(name, p.shape()));
                assertEquals(new ArrayList<>(config.parameterShapes().entrySet()), new ArrayList<>(own.entrySet()));
            }
        }
    }

    @Test
    void shapesOfACheckpointTellItsLayout() {
        GsLrmConfig config = GsLrmConfig.tiny().withMarker(true).withGaussians(3, 2).withSize(48, 8, 5);
        assertEquals(new CheckpointLayout(48, 5, 8, 9, 3, 2, true), CheckpointLayout.of(config.parameterShapes(), "x"));
        config.checkAgainst(config.parameterShapes(), "x");
    }

    @Test
    void disagreementNamesEveryKey() {
        GsLrmConfig other = GsLrmConfig.tiny().withMarker(true).withGaussians(3, 2).withSize(48, 8, 5);
        String message = assertThrows(EngineException.class, () -> GsLrmConfig.tiny().checkAgainst(other.parameterShapes(), "model.pt")).getMessage();
        for (String part : List.of("model.pt", "transformer.d is 64", "say 48", "transformer.n_layer is 2", "n_gaussians is 2", "sh_degree is 0",
                "view_type_embeddings")) {
            assertTrue(message.contains(part), message);
        }
        Map<String, Shape> missing = other.parameterShapes();
        missing.remove("pixel_gaussian_decoder.1.weight");
        assertTrue(assertThrows(EngineException.class, () -> CheckpointLayout.of(missing, "f")).getMessage().contains("pixel_gaussian_decoder.1.weight"));
    }

    @Test
    void impossibleValuesAreRefused() {
        assertTrue(assertThrows(EngineException.class, () -> GsLrmConfig.tiny().withSize(64, 24, 2)).getMessage().contains("d_head"));
        assertTrue(assertThrows(EngineException.class, () -> GsLrmConfig.tiny().withGaussians(2, 4)).getMessage().contains("sh_degree"));
    }
}
