package org.mouselift.data.pickle;

import java.math.BigInteger;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Collections;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * Reads Python pickles of plain data, protocols 2 to 5: none, bool, int, float, str, bytes, list, tuple, dict, set, and the
 * globals of an allow-list. Everything else is refused by name. Memory is bounded by the size of the input: every length
 * is checked against the bytes that are left before anything is allocated.
 *
 * <p>Values: {@code null}, {@link Boolean}, {@link Long} ({@link BigInteger} beyond 64 bits), {@link Double},
 * {@link String}, {@code byte[]}, {@link List} (tuples are unmodifiable; sets are lists in the pickle's order), {@link Map}, and
 * what the globals return. The byte strings of Python 2 become {@link String}s, one character per byte. A container may contain
 * itself.
 */
public final class PickleReader {
    private static final Object MARK = new Object();
    private static final int MAX_LONG_BYTES = 1024;
    /** Longest tuple that is a key. */
    private static final int MAX_KEY = 16;
    /** Allow-lists up to here are part of a message. */
    private static final int LISTED = 12;

    private final ByteBuffer in;
    private final String source;
    private final Map<String, PickleGlobal> globals;
    private final PersistentIds persistentIds;
    private final ArrayList<Object> stack = new ArrayList<>();
    private final Map<Long, Object> memo = new HashMap<>();
    private int opcodeAt;

    /**
     * @param data    the pickle; may be followed by other bytes
     * @param source  name of the file, for errors
     * @param globals allow-list: {@code "module name"} → what it stands for
     */
    public PickleReader(byte[] data, String source, Map<String, PickleGlobal> globals) {
        this(ByteBuffer.wrap(data), source, globals, null);
    }

    /**
     * @param data          the pickle, from the buffer's position on; may be followed by other bytes
     * @param source        name of the file, for errors
     * @param globals       allow-list: {@code "module name"} → what it stands for
     * @param persistentIds what persistent ids stand for, or null to refuse them
     */
    public PickleReader(ByteBuffer data, String source, Map<String, PickleGlobal> globals, PersistentIds persistentIds) {
        this.in = data.slice().order(ByteOrder.LITTLE_ENDIAN);
        this.source = source;
        this.globals = Map.copyOf(globals);
        this.persistentIds = persistentIds;
    }

    /** Objects that lie outside the pickle ({@code BINPERSID}). */
    @FunctionalInterface
    public interface PersistentIds {
        /** @throws IllegalArgumentException if nothing has this id; the message says what was wrong */
        Object load(Object id);
    }

    /** Reads one pickle, up to its STOP. */
    public Object read() throws PickleException {
        opcodeAt = in.position();
        if (in.remaining() < 2 || in.get() != (byte) 0x80) {
            throw error(in.limit() == 0 ? "the pickle is empty" : "this is not a pickle of protocol 2 to 5 (it does not begin with PROTO)");
        }
        int protocol = in.get() & 0xFF;
        if (protocol < 2 || protocol > 5) {
            throw error("pickle protocol " + protocol + " is not supported; write the file with protocol 2 to 5");
        }
        while (true) {
            opcodeAt = in.position();
            int opcode = u1();
            if (opcode == '.') {
                Object result = pop();
                if (!stack.isEmpty()) {
                    throw error("STOP with " + stack.size() + " values left on the stack");
                }
                return result;
            }
            step(opcode);
        }
    }

    /** Bytes read so far: where the next pickle begins. */
    public int position() {
        return in.position();
    }

    private void step(int opcode) throws PickleException {
        switch (opcode) {
            case 0x80 -> u1(); // PROTO again: Python ignores it
            case 0x95 -> length(u8()); // FRAME: only a reading hint
            case '(' -> stack.add(MARK);
            case '0' -> pop();
            case '1' -> popMark();
            case '2' -> stack.add(top());
            case 'N' -> stack.add(null);
            case 0x88 -> stack.add(Boolean.TRUE);
            case 0x89 -> stack.add(Boolean.FALSE);
            case 'J' -> stack.add((long) i4());
            case 'K' -> stack.add((long) u1());
            case 'M' -> stack.add((long) u2());
            case 0x8a -> stack.add(integer(bytes(u1())));
            case 0x8b -> stack.add(integer(bytes(longLength(i4()))));
            case 'G' -> stack.add(Double.longBitsToDouble(Long.reverseBytes(u8())));
            case 'X' -> stack.add(utf8(bytes(length(u4()))));
            case 0x8c -> stack.add(utf8(bytes(u1())));
            case 0x8d -> stack.add(utf8(bytes(length(u8()))));
            case 'U' -> stack.add(latin1(bytes(u1())));
            case 'T' -> stack.add(latin1(bytes(length(i4()))));
            case 'C' -> stack.add(bytes(u1()));
            case 'B' -> stack.add(bytes(length(u4())));
            case 0x8e, 0x96 -> stack.add(bytes(length(u8())));
            case ']' -> stack.add(new ArrayList<>());
            case '}' -> stack.add(new LinkedHashMap<>());
            case 0x8f -> stack.add(new ArrayList<>()); // EMPTY_SET
            case 0x90 -> { // ADDITEMS
                List<Object> values = popMark();
                list().addAll(values);
            }
            case 0x91 -> stack.add(Collections.unmodifiableList(popMark())); // FROZENSET
            case ')' -> stack.add(List.of());
            case 't' -> stack.add(Collections.unmodifiableList(popMark()));
            case 0x85 -> stack.add(tuple(1));
            case 0x86 -> stack.add(tuple(2));
            case 0x87 -> stack.add(tuple(3));
            case 'l' -> stack.add(popMark());
            case 'd' -> {
                Map<Object, Object> dict = new LinkedHashMap<>();
                putAll(dict, popMark());
                stack.add(dict);
            }
            case 'a' -> {
                Object value = pop();
                list().add(value);
            }
            case 'e' -> {
                List<Object> values = popMark();
                list().addAll(values);
            }
            case 's' -> {
                Object value = pop();
                Object key = pop();
                putAll(dict(), Arrays.asList(key, value));
            }
            case 'u' -> {
                List<Object> values = popMark();
                putAll(dict(), values);
            }
            case 'q' -> memo.put((long) u1(), top());
            case 'r' -> memo.put(u4(), top());
            case 0x94 -> memo.put((long) memo.size(), top());
            case 'h' -> stack.add(memo((long) u1()));
            case 'j' -> stack.add(memo(u4()));
            case 'c' -> stack.add(global(line(), line()));
            case 0x93 -> {
                Object name = pop();
                Object module = pop();
                if (!(name instanceof String n) || !(module instanceof String m)) {
                    throw error("STACK_GLOBAL without two strings");
                }
                stack.add(global(m, n));
            }
            case 'R' -> reduce();
            case 'b' -> build();
            case 'Q' -> persistent(opcode);
            default -> throw error("opcode " + name(opcode) + " is not allowed in data files");
        }
    }

    private void reduce() throws PickleException {
        Object arguments = pop();
        Object callee = pop();
        if (!(callee instanceof PickleGlobal g) || !(arguments instanceof List<?> list)) {
            throw error("REDUCE calls " + type(callee) + " with " + type(arguments) + "; only allowed globals can be called, with a tuple");
        }
        try {
            stack.add(g.call(list));
        } catch (IllegalArgumentException e) {
            throw error(e.getMessage());
        }
    }

    private void build() throws PickleException {
        Object state = pop();
        if (!(top() instanceof PickleGlobal.Buildable b)) {
            throw error("BUILD gives a state to " + type(top()) + ", which takes none");
        }
        try {
            b.build(state);
        } catch (IllegalArgumentException e) {
            throw error(e.getMessage());
        }
    }

    private void persistent(int opcode) throws PickleException {
        if (persistentIds == null) {
            throw error("opcode " + name(opcode) + " is not allowed in data files");
        }
        Object id = pop();
        try {
            stack.add(persistentIds.load(id));
        } catch (IllegalArgumentException e) {
            throw error(e.getMessage());
        }
    }

    private PickleGlobal global(String module, String name) throws PickleException {
        PickleGlobal g = globals.get(module + " " + name);
        if (g == null) {
            throw error("global '" + shorten(module) + "." + shorten(name) + "' is not allowed; nothing was executed. " + (globals.size() > LISTED
                    ? "Allowed are " + globals.size() + " names of tensors, arrays and plain values"
                    : "Allowed: " + String.join(", ", globals.keySet().stream().map(k -> k.replace(' ', '.')).sorted().toList())));
        }
        return g;
    }

    private Object pop() throws PickleException {
        Object value = top();
        stack.remove(stack.size() - 1);
        return value;
    }

    private Object top() throws PickleException {
        if (stack.isEmpty() || stack.get(stack.size() - 1) == MARK) {
            throw error("the stack is empty");
        }
        return stack.get(stack.size() - 1);
    }

    private List<Object> popMark() throws PickleException {
        int mark = stack.size() - 1;
        while (mark >= 0 && stack.get(mark) != MARK) {
            mark--;
        }
        if (mark < 0) {
            throw error("no MARK on the stack");
        }
        List<Object> above = stack.subList(mark + 1, stack.size());
        List<Object> values = new ArrayList<>(above);
        stack.subList(mark, stack.size()).clear();
        return values;
    }

    private List<Object> tuple(int n) throws PickleException {
        Object[] values = new Object[n];
        for (int i = n - 1; i >= 0; i--) {
            values[i] = pop();
        }
        return Collections.unmodifiableList(Arrays.asList(values));
    }

    @SuppressWarnings("unchecked") // lists on the stack are made by this class only, as List<Object>
    private List<Object> list() throws PickleException {
        if (top() instanceof ArrayList<?> list) {
            return (List<Object>) list;
        }
        throw error("APPEND to " + type(top()) + ", expected a list");
    }

    @SuppressWarnings("unchecked") // dictionaries on the stack are made by this class only, as Map<Object, Object>
    private Map<Object, Object> dict() throws PickleException {
        if (top() instanceof Map<?, ?> map) {
            return (Map<Object, Object>) map;
        }
        throw error("SETITEM on " + type(top()) + ", expected a dictionary");
    }

    private void putAll(Map<Object, Object> dict, List<Object> pairs) throws PickleException {
        if (pairs.size() % 2 != 0) {
            throw error("a dictionary needs pairs, got " + pairs.size() + " values");
        }
        for (int i = 0; i < pairs.size(); i += 2) {
            Object key = pairs.get(i);
            if (!isKey(key)) {
                throw error("dictionary key is " + type(key) + ", expected a string, a number, or a tuple of these");
            }
            dict.put(key, pairs.get(i + 1));
        }
    }

    /** Containers as keys could contain themselves and make hashing endless; a short tuple of plain values cannot. */
    static boolean isKey(Object key) {
        return isPlain(key) || key instanceof List<?> tuple && !(key instanceof ArrayList) && tuple.size() <= MAX_KEY && tuple.stream().allMatch(PickleReader::isPlain);
    }

    private static boolean isPlain(Object value) {
        return value == null || value instanceof String || value instanceof Long || value instanceof Boolean || value instanceof Double;
    }

    private Object memo(long index) throws PickleException {
        if (!memo.containsKey(index)) {
            throw error("memo entry " + index + " does not exist");
        }
        return memo.get(index);
    }

    private void need(long n) throws PickleException {
        if (n > in.remaining()) {
            throw error("the file ends early: " + n + " bytes needed, " + in.remaining() + " left");
        }
    }

    private int u1() throws PickleException {
        need(1);
        return in.get() & 0xFF;
    }

    private int u2() throws PickleException {
        need(2);
        return in.getShort() & 0xFFFF;
    }

    private int i4() throws PickleException {
        need(4);
        return in.getInt();
    }

    private long u4() throws PickleException {
        return i4() & 0xFFFF_FFFFL;
    }

    private long u8() throws PickleException {
        need(8);
        return in.getLong();
    }

    private int length(long n) throws PickleException {
        if (n < 0) {
            throw error("length " + Long.toUnsignedString(n) + " exceeds the file");
        }
        need(n);
        return (int) n;
    }

    private int longLength(int n) throws PickleException {
        if (n < 0 || n > MAX_LONG_BYTES) {
            throw error("an integer of " + n + " bytes; at most " + MAX_LONG_BYTES + " are read");
        }
        return n;
    }

    private byte[] bytes(int n) throws PickleException {
        need(n);
        byte[] out = new byte[n];
        in.get(out);
        return out;
    }

    private static Object integer(byte[] littleEndian) {
        if (littleEndian.length == 0) {
            return 0L;
        }
        byte[] big = new byte[littleEndian.length];
        for (int i = 0; i < big.length; i++) {
            big[i] = littleEndian[big.length - 1 - i];
        }
        BigInteger value = new BigInteger(big);
        return value.bitLength() <= 63 ? (Object) value.longValue() : value;
    }

    private String utf8(byte[] bytes) throws PickleException {
        try {
            return StandardCharsets.UTF_8.newDecoder().decode(ByteBuffer.wrap(bytes)).toString();
        } catch (CharacterCodingException e) {
            throw error("a string is not valid UTF-8");
        }
    }

    private static String latin1(byte[] bytes) {
        return new String(bytes, StandardCharsets.ISO_8859_1);
    }

    private String line() throws PickleException {
        StringBuilder text = new StringBuilder();
        while (true) {
            int c = u1();
            if (c == '\n') {
                return text.toString();
            }
            if (text.length() >= 1000) {
                throw error("a global's name is longer than 1000 characters");
            }
            text.append((char) c);
        }
    }

    /** A value in words, for messages; of bounded length. */
    public static String type(Object value) {
        return switch (value) {
            case null -> "None";
            case Boolean b -> "a bool";
            case Long l -> "an integer";
            case BigInteger b -> "an integer";
            case Double d -> "a float";
            case String s -> "a string";
            case byte[] b -> "bytes";
            case List<?> l -> "a list or tuple of " + l.size();
            case Map<?, ?> m -> "a dictionary of " + m.size();
            case PickleGlobal g -> "a global";
            default -> "an object";
        };
    }

    private static String shorten(String s) {
        return s.length() > 80 ? s.substring(0, 80) + "…" : s;
    }

    private static String name(int opcode) {
        String known = switch (opcode) {
            case 'P' -> "PERSID";
            case 'Q' -> "BINPERSID";
            case 'i' -> "INST";
            case 'o' -> "OBJ";
            case 0x81 -> "NEWOBJ";
            case 0x92 -> "NEWOBJ_EX";
            case 0x82, 0x83, 0x84 -> "EXT";
            case 0x97 -> "NEXT_BUFFER";
            case 0x98 -> "READONLY_BUFFER";
            case 'F', 'I', 'L', 'S', 'V', 'p', 'g' -> "of protocol 0";
            default -> "unknown";
        };
        return known + String.format(" (0x%02x)", opcode);
    }

    private PickleException error(String problem) {
        return new PickleException(source, opcodeAt, problem);
    }
}
