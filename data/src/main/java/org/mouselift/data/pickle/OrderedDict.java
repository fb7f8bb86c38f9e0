package org.mouselift.data.pickle;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/** Python's {@code collections.OrderedDict}. Attributes that a pickle sets on it are read and dropped. */
public final class OrderedDict extends LinkedHashMap<Object, Object> implements PickleGlobal.Buildable {
    private static final long serialVersionUID = 1L;

    /**
     * The constructor, as a pickle calls it: without arguments, or with a list of pairs.
     *
     * @param maxPairs how many pairs all calls together may copy. A pickle can name the same list again and again, so
     *     that without a limit its size would not bound the memory.
     */
    public static PickleGlobal global(long maxPairs) {
        return new PickleGlobal() {
            private long left = maxPairs;

            @Override
            public Object call(List<?> arguments) {
                OrderedDict dict = new OrderedDict();
                if (arguments.isEmpty()) {
                    return dict;
                }
                if (arguments.size() != 1 || !(arguments.get(0) instanceof List<?> pairs)) {
                    throw new IllegalArgumentException("OrderedDict takes nothing or one list of pairs");
                }
                left -= pairs.size();
                if (left < 0) {
                    throw new IllegalArgumentException("OrderedDict copies more than " + maxPairs + " pairs; the pickle repeats a list");
                }
                for (Object pair : pairs) {
                    if (!(pair instanceof List<?> p) || p.size() != 2) {
                        throw new IllegalArgumentException("OrderedDict takes pairs, got " + PickleReader.type(pair));
                    }
                    if (!PickleReader.isKey(p.get(0))) {
                        throw new IllegalArgumentException("dictionary key is " + PickleReader.type(p.get(0)) + ", expected a string, a number, or a tuple of these");
                    }
                    dict.put(p.get(0), p.get(1));
                }
                return dict;
            }
        };
    }

    @Override
    public void build(Object state) {
        if (!(state instanceof Map)) {
            throw new IllegalArgumentException("the attributes of an OrderedDict are " + PickleReader.type(state) + ", expected a dictionary");
        }
    }
}
