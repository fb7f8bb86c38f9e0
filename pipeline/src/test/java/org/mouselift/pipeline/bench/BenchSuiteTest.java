package org.mouselift.pipeline.bench;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.pipeline.bench.BenchCase.Op;

class BenchSuiteTest {
    @TempDir
    Path folder;

    private String problem(String json) throws IOException {
        Path file = Files.writeString(folder.resolve("suite.json"), json);
        return assertThrows(BenchSuite.SuiteException.class, () -> BenchSuite.read(file)).getMessage();
    }

    @Test
    void sizesByLetterByShapeAndByDefault() throws IOException {
        Path file = Files.writeString(folder.resolve("suite.json"), """
                [{"op": "conv2d", "N": 2, "C": 3, "H": 9, "W": 8, "O": 5, "kernel": 3, "stride": 2, "pass": "fwd+bwd"},
                 {"op": "gelu", "shape": [7, 11]}, {"op": "copy", "N": 12}, {"op": "fma_peak"}]""");
        List<BenchCase> cases = BenchSuite.read(file);
        assertEquals(BenchCase.of(Op.GELU, Map.of("M", 7L, "N", 11L), false), cases.get(1));
        assertEquals(1, cases.get(2).size("M"));
        // Stride 2 of 9 x 8 with padding 1 gives 5 x 4; three passes of 2 N O Ho Wo C k k.
        assertEquals(3 * 2.0 * 2 * 5 * 5 * 4 * 3 * 9, cases.getFirst().flops());
        assertEquals(4.0 * 12, cases.get(2).bytes());
    }

    @Test
    void transposesAndSecondKeysAreOptional() throws IOException {
        Path file = Files.writeString(folder.resolve("suite.json"), """
                [{"op": "matmul", "M": 2, "N": 3, "K": 4, "transB": true, "dtype": "f32", "name": "my own"},
                 {"op": "matmul", "M": 2, "N": 3, "K": 4, "transA": 0, "transB": 1},
                 {"op": "attention", "B": 2, "heads": 3, "Tq": 5, "Tk": 7, "Tk2": 11, "D": 8, "pass": "fwd+bwd"}]""");
        List<BenchCase> cases = BenchSuite.read(file);
        assertEquals(cases.get(0), cases.get(1));
        assertEquals(3.5 * 4 * 2 * 3 * 5 * 18 * 8, cases.get(2).flops());
    }

    /** Every operation with sizes that are not round, both ways: no case of a stranger's suite ends in an exception. */
    @Test
    void everyOperationRunsAtOddSizes() {
        Map<String, Long> odd = new java.util.HashMap<>(Map.of("M", 5L, "N", 6L, "K", 7L, "B", 3L, "C", 4L, "H", 5L, "W", 7L, "O", 3L, "kernel", 3L));
        odd.putAll(Map.of("heads", 3L, "Tq", 9L, "Tk", 11L, "Tk2", 2L, "D", 10L, "groups", 2L, "views", 2L, "side", 8L, "transA", 1L, "transB", 1L));
        for (Op op : Op.values()) {
            for (boolean backward : op.differentiable() ? new boolean[] {false, true} : new boolean[] {false}) {
                if (op != Op.FMA_PEAK) {
                    Map<String, Long> sizes = new java.util.HashMap<>(odd);
                    sizes.keySet().retainAll(op.letters());
                    BenchCase c = BenchCase.of(op, sizes, backward);
                    assertTrue(c.flops() > 0 || c.bytes() > 0 || c.renders(), c.label());
                    try (BenchRunner.Prepared prepared = BenchRunner.prepare(c)) {
                        prepared.run();
                        prepared.run();
                    }
                }
            }
        }
    }

    @Test
    void everyProblemOfAFileIsNamed() throws IOException {
        String all = problem("""
                [{"op": "matmul", "M": 0, "N": 1, "K": 2}, {"op": "fft"}, {"op": "gelu", "M": 3, "N": 2.5},
                 {"op": "copy", "N": 3, "pass": "fwd+bwd"}, {"op": "linear", "M": 1, "N": 1}, {"op": "linear", "M": 1, "N": 1, "K": 1, "Q": 1},
                 {"op": "matmul", "M": 9999999999, "N": 9999999999, "K": 9}, {"op": "matmul", "M": 100000, "N": 100000, "K": 1},
                 {"op": "group_norm_silu", "N": 1, "C": 33, "H": 1, "W": 1}, {"op": "gelu", "shape": [3]}, {"op": "gelu", "N": 1, "pass": "bwd"}, 7,
                 {"op": "geglu", "N": 3}, {"op": "matmul", "M": 1, "N": 1, "K": 1, "transA": 2}, {"op": "attention", "B": 1, "heads": 1, "Tq": 1, "Tk": 1, "Tk2": -1, "D": 1},
                 {"op": "gelu", "N": 1, "dtype": "f64"}, {"op": "gelu", "N": true}]""");
        for (String part : List.of("case 0: matmul: M = 0", "case 1: \"op\" is \"fft\", expected one of matmul", "case 2: \"N\" is 2.5",
                "case 3: copy has no backward pass", "case 4: linear needs the size K", "case 5: linear has no size Q", "case 6: matmul: sizes",
                "case 7: matmul: sizes {M=100000, N=100000, K=1, B=1, transA=0, transB=0} need 40 GB", "case 8: group_norm_silu: C = 33", "case 9: \"shape\" is [3]",
                "case 10: \"pass\" is \"bwd\"", "case 11: is 7",
                "case 12: geglu: N = 3", "case 13: matmul: transA = 2", "case 14: attention: Tk2 = -1, expected at least 0", "case 15: \"dtype\" is \"f64\"",
                "case 16: \"N\" is true")) {
            assertTrue(all.contains(part), part + " in " + all);
        }
        assertTrue(problem("{}").contains("expected a list"));
        assertTrue(problem("[{").contains("not JSON"));
        assertTrue(problem("[{\"op\": \"copy\", \"N\": 1, \"N\": 2}]").contains("Duplicate"));
    }

    /** The suites of this repository: every operation of the full models, and what small trainings spend their time on. */
    @Test
    void theSuitesOfTheRepositoryAreRead() throws IOException {
        Path suites = Path.of(System.getProperty("mouselift.root"), "benchmarks");
        for (String name : List.of("gslrm-full", "gslrm-full-training", "unet-full", "gslrm-small", "unet-small", "splats", "products", "attention", "pointwise", "targets")) {
            List<BenchCase> cases = BenchSuite.read(suites.resolve(name + ".json"));
            assertEquals(Op.FMA_PEAK, cases.getFirst().op(), name);
            assertEquals(cases.size(), java.util.Set.copyOf(cases).size(), name + " times a case twice");
        }
    }

    @Test
    void theStandardSuiteIsValid() {
        assertEquals(List.of(Op.values()).size(), BenchSuite.standard().stream().map(BenchCase::op).distinct().count());
    }
}
