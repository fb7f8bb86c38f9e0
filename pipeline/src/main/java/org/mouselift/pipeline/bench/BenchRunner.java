package org.mouselift.pipeline.bench;

import java.util.Arrays;
import java.util.List;
import java.util.function.Supplier;
import org.mouselift.engine.DType;
import org.mouselift.engine.MemoryPool;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.cpu.AdamWStep;
import org.mouselift.engine.cpu.Calibration;
import org.mouselift.engine.cpu.VectorWidth;
import org.mouselift.engine.cpu.Workers;
import org.mouselift.engine.op.Conv2d;
import org.mouselift.engine.op.Linear;
import org.mouselift.models.splat.SplatKernels;
import org.mouselift.models.splat.SplatRender;
import org.mouselift.models.splat.Turntable;
import org.mouselift.pipeline.render.SplatScene;

/** Times cases in this process on all threads of the pool: warm-up, then repeated runs, of which median and best count. */
public final class BenchRunner {
    private static final int FEWEST_RUNS = 5;
    /** Runs of a case that takes longer than {@link #LONG_SECONDS}. */
    private static final int FEWEST_LONG_RUNS = 3;
    private static final double LONG_SECONDS = 5;
    /** A warm-up has ended when its best time improves by less than this share. */
    private static final double STEADY = 0.03;
    /** A warm-up that still improves goes on for this long, in seconds. */
    private static final double LONGEST_WARM_UP = 5;
    private static final int MOST_RUNS = 10_000;

    private Calibration ceilings;
    private final double secondsPerCase;

    /**
     * What one case took.
     *
     * @param pass fwd or fwd+bwd
     * @param width vector width in bits, 0 for scalar code
     * @param medianSeconds null for the ceiling itself
     * @param gflops of the median run; null where memory is counted
     * @param gbs 10⁹ bytes a second of the median run, counted as the copy ceiling; null where arithmetic is counted
     * @param ofCeiling share of the machine's peak that the median run reached; null without a ceiling
     * @param fmaPeakGflops ceiling measured in the same process
     * @param copyGbs ceiling measured in the same process
     * @param peakBytes most bytes of tensors alive at once, operands included
     * @param rendererBytes what the renderer keeps on the heap between calls; null for other operations
     */
    public record Result(String name, java.util.Map<String, Long> sizes, long[] shape, String pass, String dtype, int threads, int width, int runs,
            Double medianSeconds, Double bestSeconds, Double gflops, Double gbs, Double ofCeiling, double fmaPeakGflops, double copyGbs, long peakBytes,
            Long rendererBytes) {}

    /** Measures the machine's ceilings first. */
    public BenchRunner(double secondsPerCase) {
        if (!(secondsPerCase > 0) || secondsPerCase > 3600) {
            throw new IllegalArgumentException("seconds per case: " + secondsPerCase + ", expected more than 0 and at most 3600");
        }
        this.secondsPerCase = secondsPerCase;
        this.ceilings = Calibration.measure();
    }

    public Calibration ceilings() {
        return ceilings;
    }

    /** Times one case. Before it the ceilings are looked at again: another program may have disturbed the first look. */
    public Result run(BenchCase c) {
        ceilings = ceilings.raised(c.bytes() > 0);
        if (c.op() == BenchCase.Op.FMA_PEAK) {
            double gflops = Math.max(ceilings.gflops(), Calibration.fmaPeak());
            return new Result(c.op().label(), c.sizes(), c.shape(), "fwd", "f32", Workers.count(), VectorWidth.BITS, 1, null, null, gflops, null,
                    gflops / ceilings.gflops(), ceilings.gflops(), ceilings.copyGBs(), 0, null);
        }
        try (Prepared prepared = prepare(c)) {
            MemoryPool.resetPeak();
            return result(c, time(prepared::run));
        }
    }

    /** A case with its operands, to be run again and again by the thread that made it. */
    public static final class Prepared implements AutoCloseable {
        private final Scope operands;
        private final Supplier<Tensor> forward;
        private final Tensor seed;

        private Prepared(BenchCase c) {
            operands = Scope.open("bench " + c.op().label());
            List<Tensor> in = operands(c);
            forward = forward(c, in);
            in.forEach(t -> t.requiresGrad(c.backward()));
            seed = c.backward() ? ones(forward) : null;
        }

