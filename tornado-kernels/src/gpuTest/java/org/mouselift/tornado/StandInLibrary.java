package org.mouselift.tornado;

import java.lang.foreign.Arena;
import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.SymbolLookup;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import java.lang.reflect.Field;
import java.lang.reflect.Method;
import java.lang.reflect.Proxy;
import java.util.ArrayList;
import java.util.List;
import java.util.Objects;
import org.mouselift.tornado.plan.Gemm;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * cuBLAS where there is none: TornadoVM's runtime is given a provider of library tasks for OpenCL devices that reads the arguments in
 * the order in which NVIDIA documents them and computes on the device's buffers by the definition of the BLAS ({@link Blas}). All that
 * lies between a plan and the native call is TornadoVM's own.
 */
@SuppressWarnings("restricted")
public final class StandInLibrary implements AutoCloseable {
    private static final String SPI = "uk.ac.manchester.tornado.runtime.library.spi.";
    private static final int MEM_CONTEXT = 0x1106;
    private static final int CONTEXT_DEVICES = 0x1081;
    private static final Linker LINKER = Linker.nativeLinker();

    /** A call that arrived. */
    public record Call(String function, Gemm gemm) {}

    public final List<Call> calls = new ArrayList<>();
    private final Field providers;
    private final Object before;
    private final SymbolLookup openCl = SymbolLookup.libraryLookup("libOpenCL.so.1", Arena.global());
    private final FunctionDescriptor info = FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG,
            ValueLayout.ADDRESS, ValueLayout.ADDRESS);
    private final FunctionDescriptor transfer = FunctionDescriptor.of(ValueLayout.JAVA_INT, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.JAVA_INT,
            ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG, ValueLayout.ADDRESS, ValueLayout.JAVA_INT, ValueLayout.ADDRESS, ValueLayout.ADDRESS);
    private long queue;

    public StandInLibrary() throws ReflectiveOperationException {
        providers = Class.forName("uk.ac.manchester.tornado.runtime.library.LibraryRegistry").getDeclaredField("providers");
        providers.setAccessible(true);
        before = providers.get(null);
        Class<?> spi = Class.forName(SPI + "TornadoLibraryProvider");
        Class<?> context = Class.forName(SPI + "LibraryContext");
        Object token = Proxy.newProxyInstance(context.getClassLoader(), new Class<?>[] {context}, (self, method, arguments) -> switch (method.getName()) {
            case "equals" -> self == arguments[0];
            case "hashCode" -> 1;
            default -> "context";
        });
        Object provider = Proxy.newProxyInstance(spi.getClassLoader(), new Class<?>[] {spi}, (self, method, arguments) -> switch (method.getName()) {
            case "libraryName" -> CublasTask.LIBRARY;
            case "canHandle" -> true;
            case "createContext" -> token;
            case "dispatch" -> {
                dispatch((String) arguments[0], arguments[1]);
                yield null;
            }
            default -> null;
        });
        providers.set(null, List.of(provider));
    }

    @Override
    public void close() throws ReflectiveOperationException {
        providers.set(null, before);
    }

    private static Object ask(Object invocation, String method, Object... arguments) throws ReflectiveOperationException {
        for (Method m : invocation.getClass().getMethods()) {
            if (m.getName().equals(method)) {
                return m.invoke(invocation, arguments);
            }
        }
        throw new NoSuchMethodException(method);
    }

    private void dispatch(String function, Object invocation) throws Throwable {
        int count = (int) ask(invocation, "getNumArgs");
        List<Object> x = new ArrayList<>();
        for (int i = 0; i < count; i++) {
            x.add(ask(invocation, "getArg", i));
        }
        boolean batched = switch (function) {
            case "cublasSgemm" -> false;
            case "cublasSgemmStridedBatched" -> true;
            default -> throw new IllegalArgumentException(function);
        };
        // cublasSgemm(transa, transb, m, n, k, alpha, A, lda, B, ldb, beta, C, ldc);
        // cublasSgemmStridedBatched(transa, transb, m, n, k, alpha, A, lda, strideA, B, ldb, strideB, beta, C, ldc, strideC, batchCount).
        int a = 6;
        int b = batched ? 9 : 8;
        int c = batched ? 13 : 11;
        Gemm g = new Gemm((int) x.get(0) == 1, (int) x.get(1) == 1, (int) x.get(2), (int) x.get(3), (int) x.get(4), (float) x.get(5), (int) x.get(a + 1),
                batched ? (long) x.get(a + 2) : 0, (int) x.get(b + 1), batched ? (long) x.get(b + 2) : 0, (float) x.get(c - 1), (int) x.get(c + 1),
                batched ? (long) x.get(c + 2) : 0, batched ? (int) x.get(16) : 1);
        calls.add(new Call(function, g));
        ((TornadoDevice) ask(invocation, "getDevice")).sync((long) ask(invocation, "getExecutionPlanId"));
        float[] left = read(invocation, a, x.get(a));
        float[] right = read(invocation, b, x.get(b));
        float[] product = read(invocation, c, x.get(c));
        Blas.gemm(g, left, 0, right, 0, product, 0);
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment data = arena.allocateFrom(ValueLayout.JAVA_FLOAT, product);
            move("clEnqueueWriteBuffer", buffer(invocation, c), data);
        }
    }

    /** The OpenCL buffer behind a "pointer to the first element". */
    private static long buffer(Object invocation, int argument) throws ReflectiveOperationException {
        return (long) ask(invocation, "getDevicePointer", argument) - TornadoNativeArray.ARRAY_HEADER;
    }

    private float[] read(Object invocation, int argument, Object array) throws Throwable {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment data = arena.allocate(ValueLayout.JAVA_FLOAT, ((FloatArray) array).getSize());
            move("clEnqueueReadBuffer", buffer(invocation, argument), data);
            return data.toArray(ValueLayout.JAVA_FLOAT);
        }
    }

    private void move(String function, long buffer, MemorySegment data) throws Throwable {
        if (queue == 0) {
            queue = queue(buffer);
        }
        require(function, (int) handle(function, transfer).invokeExact(queue, buffer, 1, TornadoNativeArray.ARRAY_HEADER, data.byteSize(), data, 0,
                MemorySegment.NULL, MemorySegment.NULL));
    }

    private MethodHandle handle(String function, FunctionDescriptor type) {
        return LINKER.downcallHandle(openCl.findOrThrow(function), type);
    }

    /** A queue of our own on the device that holds a buffer. */
    private long queue(long buffer) throws Throwable {
        try (Arena arena = Arena.ofConfined()) {
            MemorySegment found = arena.allocate(ValueLayout.JAVA_LONG);
            require("clGetMemObjectInfo", (int) handle("clGetMemObjectInfo", info).invokeExact(buffer, MEM_CONTEXT, 8L, found, MemorySegment.NULL));
            long context = found.get(ValueLayout.JAVA_LONG, 0);
            require("clGetContextInfo", (int) handle("clGetContextInfo", info).invokeExact(context, CONTEXT_DEVICES, 8L, found, MemorySegment.NULL));
            long device = found.get(ValueLayout.JAVA_LONG, 0);
            MemorySegment error = arena.allocate(ValueLayout.JAVA_INT);
            MemorySegment made = (MemorySegment) handle("clCreateCommandQueue", FunctionDescriptor.of(ValueLayout.ADDRESS, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG,
                    ValueLayout.JAVA_LONG, ValueLayout.ADDRESS)).invokeExact(context, device, 0L, error);
            require("clCreateCommandQueue", error.get(ValueLayout.JAVA_INT, 0));
            return Objects.requireNonNull(made).address();
        }
    }

    private static void require(String function, int status) {
        if (status != 0) {
            throw new IllegalStateException(function + ": OpenCL error " + status);
        }
    }
}
