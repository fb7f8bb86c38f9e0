package org.mouselift.tornado.plan;

/**
 * A vendor's library that computes matrix products, and which it gets. TornadoVM hands libraries whole arrays only, while the tensors
 * of a plan share one array: operands are copied out to arrays of their own and the result back. A product goes to the library where
 * its arithmetic outweighs these copies.
 *
 * @param name as its maker writes it
 * @param leastFlopsPerByte operations for each byte that the copies read or write, from which on the library gets a product
 */
public record ProductLibrary(String name, double leastFlopsPerByte) {
    /**
     * NVIDIA's. Cards of today do about 20 operations of f32 while memory moves a byte, so that at 32 the copies take up to two thirds
     * of the product's own time; a reckoning, not measured on a card.
     */
    public static final ProductLibrary CUBLAS = new ProductLibrary("cuBLAS", 32);

    /** True if the library gets a product. */
    public boolean takes(Gemm gemm) {
        return gemm.flops() >= leastFlopsPerByte * copiedBytes(gemm);
    }

    /** Bytes that the copies around a product read and write. */
    static double copiedBytes(Gemm gemm) {
        return 8.0 * (gemm.elementsA() + gemm.elementsB() + gemm.elementsC());
    }
}
