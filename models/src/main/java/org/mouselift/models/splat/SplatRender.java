package org.mouselift.models.splat;

import java.util.ArrayList;
import java.util.List;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Operation;
import org.mouselift.engine.Ops;
import org.mouselift.engine.ShapeException;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.TensorSpec;
import org.mouselift.engine.Vjp;

/**
 * Pictures of one set of Gaussians from several cameras of the same size (GS-LRM specification §2). Operands: centres
 * [N,3], SH coefficients [N,K,3], logarithms of scales [N,3], quaternions [N,4] and opacity logits [N,1], all before
 * activation. Results: rgb [V,3,H,W] over the background, not clamped above, and alpha [V,H,W].
 *
 * <p>In float32 the state of rendered views is kept for the gradient as far as it fits an eighth of the heap; the gradient of
 * the others renders them again (deferred back-propagation, §2.6), with the same bits.
 *
 * @param cameras at least one, all of the same size
 * @param red background, as are green and blue
 * @param scalingModifier factor on the activated scales, 1 for none
 */
public record SplatRender(List<SplatCamera> cameras, float red, float green, float blue, double scalingModifier) implements Operation {
    public SplatRender {
        cameras = List.copyOf(cameras);
        if (cameras.isEmpty()) {
            throw new EngineException("splat_render: no cameras");
        }
        for (SplatCamera c : cameras) {
            if (c.width() != cameras.getFirst().width() || c.height() != cameras.getFirst().height()) {
                throw new EngineException("splat_render: cameras of different sizes, " + cameras.getFirst() + " and " + c);
            }
        }
    }

    /** Renders on white without scaling modifier: rgb [V,3,H,W]. */
    public static Tensor onWhite(List<SplatCamera> cameras, Tensor xyz, Tensor features, Tensor scaling, Tensor rotation, Tensor opacity) {
        return Ops.apply(new SplatRender(cameras, 1, 1, 1, 1), xyz, features, scaling, rotation, opacity).getFirst();
    }

    public int width() {
        return cameras.getFirst().width();
    }

    public int height() {
        return cameras.getFirst().height();
    }

    float[] background() {
        return new float[] {red, green, blue};
    }

    @Override
    public String name() {
        return "splat_render";
    }

    @Override
    public List<TensorSpec> infer(List<TensorSpec> in) {
        checkGaussians(name(), in);
        var dtype = in.getFirst().dtype();
        return List.of(TensorSpec.of(dtype, cameras.size(), 3, height(), width()), TensorSpec.of(dtype, cameras.size(), height(), width()));
    }

    static void checkGaussians(String name, List<TensorSpec> in) {
        if (in.size() < 5) {
            throw new ShapeException(name, "expected xyz, features, scaling, rotation, opacity, got " + in.size() + " operands");
        }
        var dtype = in.getFirst().dtype();
        long n = in.getFirst().shape().rank() == 2 ? in.getFirst().shape().dim(0) : -1;
        long k = in.get(1).shape().rank() == 3 ? in.get(1).shape().dim(1) : -1;
        List<TensorSpec> expected = List.of(TensorSpec.of(dtype, Math.max(0, n), 3), TensorSpec.of(dtype, Math.max(0, n), Math.max(0, k), 3),
                TensorSpec.of(dtype, Math.max(0, n), 3), TensorSpec.of(dtype, Math.max(0, n), 4), TensorSpec.of(dtype, Math.max(0, n), 1));
        if (n < 0 || !(k == 1 || k == 4 || k == 9 || k == 16) || !in.subList(0, 5).equals(expected)) {
            throw new ShapeException(name, "operands " + in.subList(0, 5) + ", expected xyz [N,3], features [N,K,3] with K 1, 4, 9 or 16, scaling [N,3], "
                    + "rotation [N,4], opacity [N,1] of one type");
        }
    }

    @Override
    public List<Tensor> vjp(Vjp v) {
        List<Tensor> in = new ArrayList<>(v.inputs());
        in.add(v.grad(0));
        Tensor alpha = v.gradOrNull(1);
        if (alpha != null) {
            in.add(alpha);
        }
        return Ops.apply(new Gradient(this, alpha != null), in);
    }

    /** Gradients of the five operands of a rendering. Operands: the Gaussians, dL/drgb and, if {@code alpha}, dL/dalpha. */
    public record Gradient(SplatRender rendering, boolean alpha) implements Operation {
        @Override
        public String name() {
            return "splat_render_grad";
        }

        @Override
        public List<TensorSpec> infer(List<TensorSpec> in) {
            checkGaussians(name(), in);
            List<TensorSpec> images = rendering.infer(in.subList(0, 5));
            if (!in.subList(5, in.size()).equals(images.subList(0, alpha ? 2 : 1))) {
                throw new ShapeException(name(), "image gradients " + in.subList(5, in.size()) + ", expected " + images.subList(0, alpha ? 2 : 1));
            }
            return in.subList(0, 5);
        }

        @Override
        public List<Tensor> vjp(Vjp v) {
            throw new EngineException("splat_render_grad: second derivatives of the renderer are not defined");
        }
    }
}
