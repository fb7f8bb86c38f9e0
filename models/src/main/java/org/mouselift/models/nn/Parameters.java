package org.mouselift.models.nn;

import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.Map;
import org.mouselift.engine.DType;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Philox;
import org.mouselift.engine.Shape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.cpu.Workers;

/** Start values of weights. Element i of a tensor depends only on (seed, stream, i), not on the number of threads. */
public final class Parameters {
    /** 32-bit values that one {@link Philox#nextGaussian()} draws. */
    private static final long DRAWS = 4;
    /** 32-bit values that one {@link Philox#uniform} draws. */
    private static final long UNIFORM_DRAWS = 2;
    private static final long GRAIN = 4096;

    private Parameters() {}

    /** Fills a contiguous f32 or f64 tensor with normal numbers of mean 0. */
    public static void normal(Tensor t, double deviation, long seed, long stream) {
        truncatedNormal(t, deviation, Double.POSITIVE_INFINITY, seed, stream);
    }

    /**
     * Fills a contiguous f32 or f64 tensor with normal numbers of mean 0, redrawn until their absolute value is at most
     * {@code cut}. Each redraw comes from a stream of its own, so that an element never shifts its neighbours.
     */
    public static void truncatedNormal(Tensor t, double deviation, double cut, long seed, long stream) {
        if (!(deviation >= 0) || !(cut > 0)) {
            throw new EngineException("truncatedNormal: deviation " + deviation + " and cut " + cut + " must be positive");
        }
        MemorySegment memory = t.contiguousSegment();
        Workers.split(t.numel(), GRAIN, (worker, begin, end) -> {
            Philox random = new Philox(seed, stream);
            random.position(begin * DRAWS);
            for (long i = begin; i < end; i++) {
                double value = deviation * random.nextGaussian();
                for (long attempt = 1; Math.abs(value) > cut; attempt++) {
                    Philox redraw = new Philox(seed, stream + (attempt << 32));
                    redraw.position(i * DRAWS);
                    value = deviation * redraw.nextGaussian();
                }
                store(memory, t.dtype(), i, value);
            }
        });
    }

    /** Fills a contiguous f32 or f64 tensor with numbers uniform in [-bound, bound). */
    public static void uniform(Tensor t, double bound, long seed, long stream) {
        MemorySegment memory = t.contiguousSegment();
        Workers.split(t.numel(), GRAIN, (worker, begin, end) -> {
            Philox random = new Philox(seed, stream);
            random.position(begin * UNIFORM_DRAWS);
            for (long i = begin; i < end; i++) {
                store(memory, t.dtype(), i, random.uniform(-bound, bound));
            }
        });
    }

    /**
     * The default start values of linear, convolution and norm layers in the original framework (multi-view diffusion specification
     * §1.14): weights and biases of linear and convolution layers uniform within 1/sqrt(fan in); norm weights 1, biases 0. A layer is
     * recognised by its {@code weight}: two or more axes, or one for a norm. Every tensor has a random stream of its own, in
     * state-dict order.
     */
    public static void defaults(Map<String, Tensor> stateDict, long seed) {
        Map<String, Shape> shapes = new LinkedHashMap<>();
        stateDict.forEach((name, t) -> shapes.put(name, t.shape()));
        long stream = 0;
        for (Map.Entry<String, Tensor> e : stateDict.entrySet()) {
            initialise(e.getKey(), e.getValue(), shapes, seed, stream++);
        }
    }

    /**
     * The same for one tensor, for whoever does not want the whole model in memory.
     *
     * @param shapes of the whole state dict
     * @param stream position of the tensor in the state dict, from 0
     */
    public static void initialise(String name, Tensor value, Map<String, Shape> shapes, long seed, long stream) {
        boolean bias = name.endsWith(".bias");
        Shape weight = bias ? shapes.get(name.substring(0, name.length() - "bias".length()) + "weight") : value.shape();
        if (weight != null && weight.rank() >= 2) {
            uniform(value, 1 / Math.sqrt((double) weight.numel() / weight.dim(0)), seed, stream);
        } else {
            constant(value, bias ? 0 : 1);
        }
    }

    /** Sets all elements of a contiguous f32 or f64 tensor. */
    public static void constant(Tensor t, double value) {
        MemorySegment memory = t.contiguousSegment();
        for (long i = 0; i < t.numel(); i++) {
            store(memory, t.dtype(), i, value);
        }
    }

    private static void store(MemorySegment memory, DType dtype, long i, double value) {
        switch (dtype) {
            case F32 -> memory.set(DType.LE_F32, i * 4, (float) value);
            case F64 -> memory.set(DType.LE_F64, i * 8, value);
            default -> throw new EngineException("start values exist for f32 and f64 weights, not " + dtype.label());
        }
    }
}
