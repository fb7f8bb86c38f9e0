package org.mouselift.tornado.plan;

import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Map;
import org.mouselift.engine.DType;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.device.DeviceException;
import org.mouselift.engine.device.DevicePrecision;
import org.mouselift.engine.trace.Buffer;
import org.mouselift.engine.trace.Node;
import org.mouselift.engine.trace.Program;
import org.mouselift.engine.trace.Value;
import org.mouselift.tornado.launch.Elementwise;

/**
 * Lowers a traced program to kernel launches on two device arrays: gives every buffer a block, every node its launches (chains
 * of element-wise operations one launch together), places the blocks and checks the result.
 */
public final class Lowering {
    private final Program program;
    private final boolean allowHost;
    private final ProductLibrary products;
    private final DevicePrecision precision;
    private final Map<Buffer, Block> blocks = new HashMap<>();
    /** First element of the part of a weight that the program looks at. */
    private final Map<Buffer, Long> origins = new HashMap<>();
    private final List<DevicePlan.Weight> weights = new ArrayList<>();
    private final Emission emission = new Emission(this);

    private Lowering(Program program, boolean allowHost, ProductLibrary products, DevicePrecision precision) {
        this.program = program;
        this.allowHost = allowHost;
        this.products = products;
        this.precision = precision;
    }

    /**
     * Lowers a program to kernels of ours alone.
     *
     * @param allowHost operations without a kernel become steps on the CPU instead of errors
     * @throws DeviceException naming the operation, module and operands that cannot be lowered, or the limit that is exceeded
     */
    public static DevicePlan of(Program program, boolean allowHost) {
        return of(program, allowHost, null, DevicePrecision.FP32);
    }

    /**
     * Lowers a program.
     *
     * @param allowHost as above
     * @param products the library that computes the products it takes, or null
     */
    public static DevicePlan of(Program program, boolean allowHost, ProductLibrary products) {
        return of(program, allowHost, products, DevicePrecision.FP32);
    }

    /**
     * Lowers a program.
     *
     * @param precision what the factors of products are rounded to; libraries get no products of half precision
     */
    public static DevicePlan of(Program program, boolean allowHost, ProductLibrary products, DevicePrecision precision) {
        return new Lowering(program, allowHost, precision == DevicePrecision.FP32 ? products : null, precision).run();
    }

    DevicePrecision precision() {
        return precision;
    }

    ProductLibrary productLibrary() {
        return products;
    }

    private DevicePlan run() {
        List<Operand> inputs = new ArrayList<>();
        for (Value v : program.inputs()) {
            blocks.put(v.buffer(), emission.block(v.spec(), "input '" + v.buffer().name() + "'", true));
            inputs.add(operand(v));
        }
        weights();
        Chains chains = Chains.of(program);
        for (int i = 0; i < program.nodes().size(); i++) {
            Node n = program.nodes().get(i);
            if (n.isView() || chains.isAbsorbed(i)) {
                continue;
            }
            emission.at(n);
            LoweringRule<org.mouselift.engine.Operation> rule = LoweringRules.of(n.operation());
            if (empty(n)) {
                continue;
            }
            if (Elementwise.OPERATIONS.contains(n.operation().getClass())) {
                Elementwise.emit(chains.endingAt(i), emission);
            } else if (rule != null) {
                rule.emit(n.operation(), emission);
            } else if (allowHost) {
                host(n);
            } else {
                throw refusal(n, "has no kernel for devices. Run on the CPU, or allow such operations to run there between the others (--allow-cpu-ops)");
            }
        }
        emission.at(null);
        List<Operand> outputs = new ArrayList<>();
        for (Value v : program.outputs()) {
            outputs.add(v.spec().numel() == 0 ? operand(v) : emission.packed(operand(v)));
        }
        // Results stay until they have been read, after the last step.
        outputs.forEach(o -> o.block().touch(emission.steps().size()));
        long floats = BlockPlacement.place(Space.FLOATS, emission.blocks());
        long ints = BlockPlacement.place(Space.INTS, emission.blocks());
        DevicePlan plan = new DevicePlan(program.name(), inputs, List.copyOf(weights), List.copyOf(emission.steps()), outputs, List.copyOf(emission.blocks()), floats, ints,
                emission.overflows());
        plan.check();
        return plan;
    }

