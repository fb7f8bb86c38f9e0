package org.mouselift.engine;

import java.util.Map;
import java.util.Optional;
import java.util.ServiceLoader;
import java.util.concurrent.ConcurrentHashMap;

/** The table of CPU kernels by operation class and element type. */
public final class Kernels {
    private record Key(Class<? extends Operation> operation, DType dtype) {}

    private static final Kernels TABLE = new Kernels();

    static {
        for (KernelProvider provider : ServiceLoader.load(KernelProvider.class, Kernels.class.getClassLoader())) {
            provider.register(TABLE);
        }
    }

    private final Map<Key, Kernel<? extends Operation>> table = new ConcurrentHashMap<>();

    private Kernels() {}

    /** Adds a kernel; a second one for the same key is a programming error. */
    public <O extends Operation> Kernels add(Class<O> operation, DType dtype, Kernel<O> kernel) {
        if (table.putIfAbsent(new Key(operation, dtype), kernel) != null) {
            throw new IllegalStateException("two kernels for " + operation.getSimpleName() + " " + dtype.label());
        }
        return this;
    }

    /** Adds one kernel for several element types. */
    public <O extends Operation> Kernels add(Class<O> operation, Kernel<O> kernel, DType... dtypes) {
        for (DType d : dtypes) {
            add(operation, d, kernel);
        }
        return this;
    }

    @SuppressWarnings("unchecked")
    static Optional<Kernel<Operation>> find(Operation operation, DType dtype) {
        return Optional.ofNullable((Kernel<Operation>) TABLE.table.get(new Key(operation.getClass(), dtype)));
    }

    /** True if the CPU has a kernel of its own for an operation on this element type. */
    public static boolean has(Class<? extends Operation> operation, DType dtype) {
        return TABLE.table.containsKey(new Key(operation, dtype));
    }
}
