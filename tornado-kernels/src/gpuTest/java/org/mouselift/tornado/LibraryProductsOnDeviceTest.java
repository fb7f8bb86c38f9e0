package org.mouselift.tornado;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.mouselift.tornado.DeviceUnderTest.check;

import java.io.File;
import java.lang.reflect.Method;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.junit.jupiter.api.Assumptions;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.mouselift.engine.DType;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.device.Device;
import org.mouselift.engine.device.DeviceException;
import org.mouselift.engine.device.DeviceOptions;
import org.mouselift.engine.device.DeviceProgram;
import org.mouselift.engine.device.VendorLibrary;
import org.mouselift.engine.op.Linear;
import org.mouselift.engine.trace.Program;
import org.mouselift.tornado.plan.Gemm;
import org.mouselift.tornado.plan.ProductLibrary;
import uk.ac.manchester.tornado.api.common.LibraryTaskDescriptor;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.HalfFloatArray;

/**
 * Products as library tasks of TornadoVM: on CUDA through cuBLAS, on OpenCL through {@link StandInLibrary}, so that everything up to
 * the native call is run.
 */
class LibraryProductsOnDeviceTest {
    private static final ProductLibrary EAGER = new ProductLibrary("cuBLAS", 0);

    private static long[] s(long... dims) {
        return dims;
    }

    /** What a test does with a device all of whose products go to a library. */
    @FunctionalInterface
    private interface Body {
        void on(Device device, StandInLibrary standIn) throws Exception;
    }

    private static void with(Body body) throws Exception {
        try (Device own = DeviceUnderTest.open()) {
            String kind = own.info().kind();
            if (kind.equals("cuda")) {
                Assumptions.assumeTrue(VendorLibraries.usable(kind, VendorLibraries.CUBLAS), "SKIPPED: cuBLAS is not usable: " + VendorLibraries.of(kind));
                try (Device device = new TornadoVmDevice(own.info(), ((TornadoVmDevice) own).device(), DeviceOptions.DEFAULT, EAGER)) {
                    body.on(device, null);
                }
                return;
            }
            Assumptions.assumeTrue(kind.equals("opencl"), "SKIPPED: no library and no stand-in for one on " + kind);
            try (StandInLibrary standIn = new StandInLibrary();
                    Device device = new TornadoVmDevice(own.info(), ((TornadoVmDevice) own).device(), DeviceOptions.DEFAULT, EAGER)) {
                body.on(device, standIn);
            }
        }
    }

    private static void calls(StandInLibrary standIn, String... functions) {
        if (standIn != null) {
            // Every check runs its program twice.
            assertEquals(List.of(functions), standIn.calls.stream().limit(functions.length).map(StandInLibrary.Call::function).toList());
            assertEquals(2 * functions.length, standIn.calls.size());
            standIn.calls.clear();
        }
    }

    @Test
    void productsInEveryLayout() throws Exception {
        with((device, standIn) -> {
            check(device, 1e-5, in -> List.of(Ops.matmul(in.get(0), in.get(1)), Ops.matmul(Ops.transpose(in.get(2), 0, 1), in.get(1)),
                    Ops.matmul(in.get(0), Ops.transpose(in.get(3), 0, 1)), Ops.matmul(Ops.transpose(in.get(2), 0, 1), Ops.transpose(in.get(3), 0, 1))),
                    s(37, 53), s(53, 29), s(53, 37), s(29, 53));
            calls(standIn, "cublasSgemm", "cublasSgemm", "cublasSgemm", "cublasSgemm");
            check(device, 1e-5, in -> List.of(Ops.matmul(in.get(0), in.get(1)), Ops.matmul(in.get(2), in.get(1)),
                    Ops.matmul(Ops.permute(in.get(3), 1, 0, 2), Ops.permute(in.get(4), 1, 2, 0))),
                    s(3, 37, 53), s(3, 53, 29), s(37, 53), s(37, 3, 11), s(29, 3, 11));
            calls(standIn, "cublasSgemmStridedBatched", "cublasSgemmStridedBatched", "cublasSgemmStridedBatched");
        });
    }