    /** Nothing to compute: the overwritten or produced values have no elements. */
    private static boolean empty(Node n) {
        Value target = n.overwritten();
        return target != null ? target.spec().numel() == 0 : n.outputs().stream().allMatch(v -> v.spec().numel() == 0);
    }

    /** Blocks for weights and constants: the parts of their memory that any value shows. */
    private void weights() {
        Map<Buffer, long[]> extents = new HashMap<>();
        List<Buffer> order = new ArrayList<>();
        for (Node n : program.nodes()) {
            n.inputs().forEach(v -> extend(v, extents, order));
            n.outputs().forEach(v -> extend(v, extents, order));
        }
        program.outputs().forEach(v -> extend(v, extents, order));
        for (Buffer b : order) {
            long[] e = extents.get(b);
            TensorSpec part = TensorSpec.of(b.spec().dtype(), e[1] - e[0]);
            Block block = emission.block(part, (b.kind() == Buffer.Kind.WEIGHT ? "weight '" : "constant '") + b.name() + "'", true);
            blocks.put(b, block);
            origins.put(b, e[0]);
            weights.add(new DevicePlan.Weight(block, b, e[0], program.writes(b)));
        }
    }

    private static void extend(Value v, Map<Buffer, long[]> extents, List<Buffer> order) {
        if (v.buffer().tensor() == null || v.spec().numel() == 0) {
            return;
        }
        long[] e = extents.computeIfAbsent(v.buffer(), b -> {
            order.add(b);
            return new long[] {Long.MAX_VALUE, 0};
        });
        long last = v.offset();
        long[] strides = v.strides();
        for (int i = 0; i < strides.length; i++) {
            last += (v.spec().shape().dim(i) - 1) * strides[i];
        }
        e[0] = Math.min(e[0], v.offset());
        e[1] = Math.max(e[1], last + 1);
    }

    Operand operand(Value v) {
        Buffer b = v.buffer();
        Block block = blocks.get(b);
        if (block == null) {
            block = emission.block(b.spec(), "result", false);
            blocks.put(b, block);
        }
        return new Operand(block, v.offset() - origins.getOrDefault(b, 0L), v.spec(), v.strides());
    }

    private void host(Node n) {
        for (Value v : n.inputs()) {
            if (v.spec().dtype() == DType.F16 || v.spec().dtype() == DType.BF16) {
                throw refusal(n, "takes " + v.spec() + ", which is stored as f32 on the device");
            }
        }
        List<Operand> in = new ArrayList<>();
        for (int i = 0; i < n.inputs().size(); i++) {
            in.add(emission.packed(i));
        }
        Value target = n.overwritten();
        if (target == null) {
            emission.add(new HostStep(n, in, n.outputs().stream().map(this::operand).toList()));
            return;
        }
        Operand packed = in.get(n.operation().overwrites());
        emission.add(new HostStep(n, in, List.of(packed)));
        if (packed.block() != operand(target).block()) {
            org.mouselift.tornado.launch.Copy.emit(emission, packed, operand(target));
        }
    }

    DeviceException refusal(Node n, String problem) {
        if (n == null) {
            return new DeviceException("program '" + program.name() + "', results: " + problem);
        }
        List<String> operands = n.inputs().stream().map(v -> v.spec().toString()).toList();
        return new DeviceException(n.operation().name() + "(" + String.join(", ", operands) + ") " + problem
                + (n.path().isEmpty() ? "" : "; in " + n.path()) + "; program '" + program.name() + "'");
    }
}
