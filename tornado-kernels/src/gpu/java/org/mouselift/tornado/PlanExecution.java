package org.mouselift.tornado;

import java.lang.foreign.MemorySegment;
import java.lang.foreign.ValueLayout;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.mouselift.engine.DType;
import org.mouselift.engine.Eager;
import org.mouselift.engine.Elements;
import org.mouselift.engine.Executor;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.device.DeviceException;
import org.mouselift.engine.device.DevicePrecision;
import org.mouselift.engine.device.DeviceProgram;
import org.mouselift.engine.trace.Program;
import org.mouselift.engine.trace.Value;
import org.mouselift.tornado.plan.DevicePlan;
import org.mouselift.tornado.plan.HostStep;
import org.mouselift.tornado.plan.Launch;
import org.mouselift.tornado.plan.LibraryProduct;
import org.mouselift.tornado.plan.Operand;
import org.mouselift.tornado.plan.Packing;
import org.mouselift.tornado.plan.Segments;
import org.mouselift.tornado.plan.Segments.Segment;
import org.mouselift.tornado.plan.Space;
import uk.ac.manchester.tornado.api.types.arrays.FloatArray;
import uk.ac.manchester.tornado.api.types.arrays.IntArray;

/** A plan on its device: memory is taken with the first run and held until it is closed. */
final class PlanExecution implements DeviceProgram {
    private final TornadoVmDevice device;
    private final Program program;
    private final DevicePlan plan;
    private final List<Segment> segments;
    private final Packing packing;
    private final int[] uploadedAt;
    private HostShadow floatShadow;
    private HostShadow intShadow;
    private final List<HostShadow> libraryShadows = new ArrayList<>();
    private TaskGraphs graphs;
    private boolean closed;

    PlanExecution(TornadoVmDevice device, Program program, DevicePlan plan) {
        this.device = device;
        this.program = program;
        this.plan = plan;
        segments = Segments.of(plan.steps());
        packing = Packing.of(plan.steps());
        uploadedAt = new int[plan.weights().size()];
        Arrays.fill(uploadedAt, -1);
    }

    @Override
    public synchronized List<Tensor> run(List<Tensor> operands) {
        check(operands);
        if (graphs == null) {
            begin();
        }
        return Executor.with(Eager.INSTANCE, () -> Tape.pause(() -> compute(operands)));
    }

    private List<Tensor> compute(List<Tensor> operands) {
        weights();
        try (Scope scope = Scope.open("operands of program " + plan.name())) {
            for (int i = 0; i < operands.size(); i++) {
                upload(Ops.contiguous(operands.get(i)), plan.inputs().get(i));
            }
        }
        for (Segment s : segments) {
            if (plan.steps().get(s.first()) instanceof HostStep host) {
                onHost(host);
            } else if (plan.steps().get(s.first()) instanceof LibraryProduct product) {
                graphs.run(product);
            } else {
                List<Launch> launches = new ArrayList<>();
                for (int i = s.first(); i < s.end(); i++) {
                    launches.add((Launch) plan.steps().get(i));
                }
                graphs.run(launches, Arrays.copyOfRange(packing.places(), s.first(), s.end()));
            }
        }
        List<Tensor> results = new ArrayList<>();
        for (Operand o : plan.outputs()) {
            Tensor t = Tensor.empty(o.spec(), "program " + plan.name() + " on " + device.info().request());
            download(o, t);
            results.add(t);
        }
        overwritten(operands);
        if (plan.overflows() != null) {
            overflow();
        }
        return results;
    }

    /** An error if a number was too large for a half float in this run. */
    private void overflow() {
        Operand word = plan.overflows().operand();
        try (Scope scope = Scope.open("overflow")) {
            Tensor t = Tensor.empty(word.spec(), "overflow");
            download(word, t);
            int rounding = (int) Elements.getLong(t, 0);
            if (rounding != 0) {
                Elements.setLong(t, 0, 0);
                upload(t, word);
                throw new DeviceException("program '" + plan.name() + "' on " + device.info().request() + ": a number beyond " + DevicePrecision.LARGEST_HALF
                        + " does not fit the half floats of tensor cores (" + plan.overflows().places().get(rounding - 1) + "). Run with --device-precision fp32");
            }
        }
    }

