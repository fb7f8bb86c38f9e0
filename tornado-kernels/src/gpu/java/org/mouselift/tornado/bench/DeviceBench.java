package org.mouselift.tornado.bench;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.function.Function;
import java.util.stream.Collectors;
import org.mouselift.engine.DType;
import org.mouselift.engine.Eager;
import org.mouselift.engine.Elements;
import org.mouselift.engine.Executor;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Philox;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.device.Device;
import org.mouselift.engine.device.DeviceInfo;
import org.mouselift.engine.device.DeviceOptions;
import org.mouselift.engine.device.DevicePrecision;
import org.mouselift.engine.device.DeviceProgram;
import org.mouselift.engine.device.DeviceRequest;
import org.mouselift.engine.device.DeviceRuntime;
import org.mouselift.engine.device.VendorLibrary;
import org.mouselift.engine.op.Attention;
import org.mouselift.engine.op.Conv2d;
import org.mouselift.engine.op.Linear;
import org.mouselift.engine.trace.Program;
import org.mouselift.models.splat.SplatViews;
import org.mouselift.tornado.VendorLibraries;
import uk.ac.manchester.tornado.api.runtime.TornadoRuntimeProvider;
import uk.ac.manchester.tornado.api.TornadoRuntime;
import uk.ac.manchester.tornado.api.common.TornadoDevice;

/**
 * A table of kernel speeds on a device, beside the device's measured ceilings and, where a file of them is given, PyTorch's times on
 * the same card. The time of a kernel is the difference between a program that runs it several times and one that runs it once, so
 * that transfers and the start of a program cancel. Where libraries of the card's maker are usable, a case that one of them computes
 * is followed by the library's own time on whole arrays, of which the line of our kernel gives its share, and by the time of a program
 * that leaves the case to the library, copies included. Arguments: device, scale (1 for the sizes of the full models, more divides their
 * sides), and optionally the file of PyTorch's times (lines of case name, fp32 ms, bf16 ms, fp16 ms, separated by tabs).
 */
public final class DeviceBench {
    private static final int REPEATS = 8;
    private static final int ROUNDS = 5;
    /** The cases that half precision computes with other kernels. */
    private static final Set<String> HALF = Set.of("matmul 4096", "linear qkv", "linear gelu", "attention gslrm");

    /**
     * One kernel at one size.
     *
     * @param flops operations a run, 0 if memory bounds it
     * @param bytes bytes read and written a run
     */
    private record Case(String name, double flops, double bytes, List<long[]> shapes, Function<List<Tensor>, Tensor> body) {}

    private DeviceBench() {}

    public static void main(String[] args) throws IOException {
        if (args.length < 2 || args.length > 3) {
            throw new IllegalArgumentException("usage: DeviceBench DEVICE SCALE [PYTORCH_TIMES]");
        }
        int scale = Integer.parseInt(args[1]);
        Map<String, double[]> torch = args.length == 3 ? times(Path.of(args[2])) : Map.of();
        DeviceRequest request = DeviceRequest.parse(args[0]);
        DeviceCeilings ceilings;
        Map<String, List<LibraryYardsticks.Yardstick>> yardsticks = new HashMap<>();
        try (Device device = DeviceRuntime.open(request, new DeviceOptions(false, 0, DevicePrecision.FP32, false));
                Device withLibraries = DeviceRuntime.open(request, new DeviceOptions(false, 0, DevicePrecision.FP32, true))) {
            ceilings = DeviceCeilings.measure(device(device.info()), (1 << 26) / (scale * scale), 4096 / scale);
            System.out.printf(Locale.ROOT, "%s: %.3g TFLOP/s of float32 multiply-adds, %.3g GB/s of copies (read and written bytes both count)%n", device.info(),
                    ceilings.teraflops(), ceilings.gigabytes());
            if (scale > 1) {
                System.out.println("Names say the full sizes; measured were fewer tokens, channels and pixels, 1/" + scale + " along a side where that can be");
            }
            List<VendorLibrary> libraries = VendorLibraries.of(device.info().kind());
            System.out.println(libraries.isEmpty() ? device.info().kind() + " offers no vendor libraries" : "vendor libraries: " + libraries
                    + "; % of a library: its time over ours, on whole arrays without copies");
            System.out.println("share: of the nearer of the two ceilings" + (torch.isEmpty() ? "" : "; PyTorch x: its time over ours, above 1 where ours is faster"));
            System.out.printf(Locale.ROOT, "%-34s %10s %10s %8s %8s%s%n", "kernel", "ms", "TFLOP/s", "GB/s", "share", torch.isEmpty() ? ""
                    : " PyTorch fp32 x PyTorch bf16 x PyTorch fp16 x");
            for (Case c : cases(scale)) {
                List<LibraryYardsticks.Yardstick> library = LibraryYardsticks.of(device(device.info()), device.info().kind(), c.name, scale);
                yardsticks.put(c.name, library);
                row(c, c.name, seconds(device, c), ceilings, torch, library);
                for (LibraryYardsticks.Yardstick y : library) {
                    row(c, "  " + y.library(), y.seconds(), ceilings, Map.of(), List.of());
                }
                if (leaves(withLibraries, c)) {
                    row(c, "  program with " + withLibraries.libraries().getFirst(), seconds(withLibraries, c), ceilings, Map.of(), List.of());
                }
            }
            ModelBench.print(device, scale, "");
            if (!withLibraries.libraries().isEmpty()) {
                ModelBench.print(withLibraries, scale, " " + withLibraries.libraries().getFirst());
            }
        }
        if (DevicePrecision.FP16.reachedBy(request.kind())) {
            try (Device device = DeviceRuntime.open(request, new DeviceOptions(false, 0, DevicePrecision.FP16))) {
                System.out.println("With factors rounded to fp16, on tensor cores (the share is of the float32 multiply-adds, so it may pass 100 %):");
                for (Case c : cases(scale)) {
                    if (HALF.contains(c.name)) {
                        row(c, c.name + " fp16", seconds(device, c), ceilings, torch, yardsticks.get(c.name));
                    }
                }
                ModelBench.print(device, scale, " fp16");
            }
        }
    }

