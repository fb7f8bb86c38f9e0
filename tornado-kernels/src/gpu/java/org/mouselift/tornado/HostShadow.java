package org.mouselift.tornado;

import java.lang.foreign.FunctionDescriptor;
import java.lang.foreign.Linker;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.lang.invoke.MethodHandle;
import org.mouselift.engine.device.DeviceException;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;
import uk.ac.manchester.tornado.api.types.arrays.TornadoNativeArray;

/**
 * Host memory behind a device array that is never copied as a whole: TornadoVM wants an array of the same size on the host. The C
 * library's zeroed memory takes up no pages until somebody writes to them, while Java's own would be cleared page by page.
 */
@SuppressWarnings("restricted")
final class HostShadow implements AutoCloseable {
    private static final Linker LINKER = Linker.nativeLinker();
    private static final MethodHandle CALLOC = LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow("calloc"),
            FunctionDescriptor.of(ValueLayout.ADDRESS, ValueLayout.JAVA_LONG, ValueLayout.JAVA_LONG));
    private static final MethodHandle FREE = LINKER.downcallHandle(LINKER.defaultLookup().findOrThrow("free"), FunctionDescriptor.ofVoid(ValueLayout.ADDRESS));

    private final MemorySegment memory;

    /** Room for so many elements of four bytes and TornadoVM's header. */
    HostShadow(long elements) {
        long bytes = Math.addExact(Math.multiplyExact(4, Math.max(1, elements)), TornadoNativeArray.ARRAY_HEADER);
        try {
            MemorySegment raw = (MemorySegment) CALLOC.invokeExact(1L, bytes);
            if (raw.address() == 0) {
                throw new DeviceException("the host has no room for the " + bytes + " bytes that stand for the device's memory");
            }
            memory = raw.reinterpret(bytes);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new DeviceException("calloc failed: " + e, e);
        }
    }

    FloatArray floats() {
        return FloatArray.fromSegmentShallow(memory);
    }

    IntArray ints() {
        return IntArray.fromSegmentShallow(memory);
    }

    @Override
    public void close() {
        try {
            FREE.invokeExact(memory);
        } catch (RuntimeException | Error e) {
            throw e;
        } catch (Throwable e) {
            throw new DeviceException("free failed: " + e, e);
        }
    }
}