        /** One pass; what it makes is freed. */
        public void run() {
            once(forward, seed);
        }

        @Override
        public void close() {
            operands.close();
        }
    }

    /** Operands of a case, the same in every run. {@code fma_peak} has none and cannot be prepared. */
    public static Prepared prepare(BenchCase c) {
        return new Prepared(c);
    }

    private Result result(BenchCase c, double[] seconds) {
        Arrays.sort(seconds);
        double median = seconds.length % 2 == 1 ? seconds[seconds.length / 2] : (seconds[seconds.length / 2 - 1] + seconds[seconds.length / 2]) / 2;
        Double gflops = c.flops() > 0 ? c.flops() / median * 1e-9 : null;
        Double gbs = c.bytes() > 0 ? c.bytes() / median * 1e-9 : null;
        Double share = gflops != null ? Double.valueOf(gflops / ceilings.gflops()) : gbs != null ? Double.valueOf(gbs / ceilings.copyGBs()) : null;
        return new Result(c.op().label(), c.sizes(), c.shape(), c.backward() ? "fwd+bwd" : "fwd", "f32", Workers.count(), VectorWidth.BITS, seconds.length,
                median, seconds[0], gflops, gbs, share, ceilings.gflops(), ceilings.copyGBs(), MemoryPool.usage().peakBytes(),
                c.renders() ? SplatKernels.heldBytes() : null);
    }

    /**
     * Warm-up for half of the time, at least two runs, and on for as long as it improves: the compiler needs seconds until it has
     * a large kernel. Then timed runs.
     */
    private double[] time(Runnable body) {
        double best = warmUp(body);
        int fewest = best > LONG_SECONDS ? FEWEST_LONG_RUNS : FEWEST_RUNS;
        double[] seconds = new double[MOST_RUNS];
        int runs = 0;
        long start = System.nanoTime();
        while (runs < fewest || runs < MOST_RUNS && (System.nanoTime() - start) * 1e-9 < secondsPerCase) {
            seconds[runs++] = seconds(body);
        }
        return Arrays.copyOf(seconds, runs);
    }

    /** Runs in rounds of a quarter of the time until a round is hardly better than those before; returns the best time. */
    private double warmUp(Runnable body) {
        long start = System.nanoTime();
        double best = Double.MAX_VALUE;
        for (int rounds = 0;; rounds++) {
            double round = Double.MAX_VALUE;
            long begin = System.nanoTime();
            do {
                round = Math.min(round, seconds(body));
            } while ((System.nanoTime() - begin) * 1e-9 < secondsPerCase / 4);
            boolean steady = rounds > 0 && round > best * (1 - STEADY);
            best = Math.min(best, round);
            double spent = (System.nanoTime() - start) * 1e-9;
            if (rounds > 0 && spent >= secondsPerCase / 2 && (steady || spent >= Math.max(LONGEST_WARM_UP, secondsPerCase))) {
                return best;
            }
        }
    }

    private static double seconds(Runnable body) {
        long begin = System.nanoTime();
        body.run();
        return (System.nanoTime() - begin) * 1e-9;
    }

    private static void once(Supplier<Tensor> forward, Tensor seed) {
        try (Scope scope = Scope.open("bench run")) {
            if (seed == null) {
                forward.get();
                return;
            }
            try (Tape tape = Tape.open()) {
                Tensor y = forward.get();
                tape.backward(List.of(y), List.of(seed));
            }
        }
    }

    private static Tensor ones(Supplier<Tensor> forward) {
        long[] dims;
        try (Scope scope = Scope.open("bench shape")) {
            dims = forward.get().shape().dims();
        }
        Tensor seed = Tensor.empty(DType.F32, dims);
        fill(seed, 99);
        return seed;
    }