    private static void row(Case c, String name, double seconds, DeviceCeilings ceilings, Map<String, double[]> torch, List<LibraryYardsticks.Yardstick> library) {
        if (seconds <= 0) {
            System.out.printf(Locale.ROOT, "%-34s too fast to be told from the start of a program at this scale%n", name);
            return;
        }
        double share = Math.max(c.flops / seconds * 1e-12 / ceilings.teraflops(), c.bytes / seconds * 1e-9 / ceilings.gigabytes());
        double[] other = torch.get(c.name);
        System.out.printf(Locale.ROOT, "%-34s %10.3f %10s %8.3g %7.0f%%%s%s%n", name, seconds * 1e3,
                c.flops == 0 ? "-" : String.format(Locale.ROOT, "%.3g", c.flops / seconds * 1e-12), c.bytes / seconds * 1e-9, 100 * share,
                torch.isEmpty() ? "" : String.format(Locale.ROOT, " %14s %14s %14s", ratio(other, 0, seconds), ratio(other, 1, seconds), ratio(other, 2, seconds)),
                shares(library, seconds));
    }

    /** How fast our kernel is beside each library. */
    private static String shares(List<LibraryYardsticks.Yardstick> library, double seconds) {
        return library.stream().filter(y -> y.seconds() > 0).map(y -> String.format(Locale.ROOT, "  %.0f%% of %s", 100 * y.seconds() / seconds, y.library()))
                .collect(Collectors.joining());
    }

    /** True if a program on the device gives a case to a library. */
    private static boolean leaves(Device device, Case c) {
        if (device.libraries().isEmpty()) {
            return false;
        }
        Program.Definition definition = Program.define(c.name).kernels(device::computes);
        for (int i = 0; i < c.shapes.size(); i++) {
            definition.input("in" + i, TensorSpec.of(DType.F32, c.shapes.get(i)));
        }
        try (Scope scope = Scope.open(c.name); Program program = definition.trace(in -> List.of(c.body.apply(in))); DeviceProgram onDevice = device.prepare(program)) {
            return device.libraries().stream().anyMatch(onDevice.listing()::contains);
        }
    }

    private static String ratio(double[] other, int column, double seconds) {
        return other == null ? "-" : String.format(Locale.ROOT, "%.2f", other[column] * 1e-3 / seconds);
    }

    private static Map<String, double[]> times(Path file) throws IOException {
        Map<String, double[]> out = new HashMap<>();
        for (String line : Files.readAllLines(file)) {
            String[] parts = line.split("\t");
            if (parts.length != 4) {
                throw new IOException(file + ": '" + line + "', expected name, fp32 ms, bf16 ms and fp16 ms separated by tabs");
            }
            out.put(parts[0], new double[] {Double.parseDouble(parts[1]), Double.parseDouble(parts[2]), Double.parseDouble(parts[3])});
        }
        return out;
    }

