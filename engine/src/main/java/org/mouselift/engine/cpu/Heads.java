package org.mouselift.engine.cpu;

import java.lang.foreign.MemorySegment;
import org.mouselift.engine.DType;

/**
 * A strided F32 (or F64) operand [B, H, T, D] of an attention kernel: element (b, h, t, d) is element
 * {@code offset + b*batchStride + h*headStride + t*tokenStride + d} of {@code data}. Strides of read operands may be 0.
 */
public record Heads(MemorySegment data, long offset, long batchStride, long headStride, long tokenStride) {
    /** Contiguous [B, H, T, D]. */
    public static Heads contiguous(MemorySegment data, long offset, long heads, long tokens, long d) {
        return new Heads(data, offset, heads * tokens * d, tokens * d, d);
    }

    long at(long batch, long head) {
        return offset + batch * batchStride + head * headStride;
    }

    void check(String kernel, String name, DType type, long batch, long heads, long tokens, long d) {
        Bounds.strided(kernel, name, data, type, offset, batch, batchStride, heads, headStride, tokens, tokenStride, d, 1);
    }

    void checkOutput(String kernel, String name, DType type, long batch, long heads, long tokens, long d) {
        check(kernel, name, type, batch, heads, tokens, d);
        Bounds.writable(kernel, name, data);
        if (tokens > 1 && tokenStride < d) {
            throw new IllegalArgumentException(kernel + ": token stride of " + name + " is " + tokenStride + ", less than the head width " + d);
        }
    }
}
