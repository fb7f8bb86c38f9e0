package org.mouselift.engine;

import java.lang.foreign.MemorySegment;
import java.util.Arrays;
import java.util.Objects;
import java.util.function.Consumer;

/**
 * A dense strided tensor. Contents are mutable memory owned by a {@link Scope}; shape, strides and offset never change.
 * While a {@code Program} is traced, tensors are symbolic: they have a spec but no memory.
 *
 * <p>Operations are in {@link Ops}; this class only describes and gives access to memory.
 */
public final class Tensor {
    private final TensorSpec spec;
    private final long[] strides;
    private final long offset;
    private final Storage storage;
    private final Overwritable symbol;
    private boolean requiresGrad;
    private String name;

    private Tensor(TensorSpec spec, long[] strides, long offset, Storage storage, Overwritable symbol) {
        this.spec = spec;
        this.strides = settled(spec.shape(), strides);
        this.offset = offset;
        this.storage = storage;
        this.symbol = symbol;
    }

    // ---- making tensors ------------------------------------------------------------------------------------------

    /** Contiguous tensor of the current scope with unspecified contents. */
    public static Tensor empty(DType dtype, long... dims) {
        return empty(TensorSpec.of(dtype, dims), "empty");
    }

    /** Contiguous tensor of the current scope with unspecified contents; {@code origin} names the maker in reports. */
    public static Tensor empty(TensorSpec spec, String origin) {
        Scope scope = Scope.current();
        String path = ModulePath.current();
        Storage storage = MemoryPool.acquire(spec.bytes(), path.isEmpty() ? origin : origin + " in " + path);
        scope.adopt(storage);
        return new Tensor(spec, spec.shape().contiguousStrides(), 0, storage, null);
    }

    public static Tensor zeros(DType dtype, long... dims) {
        return empty(dtype, dims).fillZero();
    }

    /** Copies a row-major array into a new f32 tensor. */
    public static Tensor of(float[] values, long... dims) {
        Tensor t = empty(DType.F32, dims);
        checkLength(values.length, t);
        MemorySegment.copy(values, 0, t.segment(), DType.LE_F32, 0, values.length);
        return t;
    }

    /** Copies a row-major array into a new f64 tensor. */
    public static Tensor of(double[] values, long... dims) {
        Tensor t = empty(DType.F64, dims);
        checkLength(values.length, t);
        MemorySegment.copy(values, 0, t.segment(), DType.LE_F64, 0, values.length);
        return t;
    }

    /** Copies a row-major array into a new i64 tensor. */
    public static Tensor of(long[] values, long... dims) {
        Tensor t = empty(DType.I64, dims);
        checkLength(values.length, t);
        MemorySegment.copy(values, 0, t.segment(), DType.LE_I64, 0, values.length);
        return t;
    }

    /** Copies a row-major array into a new bool tensor. */
    public static Tensor of(boolean[] values, long... dims) {
        Tensor t = empty(DType.BOOL, dims);
        checkLength(values.length, t);
        for (int i = 0; i < values.length; i++) {
            t.segment().set(java.lang.foreign.ValueLayout.JAVA_BYTE, i, (byte) (values[i] ? 1 : 0));
        }
        return t;
    }

    /** A scalar (rank 0) of the given float type. */
    public static Tensor scalar(DType dtype, double value) {
        Tensor t = empty(dtype);
        Elements.set(t, 0, value);
        return t;
    }

    /** A tensor over memory that somebody else owns (a mapped file); it is not freed by any scope. */
    public static Tensor wrap(MemorySegment memory, DType dtype, long... dims) {
        TensorSpec spec = TensorSpec.of(dtype, dims);
        if (memory.byteSize() < spec.bytes()) {
            throw new EngineException("wrap: " + spec + " needs " + spec.bytes() + " bytes, the memory has " + memory.byteSize());
        }
        return new Tensor(spec, spec.shape().contiguousStrides(), 0, new Storage(memory, "wrap", false), null);
    }

