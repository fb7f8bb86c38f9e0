package org.mouselift.tornado.bench;

import java.util.ArrayList;
import java.util.List;
import java.util.function.Supplier;
import org.mouselift.tornado.CublasTask;
import org.mouselift.tornado.CudnnTask;
import org.mouselift.tornado.VendorLibraries;
import org.mouselift.tornado.plan.Gemm;
import uk.ac.manchester.tornado.api.TaskGraph;
import uk.ac.manchester.tornado.api.TornadoExecutionPlan;
import uk.ac.manchester.tornado.api.common.LibraryTaskDescriptor;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.enums.DataTransferMode;
import uk.ac.manchester.tornado.api.exceptions.TornadoExecutionPlanException;
import uk.ac.manchester.tornado.api.types.HalfFloat;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * The vendor's libraries at the sizes of the table, on arrays of their own without copies: what our kernels are measured against.
 * Half floats are read and, by cuDNN, written; the libraries sum in f32.
 */
final class LibraryYardsticks {
    static final int REPEATS = 8;
    static final int ROUNDS = 5;

    /** A library's time for a case. */
    record Yardstick(String library, double seconds) {}

    private LibraryYardsticks() {}

    /** What the libraries that are usable on a kind of device take for a case of the table at a scale; none for most. */
    static List<Yardstick> of(TornadoDevice device, String kind, String name, int scale) {
        boolean blas = VendorLibraries.usable(kind, VendorLibraries.CUBLAS);
        boolean dnn = VendorLibraries.usable(kind, VendorLibraries.CUDNN);
        int tokens = 24576 / (scale * scale);
        int d = 1024 / scale;
        int heads = Math.max(1, d / 64);
        int channels = Math.max(32, 320 / scale / 32 * 32);
        return switch (name) {
            case "matmul 4096" -> blas ? products(device, plain(4096 / scale, 4096 / scale, 4096 / scale, false)) : List.of();
            case "linear qkv" -> blas ? products(device, plain(tokens, 3 * d, d, true)) : List.of();
            case "linear gelu" -> blas ? products(device, plain(tokens, 4 * d, d, true)) : List.of();
            case "attention gslrm" -> dnn ? List.of(new Yardstick("cuDNN fp16", attention(device, heads, tokens))) : List.of();
            case "conv2d 3x3" -> dnn ? List.of(new Yardstick("cuDNN (TF32 permitted)", convolution(device, channels))) : List.of();
            default -> List.of();
        };
    }

    /** C [m,n] = A [m,k] B [k,n] row-major, B perhaps as the transpose [n,k]. */
    static Gemm plain(int m, int n, int k, boolean transposed) {
        return new Gemm(transposed, false, n, m, k, 1, transposed ? k : n, 0, k, 0, 0, n, 0, 1);
    }

    private static List<Yardstick> products(TornadoDevice device, Gemm g) {
        return List.of(new Yardstick("cuBLAS fp32", singles(device, g)), new Yardstick("cuBLAS fp16", halves(device, g)));
    }

    static double singles(TornadoDevice device, Gemm g) {
        FloatArray a = floats(g.elementsA());
        FloatArray b = floats(g.elementsB());
        FloatArray c = new FloatArray(Math.toIntExact(g.elementsC()));
        return seconds(device, List.of(a, b), c, () -> CublasTask.of(g, a, b, c));
    }

    private static double halves(TornadoDevice device, Gemm g) {
        HalfFloatArray a = halfFloats(g.elementsA());
        HalfFloatArray b = halfFloats(g.elementsB());
        FloatArray c = new FloatArray(Math.toIntExact(g.elementsC()));
        return seconds(device, List.of(a, b), c, () -> CublasTask.ofHalves(g, a, b, c));
    }

    private static double attention(TornadoDevice device, int heads, int tokens) {
        long n = 64L * heads * tokens;
        HalfFloatArray q = halfFloats(n);
        HalfFloatArray k = halfFloats(n);
        HalfFloatArray v = halfFloats(n);
        HalfFloatArray o = new HalfFloatArray(Math.toIntExact(n));
        return seconds(device, List.of(q, k, v), o, () -> CudnnTask.attention(q, k, v, o, 1, heads, tokens, tokens, 64, 0.125f));
    }

    private static double convolution(TornadoDevice device, int channels) {
        FloatArray x = floats(12L * channels * 32 * 32);
        FloatArray w = floats(9L * channels * channels);
        FloatArray y = new FloatArray(12 * channels * 32 * 32);
        return seconds(device, List.of(x, w), y, () -> CudnnTask.convolution(x, w, y, 12, channels, 32, 32, channels, 3, 3, 1, 1));
    }

    /** The time of a task: between a graph of several and a graph of one, so that the start of a graph cancels. */
    static double seconds(TornadoDevice device, List<? extends TornadoNativeArray> in, TornadoNativeArray out, Supplier<LibraryTaskDescriptor> task) {
        return (best(device, in, out, task, 1 + REPEATS) - best(device, in, out, task, 1)) / REPEATS;
    }

    private static double best(TornadoDevice device, List<? extends TornadoNativeArray> in, TornadoNativeArray out, Supplier<LibraryTaskDescriptor> task, int times) {
        TaskGraph graph = new TaskGraph("yardstick").transferToDevice(DataTransferMode.FIRST_EXECUTION, in.toArray());
        for (int i = 0; i < times; i++) {
            graph.libraryTask("t" + i, any -> task.get(), i);
        }
        try (TornadoExecutionPlan plan = new TornadoExecutionPlan(graph.persistOnDevice(out).snapshot())) {
            plan.withDevice(device);
            double best = Double.MAX_VALUE;
            for (int i = 0; i <= ROUNDS; i++) {
                long start = System.nanoTime();
                plan.execute();
                if (i > 0) {
                    best = Math.min(best, (System.nanoTime() - start) * 1e-9);
                }
            }
            plan.freeDeviceMemory();
            return best;
        } catch (TornadoExecutionPlanException e) {
            throw new IllegalStateException("measuring a library failed: " + e.getMessage(), e);
        }
    }

    /** Numbers between -0.1 and 0.1: cards compute zeros faster. */
    private static float number(int i) {
        return (i % 2001 * 31 % 2001 - 1000) * 1e-4f;
    }

    private static FloatArray floats(long n) {
        FloatArray out = new FloatArray(Math.toIntExact(n));
        for (int i = 0; i < n; i++) {
            out.set(i, number(i));
        }
        return out;
    }

    private static HalfFloatArray halfFloats(long n) {
        List<HalfFloat> numbers = new ArrayList<>();
        for (int i = 0; i < 2001; i++) {
            numbers.add(new HalfFloat(number(i)));
        }
        HalfFloatArray out = new HalfFloatArray(Math.toIntExact(n));
        for (int i = 0; i < n; i++) {
            out.set(i, numbers.get(i % numbers.size()));
        }
        return out;
    }
}
