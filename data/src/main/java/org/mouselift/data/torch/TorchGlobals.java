package org.mouselift.data.torch;

import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.mouselift.data.pickle.NumpyGlobals;
import org.mouselift.data.pickle.OrderedDict;
import org.mouselift.data.pickle.PickleGlobal;
import org.mouselift.data.pickle.PickleReader;
import org.mouselift.data.safetensors.StoredType;

/**
 * The globals that a checkpoint of tensors and plain data uses (GS-LRM specification §1.14), in the spelling of every version of
 * the original framework, with NumPy arrays and scalars beside them (states of random generators); nothing else is allowed.
 */
final class TorchGlobals {
    /** Tensors that are no plain arrays, and what to do instead. */
    private static final Map<String, String> OTHER_TENSORS = Map.of(
            "_rebuild_qtensor", "quantised tensors are not read; save tensor.dequantize()",
            "_rebuild_sparse_tensor", "sparse tensors are not read; save tensor.to_dense()",
            "_rebuild_nested_tensor", "nested tensors are not read; save their parts, or torch.nested.to_padded_tensor",
            "_rebuild_meta_tensor_no_storage", "a meta tensor has no elements; save the network after its weights were loaded",
            "_rebuild_wrapper_subclass", "tensors of other classes are not read; save plain tensors");

    private TorchGlobals() {}

    /** A storage class; it names an element type and cannot be called. */
    record StorageClass(String name, StoredType type) implements PickleGlobal {
        @Override
        public Object call(List<?> arguments) {
            throw new IllegalArgumentException("torch." + name + " cannot be called in data files");
        }
    }

    /** Something that stands for itself: an element type ({@code torch.float16}), a class of tensors or of Python's values. */
    record Name(String name) implements PickleGlobal {
        @Override
        public Object call(List<?> arguments) {
            throw new IllegalArgumentException(name + " cannot be called in data files");
        }

        @Override
        public String toString() {
            return name;
        }
    }

    /** @param budget how many pairs, elements and bytes may be copied altogether: the size of the pickle */
    static Map<String, PickleGlobal> of(Path file, long budget) {
        Map<String, PickleGlobal> all = new LinkedHashMap<>(NumpyGlobals.all(budget));
        all.put("collections OrderedDict", OrderedDict.global(budget));
        all.put("torch._utils _rebuild_tensor", arguments -> TorchTensor.rebuild(file, "_rebuild_tensor", 4, arguments));
        all.put("torch._utils _rebuild_tensor_v2", arguments -> TorchTensor.rebuild(file, "_rebuild_tensor_v2", 6, arguments));
        all.put("torch._utils _rebuild_tensor_v3", arguments -> typed(file, arguments));
        all.put("torch._utils _rebuild_parameter", arguments -> parameter("_rebuild_parameter", 3, arguments));
        all.put("torch._utils _rebuild_parameter_with_state", arguments -> parameter("_rebuild_parameter_with_state", 4, arguments));
        all.put("torch._tensor _rebuild_from_type_v2", new FromType());
        OTHER_TENSORS.forEach((name, why) -> all.put("torch._utils " + name, arguments -> {
            throw new IllegalArgumentException(name + ": " + why);
        }));
        TorchStorage.classes().forEach((name, type) -> all.put("torch " + name, new StorageClass(name, type)));
        for (String spelling : List.of("torch UntypedStorage", "torch.storage UntypedStorage")) {
            all.put(spelling, new StorageClass("UntypedStorage", StoredType.U8));
        }
        for (String name : List.of("float64", "float32", "float16", "bfloat16", "int64", "int32", "int16", "int8", "uint8", "uint16", "uint32", "uint64", "bool", "complex64",
                "complex128", "float8_e4m3fn", "float8_e5m2", "float8_e4m3fnuz", "float8_e5m2fnuz", "float8_e8m0fnu", "Tensor")) {
            all.put("torch " + name, new Name("torch." + name));
        }
        all.put("torch.nn.parameter Parameter", new Name("torch.nn.parameter.Parameter"));
        all.put("torch Size", arguments -> Collections.unmodifiableList(list("torch.Size", arguments)));
        all.put("torch device", arguments -> device(arguments));
        plain(all, budget);
        return all;
    }

    /** Python's own containers, as both versions of Python name their module. */
    private static void plain(Map<String, PickleGlobal> all, long budget) {
        long[] left = {budget};
        for (String module : List.of("builtins", "__builtin__")) {
            for (String name : List.of("set", "frozenset")) {
                all.put(module + " " + name, arguments -> {
                    List<?> elements = arguments.isEmpty() ? List.of() : list(name, arguments);
                    left[0] -= elements.size();
                    if (left[0] < 0) {
                        throw new IllegalArgumentException(name + " copies more than " + budget + " elements; the pickle repeats a list");
                    }
                    return new ArrayList<Object>(elements);
                });
            }
            all.put(module + " bytearray", arguments -> bytes(arguments));
            for (String name : List.of("dict", "list", "int", "float")) {
                all.put(module + " " + name, new Name(name));
            }
        }
        all.put("collections defaultdict", arguments -> {
            if (arguments.size() > 1 || arguments.size() == 1 && arguments.getFirst() != null && !(arguments.getFirst() instanceof PickleGlobal)) {
                throw new IllegalArgumentException("defaultdict takes nothing or a class, got " + arguments.size() + " values");
            }
            return new LinkedHashMap<Object, Object>();
        });
    }

