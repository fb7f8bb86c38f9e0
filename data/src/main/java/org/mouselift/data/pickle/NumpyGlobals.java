package org.mouselift.data.pickle;

import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The globals that a pickle of NumPy arrays of numbers uses, NumPy 1 and 2, protocols 2 to 5 (mouse specification §2.2).
 * Arrays arrive as {@link Array}; call {@link Array#toNumpyArray()} once the pickle is read.
 */
public final class NumpyGlobals {
    private static final int MAX_RANK = 32;
    /** Integers up to here are exact in a double. */
    private static final long EXACT = 1L << 53;

    private NumpyGlobals() {}

    /** How many bytes arrays and strings may still take: a pickle can name the same bytes again and again. */
    private static final class Budget {
        private final long bytes;
        private long left;

        Budget(long bytes) {
            this.bytes = bytes;
            this.left = bytes;
        }

        void take(long n) {
            left -= n;
            if (left < 0) {
                throw new IllegalArgumentException("arrays and byte strings copy more than " + bytes + " bytes; the pickle repeats them");
            }
        }
    }

    /**
     * The allow-list: {@code "module name"} → global.
     *
     * @param size of the pickle in bytes. It can name the same bytes again and again; all byte strings and arrays together may copy twice
     *     its size, since Python 2 and protocol 2 make text of it, of the text a byte string, and of that an array.
     */
    public static Map<String, PickleGlobal> all(long size) {
        Budget budget = new Budget(Math.multiplyExact(2, size));
        PickleGlobal ndarray = arguments -> {
            throw new IllegalArgumentException("numpy.ndarray cannot be called in data files");
        };
        PickleGlobal reconstruct = arguments -> {
            if (arguments.size() != 3 || arguments.get(0) != ndarray) {
                throw new IllegalArgumentException("_reconstruct builds " + (arguments.isEmpty() ? "nothing" : PickleReader.type(arguments.get(0)))
                        + ", expected numpy.ndarray");
            }
            return new Array(budget);
        };
        Map<String, PickleGlobal> all = new LinkedHashMap<>();
        all.put("numpy ndarray", ndarray);
        all.put("numpy dtype", NumpyGlobals::dtype);
        all.put("_codecs encode", arguments -> encode(arguments, budget));
        for (String core : List.of("numpy.core", "numpy._core")) {
            all.put(core + ".multiarray _reconstruct", reconstruct);
            all.put(core + ".multiarray scalar", arguments -> scalar(arguments, budget));
            all.put(core + ".numeric _frombuffer", arguments -> fromBuffer(arguments, budget));
        }
        return Map.copyOf(all);
    }

    /** An element type; its byte order comes with the state. */
    private static final class Type implements PickleGlobal.Buildable {
        private final char kind;
        private final int bytes;
        private ByteOrder order;

        Type(char kind, int bytes) {
            this.kind = kind;
            this.bytes = bytes;
            this.order = bytes == 1 ? ByteOrder.LITTLE_ENDIAN : null;
        }

        /** {@code (3, byte order, subtype, names, fields, size, alignment, flags)}. */
        @Override
        public void build(Object state) {
            if (!(state instanceof List<?> s) || s.size() < 5 || s.get(2) != null || s.get(3) != null || s.get(4) != null) {
                throw new IllegalArgumentException("dtype is structured; only plain numbers are read");
            }
            order = switch (text(s.get(1), "byte order")) {
                case "<" -> ByteOrder.LITTLE_ENDIAN;
                case ">" -> ByteOrder.BIG_ENDIAN;
                case "|" -> {
                    if (bytes != 1) {
                        throw new IllegalArgumentException("dtype of " + bytes + " bytes without a byte order");
                    }
                    yield ByteOrder.LITTLE_ENDIAN;
                }
                default -> throw new IllegalArgumentException("byte order '" + s.get(1) + "' is unknown; expected <, > or |");
            };
        }
    }

    private static Object dtype(List<?> arguments) {
        String code = arguments.isEmpty() ? "" : text(arguments.get(0), "dtype");
        if (!code.matches("f4|f8|i1|i2|i4|i8|u1|u2|u4|b1")) {
            throw new IllegalArgumentException("dtype '" + (code.length() > 20 ? code.substring(0, 20) + "…" : code)
                    + "' is not a plain number type (f4, f8, i1 … i8, u1 … u4, b1)");
        }
        return new Type(code.charAt(0), code.charAt(1) - '0');
    }

    /** {@code _codecs.encode(text, 'latin1')}: how protocol 2 stores bytes. */
    private static Object encode(List<?> arguments, Budget budget) {
        if (arguments.size() != 2 || !text(arguments.get(1), "encoding").equals("latin1")) {
            throw new IllegalArgumentException("_codecs.encode is allowed for latin1 only");
        }
        String text = text(arguments.get(0), "text");
        budget.take(text.length());
        return latin1(text);
    }

    /** {@code scalar(dtype, bytes)}: one number, a float, an integer or a bool. */
    private static Object scalar(List<?> arguments, Budget budget) {
        if (arguments.size() != 2 || !(arguments.get(0) instanceof Type type)) {
            throw new IllegalArgumentException("numpy scalar takes a plain number dtype and its bytes, got " + (arguments.isEmpty() ? "nothing"
                    : PickleReader.type(arguments.get(0))));
        }
        Array one = new Array(budget);
        one.set(List.of(), type, false, arguments.get(1));
        double value = one.value.values()[0];
        return switch (type.kind) {
            case 'f' -> (Object) value;
            case 'b' -> value != 0;
            default -> (long) value;
        };
    }

    private static Object fromBuffer(List<?> a, Budget budget) {
        if (a.size() != 4) {
            throw new IllegalArgumentException("_frombuffer takes buffer, dtype, shape and order, got " + a.size() + " values");
        }
        Array array = new Array(budget);
        String order = text(a.get(3), "order");
        if (!order.equals("C") && !order.equals("F")) {
            throw new IllegalArgumentException("array order '" + order + "' is unknown; expected C or F");
        }
        array.set(a.get(2), a.get(1), order.equals("F"), a.get(0));
        return array;
    }

    /** An array under construction. */
    public static final class Array implements PickleGlobal.Buildable {
        private final Budget budget;
        private NumpyArray value;

        private Array(Budget budget) {
            this.budget = budget;
        }

        /** The finished array. @throws IllegalArgumentException if the pickle never gave it a content */
        public NumpyArray toNumpyArray() {
            if (value == null) {
                throw new IllegalArgumentException("an array was made but never filled");
            }
            return value;
        }

        /** {@code (1, shape, dtype, is_fortran, raw bytes)}. */
        @Override
        public void build(Object state) {
            if (!(state instanceof List<?> s) || s.size() != 5 || !(s.get(3) instanceof Boolean fortran)) {
                throw new IllegalArgumentException("array state is " + PickleReader.type(state) + ", expected (1, shape, dtype, fortran, bytes)");
            }
            set(s.get(1), s.get(2), fortran, s.get(4));
        }

        private void set(Object shapeValue, Object typeValue, boolean fortran, Object data) {
            if (!(typeValue instanceof Type type) || type.order == null) {
                throw new IllegalArgumentException("array has no plain number dtype with a byte order");
            }
            byte[] raw = switch (data) {
                case byte[] b -> b;
                case String s -> {
                    budget.take(s.length());
                    yield latin1(s); // Python 2 byte string
                }
                case null, default -> throw new IllegalArgumentException("array content is " + PickleReader.type(data) + ", expected bytes");
            };
            budget.take(raw.length);
            int[] shape = shape(shapeValue);
            long n = 1;
            try {
                for (int d : shape) {
                    n = Math.multiplyExact(n, (long) d);
                }
                n = Math.multiplyExact(n, (long) type.bytes);
            } catch (ArithmeticException e) {
                n = Long.MAX_VALUE;
            }
            if (n != raw.length) {
                throw new IllegalArgumentException("array of shape " + java.util.Arrays.toString(shape) + " and " + type.bytes
                        + " bytes per number has " + raw.length + " bytes of data");
            }
            double[] values = numbers(ByteBuffer.wrap(raw).order(type.order), type, raw.length / type.bytes);
            value = new NumpyArray(java.util.Arrays.stream(shape).boxed().toList(), fortran ? rowMajor(values, shape) : values);
        }

        private static int[] shape(Object value) {
            if (!(value instanceof List<?> list) || list.size() > MAX_RANK) {
                throw new IllegalArgumentException("array shape is " + PickleReader.type(value) + ", expected a tuple of at most " + MAX_RANK);
            }
            int[] shape = new int[list.size()];
            for (int i = 0; i < shape.length; i++) {
                if (!(list.get(i) instanceof Long d) || d < 0 || d > Integer.MAX_VALUE) {
                    throw new IllegalArgumentException("array shape has the dimension " + PickleReader.type(list.get(i)) + " " + list.get(i));
                }
                shape[i] = (int) (long) d;
            }
            return shape;
        }

        private static double[] numbers(ByteBuffer in, Type type, int n) {
            double[] out = new double[n];
            for (int i = 0; i < n; i++) {
                out[i] = switch (type.kind) {
                    case 'f' -> type.bytes == 8 ? in.getDouble() : in.getFloat();
                    case 'b' -> in.get() == 0 ? 0 : 1;
                    case 'u' -> type.bytes == 1 ? in.get() & 0xFF : type.bytes == 2 ? in.getShort() & 0xFFFF : in.getInt() & 0xFFFF_FFFFL;
                    default -> exact(type.bytes == 1 ? in.get() : type.bytes == 2 ? in.getShort() : type.bytes == 4 ? in.getInt() : in.getLong());
                };
            }
            return out;
        }

        private static double exact(long value) {
            if (value > EXACT || value < -EXACT) {
                throw new IllegalArgumentException("integer " + value + " is not exact in double precision");
            }
            return value;
        }

        /** Column-major → row-major, any rank. */
        private static double[] rowMajor(double[] columnMajor, int[] shape) {
            double[] out = new double[columnMajor.length];
            for (int i = 0; i < out.length; i++) {
                int rest = i;
                long at = 0;
                // Digits of i in the mixed radix of the shape, first dimension fastest.
                for (int d : shape) {
                    at = at * d + rest % d;
                    rest /= d;
                }
                out[(int) at] = columnMajor[i];
            }
            return out;
        }
    }

    private static String text(Object value, String what) {
        if (value instanceof String s) {
            return s;
        }
        if (value instanceof byte[] b) {
            return new String(b, StandardCharsets.ISO_8859_1);
        }
        throw new IllegalArgumentException(what + " is " + PickleReader.type(value) + ", expected a string");
    }

    private static byte[] latin1(String s) {
        byte[] out = new byte[s.length()];
        for (int i = 0; i < out.length; i++) {
            char c = s.charAt(i);
            if (c > 0xFF) {
                throw new IllegalArgumentException("text with the character U+" + Integer.toHexString(c) + " cannot be latin1 bytes");
            }
            out[i] = (byte) c;
        }
        return out;
    }
}
