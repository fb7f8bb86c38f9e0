package org.mouselift.pipeline.bench;

import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * One thing to be timed: an operation, its sizes by letter, and whether the gradients are computed too.
 *
 * @param op name in suite files
 * @param sizes letters and their values, in the order of the operation's letters
 * @param backward forward and backward instead of forward alone
 */
public record BenchCase(Op op, Map<String, Long> sizes, boolean backward) {
    /** What can be timed. */
    public enum Op {
        /** [B,M,K] times [B,K,N]; B is optional. With transA = 1 the first operand lies as [B,K,M], with transB = 1 the second as [B,N,K]. */
        MATMUL("matmul", List.of("M", "N", "K"), Map.of("B", 1L, "transA", 0L, "transB", 0L), true),
        /** x [M,K] times the transpose of a weight [N,K]. */
        LINEAR("linear", List.of("M", "N", "K"), Map.of(), true),
        /** GELU of a linear layer with bias, in one. */
        LINEAR_GELU("linear_gelu", List.of("M", "N", "K"), Map.of(), true),
        /** A linear layer with bias plus a residual [M,N], in one. */
        LINEAR_RESIDUAL("linear_residual", List.of("M", "N", "K"), Map.of(), true),
        /** x [N,C,H,W], weight [O,C,kernel,kernel], bias [O], padding kernel / 2. */
        CONV2D("conv2d", List.of("N", "C", "H", "W", "O", "kernel"), Map.of("stride", 1L), true),
        /** softmax(q kᵀ / √D) v, q [B,heads,Tq,D], k and v [B,heads,Tk,D]; Tk2 further keys, one sequence for the whole batch. */
        ATTENTION("attention", List.of("B", "heads", "Tq", "Tk", "D"), Map.of("Tk2", 0L), true),
        /** Group norm with weight and bias, then SiLU, on [N,C,H,W]. */
        GROUP_NORM_SILU("group_norm_silu", List.of("N", "C", "H", "W"), Map.of("groups", 32L), true),
        /** Layer norm with weight over the last axis of [M,N]; M is optional here and in the following ones. */
        LAYER_NORM("layer_norm", List.of("N"), Map.of("M", 1L), true),
        /** Exact GELU on [M,N]. */
        GELU("gelu", List.of("N"), Map.of("M", 1L), true),
        /** x sigmoid(x) on [M,N]. */
        SILU("silu", List.of("N"), Map.of("M", 1L), true),
        /** From [M,N] to [M,N/2]: the first half of a row times the GELU of the second. */
        GEGLU("geglu", List.of("N"), Map.of("M", 1L), true),
        /** Softmax over the last axis of [M,N]. */
        SOFTMAX("softmax", List.of("N"), Map.of("M", 1L), true),
        /** Sum of two tensors [M,N]. */
        ADD("add", List.of("N"), Map.of("M", 1L), false),
        /** A step of AdamW on [M,N] parameters. */
        ADAMW("adamw", List.of("N"), Map.of("M", 1L), false),
        /** [N,C,H,W] to [N,C,factor·H,factor·W], every pixel repeated. */
        UPSAMPLE_NEAREST("upsample_nearest", List.of("N", "C", "H", "W"), Map.of("factor", 2L), true),
        /** A copy of [M,N]. */
        COPY("copy", List.of("N"), Map.of("M", 1L), false),
        /** Fused multiply-adds in registers: the machine's ceiling. */
        FMA_PEAK("fma_peak", List.of(), Map.of(), false),
        /** N Gaussians of a ball seen from 2.7 away on a picture of W × H pixels. */
        RASTERIZE("rasterize", List.of("N"), Map.of("W", 512L, "H", 512L), true),
        /** views × side² pixel-aligned Gaussians of a trained network, seen by cameras on pictures of side × side pixels. */
        RASTERIZE_TRAINED("rasterize_trained", List.of("views", "side"), Map.of("cameras", 1L), true),
        /** As above, from a network as it is initialised. */
        RASTERIZE_UNTRAINED("rasterize_untrained", List.of("views", "side"), Map.of("cameras", 1L), true);

