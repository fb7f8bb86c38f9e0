package org.mouselift.models.splat;

import java.lang.foreign.MemorySegment;
import java.util.ArrayList;
import java.util.List;
import org.mouselift.engine.DType;
import org.mouselift.engine.KernelProvider;
import org.mouselift.engine.Kernels;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;

/** CPU kernels of {@link SplatRender} and {@link SplatViews}: the tiled rasterizer in float32, the plain reference in float64. */
public final class SplatKernels implements KernelProvider {
    /** Rendering state is large and reused; its own for each thread. */
    private static final ThreadLocal<KeptViews> VIEWS = ThreadLocal.withInitial(() -> new KeptViews(KeptViews.defaultLimit()));

    @Override
    public void register(Kernels kernels) {
        kernels.add(SplatRender.class, DType.F32, SplatKernels::render);
        kernels.add(SplatRender.Gradient.class, DType.F32, SplatKernels::gradient);
        kernels.add(SplatRender.class, DType.F64, SplatKernels::renderReference);
        kernels.add(SplatRender.Gradient.class, DType.F64, SplatKernels::gradientReference);
        kernels.add(SplatViews.class, DType.F32, SplatViews.forward(SplatKernels::render));
        kernels.add(SplatViews.Gradient.class, DType.F32, SplatViews.backward(SplatKernels::gradient));
        kernels.add(SplatViews.class, DType.F64, SplatViews.forward(SplatKernels::renderReference));
        kernels.add(SplatViews.Gradient.class, DType.F64, SplatViews.backward(SplatKernels::gradientReference));
    }

    /** Bytes on the heap that rendering keeps between calls of this thread: views that wait for their gradient and buffers to be used again. */
    public static long heldBytes() {
        KeptViews views = VIEWS.get();
        return views.bytes() + views.workingBytes();
    }

    private static int degree(Tensor features) {
        return (int) Math.round(Math.sqrt(features.dim(1))) - 1;
    }

    /** The five operands as contiguous memory; copies belong to the caller's scope. */
    private static GaussianParameters parameters(List<Tensor> in) {
        MemorySegment[] s = new MemorySegment[5];
        for (int i = 0; i < 5; i++) {
            Tensor t = in.get(i);
            s[i] = Tape.pause(() -> Ops.contiguous(t)).contiguousSegment();
        }
        return new GaussianParameters(Math.toIntExact(in.getFirst().dim(0)), degree(in.get(1)), s[0], s[2], s[3], s[4], s[1]);
    }

    private static SplatImage image(SplatRender op, List<Tensor> out, int view) {
        long plane = 4L * op.width() * op.height();
        return new SplatImage(op.width(), op.height(), out.get(0).contiguousSegment().asSlice(3 * plane * view, 3 * plane),
                out.get(1).contiguousSegment().asSlice(plane * view, plane), null);
    }

    private static void render(SplatRender op, List<Tensor> in, List<Tensor> out) {
        List<SplatImage> images = new ArrayList<>();
        for (int i = 0; i < op.cameras().size(); i++) {
            images.add(image(op, out, i));
        }
        // Only a recorded call will be asked for its gradient.
        VIEWS.get().render(op, parameters(in), images, Tape.records(in));
    }

    private static void gradient(SplatRender.Gradient op, List<Tensor> in, List<Tensor> out) {
        SplatRender rendering = op.rendering();
        GaussianParameters g = parameters(in);
        out.forEach(Tensor::fillZero);
        GaussianParameters gradients = new GaussianParameters(g.count(), g.shDegree(), out.get(0).contiguousSegment(), out.get(2).contiguousSegment(),
                out.get(3).contiguousSegment(), out.get(4).contiguousSegment(), out.get(1).contiguousSegment());
        MemorySegment rgb = Tape.pause(() -> Ops.contiguous(in.get(5))).contiguousSegment();
        MemorySegment alpha = op.alpha() ? Tape.pause(() -> Ops.contiguous(in.get(6))).contiguousSegment() : null;
        long plane = 4L * rendering.width() * rendering.height();
        VIEWS.get().backward(rendering, g, i -> rgb.asSlice(3 * plane * i, 3 * plane), i -> alpha == null ? null : alpha.asSlice(plane * i, plane), gradients);
    }

    private static SplatReference reference(SplatRender op, List<Tensor> in, int view) {
        SplatReference.Scene scene = new SplatReference.Scene(Math.toIntExact(in.getFirst().dim(0)), degree(in.get(1)), in.get(0).toDoubles(),
                in.get(2).toDoubles(), in.get(3).toDoubles(), in.get(4).toDoubles(), in.get(1).toDoubles());
        return new SplatReference(scene, op.cameras().get(view), new double[] {op.red(), op.green(), op.blue()}, op.scalingModifier());
    }

    private static void renderReference(SplatRender op, List<Tensor> in, List<Tensor> out) {
        int plane = op.width() * op.height();
        for (int i = 0; i < op.cameras().size(); i++) {
            SplatReference r = reference(op, in, i);
            MemorySegment.copy(r.rgb, 0, out.get(0).contiguousSegment(), DType.LE_F64, 24L * plane * i, 3 * plane);
            MemorySegment.copy(r.alpha, 0, out.get(1).contiguousSegment(), DType.LE_F64, 8L * plane * i, plane);
        }
    }

    private static void gradientReference(SplatRender.Gradient op, List<Tensor> in, List<Tensor> out) {
        SplatRender rendering = op.rendering();
        int plane = rendering.width() * rendering.height();
        out.forEach(Tensor::fillZero);
        double[] rgb = in.get(5).toDoubles();
        double[] alpha = op.alpha() ? in.get(6).toDoubles() : new double[plane * rendering.cameras().size()];
        for (int i = 0; i < rendering.cameras().size(); i++) {
            SplatReference.Scene g = reference(rendering, in, i).backward(java.util.Arrays.copyOfRange(rgb, 3 * plane * i, 3 * plane * (i + 1)),
                    java.util.Arrays.copyOfRange(alpha, plane * i, plane * (i + 1)), new double[plane]);
            double[][] parts = {g.means(), g.sh(), g.logScales(), g.quaternions(), g.logits()};
            for (int p = 0; p < 5; p++) {
                MemorySegment to = out.get(p).contiguousSegment();
                for (int j = 0; j < parts[p].length; j++) {
                    to.set(DType.LE_F64, 8L * j, to.get(DType.LE_F64, 8L * j) + parts[p][j]);
                }
            }
        }
    }
}
