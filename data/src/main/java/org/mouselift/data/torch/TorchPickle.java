package org.mouselift.data.torch;

import java.io.ByteArrayOutputStream;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.IdentityHashMap;
import java.util.List;
import java.util.Map;
import org.mouselift.data.pickle.OrderedDict;

/** The pickle (protocol 2) of a checkpoint's object, in the form {@code torch.save} gives it. */
final class TorchPickle {
    private static final int MAX_DEPTH = 64;

    private final ByteArrayOutputStream out = new ByteArrayOutputStream();
    private final IdentityHashMap<TorchValues, Integer> keys = new IdentityHashMap<>();
    private final List<TorchValues> storages = new ArrayList<>();

    private TorchPickle() {}

    /** @param storages the tensors in the order of their keys 0, 1, … */
    record Result(byte[] bytes, List<TorchValues> storages) {}

    /** Tensors given twice share one storage. */
    static Result of(Object root) {
        TorchPickle pickle = new TorchPickle();
        pickle.op(0x80, 2);
        pickle.value(root, 0);
        pickle.op('.');
        return new Result(pickle.out.toByteArray(), pickle.storages);
    }

    private void value(Object value, int depth) {
        if (depth > MAX_DEPTH) {
            throw new IllegalArgumentException("the object is nested deeper than " + MAX_DEPTH);
        }
        switch (value) {
            case null -> op('N');
            case Boolean b -> op(b ? 0x88 : 0x89);
            case Integer i -> integer(i);
            case Long l -> integer(l);
            case Double d -> {
                op('G');
                out.writeBytes(ByteBuffer.allocate(Double.BYTES).putDouble(d).array());
            }
            case String s -> text(s);
            case TorchValues tensor -> tensor(tensor);
            case OrderedDict dict -> {
                global("collections", "OrderedDict");
                op(')', 'R');
                entries(dict, depth);
            }
            case Map<?, ?> map -> {
                op('}');
                entries(map, depth);
            }
            case List<?> list -> {
                op(']', '(');
                list.forEach(v -> value(v, depth + 1));
                op('e');
            }
            case Object[] tuple -> {
                op('(');
                for (Object v : tuple) {
                    value(v, depth + 1);
                }
                op('t');
            }
            default -> throw new IllegalArgumentException("a checkpoint cannot hold a " + value.getClass().getName()
                    + "; it holds plain values, lists, arrays (as tuples), maps and tensors");
        }
    }

    private void entries(Map<?, ?> map, int depth) {
        op('(');
        map.forEach((key, v) -> {
            if (!(key instanceof String || key instanceof Long || key instanceof Integer)) {
                throw new IllegalArgumentException("a key of a checkpoint is a string or an integer, not " + key);
            }
            value(key, depth + 1);
            value(v, depth + 1);
        });
        op('u');
    }

    /** {@code _rebuild_tensor_v2(storage, 0, size, stride, False, OrderedDict())}. */
    private void tensor(TorchValues tensor) {
        Integer key = keys.get(tensor);
        if (key == null) {
            key = storages.size();
            keys.put(tensor, key);
            storages.add(tensor);
        }
        global("torch._utils", "_rebuild_tensor_v2");
        op('(', '(');
        text("storage");
        global("torch", TorchStorage.className(tensor.type()).orElseThrow());
        text(Integer.toString(key));
        text("cpu");
        integer(tensor.elements());
        op('t', 'Q');
        integer(0);
        long[] shape = tensor.shape();
        long[] strides = new long[shape.length];
        long stride = 1;
        for (int d = shape.length - 1; d >= 0; d--) {
            strides[d] = stride;
            stride *= Math.max(1, shape[d]);
        }
        tuple(shape);
        tuple(strides);
        op(0x89);
        global("collections", "OrderedDict");
        op(')', 'R', 't', 'R');
    }

    private void tuple(long[] values) {
        op('(');
        for (long v : values) {
            integer(v);
        }
        op('t');
    }

    private void integer(long value) {
        if (value >= 0 && value < 256) {
            op('K', (int) value);
        } else if (value == (int) value) {
            op('J');
            little((int) value);
        } else {
            op(0x8a, Long.BYTES);
            out.writeBytes(ByteBuffer.allocate(Long.BYTES).order(ByteOrder.LITTLE_ENDIAN).putLong(value).array());
        }
    }

    private void text(String text) {
        byte[] bytes = text.getBytes(StandardCharsets.UTF_8);
        op('X');
        little(bytes.length);
        out.writeBytes(bytes);
    }

    private void global(String module, String name) {
        out.writeBytes(("c" + module + "\n" + name + "\n").getBytes(StandardCharsets.US_ASCII));
    }

    private void little(int value) {
        out.writeBytes(ByteBuffer.allocate(Integer.BYTES).order(ByteOrder.LITTLE_ENDIAN).putInt(value).array());
    }

    private void op(int... bytes) {
        for (int b : bytes) {
            out.write(b);
        }
    }
}
