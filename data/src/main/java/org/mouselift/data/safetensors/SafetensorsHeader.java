package org.mouselift.data.safetensors;

import com.fasterxml.jackson.core.JsonFactory;
import com.fasterxml.jackson.core.JsonParser;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.JsonToken;
import com.fasterxml.jackson.core.StreamReadConstraints;
import com.fasterxml.jackson.core.StreamReadFeature;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.io.InputStreamReader;
import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.nio.charset.CharacterCodingException;
import java.nio.charset.CodingErrorAction;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;

/** The parsed and checked JSON header of a safetensors file. */
record SafetensorsHeader(Map<String, String> metadata, List<Range> ranges) {
    private static final int MAX_RANK = 64;
    private static final JsonFactory JSON = JsonFactory.builder()
            .streamReadConstraints(StreamReadConstraints.builder().maxNestingDepth(8).maxNumberLength(32)
                    .maxNameLength(1 << 16).maxStringLength((int) SafetensorsFile.MAX_HEADER).build())
            .enable(StreamReadFeature.STRICT_DUPLICATE_DETECTION)
            // Names come from strangers and are many: interning them in the process-wide table would keep them for ever.
            .disable(JsonFactory.Feature.INTERN_FIELD_NAMES)
            .disable(JsonFactory.Feature.CANONICALIZE_FIELD_NAMES)
            .build();

    /** Name, type, shape and byte range (relative to the buffer after the header) of one tensor. */
    record Range(String name, StoredType type, long[] shape, long begin, long end) {}

    static SafetensorsHeader parse(Path path, MemorySegment bytes, long bufferBytes) throws IOException {
        byte[] text = bytes.toArray(ValueLayout.JAVA_BYTE);
        if (text.length == 0 || text[0] != '{') {
            throw new SafetensorsException(path, "header", "does not begin with '{'", "this is not a safetensors file");
        }
        var decoder = StandardCharsets.UTF_8.newDecoder().onMalformedInput(CodingErrorAction.REPORT)
                .onUnmappableCharacter(CodingErrorAction.REPORT);
        SafetensorsHeader header;
        try (JsonParser parser = JSON.createParser(new InputStreamReader(new ByteArrayInputStream(text), decoder))) {
            header = read(path, parser);
        } catch (CharacterCodingException e) {
            throw new SafetensorsException(path, "header", "is not valid UTF-8", "the file is damaged", e);
        } catch (JsonProcessingException e) {
            throw new SafetensorsException(path, "header", "is not a valid JSON object: " + e.getOriginalMessage(), "the file is damaged", e);
        }
        header.checkCoverage(path, bufferBytes);
        return header;
    }