    static TornadoDevice device(DeviceInfo info) {
        TornadoRuntime runtime = TornadoRuntimeProvider.getTornadoRuntime();
        for (int b = 0; b < runtime.getNumBackends(); b++) {
            if (runtime.getBackendType(b).name().equalsIgnoreCase(info.kind())) {
                return runtime.getBackend(b).getDevice(info.index());
            }
        }
        throw new IllegalStateException(info + " is gone");
    }

    /** The kernels at the sizes of GS-LRM (6 x 512²) and of the UNet (6 views with guidance, 32² latents), sides divided by a scale. */
    private static List<Case> cases(int scale) {
        long tokens = 24576 / ((long) scale * scale);
        long d = 1024 / scale;
        long heads = Math.max(1, d / 64);
        long side = 32;
        // A multiple of the 32 groups of the norm.
        long channels = Math.max(32, 320 / scale / 32 * 32);
        List<Case> out = new ArrayList<>();
        out.add(new Case("matmul 4096", 2.0 * cube(4096 / scale), 12.0 * square(4096 / scale), List.of(s(4096 / scale, 4096 / scale), s(4096 / scale, 4096 / scale)),
                in -> Ops.matmul(in.get(0), in.get(1))));
        out.add(new Case("linear qkv", 2.0 * tokens * d * 3 * d, 4.0 * (tokens * 4 * d + 3 * d * d), List.of(s(tokens, d), s(3 * d, d)),
                in -> Ops.linear(in.get(0), in.get(1))));
        out.add(new Case("linear gelu", 8.0 * tokens * d * d, 4.0 * (tokens * 5 * d + 4 * d * d), List.of(s(tokens, d), s(4 * d, d)),
                in -> Ops.linear(in.get(0), in.get(1), null, Linear.Activation.GELU, null)));
        out.add(new Case("attention gslrm", 4.0 * tokens * tokens * heads * 64, 16.0 * tokens * heads * 64, List.of(s(1, heads, tokens, 64),
                s(1, heads, tokens, 64), s(1, heads, tokens, 64)), in -> Ops.attention(in.get(0), in.get(1), in.get(2), 0.125)));
        out.add(new Case("conv2d 3x3", 18.0 * 12 * square(side) * channels * channels, 8.0 * 12 * square(side) * channels,
                List.of(s(12, channels, side, side), s(channels, channels, 3, 3)), in -> Ops.conv2d(in.get(0), in.get(1), null, 1, 1)));
        out.add(new Case("layer norm", 0, 8.0 * tokens * d, List.of(s(tokens, d), s(d)), in -> Ops.layerNorm(in.get(0), in.get(1), null, 1e-5)));
        out.add(new Case("group norm silu", 0, 8.0 * 12 * square(side) * channels, List.of(s(12, channels, side, side), s(channels), s(channels)),
                in -> Ops.groupNormSilu(in.get(0), in.get(1), in.get(2), 32, 1e-5)));
        out.add(new Case("softmax", 0, 8.0 * tokens * d, List.of(s(tokens, d)), in -> Ops.softmax(in.getFirst())));
        out.add(new Case("geglu", 0, 12.0 * tokens * d, List.of(s(tokens, 2 * d)), in -> Ops.geglu(in.getFirst())));
        out.add(new Case("add gelu chain", 0, 12.0 * tokens * d, List.of(s(tokens, d), s(tokens, d)), in -> Ops.gelu(Ops.add(in.get(0), in.get(1)))));
        out.add(new Case("attention gslrm and backward", 14.0 * tokens * tokens * heads * 64, 32.0 * tokens * heads * 64, List.of(s(1, heads, tokens, 64),
                s(1, heads, tokens, 64), s(1, heads, tokens, 64)), in -> attentionGradient(in)));
        out.add(new Case("conv2d 3x3 input gradient", 18.0 * 12 * square(side) * channels * channels, 8.0 * 12 * square(side) * channels,
                List.of(s(12, channels, side, side), s(channels, channels, 3, 3)),
                in -> Ops.apply(new Conv2d.InputGrad(Conv2d.Window.of(1, 1), side, side), in.get(0), in.get(1)).getFirst()));
        out.add(new Case("conv2d 3x3 weight gradient", 18.0 * 12 * square(side) * channels * channels, 8.0 * 12 * square(side) * channels,
                List.of(s(12, channels, side, side), s(12, channels, side, side)),
                in -> Ops.apply(new Conv2d.WeightGrad(Conv2d.Window.of(1, 1), 3, 3), in.get(0), in.get(1)).getFirst()));
        int picture = 512 / scale;
        long gaussians = 1_572_864 / ((long) scale * scale);
        List<long[]> scene = List.of(s(gaussians, 3), s(gaussians, 1, 3), s(gaussians, 3), s(gaussians, 4), s(gaussians, 1));
        out.add(new Case("rasterizer", 0, 56.0 * gaussians + 16 * square(picture), scene, in -> Ops.apply(splats(picture), view(in, picture)).getFirst()));
        List<long[]> withPicture = new ArrayList<>(scene);
        withPicture.add(s(1, 3, picture, picture));
        out.add(new Case("rasterizer backward", 0, 112.0 * gaussians + 16 * square(picture), withPicture, in -> {
            List<Tensor> all = view(in.subList(0, 5), picture);
            all.add(in.get(5));
            return Ops.apply(new SplatViews.Gradient(splats(picture), false), all).getFirst();
        }));
        out.add(new Case("sum over rows", 0, 4.0 * tokens * d, List.of(s(tokens, d)), in -> Ops.sum(in.getFirst(), true, 1)));
        return out;
    }