    @Test
    void layersBetweenKernelsOfOurs() throws Exception {
        with((device, standIn) -> {
            check(device, 1e-5, in -> {
                var x = Ops.layerNorm(in.get(0), in.get(1), null, 1e-5);
                var h = Ops.linear(x, in.get(2), in.get(3), Linear.Activation.GELU, null);
                var y = Ops.linear(h, in.get(4), in.get(1), Linear.Activation.NONE, in.get(0));
                return List.of(Ops.softmax(y), Ops.linear(Ops.neg(y), in.get(2), null, Linear.Activation.SILU, h));
            }, s(2, 31, 24), s(24), s(70, 24), s(70), s(24, 70));
            calls(standIn, "cublasSgemm", "cublasSgemm", "cublasSgemm");
        });
    }

    @Test
    void plansHoldTheArraysOfTheLibraryAndFreeThem() throws Exception {
        with((device, standIn) -> {
            try (Scope scope = Scope.open("test");
                    Program p = Program.define("p").kernels(device::computes).input("a", TensorSpec.of(DType.F32, 64, 64)).trace(in -> List.of(Ops.matmul(in.getFirst(), in.getFirst())));
                    DeviceProgram program = device.prepare(p)) {
                assertEquals(4 * 5 * 64 * 64, program.deviceBytes());
                assertTrue(program.listing().contains("matmul: cuBLAS NN 64x64x64"), program.listing());
                program.run(List.of(DeviceUnderTest.random(DType.F32, 1, 64, 64)));
                assertTrue(device.allocatedBytes() >= program.deviceBytes());
            }
            assertEquals(0, device.allocatedBytes());
            assertEquals(List.of("cuBLAS"), device.libraries());
        });
    }

    /** A library that is not there is an error that names the way out, not a wrong result. */
    @Test
    void aLibraryThatFailsIsNamed() {
        try (Device own = DeviceUnderTest.open(); Scope scope = Scope.open("test")) {
            Assumptions.assumeTrue(own.info().kind().equals("opencl"), "SKIPPED: needs a device without cuBLAS");
            try (Device device = new TornadoVmDevice(own.info(), ((TornadoVmDevice) own).device(), DeviceOptions.DEFAULT, EAGER);
                    Program p = Program.define("p").kernels(device::computes).input("a", TensorSpec.of(DType.F32, 8, 8)).trace(in -> List.of(Ops.matmul(in.getFirst(), in.getFirst())));
                    DeviceProgram program = device.prepare(p)) {
                String message = assertThrows(DeviceException.class, () -> program.run(List.of(DeviceUnderTest.random(DType.F32, 1, 8, 8)))).getMessage();
                assertTrue(message.contains("cuBLAS NN 8x8x8") && message.contains("--no-vendor-libs"), message);
            }
        }
    }

    /** Our description of a task is what TornadoVM's own factory makes. */
    @Test
    void tasksAreThoseOfTheSdk() throws Exception {
        Assumptions.assumeTrue(ModuleLayer.boot().findModule("tornado.cublas").isPresent(), "SKIPPED: this SDK has no module tornado.cublas");
        Class<?> factory = Class.forName("uk.ac.manchester.tornado.cublas.CuBlas");
        FloatArray a = new FloatArray(1000);
        FloatArray b = new FloatArray(1000);
        FloatArray c = new FloatArray(1000);
        for (float beta : new float[] {0, 3}) {
            compare(CublasTask.of(new Gemm(true, false, 5, 7, 11, 2, 12, 0, 13, 0, beta, 6, 0, 1), a, b, c), call(factory, "cublasSgemm", 1, 0, 5, 7, 11, 2f, a, 12, b, 13, beta, c, 6));
            compare(CublasTask.of(new Gemm(false, true, 5, 7, 11, 2, 12, 140, 13, 150, beta, 6, 42, 3), a, b, c),
                    call(factory, "cublasSgemmStridedBatched", 0, 1, 5, 7, 11, 2f, a, 12, 140L, b, 13, 150L, beta, c, 6, 42L, 3));
        }
    }