    /** {@code bytearray(bytes)}, or nothing, or text with its encoding; the bytes themselves. */
    private static byte[] bytes(List<?> arguments) {
        if (arguments.isEmpty()) {
            return new byte[0];
        }
        if (arguments.getFirst() instanceof byte[] bytes && arguments.size() == 1) {
            return bytes;
        }
        throw new IllegalArgumentException("bytearray takes bytes, got " + PickleReader.type(arguments.getFirst()));
    }

    private static Object parameter(String name, int count, List<?> arguments) {
        if (arguments.size() != count || !(arguments.get(0) instanceof TorchTensor tensor)) {
            throw new IllegalArgumentException(name + " takes (tensor, requires_grad, hooks" + (count == 4 ? ", state" : "") + "), got "
                    + (arguments.isEmpty() ? "nothing" : arguments.size() + " values beginning with " + PickleReader.type(arguments.get(0))));
        }
        return tensor;
    }

    /** {@code _rebuild_tensor_v3(storage, offset, size, stride, requires_grad, hooks, dtype[, metadata])}: a storage of bytes, and the type beside it. */
    private static Object typed(Path file, List<?> a) {
        if (a.size() < 7 || a.size() > 8 || !(a.get(0) instanceof TorchStorage storage) || !(a.get(6) instanceof Name dtype)) {
            throw new IllegalArgumentException("_rebuild_tensor_v3 takes (storage, offset, size, stride, requires_grad, hooks, dtype), got "
                    + (a.isEmpty() ? "nothing" : a.size() + " values beginning with " + PickleReader.type(a.get(0))));
        }
        StoredType type = type(dtype.name()).orElseThrow(() -> new IllegalArgumentException("tensors of " + dtype.name() + " are not read; save them as another type"));
        List<Object> plain = new ArrayList<>(a.subList(0, 6));
        plain.set(0, storage.as(type));
        return TorchTensor.rebuild(file, "_rebuild_tensor_v3", 6, plain);
    }

    private static Optional<StoredType> type(String name) {
        return Optional.ofNullable(switch (name) {
            case "torch.float64" -> StoredType.F64;
            case "torch.float32" -> StoredType.F32;
            case "torch.float16" -> StoredType.F16;
            case "torch.bfloat16" -> StoredType.BF16;
            case "torch.int64" -> StoredType.I64;
            case "torch.int32" -> StoredType.I32;
            case "torch.int16" -> StoredType.I16;
            case "torch.int8" -> StoredType.I8;
            case "torch.uint8" -> StoredType.U8;
            case "torch.uint16" -> StoredType.U16;
            case "torch.uint32" -> StoredType.U32;
            case "torch.uint64" -> StoredType.U64;
            case "torch.bool" -> StoredType.BOOL;
            default -> null;
        });
    }

    /** {@code _rebuild_from_type_v2(function, class, arguments, state)}: a tensor with attributes, which are dropped. */
    private record FromType() implements PickleGlobal {
        @Override
        public Object call(List<?> a) {
            // A function that is this one would nest as deep as a file likes.
            if (a.size() != 4 || !(a.get(0) instanceof PickleGlobal function) || function instanceof FromType || !(a.get(1) instanceof Name)
                    || !(a.get(2) instanceof List<?> arguments)) {
                throw new IllegalArgumentException("_rebuild_from_type_v2 takes (function, class, arguments, state), got "
                        + (a.isEmpty() ? "nothing" : a.size() + " values beginning with " + PickleReader.type(a.get(0))));
            }
            if (function.call(arguments) instanceof TorchTensor tensor) {
                return tensor;
            }
            throw new IllegalArgumentException("_rebuild_from_type_v2 makes something else than a tensor");
        }
    }

    private static String device(List<?> arguments) {
        if (arguments.isEmpty() || arguments.size() > 2 || !(arguments.getFirst() instanceof String kind) || arguments.size() == 2 && !(arguments.get(1) instanceof Long)) {
            throw new IllegalArgumentException("torch.device takes a name and a number");
        }
        return arguments.size() == 2 ? kind + ":" + arguments.get(1) : kind;
    }

    private static List<?> list(String name, List<?> arguments) {
        if (arguments.size() != 1 || !(arguments.getFirst() instanceof List<?> elements)) {
            throw new IllegalArgumentException(name + " takes one list, got " + (arguments.isEmpty() ? "nothing" : arguments.size() + " values beginning with "
                    + PickleReader.type(arguments.getFirst())));
        }
        return elements;
    }

    /** The fields of a persistent id: {@code ('storage', class, key, location, count[, view])}. */
    record StorageId(String key, StoredType type, long count, Object view) {
        /**
         * The location ({@code cpu}, {@code cuda:0}) is where the tensor once lived; it means nothing here.
         *
         * @throws IllegalArgumentException if the id is something else, or larger than {@code available} bytes
         */
        static StorageId of(Object id, long available) {
            if (!(id instanceof List<?> fields) || fields.size() < 5 || fields.size() > 6 || !"storage".equals(fields.get(0))
                    || !(fields.get(1) instanceof StorageClass storage) || !(fields.get(2) instanceof String key)
                    || !(fields.get(4) instanceof Long count)) {
                throw new IllegalArgumentException("a persistent id is " + PickleReader.type(id) + ", expected ('storage', class, key, location, count)");
            }
            if (count < 0 || count > available / storage.type().bytes()) {
                throw new IllegalArgumentException("storage '" + key + "' declares " + count + " elements of " + storage.type() + ", the file has "
                        + available + " bytes");
            }
            return new StorageId(key, storage.type(), count, fields.size() == 6 ? fields.get(5) : null);
        }
    }
}
