package org.mouselift.data.matlab;

import java.util.List;
import java.util.Map;

/** A value of a MATLAB file. */
public sealed interface MatValue {
    /** Sizes; MATLAB has at least two. */
    long[] dims();

    /** Real numbers in MATLAB's order: the first index runs fastest. */
    record Numbers(long[] dims, float[] values) implements MatValue {}

    /** Numbers nobody asked for, or a kind of value that is not read. */
    record Skipped(long[] dims) implements MatValue {}

    /** Text. */
    record Text(long[] dims, String text) implements MatValue {}

    /** A cell array, first index fastest. */
    record Cell(long[] dims, List<MatValue> values) implements MatValue {
        public Cell {
            values = List.copyOf(values);
        }
    }

    /** A struct array, first index fastest; every element has all fields. */
    record Struct(long[] dims, List<Map<String, MatValue>> elements) implements MatValue {
        public Struct {
            elements = List.copyOf(elements);
        }
    }
}