    /** A symbolic tensor, as used while tracing. For executors. */
    public static Tensor symbolic(TensorSpec spec, long[] strides, long offset, Overwritable symbol) {
        return new Tensor(spec, strides, offset, null, Objects.requireNonNull(symbol));
    }

    private static void checkLength(int length, Tensor t) {
        if (length != t.numel()) {
            throw new EngineException("array of " + length + " values for " + t.spec);
        }
    }

    // ---- description ---------------------------------------------------------------------------------------------

    public TensorSpec spec() {
        return spec;
    }

    public DType dtype() {
        return spec.dtype();
    }

    public Shape shape() {
        return spec.shape();
    }

    public int rank() {
        return spec.shape().rank();
    }

    /** Size of an axis; negative axes count from the end. */
    public long dim(int axis) {
        return spec.shape().dim(axis);
    }

    public long numel() {
        return spec.numel();
    }

    /** Step of an axis in elements; negative axes count from the end. */
    public long stride(int axis) {
        return strides[spec.shape().axis(axis)];
    }

    public long[] strides() {
        return strides.clone();
    }

    /**
     * An axis of length one has no step of its own: it gets the one at which it merges with the axes behind it, so that kernels
     * that join axes or read a row's step never meet a leftover of a permutation.
     */
    private static long[] settled(Shape shape, long[] strides) {
        long[] out = strides;
        for (int i = strides.length - 1; i >= 0; i--) {
            if (shape.dim(i) == 1) {
                long step = i == strides.length - 1 ? 1 : out[i + 1] * shape.dim(i + 1);
                if (out[i] != step) {
                    out = out == strides ? strides.clone() : out;
                    out[i] = step;
                }
            }
        }
        return out;
    }

    /** First element, in elements from the start of {@link #segment()}. */
    public long offset() {
        return offset;
    }

    /** True if the elements lie in row-major order without gaps. */
    public boolean isContiguous() {
        long step = 1;
        for (int i = strides.length - 1; i >= 0; i--) {
            long d = spec.shape().dim(i);
            if (d != 1 && strides[i] != step) {
                return spec.numel() == 0;
            }
            step *= d;
        }
        return true;
    }

    public boolean isSymbolic() {
        return symbol != null;
    }

    /** The traced value this symbolic tensor stands for; null for a tensor with memory. For executors. */
    public Object symbol() {
        return symbol;
    }

    /** True if both look at the same block of memory (or, while tracing, at the same traced value). */
    public boolean sharesMemory(Tensor other) {
        return symbol != null ? symbol == other.symbol : storage == other.storage;
    }

    /** Identity of the block of memory under this tensor, shared by all its views; null while symbolic. For executors. */
    public Object memoryKey() {
        return storage;
    }

    private Overwritable memory() {
        return symbol != null ? symbol : storage;
    }

    /** Says that the contents change in place, so that a tape that still needs the old ones refuses. For executors. */
    public void noteWrite() {
        memory().noteWrite();
    }

    /**
     * Says that the newest contents of the whole block of memory are on a device. The first access to the memory, through whichever
     * view, has them written into it. For executors.
     *
     * @param fetch writes the contents into the block it is given
     */
    public void contentsElsewhere(Consumer<MemorySegment> fetch) {
        storage.elsewhere(fetch);
    }

    /** Gets contents that are elsewhere, if there are any and the memory still exists. For executors. */
    public void bringBack() {
        if (storage != null) {
            storage.bringBack();
        }
    }

    /** In-place writes to the memory so far; tells whether a copy is still current. */
    public int writes() {
        return memory().writes();
    }

    /** Who made the memory, for messages. */
    public String origin() {
        return storage == null ? "a trace" : storage.origin();
    }

    /** True if this scope will free the memory. */
    public boolean ownedBy(Scope scope) {
        return storage != null && storage.owner() == scope;
    }