    private static List<Tensor> operands(BenchCase c) {
        return switch (c.op()) {
            case MATMUL -> random(c, factor(c, "M", "K", c.size("transA")), factor(c, "K", "N", c.size("transB")));
            case LINEAR -> random(c, new long[] {c.size("M"), c.size("K")}, new long[] {c.size("N"), c.size("K")});
            case LINEAR_GELU -> random(c, new long[] {c.size("M"), c.size("K")}, new long[] {c.size("N"), c.size("K")}, new long[] {c.size("N")});
            case LINEAR_RESIDUAL -> random(c, new long[] {c.size("M"), c.size("K")}, new long[] {c.size("N"), c.size("K")}, new long[] {c.size("N")},
                    new long[] {c.size("M"), c.size("N")});
            case CONV2D -> random(c, c.shape(), new long[] {c.size("O"), c.size("C"), c.size("kernel"), c.size("kernel")}, new long[] {c.size("O")});
            case ATTENTION -> {
                long[] q = {c.size("B"), c.size("heads"), c.size("Tq"), c.size("D")};
                long[] k = {c.size("B"), c.size("heads"), c.size("Tk"), c.size("D")};
                long[] shared = {1, c.size("heads"), c.size("Tk2"), c.size("D")};
                yield c.size("Tk2") == 0 ? random(c, q, k, k) : random(c, q, k, k, shared, shared);
            }
            case GROUP_NORM_SILU -> random(c, c.shape(), new long[] {c.size("C")}, new long[] {c.size("C")});
            case LAYER_NORM -> random(c, c.shape(), new long[] {c.size("N")});
            case GELU, SILU, GEGLU, SOFTMAX, UPSAMPLE_NEAREST, COPY -> random(c, c.shape());
            case ADD -> random(c, c.shape(), c.shape());
            case ADAMW -> adamw(c);
            case RASTERIZE -> ball(Math.toIntExact(c.size("N")));
            case RASTERIZE_TRAINED -> pixelAligned(PixelAlignedScene.Stage.TRAINED, c);
            case RASTERIZE_UNTRAINED -> pixelAligned(PixelAlignedScene.Stage.UNTRAINED, c);
            case FMA_PEAK -> throw new IllegalArgumentException("fma_peak has no operands");
        };
    }

    private static long[] factor(BenchCase c, String rows, String columns, long transposed) {
        long[] matrix = transposed == 1 ? new long[] {c.size(columns), c.size(rows)} : new long[] {c.size(rows), c.size(columns)};
        return c.size("B") == 1 ? matrix : new long[] {c.size("B"), matrix[0], matrix[1]};
    }

    private static Tensor factor(Tensor stored, long transposed) {
        return transposed == 1 ? Ops.transpose(stored, stored.rank() - 2, stored.rank() - 1) : stored;
    }

    /** Parameter, gradient, first moment, and a second moment, which is never negative. */
    private static List<Tensor> adamw(BenchCase c) {
        List<Tensor> state = random(c, c.shape(), c.shape(), c.shape(), c.shape());
        return List.of(state.get(0), state.get(1), state.get(2), Ops.square(state.get(3)));
    }

    private static List<Tensor> pixelAligned(PixelAlignedScene.Stage stage, BenchCase c) {
        return PixelAlignedScene.of(stage, (int) c.size("views"), (int) c.size("side")).gaussians();
    }

    private static List<Tensor> random(BenchCase c, long[]... shapes) {
        Tensor[] out = new Tensor[shapes.length];
        for (int i = 0; i < shapes.length; i++) {
            out[i] = Tensor.empty(DType.F32, shapes[i]);
            fill(out[i], i);
        }
        return List.of(out);
    }

    /** Values of about unit size, the same in every run. */
    private static void fill(Tensor t, long stream) {
        org.mouselift.models.nn.Parameters.normal(t, 1, 1, stream);
    }