    private void begin() {
        floatShadow = new HostShadow(plan.floats());
        intShadow = new HostShadow(plan.ints());
        IntArray arguments = IntArray.fromArray(packing.ints());
        FloatArray constants = FloatArray.fromArray(packing.floats());
        FloatArray[] library = null;
        if (plan.libraryElements()[0] > 0) {
            library = new FloatArray[plan.libraryElements().length];
            for (int i = 0; i < library.length; i++) {
                libraryShadows.add(new HostShadow(plan.libraryElements()[i]));
                library[i] = libraryShadows.getLast().floats();
            }
        }
        graphs = new TaskGraphs(device.device(), floatShadow.floats(), intShadow.ints(), arguments, constants, plan.steps(), segments, library);
        if (plan.overflows() != null) {
            try (Scope scope = Scope.open("overflow")) {
                upload(Executor.with(Eager.INSTANCE, () -> Tensor.zeros(DType.I32, 1)), plan.overflows().operand());
            }
        }
    }

    private void check(List<Tensor> operands) {
        if (closed) {
            throw new DeviceException("program '" + plan.name() + "' on " + device.info().request() + " was closed");
        }
        if (operands.size() != program.inputs().size()) {
            throw new DeviceException("program '" + plan.name() + "' takes " + program.inputs().size() + " operands, got " + operands.size());
        }
        for (int i = 0; i < operands.size(); i++) {
            Value v = program.inputs().get(i);
            if (!operands.get(i).spec().equals(v.spec())) {
                throw new DeviceException("program '" + plan.name() + "', input '" + v.buffer().name() + "': traced for " + v.spec() + ", given "
                        + operands.get(i).spec());
            }
            if (program.writes(v.buffer()) && !operands.get(i).isContiguous()) {
                throw new DeviceException("program '" + plan.name() + "', input '" + v.buffer().name() + "' is overwritten and must be contiguous");
            }
        }
    }

    /** Weights that are not on the device yet, or were written on the host since. */
    private void weights() {
        for (int i = 0; i < uploadedAt.length; i++) {
            DevicePlan.Weight w = plan.weights().get(i);
            Tensor t = w.buffer().tensor();
            if (uploadedAt[i] != t.writes()) {
                upload(part(w), Operand.whole(w.block(), part(w).spec()));
                uploadedAt[i] = t.writes();
            }
        }
    }

    /** The elements of a weight that the plan holds. */
    private static Tensor part(DevicePlan.Weight w) {
        Tensor t = w.buffer().tensor();
        return t.view(org.mouselift.engine.TensorSpec.of(t.dtype(), w.block().elements()), new long[] {1}, w.first());
    }

    /** Overwritten weights stay here until their owner looks at them; overwritten operands go back at once. */
    private void overwritten(List<Tensor> operands) {
        for (int i = 0; i < uploadedAt.length; i++) {
            DevicePlan.Weight w = plan.weights().get(i);
            if (w.written()) {
                Tensor t = w.buffer().tensor();
                if (t.dtype() == DType.F32) {
                    t.contentsElsewhere(block -> fetch(w, block));
                } else {
                    Tensor part = part(w);
                    download(Operand.whole(w.block(), part.spec()), part);
                }
                t.noteWrite();
                uploadedAt[i] = t.writes();
            }
        }
        for (int i = 0; i < operands.size(); i++) {
            if (program.writes(program.inputs().get(i).buffer())) {
                download(plan.inputs().get(i), operands.get(i));
                operands.get(i).noteWrite();
            }
        }
    }

    /** Writes a weight's present contents into its owner's block of memory. */
    private synchronized void fetch(DevicePlan.Weight w, MemorySegment block) {
        if (graphs == null) {
            throw new DeviceException("program '" + plan.name() + "' on " + device.info().request() + " was closed before weight '" + w.buffer().name() + "' was fetched");
        }
        floats(Operand.whole(w.block(), org.mouselift.engine.TensorSpec.of(DType.F32, w.block().elements())), block.asSlice(4 * w.first(), 4 * w.block().elements()));
    }

    /** Copies a contiguous place of floats on the device to memory, in pieces. */
    private void floats(Operand from, MemorySegment target) {
        long first = from.block().offset() + from.offset();
        long all = target.byteSize() / 4;
        for (long done = 0; done < all; ) {
            int n = (int) Math.min(all - done, TaskGraphs.largestTransfer());
            graphs.transfer("floatsOut", first + done, n);
            MemorySegment.copy(graphs.floatStaging(n).getSegment(), 0, target, 4 * done, 4L * n);
            done += n;
        }
    }

