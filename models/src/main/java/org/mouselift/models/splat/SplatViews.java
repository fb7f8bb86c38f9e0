package org.mouselift.models.splat;

import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.mouselift.engine.DType;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Kernel;
import org.mouselift.engine.Operation;
import org.mouselift.engine.Ops;
import org.mouselift.engine.ShapeException;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.Vjp;

/**
 * {@link SplatRender} with the cameras as operands, so that one traced program serves changing cameras. Operands: the five
 * of {@code SplatRender}, then c2w [V,4,4] (OpenCV axes) and fx, fy, cx, cy in pixels [V,4]. Results: rgb [V,3,H,W] and alpha
 * [V,H,W]. No gradient flows to cameras.
 *
 * @param red background, as are green and blue
 * @param scalingModifier factor on the activated scales, 1 for none
 */
public record SplatViews(int width, int height, float red, float green, float blue, double scalingModifier) implements Operation {
    private static final int GAUSSIANS = 5;

    @Override
    public String name() {
        return "splat_views";
    }

    @Override
    public List<TensorSpec> infer(List<TensorSpec> in) {
        SplatRender.checkGaussians(name(), in);
        long views = views(name(), in);
        DType dtype = in.getFirst().dtype();
        return List.of(TensorSpec.of(dtype, views, 3, height, width), TensorSpec.of(dtype, views, height, width));
    }

    private static long views(String name, List<TensorSpec> in) {
        if (in.size() < GAUSSIANS + 2 || in.get(5).shape().rank() != 3 || in.get(5).shape().dim(0) < 1) {
            throw new ShapeException(name, "operands " + in + ", expected the Gaussians, c2w [V,4,4] and fxfycxcy [V,4]");
        }
        long views = in.get(5).shape().dim(0);
        for (int i = 0; i < 2; i++) {
            TensorSpec camera = in.get(GAUSSIANS + i);
            long[] expected = i == 0 ? new long[] {views, 4, 4} : new long[] {views, 4};
            if (!Arrays.equals(camera.shape().dims(), expected) || (camera.dtype() != DType.F32 && camera.dtype() != DType.F64)) {
                throw new ShapeException(name, (i == 0 ? "c2w " : "fxfycxcy ") + camera + ", expected f32 or f64 " + Arrays.toString(expected));
            }
        }
        return views;
    }

    /** Renders on a white background: rgb [V,3,H,W]. */
    public static Tensor onWhite(int width, int height, double scalingModifier, List<Tensor> gaussians, Tensor c2w, Tensor intrinsics) {
        List<Tensor> in = new ArrayList<>(gaussians);
        in.add(c2w);
        in.add(intrinsics);
        return Ops.apply(new SplatViews(width, height, 1, 1, 1, scalingModifier), in).getFirst();
    }

    @Override
    public List<Tensor> vjp(Vjp v) {
        List<Tensor> in = new ArrayList<>(v.inputs());
        in.add(v.grad(0));
        Tensor alpha = v.gradOrNull(1);
        if (alpha != null) {
            in.add(alpha);
        }
        List<Tensor> gradients = new ArrayList<>(Ops.apply(new Gradient(this, alpha != null), in));
        gradients.add(null);
        gradients.add(null);
        return gradients;
    }

    /** The operation with the values of its cameras. */
    private SplatRender rendering(List<Tensor> in) {
        double[] poses = in.get(GAUSSIANS).toDoubles();
        double[] lenses = in.get(GAUSSIANS + 1).toDoubles();
        List<SplatCamera> cameras = new ArrayList<>();
        for (int i = 0; i < lenses.length / 4; i++) {
            cameras.add(new SplatCamera(width, height, lenses[4 * i], lenses[4 * i + 1], lenses[4 * i + 2], lenses[4 * i + 3],
                    Arrays.copyOfRange(poses, 16 * i, 16 * i + 16)));
        }
        return new SplatRender(cameras, red, green, blue, scalingModifier);
    }

    /** Gradients of the five Gaussian operands. Operands: those of the rendering, dL/drgb and, if {@code alpha}, dL/dalpha. */
    public record Gradient(SplatViews views, boolean alpha) implements Operation {
        @Override
        public String name() {
            return "splat_views_grad";
        }

        @Override
        public List<TensorSpec> infer(List<TensorSpec> in) {
            List<TensorSpec> images = views.infer(in);
            if (!in.subList(GAUSSIANS + 2, in.size()).equals(images.subList(0, alpha ? 2 : 1))) {
                throw new ShapeException(name(), "image gradients " + in.subList(GAUSSIANS + 2, in.size()) + ", expected " + images);
            }
            return in.subList(0, GAUSSIANS);
        }

        @Override
        public List<Tensor> vjp(Vjp v) {
            throw new EngineException("splat_views_grad: second derivatives of the renderer are not defined");
        }
    }

    /** Renders with the kernel of the operation that has its cameras as parameters. */
    static Kernel<SplatViews> forward(Kernel<SplatRender> kernel) {
        return (op, in, out) -> kernel.run(op.rendering(in), in.subList(0, GAUSSIANS), out);
    }

    /** As {@link #forward}, for the gradient. */
    static Kernel<Gradient> backward(Kernel<SplatRender.Gradient> kernel) {
        return (op, in, out) -> {
            List<Tensor> operands = new ArrayList<>(in.subList(0, GAUSSIANS));
            operands.addAll(in.subList(GAUSSIANS + 2, in.size()));
            kernel.run(new SplatRender.Gradient(op.views.rendering(in), op.alpha), operands, out);
        };
    }
}
