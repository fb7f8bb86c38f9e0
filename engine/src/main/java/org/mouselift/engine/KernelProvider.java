package org.mouselift.engine;

/** Contributes CPU kernels; found by {@link java.util.ServiceLoader}. */
public interface KernelProvider {
    void register(Kernels kernels);
}
