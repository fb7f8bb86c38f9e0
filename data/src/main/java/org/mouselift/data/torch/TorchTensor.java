package org.mouselift.data.torch;

import java.lang.foreign.Arena;
import java.lang.foreign.MemorySegment;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import org.mouselift.data.pickle.PickleReader;
import org.mouselift.data.safetensors.SafetensorsEntry;
import org.mouselift.data.safetensors.StoredType;

/**
 * One tensor of a PyTorch file: a view of a storage with a shape, strides and an offset (all in elements). Nothing is
 * copied until {@link #entry} is asked for, and then only where the view is not contiguous.
 */
public final class TorchTensor {
    /** A view may repeat its elements (stride 0). Beyond this many bytes such a view is not written out. */
    public static final long MAX_EXPANDED_BYTES = 64L << 20;
    private static final int MAX_RANK = 64;

    private final Path file;
    private final String name;
    private final TorchStorage storage;
    private final long offset;
    private final long[] shape;
    private final long[] strides;
    private final long elements;

    private TorchTensor(Path file, String name, TorchStorage storage, long offset, long[] shape, long[] strides, long elements) {
        this.file = file;
        this.name = name;
        this.storage = storage;
        this.offset = offset;
        this.shape = shape;
        this.strides = strides;
        this.elements = elements;
    }

    /**
     * {@code torch._utils._rebuild_tensor_v2(storage, offset, size, stride, requires_grad, hooks)} and its earlier form without the
     * last two.
     *
     * @param function its name, for messages
     * @param count of its arguments; one more is metadata
     * @throws IllegalArgumentException if the view leaves its storage or its size overflows
     */
    static TorchTensor rebuild(Path file, String function, int count, List<?> a) {
        if (a.size() < count || a.size() > (count == 4 ? 4 : count + 1) || !(a.get(0) instanceof TorchStorage storage) || !(a.get(1) instanceof Long offset)) {
            throw new IllegalArgumentException(function + " takes (storage, offset, size, stride" + (count == 4 ? "" : ", requires_grad, hooks") + "), got "
                    + (a.isEmpty() ? "nothing" : a.size() + " values beginning with " + PickleReader.type(a.get(0))));
        }
        long[] shape = longs(a.get(2), function + ": size");
        long[] strides = longs(a.get(3), function + ": stride");
        String words = "tensor of size " + Arrays.toString(shape) + ", stride " + Arrays.toString(strides) + ", offset " + offset;
        if (shape.length != strides.length) {
            throw new IllegalArgumentException(words + ": size and stride differ in length");
        }
        if (offset < 0 || offset > storage.count()) {
            throw new IllegalArgumentException(words + ": the offset lies outside storage '" + storage.key() + "' of " + storage.count() + " elements");
        }
        long elements = 1;
        try {
            long last = offset;
            boolean empty = false;
            for (int d = 0; d < shape.length; d++) {
                empty |= shape[d] == 0;
            }
            for (int d = 0; d < shape.length && !empty; d++) {
                elements = Math.multiplyExact(elements, shape[d]);
                last = Math.addExact(last, Math.multiplyExact(shape[d] - 1, strides[d]));
            }
            elements = empty ? 0 : elements;
            Math.multiplyExact(elements, (long) storage.type().bytes());
            if (!empty && last >= storage.count()) {
                throw new IllegalArgumentException(words + ": reaches element " + last + " of storage '" + storage.key() + "', which has "
                        + storage.count());
            }
        } catch (ArithmeticException e) {
            throw new IllegalArgumentException(words + ": overflows 64 bits", e);
        }
        return new TorchTensor(file, "", storage, offset, shape, strides, elements);
    }

    private static long[] longs(Object value, String what) {
        if (!(value instanceof List<?> list) || list.size() > MAX_RANK) {
            throw new IllegalArgumentException(what + " is " + PickleReader.type(value) + ", expected at most " + MAX_RANK
                    + " integers");
        }
        long[] out = new long[list.size()];
        for (int i = 0; i < out.length; i++) {
            if (!(list.get(i) instanceof Long n) || n < 0) {
                throw new IllegalArgumentException(what + "[" + i + "] is "
                        + (list.get(i) instanceof Long n ? n : PickleReader.type(list.get(i))) + ", expected an integer of at least 0");
            }
            out[i] = n;
        }
        return out;
    }

    TorchTensor named(String newName) {
        return new TorchTensor(file, newName, storage, offset, shape, strides, elements);
    }

    /** Its path in the file's dictionaries, {@code model.patch_embedder.1.weight}. */
    public String name() {
        return name;
    }

    public StoredType type() {
        return storage.type();
    }

    public long[] shape() {
        return shape.clone();
    }

    /** Distance of neighbours along each axis, in elements of the storage. */
    public long[] strides() {
        return strides.clone();
    }

    /** Index of the first element in the storage. */
    public long offset() {
        return offset;
    }

    /** Name of the storage; tensors with the same key share their bytes. */
    public String storageKey() {
        return storage.key();
    }

    /** Number of elements (1 for rank 0). */
    public long elements() {
        return elements;
    }

    /** True if the elements lie in the file as they are needed: row-major without gaps. */
    public boolean isContiguous() {
        long expected = 1;
        for (int d = shape.length - 1; d >= 0 && elements > 0; d--) {
            if (shape[d] != 1 && strides[d] != expected) {
                return false;
            }
            expected *= shape[d];
        }
        return true;
    }

    /**
     * The tensor as contiguous little-endian bytes: a view of the mapped file where it lies so, else a copy.
     *
     * @throws IllegalArgumentException if it repeats its elements to more than {@value #MAX_EXPANDED_BYTES} bytes
     */
    public SafetensorsEntry entry() {
        int width = storage.type().bytes();
        if (isContiguous()) {
            return new SafetensorsEntry(file, name, storage.type(), shape(), storage.bytes().asSlice(elements == 0 ? 0 : offset * width, elements * width));
        }
        if (elements > storage.count() && elements * width > MAX_EXPANDED_BYTES) {
            throw new IllegalArgumentException(file + ": tensor '" + name + "' repeats the " + storage.count() + " elements of its storage to "
                    + elements + " (" + storage.type() + Arrays.toString(shape) + ", strides " + Arrays.toString(strides)
                    + "); it is not written out beyond " + MAX_EXPANDED_BYTES + " bytes");
        }
        MemorySegment copy = Arena.ofAuto().allocate(elements * width, 64);
        gather(copy);
        return new SafetensorsEntry(file, name, storage.type(), shape(), copy.asReadOnly());
    }

    /** Row by row: the last axis is a run of equally spaced elements. */
    private void gather(MemorySegment copy) {
        int width = storage.type().bytes();
        int last = shape.length - 1; // a non-contiguous tensor has an axis and elements
        long[] index = new long[shape.length];
        long from = offset;
        for (long to = 0; to < elements; to += shape[last]) {
            if (strides[last] == 1) {
                MemorySegment.copy(storage.bytes(), from * width, copy, to * width, shape[last] * width);
            } else {
                for (long i = 0; i < shape[last]; i++) {
                    MemorySegment.copy(storage.bytes(), (from + i * strides[last]) * width, copy, (to + i) * width, width);
                }
            }
            for (int d = last - 1; d >= 0; d--) {
                from += strides[d];
                if (++index[d] < shape[d]) {
                    break;
                }
                from -= shape[d] * strides[d];
                index[d] = 0;
            }
        }
    }

    /** {@code F32[2,3]}. */
    public String describe() {
        return storage.type() + Arrays.toString(shape).replace(" ", "");
    }
}
