package org.mouselift.pipeline.profile;

import java.util.List;
import java.util.Locale;
import java.util.Objects;
import org.mouselift.engine.OperationProfile;
import org.mouselift.engine.cpu.VectorWidth;
import org.mouselift.engine.cpu.Workers;

/**
 * What a profiled run took.
 *
 * @param what in words
 * @param peakTensorBytes largest of the stages
 * @param peakResidentBytes largest of the stages; null where the system does not tell
 */
public record ProfileReport(String what, Machine machine, double seconds, double gflop, Double gflops, long peakTensorBytes, Long peakResidentBytes,
        List<StageProfile.Stage> stages) {
    /**
     * Where it ran.
     *
     * @param vectorBits width of the kernels; 0 for scalar code
     * @param fmaPeakGflops measured ceiling of multiply-adds on these threads; null if it was not measured
     */
    public record Machine(String processor, int threads, int vectorBits, String jdk, Double fmaPeakGflops) {
        /** This one. */
        public static Machine here(String processor, Double fmaPeakGflops) {
            return new Machine(processor, Workers.count(), VectorWidth.SCALAR ? 0 : VectorWidth.BITS, Runtime.version().toString(), fmaPeakGflops);
        }
    }

    private static final double SHORT = 0.005;
    private static final double MIB = 1 << 20;

    /** Sums over the stages. */
    public static ProfileReport of(String what, Machine machine, List<StageProfile.Stage> stages) {
        double seconds = stages.stream().mapToDouble(StageProfile.Stage::seconds).sum();
        double gflop = stages.stream().mapToDouble(StageProfile.Stage::gflop).sum();
        return new ProfileReport(what, machine, seconds, gflop, gflop > 0 && seconds > 0 ? gflop / seconds : null,
                stages.stream().mapToLong(StageProfile.Stage::peakTensorBytes).max().orElse(0),
                stages.stream().map(StageProfile.Stage::peakResidentBytes).filter(Objects::nonNull).max(Long::compare).orElse(null), stages);
    }

    /** As text: a line a stage, below it the kinds of operations that took at least half a percent of it. */
    public String text() {
        StringBuilder out = new StringBuilder();
        out.append(what).append('\n');
        out.append(String.format(Locale.ROOT, "%s, %d thread%s, %s, JDK %s%s%n", machine.processor, machine.threads, machine.threads == 1 ? "" : "s",
                machine.vectorBits == 0 ? "scalar code" : machine.vectorBits + " bits", machine.jdk,
                machine.fmaPeakGflops == null ? "" : String.format(Locale.ROOT, ", peak %.0f GFLOP/s", machine.fmaPeakGflops)));
        out.append(String.format(Locale.ROOT, "%-36s %10s %12s %10s %12s %10s %12s%n", "", "seconds", "GFLOP", "GFLOP/s", "tensors MiB", "heap MiB", "resident MiB"));
        for (StageProfile.Stage s : stages) {
            row(out, s.name(), s.seconds(), s.gflop(), s.gflops(), s.peakTensorBytes(), s.heapBytes(), s.peakResidentBytes());
            double counted = 0;
            for (OperationProfile.Line line : s.operations()) {
                counted += line.seconds();
                if (line.seconds() >= SHORT * s.seconds()) {
                    out.append(String.format(Locale.ROOT, "  %-34s %10.3f %12.1f %10s %8d calls%n", line.operation(), line.seconds(), line.gflop(), rate(line.gflops()), line.calls()));
                }
            }
            if (!s.operations().isEmpty() && s.seconds() - counted >= SHORT * s.seconds()) {
                out.append(String.format(Locale.ROOT, "  %-34s %10.3f%n", "between operations", s.seconds() - counted));
            }
        }
        row(out, "all", seconds, gflop, gflops, peakTensorBytes, stages.stream().mapToLong(StageProfile.Stage::heapBytes).max().orElse(0), peakResidentBytes);
        return out.toString().stripTrailing();
    }

    private static void row(StringBuilder out, String name, double seconds, double gflop, Double gflops, long tensors, long heap, Long resident) {
        out.append(String.format(Locale.ROOT, "%-36s %10.3f %12.1f %10s %12.0f %10.0f %12s%n", name, seconds, gflop, rate(gflops), tensors / MIB, heap / MIB,
                resident == null ? "-" : String.format(Locale.ROOT, "%.0f", resident / MIB)));
    }

    private static String rate(Double gflops) {
        return gflops == null ? "-" : String.format(Locale.ROOT, "%.1f", gflops);
    }
}