    private void onHost(HostStep step) {
        try (Scope scope = Scope.open(step.operation())) {
            List<Tensor> in = new ArrayList<>();
            for (Operand o : step.inputs()) {
                Tensor t = Tensor.empty(o.spec(), step.operation());
                download(o, t);
                in.add(t);
            }
            boolean overwrites = step.node().overwritten() != null;
            List<Tensor> out = new ArrayList<>();
            if (overwrites) {
                out.add(in.get(step.node().operation().overwrites()));
            } else {
                step.outputs().forEach(o -> out.add(Tensor.empty(o.spec(), step.operation())));
            }
            Eager.INSTANCE.compute(step.node().operation(), in, overwrites ? List.of() : out);
            for (int i = 0; i < out.size(); i++) {
                upload(out.get(i), step.outputs().get(i));
            }
        }
    }

    /** Copies a contiguous tensor to its contiguous place on the device, in pieces. */
    private void upload(Tensor t, Operand to) {
        long first = to.block().offset() + to.offset();
        MemorySegment bytes = t.contiguousSegment();
        for (long done = 0; done < t.numel(); ) {
            int n = (int) Math.min(t.numel() - done, TaskGraphs.largestTransfer());
            if (to.block().space() == Space.FLOATS) {
                MemorySegment staging = graphs.floatStaging(n).getSegment();
                if (t.dtype() == DType.F32) {
                    MemorySegment.copy(bytes, 4 * done, staging, 0, 4L * n);
                } else {
                    for (int i = 0; i < n; i++) {
                        staging.setAtIndex(ValueLayout.JAVA_FLOAT, i, (float) Elements.get(t, t.offset() + done + i));
                    }
                }
                graphs.transfer("floatsIn", first + done, n);
            } else {
                MemorySegment staging = graphs.intStaging(n).getSegment();
                for (int i = 0; i < n; i++) {
                    long v = Elements.getLong(t, t.offset() + done + i);
                    if (v != (int) v) {
                        throw new DeviceException(t + " holds " + v + "; devices hold integers of 32 bits");
                    }
                    staging.setAtIndex(ValueLayout.JAVA_INT, i, (int) v);
                }
                graphs.transfer("intsIn", first + done, n);
            }
            done += n;
        }
    }

    /** Copies a contiguous place on the device to a contiguous tensor, in pieces. */
    private void download(Operand from, Tensor t) {
        if (from.block().space() == Space.FLOATS && t.dtype() == DType.F32) {
            floats(from, t.contiguousSegment());
            return;
        }
        long first = from.block().offset() + from.offset();
        for (long done = 0; done < t.numel(); ) {
            int n = (int) Math.min(t.numel() - done, TaskGraphs.largestTransfer());
            if (from.block().space() == Space.FLOATS) {
                graphs.transfer("floatsOut", first + done, n);
                MemorySegment staging = graphs.floatStaging(n).getSegment();
                for (int i = 0; i < n; i++) {
                    Elements.set(t, t.offset() + done + i, staging.getAtIndex(ValueLayout.JAVA_FLOAT, i));
                }
            } else {
                graphs.transfer("intsOut", first + done, n);
                MemorySegment staging = graphs.intStaging(n).getSegment();
                for (int i = 0; i < n; i++) {
                    Elements.setLong(t, t.offset() + done + i, staging.getAtIndex(ValueLayout.JAVA_INT, i));
                }
            }
            done += n;
        }
    }

    @Override
    public long deviceBytes() {
        return plan.bytes();
    }

    /** Device memory that is held now. */
    long heldBytes() {
        return graphs == null ? 0 : plan.bytes() + graphs.stagingBytes();
    }

    /** Kernels compiled so far. */
    int compilations() {
        return graphs == null ? 0 : graphs.compilations();
    }

    @Override
    public String listing() {
        return plan.listing();
    }

    @Override
    public synchronized void close() {
        if (closed) {
            return;
        }
        closed = true;
        device.forget(this);
        if (graphs != null) {
            for (DevicePlan.Weight w : plan.weights()) {
                if (w.written()) {
                    w.buffer().tensor().bringBack();
                }
            }
            graphs.close();
            graphs = null;
            floatShadow.close();
            intShadow.close();
            libraryShadows.forEach(HostShadow::close);
            libraryShadows.clear();
        }
    }
}