    private static SafetensorsHeader read(Path path, JsonParser parser) throws IOException {
        Map<String, String> metadata = new LinkedHashMap<>();
        List<Range> ranges = new ArrayList<>();
        if (parser.nextToken() != JsonToken.START_OBJECT) {
            throw new SafetensorsException(path, "header", "is not a JSON object", "this is not a safetensors file");
        }
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String name = parser.currentName();
            boolean isMetadata = name.equals("__metadata__");
            String field = isMetadata ? "__metadata__" : "tensor '" + name + "'";
            if (parser.nextToken() != JsonToken.START_OBJECT) {
                throw new SafetensorsException(path, field, "is not a JSON object", "the file is damaged");
            }
            if (isMetadata) {
                readMetadata(path, parser, metadata);
            } else {
                ranges.add(readRange(path, parser, name, field));
            }
        }
        if (parser.nextToken() != null) {
            throw new SafetensorsException(path, "header", "has content after the JSON object", "only blanks may follow it");
        }
        ranges.sort(Comparator.comparingLong(Range::begin).thenComparingLong(Range::end));
        return new SafetensorsHeader(metadata, ranges);
    }

    private static void readMetadata(Path path, JsonParser parser, Map<String, String> metadata) throws IOException {
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String key = parser.currentName();
            if (parser.nextToken() != JsonToken.VALUE_STRING) {
                throw new SafetensorsException(path, "__metadata__ '" + key + "'", "is not a string", "metadata maps strings to strings");
            }
            metadata.put(key, parser.getText());
        }
    }

    private static Range readRange(Path path, JsonParser parser, String name, String field) throws IOException {
        StoredType type = null;
        long[] shape = null;
        long[] offsets = null;
        while (parser.nextToken() == JsonToken.FIELD_NAME) {
            String key = parser.currentName();
            JsonToken token = parser.nextToken();
            switch (key) {
                case "dtype" -> {
                    String text = token == JsonToken.VALUE_STRING ? parser.getText() : "(not a string)";
                    type = StoredType.named(text).orElseThrow(() -> new SafetensorsException(path, field + " dtype",
                            "unknown element type '" + text + "'", "known are " + Arrays.toString(StoredType.values())));
                }
                case "shape" -> shape = readLongs(path, parser, token, field + " shape");
                case "data_offsets" -> offsets = readLongs(path, parser, token, field + " data_offsets");
                default -> throw new SafetensorsException(path, field, "unknown key '" + key + "'", "expected dtype, shape, data_offsets");
            }
        }
        if (type == null || shape == null || offsets == null) {
            throw new SafetensorsException(path, field, "lacks " + (type == null ? "dtype" : shape == null ? "shape" : "data_offsets"),
                    "expected dtype, shape, data_offsets");
        }
        if (offsets.length != 2 || offsets[0] > offsets[1]) {
            throw new SafetensorsException(path, field + " data_offsets", Arrays.toString(offsets) + " is not a range [begin, end]",
                    "the file is damaged");
        }
        long bytes;
        try {
            bytes = 1;
            for (long size : shape) {
                bytes = Math.multiplyExact(bytes, size);
            }
            bytes = Math.multiplyExact(bytes, (long) type.bytes());
        } catch (ArithmeticException e) {
            throw new SafetensorsException(path, field + " shape", Arrays.toString(shape) + " overflows 64 bits", "the file is damaged", e);
        }
        if (offsets[1] - offsets[0] != bytes) {
            throw new SafetensorsException(path, field, type + Arrays.toString(shape) + " needs " + bytes + " bytes, but data_offsets "
                    + Arrays.toString(offsets) + " hold " + (offsets[1] - offsets[0]), "the file is damaged");
        }
        return new Range(name, type, shape, offsets[0], offsets[1]);
    }

    private static long[] readLongs(Path path, JsonParser parser, JsonToken token, String field) throws IOException {
        if (token != JsonToken.START_ARRAY) {
            throw new SafetensorsException(path, field, "is not a list", "the file is damaged");
        }
        long[] values = new long[MAX_RANK];
        int count = 0;
        while (parser.nextToken() != JsonToken.END_ARRAY) {
            if (parser.currentToken() != JsonToken.VALUE_NUMBER_INT) {
                throw new SafetensorsException(path, field, "element " + count + " is not an integer", "the file is damaged");
            }
            if (count == MAX_RANK) {
                throw new SafetensorsException(path, field, "has more than " + MAX_RANK + " elements", "the file is damaged");
            }
            long value = parser.getLongValue();
            if (value < 0) {
                throw new SafetensorsException(path, field, "element " + count + " is negative: " + value, "the file is damaged");
            }
            values[count++] = value;
        }
        return Arrays.copyOf(values, count);
    }

    /** Sorted ranges must cover the buffer from 0 to its end, with no hole and no overlap. */
    private void checkCoverage(Path path, long bufferBytes) throws SafetensorsException {
        Set<String> seen = new HashSet<>();
        long position = 0;
        for (Range range : ranges) {
            String field = "tensor '" + range.name() + "' data_offsets";
            if (!seen.add(range.name())) {
                throw new SafetensorsException(path, "tensor '" + range.name() + "'", "appears twice", "the file is damaged");
            }
            if (range.end() > bufferBytes) {
                throw new SafetensorsException(path, field, "ends at " + range.end() + ", but the data has " + bufferBytes + " bytes",
                        "the file is truncated");
            }
            if (range.begin() != position) {
                throw new SafetensorsException(path, field, "begins at " + range.begin() + " instead of " + position
                        + (range.begin() > position ? ": a hole" : ": tensors overlap"), "the file is damaged");
            }
            position = range.end();
        }
        if (position != bufferBytes) {
            throw new SafetensorsException(path, "file", (bufferBytes - position) + " bytes follow the last tensor", "the file is damaged");
        }
    }

    Map<String, SafetensorsEntry> entries(Path path, MemorySegment buffer) {
        Map<String, SafetensorsEntry> entries = new LinkedHashMap<>();
        for (Range range : ranges) {
            entries.put(range.name(), new SafetensorsEntry(path, range.name(), range.type(), range.shape(),
                    buffer.asSlice(range.begin(), range.end() - range.begin())));
        }
        return entries;
    }
}
