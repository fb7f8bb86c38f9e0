package org.mouselift.models.optim;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.LinkedHashMap;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.mouselift.engine.DType;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Philox;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.cpu.NewtonSchulz;

/** The kernel of small matrices against the same rounds as operations in double. */
class NewtonSchulzTest {
    private static final NewtonSchulz MUON = new NewtonSchulz(3.4445, -4.7750, 2.0315, 5);

    private static Tensor random(long seed, long... dims) {
        Philox random = new Philox(seed, 0);
        long n = 1;
        for (long d : dims) {
            n *= d;
        }
        double[] x = new double[(int) n];
        for (int i = 0; i < x.length; i++) {
            // rows of very different size: a spread of singular values
            x[i] = random.nextGaussian() * Math.pow(0.9, i / (x.length / dims[0]));
        }
        return Tensor.of(x, dims);
    }

    @ParameterizedTest
    @CsvSource({"1,1", "1,9", "7,7", "5,12", "20,6", "12,32", "32,12", "33,31", "32,32", "64,64", "31,64", "64,200", "200,64", "96,64", "37,130", "128,128", "130,40",
            "36,288"})
    void roundsOfTheDefinition(int rows, int columns) {
        try (Scope scope = Scope.open("newton-schulz")) {
            Tensor x = random(rows * 1000L + columns, rows, columns);
            double[] expected = Muon.orthogonal(x, 5).toDoubles();
            Tensor single = Ops.cast(x, DType.F32);
            MUON.apply(single.contiguousSegment(), 0, rows, columns);
            assertArrayEquals(expected, single.toDoubles(), 2e-5);
        }
    }

    @Test
    void fewerRoundsAndOtherCoefficients() {
        try (Scope scope = Scope.open("newton-schulz")) {
            Tensor x = Ops.cast(random(1, 16, 48), DType.F32);
            double norm = Math.sqrt(Ops.sum(Ops.square(x)).item());
            Tensor y = Ops.affine(x, 1 / norm, 0);
            Tensor gram = Ops.matmul(y, Ops.transpose(y, 0, 1));
            Tensor expected = Ops.add(Ops.affine(y, 1.5, 0), Ops.matmul(Ops.affine(gram, -0.5, 0), y));
            new NewtonSchulz(1.5, -0.5, 0, 1).apply(x.contiguousSegment(), 0, 16, 48);
            assertArrayEquals(expected.toDoubles(), x.toDoubles(), 1e-6);
        }
    }

    @Test
    void aZeroMatrixStays() {
        try (Scope scope = Scope.open("newton-schulz")) {
            Tensor x = Tensor.zeros(DType.F32, 8, 24);
            MUON.apply(x.contiguousSegment(), 0, 8, 24);
            assertArrayEquals(new double[8 * 24], x.toDoubles());
            assertThrows(IllegalArgumentException.class, () -> MUON.apply(x.contiguousSegment(), 0, 9, 24));
            assertThrows(IllegalArgumentException.class, () -> MUON.apply(x.contiguousSegment(), 0, 0, 24));
            assertThrows(IllegalArgumentException.class, () -> new NewtonSchulz(1, 1, 1, 0));
            assertTrue(NewtonSchulz.suits(128, 2304));
            assertEquals(false, NewtonSchulz.suits(4096, 4096));
        }
    }

    /** Three updates in float32, which the kernel does, and in double, which operations do. */
    @Test
    void updatesAgreeWithThoseInDouble() {
        try (Scope scope = Scope.open("newton-schulz")) {
            double[][] results = new double[2][];
            for (DType dtype : new DType[] {DType.F64, DType.F32}) {
                Map<String, Tensor> parameters = new LinkedHashMap<>();
                parameters.put("qkv", Ops.copy(Ops.cast(random(2, 96, 40), dtype)).requiresGrad(true));
                parameters.put("kernel", Ops.copy(Ops.cast(random(3, 24, 20, 3, 3), dtype)).requiresGrad(true));
                parameters.put("bias", Ops.copy(Ops.cast(random(4, 7), dtype)).requiresGrad(true));
                try (Muon muon = new Muon(parameters, n -> true, n -> n.equals("qkv") ? 3 : 1, Muon.Options.STANDARD,
                        rest -> new AdamW(rest, new AdamW.Options(0.9, 0.95, 1e-8, 0.1)))) {
                    for (int step = 0; step < 3; step++) {
                        long seed = 10 + step;
                        muon.step(p -> Ops.cast(random(seed + p.rank(), p.shape().dims()), dtype), 0.5, 0.01);
                    }
                    Tensor all = Ops.concat(0, Ops.reshape(parameters.get("qkv"), -1), Ops.reshape(parameters.get("kernel"), -1),
                            Ops.reshape(muon.firstMoments().get("qkv"), -1), Ops.reshape(muon.firstMoments().get("kernel"), -1));
                    results[dtype == DType.F64 ? 0 : 1] = all.toDoubles();
                }
            }
            assertArrayEquals(results[0], results[1], 2e-6);
        }
    }
}