    @Test
    void tasksOfTheTableOfSpeedsAreThoseOfTheSdk() throws Exception {
        Assumptions.assumeTrue(ModuleLayer.boot().findModule("tornado.cublas").isPresent() && ModuleLayer.boot().findModule("tornado.cudnn").isPresent(),
                "SKIPPED: this SDK lacks the module tornado.cublas or tornado.cudnn");
        FloatArray x = new FloatArray(1000);
        FloatArray y = new FloatArray(1000);
        FloatArray z = new FloatArray(1000);
        HalfFloatArray q = new HalfFloatArray(100);
        HalfFloatArray k = new HalfFloatArray(100);
        HalfFloatArray v = new HalfFloatArray(100);
        HalfFloatArray o = new HalfFloatArray(100);
        compare(CublasTask.ofHalves(new Gemm(true, false, 5, 7, 11, 2, 12, 0, 13, 0, 0, 6, 0, 1), q, k, z),
                call(Class.forName("uk.ac.manchester.tornado.cublas.CuBlas"), "cublasGemmExFP16FP32", 1, 0, 5, 7, 11, 2f, q, 12, k, 13, 0f, z, 6));
        Class<?> cudnn = Class.forName("uk.ac.manchester.tornado.cudnn.CuDnn");
        compare(CudnnTask.convolution(x, y, z, 1, 2, 3, 4, 5, 6, 7, 8, 9), call(cudnn, "cudnnConv2d", x, y, z, 1, 2, 3, 4, 5, 6, 7, 8, 9));
        compare(CudnnTask.attention(q, k, v, o, 1, 2, 3, 4, 8, 0.5f), call(cudnn, "sdpaForward", q, k, v, o, 1, 2, 3, 4, 8, 0.5f, false));
        assertThrows(DeviceException.class, () -> CublasTask.ofHalves(new Gemm(false, false, 5, 7, 11, 1, 5, 55, 11, 77, 0, 5, 35, 3), q, k, z));
    }

    private static LibraryTaskDescriptor call(Class<?> factory, String name, Object... arguments) throws ReflectiveOperationException {
        Method method = Arrays.stream(factory.getMethods()).filter(m -> m.getName().equals(name)).findFirst().orElseThrow();
        return (LibraryTaskDescriptor) method.invoke(null, arguments);
    }

    private static void compare(LibraryTaskDescriptor ours, LibraryTaskDescriptor theirs) {
        assertEquals(theirs.getLibraryName(), ours.getLibraryName());
        assertEquals(theirs.getFunctionName(), ours.getFunctionName());
        assertArrayEquals(theirs.getParameters(), ours.getParameters());
        assertArrayEquals(theirs.getAccess(), ours.getAccess());
    }

    @Test
    void librariesAreLookedForWhereTheyCanBe(@TempDir Path folder) throws Exception {
        assertEquals(List.of(), VendorLibraries.of("opencl"));
        assertEquals(List.of(), VendorLibraries.of("ptx"));
        assertEquals(List.of("cuBLAS", "cuDNN"), VendorLibraries.of("cuda").stream().map(VendorLibrary::name).toList());
        String path = folder.resolve("nowhere") + File.pathSeparator + folder;
        says(VendorLibraries.look("cuBLAS", false, "tornado.cublas", "tornado-cublas", path), false, "no module tornado.cublas");
        says(VendorLibraries.look("cuBLAS", true, "tornado.cublas", "tornado-cublas", path), false, "is not in the SDK");
        Path file = folder.resolve(System.mapLibraryName("tornado-cublas"));
        Files.writeString(file, "not a library");
        says(VendorLibraries.look("cuBLAS", true, "tornado.cublas", "tornado-cublas", path), false, "does not load");
        Assumptions.assumeTrue(System.getProperty("os.name").toLowerCase(Locale.ROOT).contains("linux"), "SKIPPED: needs a library of the JDK by its Linux name");
        Files.delete(file);
        Files.copy(Path.of(System.getProperty("java.home"), "lib", "libjsig.so"), file);
        says(VendorLibraries.look("cuBLAS", true, "tornado.cublas", "tornado-cublas", path), true, file.toString());
    }

    private static void says(VendorLibrary library, boolean usable, String about) {
        assertEquals(usable, library.usable(), library.toString());
        assertTrue(library.about().contains(about), library.about());
    }

    @Test
    void devicesWithoutLibrariesUseNone() {
        try (Device device = DeviceUnderTest.open()) {
            Assumptions.assumeFalse(device.info().kind().equals("cuda"), "SKIPPED: needs a device that offers no library");
            assertEquals(List.of(), device.libraries());
            try (Scope scope = Scope.open("test");
                    Program p = Program.define("p").kernels(device::computes).input("a", TensorSpec.of(DType.F32, 1024, 1024)).trace(in -> List.of(Ops.matmul(in.getFirst(), in.getFirst())));
                    DeviceProgram program = device.prepare(p)) {
                assertFalse(program.listing().contains("cuBLAS"), program.listing());
            }
        }
    }
}
