package org.mouselift.pipeline.reconstruct;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.safetensors.SafetensorsEntry;
import org.mouselift.data.safetensors.SafetensorsFile;
import org.mouselift.data.safetensors.SafetensorsWriter;
import org.mouselift.engine.DType;
import org.mouselift.models.gslrm.GsLrm;

class GsLrmWeightsTest {
    private static final String LAYER = "transformer_layers.0.attn.fc.weight";

    @TempDir
    Path folder;

    private WeightsException fails(String code) {
        WeightsException e = assertThrows(WeightsException.class, () -> GsLrmWeights.open(folder));
        assertEquals(code, e.code(), e.getMessage());
        assertTrue(e.getMessage().startsWith(code + ": " + folder), e.getMessage());
        return e;
    }

    /** Writes the stored tensors again with a change. */
    private void rewrite(java.util.function.BiFunction<String, float[], float[]> change) throws IOException {
        SafetensorsWriter writer = new SafetensorsWriter();
        try (SafetensorsFile file = SafetensorsFile.open(folder.resolve(GsLrmWeights.MODEL))) {
            for (SafetensorsEntry e : file.entries().values()) {
                float[] values = change.apply(e.name(), e.floats());
                if (values != null) {
                    writer.add(e.name(), values.length == e.elements() ? e.shape() : new long[] {values.length}, values);
                }
            }
        }
        writer.write(folder.resolve(GsLrmWeights.MODEL));
    }

    @Test
    void savedWeightsComeBackExactlyInF32AndRoundedInF16() throws IOException {
        String yaml = TinyWeights.yaml(3);
        try (GsLrm model = TinyWeights.model(yaml)) {
            for (DType storage : new DType[] {DType.F32, DType.F16}) {
                GsLrmWeights.save(folder, model, yaml, storage, JsonNodeFactory.instance.objectNode().put("seed", 5));
                try (GsLrmWeights read = GsLrmWeights.open(folder)) {
                    assertEquals(3, read.inputViews());
                    assertEquals(32, read.imageSize());
                    assertEquals(5, read.provenance().get("seed").asInt());
                    model.stateDict().forEach((name, p) -> {
                        float[] expected = p.toFloats();
                        if (storage == DType.F16) {
                            for (int i = 0; i < expected.length; i++) {
                                expected[i] = Float.float16ToFloat(Float.floatToFloat16(expected[i]));
                            }
                        }
                        assertArrayEquals(expected, read.model().stateDict().get(name).toFloats(), name);
                    });
                }
            }
        }
    }

    @Test
    void whatIsMissingIsNamedBesideWhatIsThere() throws IOException {
        Path gone = folder.resolve("gone");
        assertTrue(assertThrows(WeightsException.class, () -> GsLrmWeights.open(gone)).getMessage().contains("no such folder"));
        Files.writeString(folder.resolve("notes.txt"), "x");
        assertTrue(fails("MFL-E207").getMessage().contains("has no model.safetensors; it holds notes.txt"));
        TinyWeights.write(folder, 2, DType.F32);
        Files.delete(folder.resolve(GsLrmWeights.CONFIG));
        assertTrue(fails("MFL-E207").getMessage().contains("has no config.yaml"));
    }

    @Test
    void damagedFilesAreRefused() throws IOException {
        TinyWeights.write(folder, 2, DType.F32);
        Path file = folder.resolve(GsLrmWeights.MODEL);
        byte[] all = Files.readAllBytes(file);
        Files.write(file, new byte[0]);
        fails("MFL-E202");
        Files.write(file, java.util.Arrays.copyOf(all, all.length - 7));
        assertTrue(fails("MFL-E202").getMessage().contains("incomplete or damaged"));
        Files.write(file, all);
        Files.writeString(folder.resolve(GsLrmWeights.PROVENANCE), "{\"a\": ");
        fails("MFL-E202");
        Files.writeString(folder.resolve(GsLrmWeights.PROVENANCE), "[1]");
        fails("MFL-E202");
    }

    @Test
    void numbersThatAreNotFiniteAreRefusedByName() throws IOException {
        TinyWeights.write(folder, 2, DType.F32);
        rewrite((name, values) -> {
            if (name.equals(LAYER)) {
                values[3] = Float.NaN;
                values[9] = Float.POSITIVE_INFINITY;
            }
            return values;
        });
        String message = fails("MFL-E202").getMessage();
        assertTrue(message.contains("'" + LAYER + "' has 2 of 1024 numbers that are NaN or infinite, the first at 3"), message);
    }

    @Test
    void tensorsMustFitTheConfiguration() throws IOException {
        TinyWeights.write(folder, 2, DType.F32);
        rewrite((name, values) -> name.equals(LAYER) ? null : values);
        assertTrue(fails("MFL-E203").getMessage().contains(LAYER));
        TinyWeights.write(folder, 2, DType.F32);
        Files.writeString(folder.resolve(GsLrmWeights.CONFIG), TinyWeights.yaml(2).replace("n_layer: 1", "n_layer: 2"));
        assertTrue(fails("MFL-E203").getMessage().contains("n_layer"));
        Path other = folder.resolve("other");
        try (GsLrm model = TinyWeights.model(TinyWeights.yaml(2))) {
            assertThrows(IllegalArgumentException.class,
                    () -> GsLrmWeights.save(other, model, TinyWeights.yaml(2).replace("d: 32", "d: 64"), DType.F16, null));
            assertThrows(IllegalArgumentException.class, () -> GsLrmWeights.save(other, model, TinyWeights.yaml(2), DType.F64, null));
        }
        assertFalse(Files.exists(other));
    }
}
