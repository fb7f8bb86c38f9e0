package org.mouselift.data.torch;

import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.mouselift.data.pickle.OrderedDict;
import org.mouselift.data.pickle.PickleGlobal;
import org.mouselift.data.pickle.PickleReader;
import org.mouselift.data.safetensors.StoredType;

/** The globals that a checkpoint of tensors and plain data uses (GS-LRM specification §1.14); nothing else is allowed. */
final class TorchGlobals {
    private TorchGlobals() {}

    /** A storage class; it names an element type and cannot be called. */
    record StorageClass(String name, StoredType type) implements PickleGlobal {
        @Override
        public Object call(List<?> arguments) {
            throw new IllegalArgumentException("torch." + name + " cannot be called in data files");
        }
    }

    /** @param budget how many pairs the dictionaries may copy altogether: the size of the pickle */
    static Map<String, PickleGlobal> of(Path file, long budget) {
        Map<String, PickleGlobal> all = new LinkedHashMap<>();
        all.put("collections OrderedDict", OrderedDict.global(budget));
        all.put("torch._utils _rebuild_tensor_v2", arguments -> TorchTensor.rebuild(file, arguments));
        all.put("torch._utils _rebuild_parameter", arguments -> {
            if (arguments.size() != 3 || !(arguments.get(0) instanceof TorchTensor tensor)) {
                throw new IllegalArgumentException("_rebuild_parameter takes (tensor, requires_grad, hooks), got "
                        + (arguments.isEmpty() ? "nothing" : arguments.size() + " values beginning with " + PickleReader.type(arguments.get(0))));
            }
            return tensor;
        });
        TorchStorage.classes().forEach((name, type) -> all.put("torch " + name, new StorageClass(name, type)));
        return all;
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
