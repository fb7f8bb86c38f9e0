package org.mouselift.tests.formats;

import java.util.Arrays;
import java.util.List;
import java.util.Random;

/** Damages a valid file: single bytes, numbers of a text, pieces that are lost, doubled or moved, an early end. */
final class Damage {
    private static final List<String> NUMBERS = List.of("-1", "0", "1e999", "-1e-999", "99999999999999999999", "9223372036854775807", "2147483648", "NaN", "null", "true", "\"\"", "[]",
            "{}", "0.5", "1e400000000", "\"\\u0000\"", "\"../../x\"");
    private static final String TEXT = "{}[]\",:\\/-+.eE0123456789 \n\t#'&*!|><%@`";
    /** Pickle opcodes and small numbers. */
    private static final String PICKLE = "(}])eauts.RQbcXKJMGNqhj0129\u0085\u0086\u0087\u0088\u0089\u008a\u008c\u0093\u0094\u0095\u0000\u0001\u00ff";

    private final Random random;

    Damage(long seed) {
        this.random = new Random(seed);
    }

    byte[] of(byte[] whole) {
        byte[] bytes = whole.clone();
        for (int n = random.nextInt(1, 4); n > 0; n--) {
            bytes = once(bytes);
        }
        return bytes;
    }

    private byte[] once(byte[] bytes) {
        if (bytes.length == 0) {
            return new byte[] {(byte) random.nextInt(256)};
        }
        int at = random.nextInt(bytes.length);
        return switch (random.nextInt(12)) {
            case 0 -> Arrays.copyOf(bytes, at);
            case 1 -> spliced(bytes, at, random.nextInt(1, 24), new byte[0]);
            case 2 -> spliced(bytes, at, 0, Arrays.copyOfRange(bytes, at, Math.min(bytes.length, at + random.nextInt(1, 64))));
            case 3 -> {
                int from = random.nextInt(bytes.length);
                yield spliced(bytes, at, 0, Arrays.copyOfRange(bytes, from, Math.min(bytes.length, from + random.nextInt(1, 40))));
            }
            case 4, 5, 6 -> number(bytes, at);
            case 7, 8 -> with(bytes, at, TEXT.charAt(random.nextInt(TEXT.length())));
            case 9 -> with(bytes, at, PICKLE.charAt(random.nextInt(PICKLE.length())));
            case 10 -> with(bytes, at, bytes[at] ^ 1 << random.nextInt(8));
            default -> with(bytes, at, random.nextInt(256));
        };
    }

    /** Another number, or something that is none, where the next number stands. */
    private byte[] number(byte[] bytes, int at) {
        int from = at;
        while (from < bytes.length && (bytes[from] < '0' || bytes[from] > '9')) {
            from++;
        }
        int to = from;
        while (to < bytes.length && (bytes[to] >= '0' && bytes[to] <= '9' || bytes[to] == '.')) {
            to++;
        }
        return from == bytes.length ? with(bytes, at, random.nextInt(256))
                : spliced(bytes, from, to - from, NUMBERS.get(random.nextInt(NUMBERS.size())).getBytes(java.nio.charset.StandardCharsets.US_ASCII));
    }

    private static byte[] with(byte[] bytes, int at, int value) {
        bytes[at] = (byte) value;
        return bytes;
    }

    private static byte[] spliced(byte[] bytes, int at, int remove, byte[] insert) {
        int end = Math.min(bytes.length, at + remove);
        byte[] out = new byte[at + insert.length + bytes.length - end];
        System.arraycopy(bytes, 0, out, 0, at);
        System.arraycopy(insert, 0, out, at, insert.length);
        System.arraycopy(bytes, end, out, at + insert.length, bytes.length - end);
        return out;
    }
}
