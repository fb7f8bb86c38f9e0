package org.mouselift.pipeline.reconstruct;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Map;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.mouselift.data.safetensors.SafetensorsFile;
import org.mouselift.engine.Tensor;

/** Files of the original's layout become a reconstructor, whatever their container and wrapper. */
class OriginalCheckpointTest {
    private static final Path MODEL = Path.of(System.getProperty("mouselift.shared", "missing"), "golden", "gslrm", "model");

    @TempDir Path folder;

    @BeforeEach
    void goldens() {
        Assumptions.assumeTrue(Files.isDirectory(MODEL), () -> "SKIPPED: no golden files at " + MODEL);
    }

    @ParameterizedTest
    @ValueSource(strings = {"bare_state_dict", "bare_legacy", "module_prefix_state_dict_key", "model_state_dict_key", "parameters_not_tensors",
        "with_loss_networks", "other_root_name"})
    void everyWrapperAndContainerGivesTheSameModel(String name) throws IOException {
        try (GsLrmWeights weights = GsLrmWeights.open(MODEL.resolve("pt/" + name + ".pt"), MODEL.resolve("pt/nano_config.json"));
                SafetensorsFile expected = SafetensorsFile.open(MODEL.resolve("pt/nano_expected.safetensors"))) {
            Map<String, Tensor> state = weights.model().stateDict();
            assertEquals(expected.entries().keySet(), state.keySet());
            for (Map.Entry<String, Tensor> e : state.entrySet()) {
                assertArrayEquals(expected.get(e.getKey()).floats(), e.getValue().toFloats(), e.getKey());
            }
        }
    }

    @Test
    void theConfigurationIsNeverGuessed() throws IOException {
        Path copy = Files.copy(MODEL.resolve("pt/bare_state_dict.pt"), folder.resolve("ckpt_0000000000000001.pt"));
        WeightsException none = assertThrows(WeightsException.class, () -> GsLrmWeights.open(copy).close());
        assertEquals("MFL-E207", none.code());
        assertTrue(none.getMessage().contains("no config.yaml beside it"), none.getMessage());
        Files.copy(MODEL.resolve("pt/nano_config.json"), folder.resolve("config.yaml"));
        GsLrmWeights.open(copy).close();
        WeightsException other = assertThrows(WeightsException.class, () -> GsLrmWeights.open(copy, MODEL.resolve("ckpt/config.json")).close());
        assertEquals("MFL-E203", other.code());
        assertTrue(other.getMessage().contains("transformer.d is 64, the checkpoint's shapes say 16"), other.getMessage());
    }

    @Test
    void aDamagedFileIsE202() throws IOException {
        byte[] bytes = Files.readAllBytes(MODEL.resolve("pt/bare_state_dict.pt"));
        Path cut = Files.write(folder.resolve("cut.pt"), java.util.Arrays.copyOf(bytes, bytes.length / 2));
        WeightsException e = assertThrows(WeightsException.class, () -> GsLrmWeights.open(cut, MODEL.resolve("pt/nano_config.json")).close());
        assertEquals("MFL-E202", e.code());
        assertTrue(e.getMessage().contains("the file is truncated"), e.getMessage());
    }
}
