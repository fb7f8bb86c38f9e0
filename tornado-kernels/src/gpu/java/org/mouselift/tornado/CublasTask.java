package org.mouselift.tornado;

import java.util.Arrays;
import org.mouselift.engine.device.DeviceException;
import org.mouselift.tornado.plan.Gemm;
import uk.ac.manchester.tornado.api.common.Access;
import uk.ac.manchester.tornado.api.common.LibraryTaskDescriptor;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;

/**
 * A product as a library task of TornadoVM. Such a task is a description made of classes of TornadoVM's API, which every SDK has: the
 * names of library and function, the arguments in the function's order, and which of them it writes. The modules that carry it out
 * ({@code tornado-cublas} and its native library) are looked up by that name when the graph runs, so that this class compiles and
 * loads without them.
 *
 * <p>Functions: {@code cublasSgemm} and {@code cublasSgemmStridedBatched} in cuBLAS's default mode, which keeps the precision of f32
 * (TF32 would have to be asked for).
 */
public final class CublasTask {
    public static final String LIBRARY = "nvidia/cublas";
    /** {@code cublasOperation_t}. */
    private static final int AS_IT_IS = 0;
    private static final int TRANSPOSED = 1;

    private CublasTask() {}

    /** The task for a product of whole arrays, at least as long as the product's operands. */
    public static LibraryTaskDescriptor of(Gemm g, FloatArray a, FloatArray b, FloatArray c) {
        int transA = g.transA() ? TRANSPOSED : AS_IT_IS;
        int transB = g.transB() ? TRANSPOSED : AS_IT_IS;
        if (g.batch() == 1) {
            return task("cublasSgemm", 11, g.beta(), transA, transB, g.m(), g.n(), g.k(), g.alpha(), a, g.lda(), b, g.ldb(), g.beta(), c, g.ldc());
        }
        return task("cublasSgemmStridedBatched", 13, g.beta(), transA, transB, g.m(), g.n(), g.k(), g.alpha(), a, g.lda(), g.strideA(), b, g.ldb(), g.strideB(),
                g.beta(), c, g.ldc(), g.strideC(), g.batch());
    }

    /** The task for a product of half floats with sums and result in f32 ({@code cublasGemmEx}); batches are not offered. */
    public static LibraryTaskDescriptor ofHalves(Gemm g, HalfFloatArray a, HalfFloatArray b, FloatArray c) {
        if (g.batch() != 1) {
            throw new DeviceException("gemm " + g + ": TornadoVM offers no batches of half floats");
        }
        return task("cublasGemmExFP16FP32", 11, g.beta(), g.transA() ? TRANSPOSED : AS_IT_IS, g.transB() ? TRANSPOSED : AS_IT_IS, g.m(), g.n(), g.k(), g.alpha(), a,
                g.lda(), b, g.ldb(), g.beta(), c, g.ldc());
    }

    private static LibraryTaskDescriptor task(String function, int written, float beta, Object... arguments) {
        Access[] access = new Access[arguments.length];
        Arrays.fill(access, Access.READ_ONLY);
        access[written] = beta == 0 ? Access.WRITE_ONLY : Access.READ_WRITE;
        return new LibraryTaskDescriptor().withLibrary(LIBRARY).withFunction(function).withParameters(arguments).withAccess(access);
    }
}