    /** The whole block of memory under this tensor. Element {@code i} of the block is at byte {@code i * dtype.bytes()}. */
    public MemorySegment segment() {
        if (storage == null) {
            throw new EngineException("the contents of " + this + " are not known while a program is traced: "
                    + "pass data-dependent values as inputs, or read them after Program.run" + ModulePath.suffix());
        }
        return storage.segment();
    }

    /** The memory of exactly this tensor's elements; it must be contiguous. */
    public MemorySegment contiguousSegment() {
        if (!isContiguous()) {
            throw new EngineException(this + " is not contiguous: use Ops.contiguous first");
        }
        return segment().asSlice(offset * dtype().bytes(), spec.bytes());
    }

    /** A tensor on the same memory with another shape, strides (elements) and offset (elements). */
    public Tensor view(TensorSpec viewSpec, long[] viewStrides, long viewOffset) {
        Tensor t = new Tensor(viewSpec, viewStrides.clone(), viewOffset, storage, symbol);
        t.name = name;
        return t;
    }

    /** True for leaves (parameters) whose gradient is wanted. */
    public boolean requiresGrad() {
        return requiresGrad;
    }

    public Tensor requiresGrad(boolean wanted) {
        if (wanted && dtype() != DType.F32 && dtype() != DType.F64) {
            throw new EngineException("requiresGrad: gradients exist for f32 and f64, not " + spec);
        }
        requiresGrad = wanted;
        return this;
    }

    /** Label in error messages and program listings; null if none was given. */
    public String name() {
        return name;
    }

    public Tensor named(String label) {
        name = label;
        return this;
    }

    // ---- memory --------------------------------------------------------------------------------------------------

    /** Hands the memory to another scope, which will free it. */
    public Tensor moveTo(Scope scope) {
        if (storage != null && storage.pooled()) {
            segment();
            scope.adopt(storage);
        }
        return this;
    }

    /** Frees the memory now instead of at the end of the scope. All views of it become unusable. */
    public void free() {
        if (storage != null && !storage.closed()) {
            Scope owner = storage.owner();
            if (owner != null) {
                owner.forget(storage);
            }
            storage.close();
        }
    }

    /** Sets all bytes of a contiguous tensor to zero. */
    public Tensor fillZero() {
        contiguousSegment().fill((byte) 0);
        return this;
    }

    /** Value of a tensor with one element. */
    public double item() {
        if (numel() != 1) {
            throw new EngineException("item: " + spec + " has " + numel() + " elements, not one");
        }
        return Elements.get(this, offset);
    }

    /** Row-major copy as float (numeric types; bool gives 0 and 1). */
    public float[] toFloats() {
        float[] out = new float[Math.toIntExact(numel())];
        if (dtype() == DType.F32 && isContiguous()) {
            MemorySegment.copy(segment(), DType.LE_F32, offset * 4, out, 0, out.length);
        } else {
            Elements.forEach(this, (i, at) -> out[(int) i] = (float) Elements.get(this, at));
        }
        return out;
    }

    /** Row-major copy as double (numeric types; bool gives 0 and 1). */
    public double[] toDoubles() {
        double[] out = new double[Math.toIntExact(numel())];
        Elements.forEach(this, (i, at) -> out[(int) i] = Elements.get(this, at));
        return out;
    }

    /** Row-major copy as long; float types are refused. */
    public long[] toLongs() {
        if (dtype().isFloat()) {
            throw new EngineException("toLongs: " + spec + " is not an integer tensor");
        }
        long[] out = new long[Math.toIntExact(numel())];
        Elements.forEach(this, (i, at) -> out[(int) i] = Elements.getLong(this, at));
        return out;
    }

    @Override
    public String toString() {
        return (name == null ? "" : name + " ") + spec
                + (isContiguous() ? "" : " strides " + Arrays.toString(strides));
    }
}
