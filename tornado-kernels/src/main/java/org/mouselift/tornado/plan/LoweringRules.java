package org.mouselift.tornado.plan;

import java.util.Collections;
import java.util.HashMap;
import java.util.Map;
import java.util.Set;
import org.mouselift.engine.DType;
import org.mouselift.engine.Operation;
import org.mouselift.engine.op.Assign;
import org.mouselift.engine.op.Attention;
import org.mouselift.engine.op.Concat;
import org.mouselift.engine.op.Contiguous;
import org.mouselift.engine.op.Conv2d;
import org.mouselift.engine.op.GatherRows;
import org.mouselift.engine.op.Geglu;
import org.mouselift.engine.op.GroupNorm;
import org.mouselift.engine.op.LayerNorm;
import org.mouselift.engine.op.Linear;
import org.mouselift.engine.op.MatMul;
import org.mouselift.engine.op.Pad;
import org.mouselift.engine.op.Reduce;
import org.mouselift.engine.op.ScatterAddRows;
import org.mouselift.engine.op.SliceScatter;
import org.mouselift.engine.op.Softmax;
import org.mouselift.engine.op.UpsampleNearest;
import org.mouselift.engine.ViewOperation;
import org.mouselift.tornado.launch.Copy;
import org.mouselift.models.optim.AdamMoments;
import org.mouselift.models.optim.AdamWStep;
import org.mouselift.models.splat.SplatViews;
import org.mouselift.tornado.launch.AdamUpdate;
import org.mouselift.tornado.launch.AttentionGradient;
import org.mouselift.tornado.launch.Convolution;
import org.mouselift.tornado.launch.Elementwise;
import org.mouselift.tornado.launch.FlashAttention;
import org.mouselift.tornado.launch.Matmul;
import org.mouselift.tornado.launch.Norm;
import org.mouselift.tornado.launch.Reduction;
import org.mouselift.tornado.launch.Rows;
import org.mouselift.tornado.launch.Splatting;
import org.mouselift.tornado.launch.SplattingGradient;
import org.mouselift.tornado.launch.Upsampling;

/** Which operations the device has kernels for. Fused operations without one are taken apart while tracing. */
public final class LoweringRules {
    private static final Map<Class<? extends Operation>, LoweringRule<Operation>> TABLE = new HashMap<>();

    static {
        for (Class<? extends Operation> chained : Elementwise.OPERATIONS) {
            add(chained, (Operation op, Emission to) -> Elementwise.emit(op, to));
        }
        add(Contiguous.class, (op, to) -> Copy.emit(to, to.in(0), to.out(0)));
        add(Assign.class, (op, to) -> Copy.emit(to, to.in(1), to.in(0)));
        add(Concat.class, Copy::concat);
        add(Pad.class, Copy::pad);
        add(SliceScatter.class, Copy::scatter);
        add(Geglu.class, Elementwise::geglu);
        add(MatMul.class, (MatMul op, Emission to) -> Matmul.emit(op, to));
        add(Linear.class, (Linear op, Emission to) -> Matmul.emit(op, to));
        add(Attention.class, FlashAttention::emit);
        add(Attention.AttentionGrad.class, AttentionGradient::emit);
        add(LayerNorm.class, (LayerNorm op, Emission to) -> Norm.emit(op, to));
        add(GroupNorm.class, (GroupNorm op, Emission to) -> Norm.emit(op, to));
        add(Softmax.class, (Softmax op, Emission to) -> Norm.emit(op, to));
        add(Reduce.class, Reduction::emit);
        add(GatherRows.class, (GatherRows op, Emission to) -> Rows.emit(op, to));
        add(ScatterAddRows.class, (ScatterAddRows op, Emission to) -> Rows.emit(op, to));
        add(Conv2d.class, (Conv2d op, Emission to) -> Convolution.emit(op, to));
        add(Conv2d.InputGrad.class, (Conv2d.InputGrad op, Emission to) -> Convolution.emit(op, to));
        add(Conv2d.WeightGrad.class, (Conv2d.WeightGrad op, Emission to) -> Convolution.emit(op, to));
        add(AdamMoments.class, (AdamMoments op, Emission to) -> AdamUpdate.emit(op, to));
        add(AdamWStep.class, (AdamWStep op, Emission to) -> AdamUpdate.emit(op, to));
        add(SplatViews.class, Splatting::emit);
        add(SplatViews.Gradient.class, SplattingGradient::emit);
        add(UpsampleNearest.class, (UpsampleNearest op, Emission to) -> Upsampling.emit(op, to));
        add(UpsampleNearest.Grad.class, (UpsampleNearest.Grad op, Emission to) -> Upsampling.emit(op, to));
    }

    private LoweringRules() {}

    @SuppressWarnings("unchecked")
    private static <O extends Operation> void add(Class<? extends O> operation, LoweringRule<O> rule) {
        TABLE.put(operation, (LoweringRule<Operation>) rule);
    }

    /** The rule of an operation, or null. */
    static LoweringRule<Operation> of(Operation operation) {
        return TABLE.get(operation.getClass());
    }

    /** The operations that have kernels; views of memory need none. */
    public static Set<Class<? extends Operation>> operations() {
        return Collections.unmodifiableSet(TABLE.keySet());
    }

    /** True if an operation on operands of a type has a kernel. */
    public static boolean covers(Operation operation, DType dtype) {
        return dtype != DType.F64 && (operation instanceof ViewOperation || TABLE.containsKey(operation.getClass()));
    }
}
