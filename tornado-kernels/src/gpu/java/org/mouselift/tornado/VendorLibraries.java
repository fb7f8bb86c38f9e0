package org.mouselift.tornado;

import java.io.File;
import java.lang.foreign.Arena;
import java.lang.foreign.SymbolLookup;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.regex.Pattern;
import org.mouselift.engine.device.VendorLibrary;

/**
 * Which libraries of a card's vendor TornadoVM can call here. A library needs the CUDA backend (the jars of TornadoVM's library
 * modules lie in every SDK and say nothing), TornadoVM's module for it, and the module's native library, which the CUDA SDK brings
 * and which in turn needs the vendor's own.
 */
public final class VendorLibraries {
    public static final String CUBLAS = "cuBLAS";
    public static final String CUDNN = "cuDNN";
    private static final String BACKEND = "cuda";
    private static final List<String[]> KNOWN = List.of(new String[] {CUBLAS, "tornado.cublas", "tornado-cublas"}, new String[] {CUDNN, "tornado.cudnn", "tornado-cudnn"});

    private VendorLibraries() {}

    /** The libraries that the backend of a device could have, usable or with the reason why not; none for backends that offer none. */
    public static List<VendorLibrary> of(String kind) {
        if (!kind.equals(BACKEND)) {
            return List.of();
        }
        return KNOWN.stream().map(k -> look(k[0], ModuleLayer.boot().findModule(k[1]).isPresent(), k[1], k[2], System.getProperty("java.library.path", ""))).toList();
    }

    /** True if a device can use a library. */
    public static boolean usable(String kind, String name) {
        return of(kind).stream().anyMatch(l -> l.name().equals(name) && l.usable());
    }

    @SuppressWarnings("restricted")
    static VendorLibrary look(String name, boolean module, String moduleName, String nativeName, String libraryPath) {
        if (!module) {
            return new VendorLibrary(name, false, "the SDK has no module " + moduleName);
        }
        String file = System.mapLibraryName(nativeName);
        for (String folder : libraryPath.split(Pattern.quote(File.pathSeparator))) {
            Path library = Path.of(folder, file);
            if (!folder.isEmpty() && Files.isRegularFile(library)) {
                try {
                    // Stays loaded: TornadoVM loads it with the first product anyway.
                    SymbolLookup.libraryLookup(library, Arena.global());
                    return new VendorLibrary(name, true, library.toString());
                } catch (IllegalArgumentException e) {
                    return new VendorLibrary(name, false, library + " does not load; is NVIDIA's " + name + " installed?");
                }
            }
        }
        return new VendorLibrary(name, false, file + " is not in the SDK");
    }
}
