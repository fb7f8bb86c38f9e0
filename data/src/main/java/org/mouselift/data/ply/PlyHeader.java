package org.mouselift.data.ply;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Set;

/** The header of a PLY file: format and elements in file order; line ends may be LF or CR LF. */
record PlyHeader(Format format, List<Element> elements, long dataOffset) {
    private static final int MAX_BYTES = 1 << 20;
    private static final int MAX_PROPERTIES = 4096;

    enum Format { ASCII, LITTLE_ENDIAN, BIG_ENDIAN }

    /** A property; {@code count} is the type of a list's length, null for a scalar. */
    record Property(String name, PlyType type, PlyType count) {
        boolean isList() {
            return count != null;
        }
    }

    record Element(String name, long count, List<Property> properties) {
        boolean hasLists() {
            return properties.stream().anyMatch(Property::isList);
        }

        /** Bytes of one row without lists. */
        long stride() {
            return properties.stream().mapToLong(p -> p.type().bytes).sum();
        }

        int indexOf(String property) {
            for (int i = 0; i < properties.size(); i++) {
                if (properties.get(i).name().equals(property)) {
                    return i;
                }
            }
            return -1;
        }
    }

    static PlyHeader parse(Path path, MemorySegment file) throws PlyException {
        int cap = (int) Math.min(file.byteSize(), MAX_BYTES);
        String text = new String(file.asSlice(0, cap).toArray(ValueLayout.JAVA_BYTE), StandardCharsets.ISO_8859_1);
        if (text.isEmpty()) {
            throw new PlyException(path, "file", "is empty", "");
        }
        Format format = null;
        List<Element> elements = new ArrayList<>();
        int properties = 0;
        int position = 0;
        for (int line = 1;; line++) {
            int end = text.indexOf('\n', position);
            if (line == 1 && !text.startsWith("ply")) {
                throw new PlyException(path, "header", "does not begin with 'ply'", "this is not a PLY file");
            }
            if (end < 0) {
                throw new PlyException(path, "header", "no end_header within the first " + cap + " bytes", "the file is truncated or not a PLY file");
            }
            String content = text.substring(position, end).strip();
            position = end + 1;
            String place = "header line " + line;
            String[] words = content.split("[ \t]+");
            switch (words[0]) {
                case "ply" -> check(path, place, line == 1 && words.length == 1, "unexpected '" + shorten(content) + "'");
                case "format" -> {
                    check(path, place, format == null && words.length == 3 && words[2].equals("1.0"), "expected one 'format <kind> 1.0', got '" + shorten(content) + "'");
                    format = switch (words[1]) {
                        case "ascii" -> Format.ASCII;
                        case "binary_little_endian" -> Format.LITTLE_ENDIAN;
                        case "binary_big_endian" -> Format.BIG_ENDIAN;
                        default -> throw new PlyException(path, place, "unknown format '" + shorten(words[1]) + "'",
                                "known are ascii, binary_little_endian, binary_big_endian");
                    };
                }
                case "comment", "obj_info", "" -> { }
                case "element" -> {
                    check(path, place, words.length == 3, "expected 'element <name> <count>', got '" + shorten(content) + "'");
                    elements.add(new Element(words[1], count(path, place, words[2]), new ArrayList<>()));
                }
                case "property" -> {
                    check(path, place, !elements.isEmpty(), "property before the first element");
                    check(path, place, ++properties <= MAX_PROPERTIES, "more than " + MAX_PROPERTIES + " properties");
                    elements.getLast().properties().add(property(path, place, words, content));
                }
                case "end_header" -> {
                    check(path, place, format != null, "no format line");
                    checkNames(path, elements);
                    return new PlyHeader(format, elements, position);
                }
                default -> throw new PlyException(path, place, "unknown keyword '" + shorten(words[0]) + "'", "the file is damaged");
            }
        }
    }

    private static long count(Path path, String place, String text) throws PlyException {
        try {
            long count = Long.parseLong(text);
            check(path, place, count >= 0, "negative element count " + count);
            return count;
        } catch (NumberFormatException e) {
            throw new PlyException(path, place, "element count '" + shorten(text) + "' is not a number", "the file is damaged");
        }
    }

    private static Property property(Path path, String place, String[] words, String content) throws PlyException {
        if (words.length == 5 && words[1].equals("list")) {
            PlyType count = type(path, place, words[2]);
            check(path, place, !count.isFloat(), "list lengths of type " + words[2]);
            return new Property(words[4], type(path, place, words[3]), count);
        }
        check(path, place, words.length == 3, "expected 'property <type> <name>', got '" + shorten(content) + "'");
        return new Property(words[2], type(path, place, words[1]), null);
    }

    private static PlyType type(Path path, String place, String text) throws PlyException {
        return PlyType.named(text).orElseThrow(() -> new PlyException(path, place, "unknown property type '" + shorten(text) + "'",
                "known are char, uchar, short, ushort, int, uint, float, double and int8 ... float64"));
    }

    private static void checkNames(Path path, List<Element> elements) throws PlyException {
        Set<String> names = new HashSet<>();
        for (Element element : elements) {
            check(path, "header", names.add(element.name()), "element '" + shorten(element.name()) + "' appears twice");
            Set<String> properties = new HashSet<>();
            for (Property property : element.properties()) {
                check(path, "header", properties.add(property.name()),
                        "property '" + shorten(property.name()) + "' of element '" + shorten(element.name()) + "' appears twice");
            }
        }
    }

    private static void check(Path path, String place, boolean valid, String fault) throws PlyException {
        if (!valid) {
            throw new PlyException(path, place, fault, "the file is damaged");
        }
    }

    private static String shorten(String text) {
        return text.length() <= 60 ? text : text.substring(0, 60) + "...";
    }
}
