package org.mouselift.tornado.launch;

import java.util.List;
import org.mouselift.engine.DType;
import org.mouselift.engine.TensorSpec;
import org.mouselift.tornado.plan.Arguments;
import org.mouselift.tornado.plan.Emission;
import org.mouselift.tornado.plan.Grid;
import org.mouselift.tornado.plan.Operand;

/**
 * Launches of a stable sort of non-negative int keys with their values, and of the prefix sums it is made of. Digits of four bits from
 * the last to the first: {@code radixCount} counts the digits of every {@link #ELEMENTS} keys, {@code prefixSums} turns the counts into
 * places, {@code radixScatter} moves keys and values there. No atomic operations, so that the order of equal keys and all results are
 * the same in every run (N. Satish, M. Harris, M. Garland, 2009, without the local sort).
 *
 * <p>Arguments. Count: keys, power of the digit, groups, places of keys and counts. Scatter: the same, then the place of the values and of
 * keys and values of the result. Prefix sums: elements, elements a group (a multiple of {@link #LOCAL}), place of the elements, which
 * become the sums of those before them in their group, place of the sums of the groups or -1.
 */
public final class RadixSort {
    public static final String COUNT = "radixCount";
    public static final String SCATTER = "radixScatter";
    public static final String SUMS = "prefixSums";
    public static final int LOCAL = 256;
    /** Keys of a work item, one after another. */
    public static final int RUN = 8;
    /** Keys of a group. */
    public static final int ELEMENTS = LOCAL * RUN;
    public static final int DIGITS = 16;

    /** Values in the order of their keys. */
    public record Sorted(Operand keys, Operand values) {}

    private RadixSort() {}

    /** Sorts n keys in [0, 2^31); the arrays passed in are used as scratch memory. */
    public static Sorted emit(Emission to, long n, Operand keys, Operand values) {
        long groups = Math.ceilDiv(n, ELEMENTS);
        Operand counts = to.scratch(TensorSpec.of(DType.I32, groups * DIGITS), "digit counts");
        Operand fromKeys = keys;
        Operand fromValues = values;
        Operand toKeys = to.scratch(TensorSpec.of(DType.I32, n), "sort keys");
        Operand toValues = to.scratch(TensorSpec.of(DType.I32, n), "sort values");
        for (long power = 1; power < 1L << 31; power *= DIGITS) {
            Grid grid = Grid.groups(groups, 1, 1, LOCAL);
            to.launch(COUNT, grid, new Arguments().add(n).add(power).add(groups).place(fromKeys).place(counts), List.of(fromKeys), List.of(counts));
            prefixSums(to, groups * DIGITS, counts);
            to.launch(SCATTER, grid, new Arguments().add(n).add(power).add(groups).place(fromKeys).place(counts).place(fromValues).place(toKeys).place(toValues),
                    List.of(fromKeys, counts, fromValues), List.of(toKeys, toValues));
            Operand k = fromKeys;
            Operand v = fromValues;
            fromKeys = toKeys;
            fromValues = toValues;
            toKeys = k;
            toValues = v;
        }
        return new Sorted(fromKeys, fromValues);
    }

    /** Replaces n ints by the sums of those before them, in one group. */
    private static void prefixSums(Emission to, long n, Operand x) {
        to.launch(SUMS, Grid.groups(1, 1, 1, LOCAL), new Arguments().add(n).add(Math.ceilDiv(n, LOCAL) * LOCAL).place(x).add(-1), List.of(x), List.of(x));
    }

    /**
     * Replaces n ints by the sums of those before them among their {@link #ELEMENTS}.
     *
     * @return for every {@code ELEMENTS} ints the sum of all before them: element i has {@code x[i] + result[i / ELEMENTS]} before it
     */
    public static Operand placesInBlocks(Emission to, long n, Operand x) {
        long groups = Math.ceilDiv(n, ELEMENTS);
        Operand blocks = to.scratch(TensorSpec.of(DType.I32, groups), "sums of blocks");
        to.launch(SUMS, Grid.groups(groups, 1, 1, LOCAL), new Arguments().add(n).add(ELEMENTS).place(x).place(blocks), List.of(x), List.of(x, blocks));
        prefixSums(to, groups, blocks);
        return blocks;
    }
}
