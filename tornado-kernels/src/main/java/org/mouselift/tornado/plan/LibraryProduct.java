package org.mouselift.tornado.plan;

import java.util.ArrayList;
import java.util.List;

/**
 * A matrix product by a vendor's library. On arrays of their own it computes {@code gemm} from the elements that begin at {@code a}
 * and {@code b}; then result = activation(C + bias) + residual, element by element.
 *
 * @param library its name, for listings
 * @param a first element of the A of {@link Gemm#elementsA()} elements, as they lie in memory
 * @param b likewise for B
 * @param result row-major without gaps, in the order of C's memory, {@link Gemm#elementsC()} elements
 * @param bias one number for each of C's {@code m} rows, or null
 * @param activation as in {@link org.mouselift.engine.op.Linear.Activation#ordinal()}
 * @param residual as many as the result in its order, or null
 */
public record LibraryProduct(String library, Gemm gemm, Operand a, Operand b, Operand result, Operand bias, int activation, Operand residual, String path,
        String operation) implements Step {
    /** Ints that the place of an operand without place takes. */
    private static final int NOWHERE = -1;

    /** What the copies around the product are told: place and elements of A, of B; elements of C, m, places of result, bias, residual, activation. */
    public int[] places() {
        return new int[] {place(a), Math.toIntExact(gemm.elementsA()), place(b), Math.toIntExact(gemm.elementsB()), Math.toIntExact(gemm.elementsC()), gemm.m(),
            place(result), place(bias), place(residual), activation};
    }

    private static int place(Operand x) {
        return x == null ? NOWHERE : Math.toIntExact(Math.addExact(x.block().offset(), x.offset()));
    }

    @Override
    public List<Block> reads() {
        List<Block> out = new ArrayList<>(List.of(a.block(), b.block()));
        if (bias != null) {
            out.add(bias.block());
        }
        if (residual != null) {
            out.add(residual.block());
        }
        return out;
    }

    @Override
    public List<Block> writes() {
        return List.of(result.block());
    }
}
