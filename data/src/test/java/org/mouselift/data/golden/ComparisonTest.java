package org.mouselift.data.golden;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.data.safetensors.SafetensorsWriter;

class ComparisonTest {
    private static Comparison compare(Tolerance tolerance, double[] actual, double... expected) {
        return Comparison.of("t", new long[] {expected.length}, actual, expected, tolerance);
    }

    @Test
    void boundIsAbsolutePlusRelative() {
        Tolerance tolerance = new Tolerance(0.5, 0.25);
        assertTrue(compare(tolerance, new double[] {11.5}, 8).pass() == false);
        Comparison atBound = compare(tolerance, new double[] {10.5}, 8);
        assertTrue(atBound.pass());
        assertEquals(1, atBound.ratio());
        assertEquals(2.5, atBound.worstError());
        assertFalse(compare(tolerance, new double[] {Math.nextUp(10.5)}, 8).pass());
    }

    @Test
    void exactMeansExact() {
        assertTrue(compare(Tolerance.EXACT, new double[] {1, Double.NaN, Double.POSITIVE_INFINITY}, 1, Double.NaN, Double.POSITIVE_INFINITY).pass());
        assertFalse(compare(Tolerance.EXACT, new double[] {Math.nextUp(1)}, 1).pass());
        assertEquals(Double.POSITIVE_INFINITY, compare(Tolerance.EXACT, new double[] {Math.nextUp(1)}, 1).ratio());
    }

    @Test
    void nonFiniteValuesNeverPassForFiniteOnes() {
        for (Tolerance tolerance : List.of(new Tolerance(1e9, 1), new Tolerance(1, 0, 1, 0.9, 1e9))) {
            assertFalse(compare(tolerance, new double[] {Double.NaN}, 0).pass());
            assertFalse(compare(tolerance, new double[] {Double.POSITIVE_INFINITY}, 0).pass());
            assertFalse(compare(tolerance, new double[] {0}, Double.NaN).pass());
            assertFalse(compare(tolerance, new double[] {0}, Double.POSITIVE_INFINITY).pass());
            assertFalse(compare(tolerance, new double[] {Double.NEGATIVE_INFINITY}, Double.POSITIVE_INFINITY).pass());
        }
    }

    @Test
    void outliersAreCountedAndBounded() {
        Tolerance tolerance = new Tolerance(1, 0, Double.POSITIVE_INFINITY, 0.25, 10);
        assertTrue(compare(tolerance, new double[] {9, 0, 0, 0}, 0, 0, 0, 0).pass());
        assertFalse(compare(tolerance, new double[] {11, 0, 0, 0}, 0, 0, 0, 0).pass());
        assertFalse(compare(tolerance, new double[] {9, 2, 0, 0}, 0, 0, 0, 0).pass());
        assertFalse(compare(tolerance, new double[] {9, 0, 0}, 0, 0, 0).pass());
    }

    @Test
    void meanIsBounded() {
        Tolerance tolerance = new Tolerance(1, 0, 0.5, 0, 0);
        assertTrue(compare(tolerance, new double[] {1, 0}, 0, 0).pass());
        assertFalse(compare(tolerance, new double[] {1, 0.1}, 0, 0).pass());
    }

    @Test
    void lengthsMustAgree() {
        assertFalse(compare(new Tolerance(1e9, 0), new double[] {0}, 0, 0).pass());
    }

    @Test
    void caseReadsIndexPrefersFloat64AndKeepsTrackOfTheUnchecked(@TempDir Path folder) throws IOException {
        new SafetensorsWriter().add("x", new long[] {1}, new float[] {3})
                .add("y", new long[] {1}, new float[] {1}).add("y.f64", new long[] {1}, new double[] {1.25})
                .add("z.f64", new long[] {2}, new double[] {1, 2}).add("n", new long[] {1}, new long[] {1L << 60})
                .write(folder.resolve("c.safetensors"));
        Files.writeString(folder.resolve("index.json"), """
                {"folder": "f", "files": {"c.safetensors": {"kind": "case", "tensors": {
                  "x": {"role": "input", "shape": [1], "dtype": "F32"},
                  "y": {"role": "expected", "shape": [1], "dtype": "F32", "atol": 0.5},
                  "y.f64": {"role": "expected_f64", "shape": [1], "of": "y"},
                  "z.f64": {"role": "expected", "shape": [3], "atol": 0.5},
                  "n": {"role": "expected", "shape": [1], "atol": 0, "dtype": "I64"},
                  "contrast": {"role": "expected", "shape": [1]}}}}}
                """);
        GoldenFolder golden = GoldenFolder.open(folder);
        assertEquals("f", golden.name());
        try (GoldenCase c = golden.open("c.safetensors")) {
            assertEquals(List.of("x"), c.inputs());
            assertEquals(List.of("y", "z.f64", "n"), c.expected());
            assertTrue(c.compare("y", 1.75).pass());
            assertFalse(c.compare("y", 0.7).pass());
            assertTrue(assertThrows(GoldenException.class, () -> c.compare("z.f64", new double[2])).getMessage().contains("declares [3]"));
            assertThrows(GoldenException.class, () -> c.compare("contrast", 1));
            assertFalse(c.compare("n", new long[] {(1L << 60) + 1}).pass());
            assertTrue(c.compare("n", new long[] {1L << 60}).pass());
            assertFalse(c.compare("n", (double) (1L << 60)).pass());
        }
        try (GoldenCase c = golden.open("c.safetensors")) {
            c.compare("y", 1.25);
            assertEquals(List.of("z.f64", "n"), c.unchecked());
        }
        assertThrows(GoldenException.class, () -> golden.resolve("../secret"));
    }
}