    /** Gaussians spread over a ball of radius 0.6, small and mostly opaque, as a reconstruction has them. */
    private static List<Tensor> ball(int n) {
        float[] xyz = new float[Math.multiplyExact(3, n)];
        float[] scale = new float[xyz.length];
        float[] rotation = new float[Math.multiplyExact(4, n)];
        float[] opacity = new float[n];
        float[] colour = new float[xyz.length];
        java.util.SplittableRandom random = new java.util.SplittableRandom(1);
        double size = Math.log(0.6 * 2 / Math.cbrt(n));
        for (int i = 0; i < n; i++) {
            double z = random.nextDouble(-1, 1);
            double a = random.nextDouble(2 * Math.PI);
            double r = 0.6 * Math.cbrt(random.nextDouble());
            xyz[3 * i] = (float) (r * Math.sqrt(1 - z * z) * Math.cos(a));
            xyz[3 * i + 1] = (float) (r * Math.sqrt(1 - z * z) * Math.sin(a));
            xyz[3 * i + 2] = (float) (r * z);
            for (int k = 0; k < 3; k++) {
                scale[3 * i + k] = (float) (size + random.nextDouble(-1, 0));
                colour[3 * i + k] = (float) random.nextDouble(-1.5, 1.5);
            }
            for (int k = 0; k < 4; k++) {
                rotation[4 * i + k] = (float) random.nextGaussian();
            }
            opacity[i] = (float) random.nextDouble(-1, 4);
        }
        return List.of(Tensor.of(xyz, n, 3), Tensor.of(colour, n, 1, 3), Tensor.of(scale, n, 3), Tensor.of(rotation, n, 4), Tensor.of(opacity, n, 1));
    }

    private static Supplier<Tensor> forward(BenchCase c, List<Tensor> in) {
        Tensor x = in.getFirst();
        return switch (c.op()) {
            case MATMUL -> () -> Ops.matmul(factor(x, c.size("transA")), factor(in.get(1), c.size("transB")));
            case LINEAR -> () -> Ops.linear(x, in.get(1));
            case LINEAR_GELU -> () -> Ops.linear(x, in.get(1), in.get(2), Linear.Activation.GELU, null);
            case LINEAR_RESIDUAL -> () -> Ops.linear(x, in.get(1), in.get(2), Linear.Activation.NONE, in.get(3));
            case CONV2D -> {
                Conv2d.Window window = Conv2d.Window.of((int) c.size("stride"), (int) c.size("kernel") / 2);
                yield () -> Ops.conv2d(x, in.get(1), in.get(2), window);
            }
            case ATTENTION -> {
                double scale = 1 / Math.sqrt(c.size("D"));
                yield in.size() == 3 ? () -> Ops.attention(x, in.get(1), in.get(2), scale)
                        : () -> Ops.attention(x, in.get(1), in.get(2), in.get(3), in.get(4), scale);
            }
            case GROUP_NORM_SILU -> () -> Ops.groupNormSilu(x, in.get(1), in.get(2), (int) c.size("groups"), 1e-5);
            case LAYER_NORM -> () -> Ops.layerNorm(x, in.get(1), null, 1e-5);
            case GELU -> () -> Ops.gelu(x);
            case SILU -> () -> Ops.silu(x);
            case GEGLU -> () -> Ops.geglu(x);
            case SOFTMAX -> () -> Ops.softmax(x);
            case ADD -> () -> Ops.add(x, in.get(1));
            case ADAMW -> {
                AdamWStep step = new AdamWStep(1e-3, 0.9, 0.95, 1e-8, 0.05, 3, 1);
                yield () -> {
                    step.apply(x.contiguousSegment(), 0, in.get(1).contiguousSegment(), 0, in.get(2).contiguousSegment(), 0, in.get(3).contiguousSegment(), 0,
                            x.numel());
                    return x;
                };
            }
            case UPSAMPLE_NEAREST -> () -> Ops.upsampleNearest(x, (int) c.size("factor"));
            case COPY -> () -> Ops.copy(x);
            case RASTERIZE -> {
                var camera = Turntable.cameras(50, 1, (int) c.size("W"), (int) c.size("H"), 2.7, 0);
                yield () -> SplatRender.onWhite(camera, x, in.get(1), in.get(2), in.get(3), in.get(4));
            }
            case RASTERIZE_TRAINED, RASTERIZE_UNTRAINED -> {
                var cameras = PixelAlignedScene.between((int) c.size("cameras"), (int) c.size("side")).stream().map(SplatScene::camera).toList();
                yield () -> SplatRender.onWhite(cameras, x, in.get(1), in.get(2), in.get(3), in.get(4));
            }
            case FMA_PEAK -> throw new IllegalArgumentException("fma_peak is measured by the calibration");
        };
    }
}
