package org.mouselift.tornado;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.regex.Pattern;
import org.mouselift.engine.device.Device;
import org.mouselift.engine.device.DeviceException;
import org.mouselift.engine.device.DeviceInfo;
import org.mouselift.engine.device.DeviceOptions;
import org.mouselift.engine.device.DevicePrecision;
import org.mouselift.engine.device.DeviceRuntime;
import org.mouselift.engine.device.VendorLibrary;
import org.mouselift.tornado.plan.ProductLibrary;
import uk.ac.manchester.tornado.api.TornadoBackend;
import uk.ac.manchester.tornado.api.TornadoRuntime;
import uk.ac.manchester.tornado.api.common.TornadoDevice;
import uk.ac.manchester.tornado.api.enums.TornadoDeviceType;
import uk.ac.manchester.tornado.api.runtime.TornadoRuntimeProvider;

/** Devices through TornadoVM; needs a JVM that was started with the flags of its SDK and {@code conf/device.options}. */
public final class TornadoVm implements DeviceRuntime {
    private static final String BAILOUT = "tornado.recover.bailout";
    private static final String REMEDY = ". Start through ./mouselift with TORNADOVM_HOME set, which passes the flags; mouselift doctor says more";

    private static final Pattern NOTHING_FOUND = Pattern.compile("[Nn]o (OpenCL |CUDA |PTX )?(platforms?|devices?|drivers?) (were )?(found|available)");

    /** The library works, but there is no device for it. */
    private static final class NoDevicesException extends RuntimeException {
        private static final long serialVersionUID = 1L;

        NoDevicesException(String message, Throwable cause) {
            super(message, cause);
        }
    }

    @Override
    public String name() {
        return "TornadoVM";
    }

    @Override
    public List<DeviceInfo> devices() {
        List<DeviceInfo> out = new ArrayList<>();
        TornadoRuntime runtime;
        try {
            runtime = runtime();
        } catch (NoDevicesException none) {
            return List.of();
        }
        for (int b = 0; b < runtime.getNumBackends(); b++) {
            TornadoBackend backend = runtime.getBackend(b);
            for (int i = 0; i < backend.getNumDevices(); i++) {
                TornadoDevice d = backend.getDevice(i);
                TornadoDeviceType type = d.getDeviceType();
                out.add(new DeviceInfo(runtime.getBackendType(b).name().toLowerCase(Locale.ROOT), i, d.getPhysicalDevice().getDeviceName().strip(),
                        d.getMaxGlobalMemory(), type == TornadoDeviceType.GPU));
            }
        }
        return out;
    }

    @Override
    public Device open(DeviceInfo info, DeviceOptions options) {
        TornadoRuntime runtime = runtime();
        for (int b = 0; b < runtime.getNumBackends(); b++) {
            if (runtime.getBackendType(b).name().equalsIgnoreCase(info.kind()) && info.index() < runtime.getBackend(b).getNumDevices()) {
                boolean products = options.vendorLibraries() && options.precision() == DevicePrecision.FP32 && VendorLibraries.usable(info.kind(), VendorLibraries.CUBLAS);
                return new TornadoVmDevice(info, runtime.getBackend(b).getDevice(info.index()), options, products ? ProductLibrary.CUBLAS : null);
            }
        }
        throw new DeviceException("device " + info + " is not there any more");
    }

    @Override
    public List<VendorLibrary> libraries(DeviceInfo device) {
        return VendorLibraries.of(device.kind());
    }

    private static TornadoRuntime runtime() {
        // Anything but False lets TornadoVM run kernels as sequential Java when they do not compile.
        if (!"false".equalsIgnoreCase(System.getProperty(BAILOUT))) {
            throw new DeviceException("TornadoVM would hide kernels that do not compile: -D" + BAILOUT + "=False is missing" + REMEDY);
        }
        try {
            return TornadoRuntimeProvider.getTornadoRuntime();
        } catch (RuntimeException | LinkageError e) {
            Throwable cause = e;
            while (cause.getCause() != null) {
                cause = cause.getCause();
            }
            String message = String.valueOf(cause.getMessage()).replaceAll("\u001B\\[[0-9;]*m", "");
            // TornadoVM refuses to start where it finds nothing to run on.
            if (NOTHING_FOUND.matcher(message).find()) {
                throw new NoDevicesException(message, e);
            }
            throw new DeviceException("TornadoVM does not start: " + cause.getClass().getSimpleName() + ": " + message + REMEDY, e);
        }
    }
}
