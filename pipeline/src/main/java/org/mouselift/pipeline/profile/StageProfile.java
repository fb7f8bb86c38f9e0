package org.mouselift.pipeline.profile;

import java.util.ArrayList;
import java.util.List;
import java.util.OptionalLong;
import java.util.function.DoubleSupplier;
import org.mouselift.engine.Executor;
import org.mouselift.engine.MemoryPool;
import org.mouselift.engine.OperationProfile;

/**
 * Where time and memory of a run go, stage after stage: seconds, arithmetic, peak memory, and both by kind of operation. Begin a
 * stage ({@link #begin} also ends the one before), {@link #end} after the last. Operations are only counted inside {@link #during}.
 * Belongs to one thread; the memory is that of the whole process.
 */
public final class StageProfile {
    /**
     * One stage.
     *
     * @param gflop 10⁹ floating-point operations of products, convolutions and attention
     * @param gflops the same a second of the whole stage; null where there is nothing to count
     * @param peakTensorBytes the most bytes of tensors alive at once; mapped weights do not count
     * @param pooledBytes memory of tensors that are gone, kept for new ones, at the end
     * @param heapBytes memory that the JVM's heap holds at the end; packed operands and the transformed kernels of convolutions lie there
     * @param peakResidentBytes the most physical memory of the process, mapped files included; null where the system does not tell
     * @param operations by kind, the longest first
     */
    public record Stage(String name, double seconds, double gflop, Double gflops, long peakTensorBytes, long pooledBytes, long heapBytes, Long peakResidentBytes,
            List<OperationProfile.Line> operations) {}

    private final OperationProfile operations = new OperationProfile();
    private final List<Stage> stages = new ArrayList<>();
    private final DoubleSupplier clock;
    private String current;
    private double began;

    public StageProfile() {
        this(() -> System.nanoTime() * 1e-9);
    }

    /** @param clock seconds from an arbitrary origin */
    StageProfile(DoubleSupplier clock) {
        this.clock = clock;
    }

    /** What {@link #during} runs. */
    @FunctionalInterface
    public interface Body<T, E extends Exception> {
        T run() throws E;
    }

    /** Runs a body whose operations are counted; they run on the CPU. */
    @SuppressWarnings("unchecked")
    public <T, E extends Exception> T during(Body<T, E> body) throws E {
        // The executor's scope takes no checked exceptions; what the body throws comes out as it is.
        Object[] failure = new Object[1];
        T result = Executor.with(operations, () -> {
            try {
                return body.run();
            } catch (RuntimeException e) {
                throw e;
            } catch (Exception e) {
                failure[0] = e;
                return null;
            }
        });
        if (failure[0] != null) {
            throw (E) failure[0];
        }
        return result;
    }

    /** Ends the stage before and begins another. */
    public void begin(String name) {
        end();
        current = name;
        operations.clear();
        MemoryPool.resetPeak();
        ProcessMemory.resetPeak();
        began = clock.getAsDouble();
    }

    /** Ends the stage that runs, if any. */
    public void end() {
        if (current == null) {
            return;
        }
        double seconds = clock.getAsDouble() - began;
        List<OperationProfile.Line> lines = operations.lines();
        double gflop = lines.stream().mapToDouble(OperationProfile.Line::gflop).sum();
        OptionalLong resident = ProcessMemory.peak();
        MemoryPool.Usage memory = MemoryPool.usage();
        stages.add(new Stage(current, seconds, gflop, gflop > 0 && seconds > 0 ? gflop / seconds : null, memory.peakBytes(), memory.pooledBytes(),
                Runtime.getRuntime().totalMemory(), resident.isPresent() ? resident.getAsLong() : null, lines));
        current = null;
    }

    /** The stages that have ended. */
    public List<Stage> stages() {
        return List.copyOf(stages);
    }
}