        private final String label;
        private final List<String> required;
        private final Map<String, Long> optional;
        private final boolean differentiable;

        Op(String label, List<String> required, Map<String, Long> optional, boolean differentiable) {
            this.label = label;
            this.required = required;
            this.optional = optional;
            this.differentiable = differentiable;
        }

        public String label() {
            return label;
        }

        /** The letters of a suite file, optional ones last in alphabetical order. */
        public List<String> letters() {
            return java.util.stream.Stream.concat(required.stream(), optional.keySet().stream().sorted()).toList();
        }

        /** The letters that {@code "shape": […]} stands for; empty where sizes are given by letter only. */
        List<String> shapeLetters() {
            return switch (this) {
                case GROUP_NORM_SILU, UPSAMPLE_NEAREST -> List.of("N", "C", "H", "W");
                case LAYER_NORM, GELU, SILU, GEGLU, SOFTMAX, ADD, ADAMW, COPY -> List.of("M", "N");
                case MATMUL, LINEAR, LINEAR_GELU, LINEAR_RESIDUAL, CONV2D, ATTENTION, FMA_PEAK, RASTERIZE, RASTERIZE_TRAINED, RASTERIZE_UNTRAINED ->
                    List.of();
            };
        }

        boolean differentiable() {
            return differentiable;
        }

        static Op of(String label) {
            return Arrays.stream(values()).filter(op -> op.label.equals(label)).findFirst().orElse(null);
        }
    }

    private static final long MAX_BYTES = 16L << 30;

    /**
     * Completes the optional letters and checks the numbers.
     *
     * @throws IllegalArgumentException naming the letter, its value and what is expected
     */
    public static BenchCase of(Op op, Map<String, Long> given, boolean backward) {
        Map<String, Long> sizes = new LinkedHashMap<>();
        for (String letter : op.letters()) {
            Long value = given.containsKey(letter) ? given.get(letter) : op.optional.get(letter);
            if (value == null) {
                throw new IllegalArgumentException(op.label + " needs the size " + letter + "; its sizes are " + op.letters());
            }
            long least = op.optional.getOrDefault(letter, 1L) == 0 ? 0 : 1;
            if (value < least) {
                throw new IllegalArgumentException(op.label + ": " + letter + " = " + value + ", expected at least " + least);
            }
            sizes.put(letter, value);
        }
        for (String letter : given.keySet()) {
            if (!sizes.containsKey(letter)) {
                throw new IllegalArgumentException(op.label + " has no size " + letter + "; its sizes are " + op.letters());
            }
        }
        if (backward && !op.differentiable) {
            throw new IllegalArgumentException(op.label + " has no backward pass; leave \"pass\" out or write \"fwd\"");
        }
        BenchCase made = new BenchCase(op, java.util.Collections.unmodifiableMap(sizes), backward);
        made.check();
        return made;
    }