    private static Tensor attentionGradient(List<Tensor> in) {
        Attention attention = new Attention(0.125);
        List<Tensor> all = new ArrayList<>(in);
        all.addAll(Ops.apply(attention, in));
        all.add(in.getFirst());
        return Ops.apply(new Attention.AttentionGrad(0.125), all).getFirst();
    }

    private static SplatViews splats(int picture) {
        return new SplatViews(picture, picture, 1, 1, 1, 1);
    }

    /** Gaussians of about a pixel in a cloud that fills the middle of the picture, and the camera before it. */
    private static List<Tensor> view(List<Tensor> random, int picture) {
        List<Tensor> all = new ArrayList<>(random);
        all.set(2, Ops.affine(random.get(2), 1, -Math.log(1.7 * picture)));
        double f = 1.2 * picture;
        all.add(constant(new double[] {1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, -0.7, 0, 0, 0, 1}, 1, 4, 4));
        all.add(constant(new double[] {f, f, picture / 2.0, picture / 2.0}, 1, 4));
        return all;
    }

    private static Tensor constant(double[] values, long... dims) {
        return Program.constant(Executor.with(Eager.INSTANCE, () -> Ops.cast(Tensor.of(values, dims), DType.F32)));
    }

    private static double square(long n) {
        return (double) n * n;
    }

    private static double cube(long n) {
        return (double) n * n * n;
    }

    private static long[] s(long... dims) {
        return dims;
    }

    private static double seconds(Device device, Case c) {
        try (Scope scope = Scope.open(c.name)) {
            List<Tensor> in = new ArrayList<>();
            for (long[] shape : c.shapes) {
                in.add(random(in.size(), shape));
            }
            return (run(device, c, in, 1 + REPEATS) - run(device, c, in, 1)) / REPEATS;
        }
    }

    private static double run(Device device, Case c, List<Tensor> in, int times) {
        Program.Definition definition = Program.define(c.name).kernels(device::computes);
        for (int i = 0; i < in.size(); i++) {
            definition.input("in" + i, in.get(i).spec());
        }
        try (Program program = definition.trace(x -> {
            List<Tensor> out = new ArrayList<>();
            for (int i = 0; i < times; i++) {
                Tensor y = c.body.apply(x);
                long[] one = new long[y.rank()];
                Arrays.fill(one, 1);
                // One number of each result, so that all are computed and nothing large comes back.
                out.add(Ops.contiguous(y.view(new TensorSpec(DType.F32, org.mouselift.engine.Shape.of(one)), y.strides(), y.offset())));
            }
            return out;
        }); DeviceProgram onDevice = device.prepare(program)) {
            double best = Double.MAX_VALUE;
            for (int i = 0; i <= ROUNDS; i++) {
                long start = System.nanoTime();
                try (Scope results = Scope.open("results")) {
                    onDevice.run(in);
                }
                if (i > 0) {
                    best = Math.min(best, (System.nanoTime() - start) * 1e-9);
                }
            }
            return best;
        }
    }

    private static Tensor random(long seed, long... dims) {
        Tensor t = Tensor.empty(DType.F32, dims);
        Philox philox = new Philox(seed, 1);
        for (long i = 0; i < t.numel(); i++) {
            Elements.set(t, i, 0.1 * philox.nextGaussian());
        }
        return t;
    }
}
