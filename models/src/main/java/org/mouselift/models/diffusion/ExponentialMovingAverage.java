package org.mouselift.models.diffusion;

import java.lang.foreign.MemorySegment;
import java.util.LinkedHashMap;
import java.util.Map;
import org.mouselift.engine.DType;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.cpu.FloatRanges;

/**
 * Exponential moving average of parameters (multi-view diffusion specification §4.7): after every update,
 * {@code shadow -= (1 - d) (shadow - parameter)} with a decay d that grows with the number of updates. Owns the shadows; close it
 * to free them.
 */
public final class ExponentialMovingAverage implements AutoCloseable {
    /**
     * @param decay largest decay
     * @param minDecay smallest decay once averaging has begun
     * @param updateAfterStep updates before averaging begins
     * @param warmup {@code 1 - (1 + s / invGamma)^-power} instead of {@code (1 + s) / (10 + s)}
     */
    public record Options(double decay, double minDecay, long updateAfterStep, boolean warmup, double invGamma, double power) {
        /** As the original constructs it. */
        public static final Options STANDARD = new Options(0.9999, 0, 0, false, 1, 2.0 / 3);

        public Options {
            if (!(decay >= 0 && decay <= 1 && minDecay >= 0 && minDecay <= 1) || updateAfterStep < 0 || !(invGamma > 0)) {
                throw new EngineException("EMA: decay " + decay + " and min_decay " + minDecay + " must be within 0 and 1, update_after_step "
                        + updateAfterStep + " not negative, inv_gamma " + invGamma + " positive");
            }
        }

        /** Decay of update number k = 1, 2, … */
        public double at(long k) {
            long s = Math.max(0, k - updateAfterStep - 1);
            if (s <= 0) {
                return 0;
            }
            double d = warmup ? 1 - Math.pow(1 + s / invGamma, -power) : (1.0 + s) / (10 + s);
            return Math.max(Math.min(d, decay), minDecay);
        }
    }

    /** Elements that are taken together: 512 KiB. */
    private static final long PIECE = 1 << 17;

    private final Options options;
    private final Map<String, Tensor> parameters;
    private final Scope memory = Scope.detached("moving averages");
    private final Map<String, Tensor> shadows = new LinkedHashMap<>();
    private long updates;

    /** Shadows start as copies. */
    public ExponentialMovingAverage(Map<String, Tensor> parameters, Options options) {
        this.parameters = new LinkedHashMap<>(parameters);
        this.options = options;
        parameters.forEach((name, p) -> {
            Tensor shadow = memory.run(() -> Tensor.empty(p.spec(), "moving average of " + name));
            shadow.contiguousSegment().copyFrom(p.contiguousSegment());
            shadows.put(name, shadow);
        });
    }

    public Options options() {
        return options;
    }

    /** Updates so far. */
    public long updates() {
        return updates;
    }

    /** Continues after a stored update. */
    public void updates(long performed) {
        if (performed < 0) {
            throw new EngineException("EMA: optimization_step " + performed + " is negative");
        }
        updates = performed;
    }

    /** The averages by parameter name; write into them to continue from stored ones. */
    public Map<String, Tensor> shadows() {
        return java.util.Collections.unmodifiableMap(shadows);
    }

    /** Takes the parameters' present values in. */
    public void update() {
        updates++;
        double d = options.at(updates);
        Tape.pause(() -> {
            shadows.forEach((name, shadow) -> {
                try (Scope scope = Scope.open("moving average")) {
                    Tensor p = parameters.get(name);
                    if (p.dtype() == DType.F32) {
                        moved(shadow, p, (float) (1 - d));
                    } else {
                        Ops.addInto(shadow, Ops.affine(Ops.sub(p, shadow), 1 - d, 0));
                    }
                }
            });
            return null;
        });
    }

    /** {@code shadow = shadow + share (p - shadow)}, in pieces that stay in cache. */
    private static void moved(Tensor shadow, Tensor p, float share) {
        MemorySegment s = shadow.contiguousSegment();
        MemorySegment now = p.contiguousSegment();
        MemorySegment difference = Tensor.empty(DType.F32, Math.min(PIECE, p.numel())).contiguousSegment();
        for (long at = 0; at < p.numel(); at += PIECE) {
            long n = Math.min(PIECE, p.numel() - at);
            FloatRanges.sub(now, at, s, at, difference, 0, n);
            FloatRanges.axpy(share, difference, 0, s, at, n);
        }
    }

    /** 1 - d of the next update. */
    public double share() {
        return 1 - options.at(updates + 1);
    }

    /**
     * An update as operations, for programs; does not count it.
     *
     * @param share {@link #share}, rank 0; 0 leaves the averages as they are
     */
    public void move(Tensor share) {
        shadows.forEach((name, shadow) -> Ops.addInto(shadow, Ops.mul(Ops.sub(parameters.get(name), shadow), share)));
    }

    /** Runs a body with the averages in place of the parameters, and brings the parameters back. */
    public <T> T applied(java.util.function.Supplier<T> body) {
        swap();
        try {
            return body.get();
        } finally {
            swap();
        }
    }

    private void swap() {
        shadows.forEach((name, shadow) -> {
            Tensor p = parameters.get(name);
            try (Scope scope = Scope.open("moving average")) {
                Tensor copy = Tensor.empty(p.spec(), "swap");
                copy.contiguousSegment().copyFrom(p.contiguousSegment());
                p.contiguousSegment().copyFrom(shadow.contiguousSegment());
                p.noteWrite();
                shadow.contiguousSegment().copyFrom(copy.contiguousSegment());
                shadow.noteWrite();
            }
        });
    }

    @Override
    public void close() {
        memory.close();
    }
}