    private void check() {
        if (op == Op.GROUP_NORM_SILU && size("C") % size("groups") != 0) {
            throw new IllegalArgumentException("group_norm_silu: C = " + size("C") + " is not a multiple of groups = " + size("groups"));
        }
        if (op == Op.MATMUL && (size("transA") > 1 || size("transB") > 1)) {
            throw new IllegalArgumentException("matmul: transA = " + size("transA") + ", transB = " + size("transB") + ", expected 0 or 1 (or false, true)");
        }
        if (op == Op.GEGLU && size("N") % 2 != 0) {
            throw new IllegalArgumentException("geglu: N = " + size("N") + ", expected an even number: a row is two halves");
        }
        if (op == Op.UPSAMPLE_NEAREST && size("factor") > 64) {
            throw new IllegalArgumentException("upsample_nearest: factor = " + size("factor") + ", expected at most 64");
        }
        if (op == Op.CONV2D && size("kernel") % 2 == 0) {
            throw new IllegalArgumentException("conv2d: kernel = " + size("kernel") + ", expected an odd number");
        }
        if (op == Op.RASTERIZE && (size("W") > 8192 || size("H") > 8192)) {
            throw new IllegalArgumentException("rasterize: W = " + size("W") + ", H = " + size("H") + ", expected at most 8192");
        }
        if (pixelAligned() && (size("side") > 1024 || size("views") > 64 || size("cameras") > 64)) {
            throw new IllegalArgumentException(op.label + ": side = " + size("side") + ", views = " + size("views") + ", cameras = " + size("cameras")
                    + ", expected at most 1024, 64 and 64");
        }
        long elements;
        try {
            elements = elements();
            Math.multiplyExact(elements, 16L);
        } catch (ArithmeticException e) {
            throw new IllegalArgumentException(op.label + ": sizes " + sizes + " are too large", e);
        }
        if (elements * 4 > MAX_BYTES) {
            throw new IllegalArgumentException(op.label + ": sizes " + sizes + " need " + elements * 4 / 1_000_000_000 + " GB, at most "
                    + MAX_BYTES / 1_000_000_000 + " GB are timed");
        }
    }

    /** Whether the operands are the Gaussians of pictures. */
    boolean pixelAligned() {
        return op == Op.RASTERIZE_TRAINED || op == Op.RASTERIZE_UNTRAINED;
    }

    /** Whether the operation is the renderer. */
    boolean renders() {
        return op == Op.RASTERIZE || pixelAligned();
    }

    public long size(String letter) {
        return sizes.get(letter);
    }

    /** What identifies the case in records: {@code linear M=1536 N=1024 K=1024 fwd+bwd}; sizes that may be 0 and are, are left out. */
    public String label() {
        StringBuilder text = new StringBuilder(op.label);
        sizes.forEach((letter, value) -> {
            if (value != 0) {
                text.append(' ').append(letter).append('=').append(value);
            }
        });
        return text.append(backward ? " fwd+bwd" : " fwd").toString();
    }

    /** Shape of the first operand, for reports. */
    public long[] shape() {
        return switch (op) {
            case MATMUL, LINEAR, LINEAR_GELU, LINEAR_RESIDUAL -> new long[] {size("M"), size("N"), size("K")};
            case CONV2D, GROUP_NORM_SILU, UPSAMPLE_NEAREST -> new long[] {size("N"), size("C"), size("H"), size("W")};
            case ATTENTION -> new long[] {size("B"), size("heads"), size("Tq"), size("D")};
            case LAYER_NORM, GELU, SILU, GEGLU, SOFTMAX, ADD, ADAMW, COPY -> new long[] {size("M"), size("N")};
            case FMA_PEAK -> new long[0];
            case RASTERIZE -> new long[] {size("N"), size("H"), size("W")};
            case RASTERIZE_TRAINED, RASTERIZE_UNTRAINED -> new long[] {size("views") * size("side") * size("side"), size("cameras"), size("side"), size("side")};
        };
    }

    long outHeight() {
        return (size("H") - 1) / size("stride") + 1;
    }

    long outWidth() {
        return (size("W") - 1) / size("stride") + 1;
    }

