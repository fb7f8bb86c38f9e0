package org.mouselift.engine.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.Test;

class NameMismatchTest {
    private static String of(List<String> expected, List<String> given, String... wrong) {
        return NameMismatch.describe(expected, given, List.of(wrong)).orElseThrow();
    }

    @Test
    void equalNamesAreNoProblem() {
        assertEquals(Optional.empty(), NameMismatch.describe(List.of("a", "b"), List.of("b", "a"), List.of()));
    }

    @Test
    void aRenamedTensorIsNamedOnBothSides() {
        assertEquals("1 missing [norm2.weight (nearest in the file: norm_2.weight)]; 1 unexpected [norm_2.weight (nearest in the model: norm2.weight)]",
                of(List.of("norm1.weight", "norm2.weight"), List.of("norm1.weight", "norm_2.weight")));
    }

    @Test
    void withoutACounterpartTheNearestOfAllIsNamed() {
        assertEquals("1 missing [norm2.weight (nearest in the file: norm1.weight)]", of(List.of("norm1.weight", "norm2.weight", "bias"), List.of("norm1.weight", "bias")));
        assertEquals("1 unexpected [norm2.weight (nearest in the model: norm1.weight)]; 1 of wrong shape or type [bias: file f32[2], model f32[3]]",
                of(List.of("norm1.weight", "bias"), List.of("norm1.weight", "norm2.weight", "bias"), "bias: file f32[2], model f32[3]"));
        assertEquals("2 missing [a, b]", of(List.of("a", "b"), List.of()));
    }

    @Test
    void aPrefixOfAllNamesIsSaidOnce() {
        String text = of(List.of("in.weight", "blocks.0.weight", "blocks.1.weight"),
                List.of("module.in.weight", "module.blocks.0.weight", "module.blocks.1.weight"));
        assertTrue(text.startsWith("3 missing [in.weight (nearest in the file: module.in.weight)"), text);
        assertTrue(text.endsWith("; all of these have 'module.' before their name in the file and not in the model"), text);
    }

    @Test
    void countsAreOfAllAndNamesOfTheFirstTwenty() {
        List<String> expected = new ArrayList<>();
        for (int i = 10; i < 40; i++) {
            expected.add("layer." + i);
        }
        String text = of(expected, List.of("other"));
        assertTrue(text.startsWith("30 missing [layer.10 (nearest in the file: other)") && text.contains("layer.29 ") && !text.contains("layer.30"), text);
        assertTrue(text.contains("] …; 1 unexpected [other"), text);
    }
}