    /** Elements of all operands and results of the forward pass. */
    private long elements() {
        return switch (op) {
            case MATMUL -> Math.multiplyExact(size("B"), Math.addExact(Math.addExact(product("M", "K"), product("K", "N")), product("M", "N")));
            case LINEAR, LINEAR_GELU, LINEAR_RESIDUAL -> Math.addExact(Math.addExact(product("M", "K"), product("K", "N")),
                    Math.multiplyExact(2L, product("M", "N")));
            case CONV2D -> Math.addExact(Math.addExact(product("N", "C", "H", "W"), product("O", "C", "kernel", "kernel")),
                    product("N", "O", "H", "W"));
            case ATTENTION -> Math.multiplyExact(product("B", "heads", "D"), Math.multiplyExact(2L, Math.addExact(size("Tq"), Math.addExact(size("Tk"), size("Tk2")))));
            case GROUP_NORM_SILU -> Math.multiplyExact(2L, product("N", "C", "H", "W"));
            case LAYER_NORM, GELU, SILU, GEGLU, SOFTMAX, COPY -> Math.multiplyExact(2L, product("M", "N"));
            case ADD -> Math.multiplyExact(3L, product("M", "N"));
            case ADAMW -> Math.multiplyExact(4L, product("M", "N"));
            case UPSAMPLE_NEAREST -> Math.multiplyExact(product("N", "C", "H", "W"), 1 + size("factor") * size("factor"));
            case FMA_PEAK -> 0;
            case RASTERIZE -> Math.addExact(Math.multiplyExact(14L, size("N")), Math.multiplyExact(5L, product("W", "H")));
            case RASTERIZE_TRAINED, RASTERIZE_UNTRAINED -> Math.addExact(Math.multiplyExact(14L, product("views", "side", "side")),
                    Math.multiplyExact(5L, product("cameras", "side", "side")));
        };
    }

    private long product(String... letters) {
        long product = 1;
        for (String letter : letters) {
            product = Math.multiplyExact(product, size(letter));
        }
        return product;
    }

    /**
     * Floating-point operations of the pass, a multiply-add counted as two; 0 where memory, not arithmetic, is what is
     * counted. The backward pass of a product is two products; that of attention is five, because the scores are computed
     * again.
     */
    public double flops() {
        double forward = switch (op) {
            case MATMUL -> 2.0 * size("B") * size("M") * size("N") * size("K");
            case LINEAR, LINEAR_GELU, LINEAR_RESIDUAL -> 2.0 * size("M") * size("N") * size("K");
            case CONV2D -> 2.0 * size("N") * size("O") * outHeight() * outWidth() * size("C") * size("kernel") * size("kernel");
            case ATTENTION -> 4.0 * size("B") * size("heads") * size("Tq") * (size("Tk") + size("Tk2")) * size("D");
            case GROUP_NORM_SILU, LAYER_NORM, GELU, SILU, GEGLU, SOFTMAX, ADD, ADAMW, UPSAMPLE_NEAREST, COPY, FMA_PEAK, RASTERIZE, RASTERIZE_TRAINED, RASTERIZE_UNTRAINED -> 0;
        };
        return forward * (backward ? op == Op.ATTENTION ? 3.5 : 3 : 1);
    }

    /**
     * Bytes moved by an operation that is bound by memory, counted like the copy ceiling (a byte read and a byte written are
     * one): forward reads its operands and writes y, backward reads the operands it needs and dy and writes dx. A step of
     * AdamW reads parameter, gradient and both moments and writes all but the gradient. 0 for operations bound by arithmetic.
     */
    public double bytes() {
        double moved = switch (op) {
            case GROUP_NORM_SILU -> product("N", "C", "H", "W") * (backward ? 5.0 : 2);
            case LAYER_NORM, GELU, SILU, SOFTMAX, COPY -> product("M", "N") * (backward ? 5.0 : 2);
            case GEGLU -> product("M", "N") * (backward ? 4.0 : 1.5);
            case ADD -> product("M", "N") * 3.0;
            case ADAMW -> product("M", "N") * 7.0;
            case UPSAMPLE_NEAREST -> product("N", "C", "H", "W") * (1.0 + size("factor") * size("factor")) * (backward ? 2 : 1);
            case MATMUL, LINEAR, LINEAR_GELU, LINEAR_RESIDUAL, CONV2D, ATTENTION, FMA_PEAK, RASTERIZE, RASTERIZE_TRAINED, RASTERIZE_UNTRAINED -> 0;
        };
        return 4 * moved / 2;
    }
}
