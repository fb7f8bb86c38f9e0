package org.mouselift.models.losses;

import static org.mouselift.engine.Ops.abs;
import static org.mouselift.engine.Ops.add;
import static org.mouselift.engine.Ops.affine;
import static org.mouselift.engine.Ops.cast;
import static org.mouselift.engine.Ops.clamp;
import static org.mouselift.engine.Ops.compare;
import static org.mouselift.engine.Ops.constantLike;
import static org.mouselift.engine.Ops.div;
import static org.mouselift.engine.Ops.log;
import static org.mouselift.engine.Ops.max;
import static org.mouselift.engine.Ops.mean;
import static org.mouselift.engine.Ops.mul;
import static org.mouselift.engine.Ops.reshape;
import static org.mouselift.engine.Ops.slice;
import static org.mouselift.engine.Ops.square;
import static org.mouselift.engine.Ops.sub;
import static org.mouselift.engine.Ops.sum;

import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Ops;
import org.mouselift.engine.ShapeException;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.op.Compare;
import org.mouselift.engine.op.Reduce;

/**
 * The training loss of GS-LRM (GS-LRM specification §3): weighted sum of image and geometry terms, with the diagnostics of
 * the mouse fork. Written in operations only, so that it can be traced.
 */
public final class ReconstructionLoss {
    private final LossConfig config;
    private final ImageDistance lpips;
    private final ImageDistance perceptual;

    /**
     * @param lpips LPIPS distance, or null when its factor is 0
     * @param perceptual VGG19 distance, or null when its factor is 0
     */
    public ReconstructionLoss(LossConfig config, ImageDistance lpips, ImageDistance perceptual) {
        this.config = config;
        this.lpips = lpips;
        this.perceptual = perceptual;
        require(config.weights().lpips() > 0 && lpips == null, "lpips_loss_weight", config.weights().lpips(), "LPIPS (VGG16)");
        require(config.weights().perceptual() > 0 && perceptual == null, "perceptual_loss_weight", config.weights().perceptual(), "VGG19");
    }

    private static void require(boolean missing, String key, double weight, String network) {
        if (missing) {
            throw new EngineException(key + " is " + weight + ", but no " + network + " network was given: load one or set the weight to 0");
        }
    }

    public LossConfig config() {
        return config;
    }

    /** Weights of the networks that compare pictures, by name, for programs that contain the loss. */
    public Map<String, Tensor> weights() {
        Map<String, Tensor> out = new LinkedHashMap<>();
        if (lpips != null) {
            lpips.weights().forEach((name, t) -> out.put("lpips." + name, t));
        }
        if (perceptual != null) {
            perceptual.weights().forEach((name, t) -> out.put("perceptual." + name, t));
        }
        return out;
    }

    /**
     * Centres and rays for the geometry terms, maps [B,Vin,3,H,W] (origin may be [B,Vin,3,1,1]).
     *
     * @param xyz centres of the pixel-aligned Gaussians
     * @param axis optical axes of the input views [B,Vin,3,1,1], null without depth supervision
     * @param depth known z depth of the input views [B,Vin,1,H,W], 0 = unknown; null without depth supervision
     */
    public record Geometry(Tensor xyz, Tensor origin, Tensor direction, Tensor axis, Tensor depth) {
        /** Without known depth. */
        public Geometry(Tensor xyz, Tensor origin, Tensor direction) {
            this(xyz, origin, direction, null, null);
        }
    }

    /**
     * @param step forward/backward step, for the warm-ups
     * @param rendering [B,V,3,H,W]
     * @param target [B,V,3 or 4,H,W] in [0,1]; a fourth channel is the foreground mask
     * @param geometry null if no geometry term has a factor
     */
    public LossReport evaluate(long step, Tensor rendering, Tensor target, Geometry geometry) {
        long channels = target.rank() == 5 ? target.dim(2) : 0;
        if (rendering.rank() != 5 || rendering.dim(2) != 3 || (channels != 3 && channels != 4) || rendering.dim(0) != target.dim(0)
                || rendering.dim(1) != target.dim(1) || rendering.dim(3) != target.dim(3) || rendering.dim(4) != target.dim(4)) {
            throw new ShapeException("reconstruction loss", "rendering " + rendering.spec() + " and target " + target.spec()
                    + ", expected [B,V,3,H,W] and [B,V,3 or 4,H,W]");
        }
        long images = rendering.dim(0) * rendering.dim(1);
        long height = rendering.dim(3);
        long width = rendering.dim(4);
        Tensor x = reshape(rendering, images, 3, height, width);
        Tensor all = reshape(cast(target, rendering.dtype()), images, channels, height, width);
        Tensor y = slice(all, 1, 0, 3);
        Tensor mask = channels == 4 ? slice(all, 1, 3, 4) : null;
        if (config.clampRendering()) {
            x = clamp(x, 0, 1);
        }
        LossWeights w = config.weightsAt(step);
        Tensor zero = constantLike(x, 0);
        Map<String, Tensor> terms = new LinkedHashMap<>();
        terms.put("l2_loss", w.l2() > 0 ? l2(x, y, config.maskedL2() ? mask : null) : constantLike(x, LossReport.L2_FLOOR));
        terms.put("lpips_loss", w.lpips() > 0 ? lpips.between(x, Ops.contiguous(y)) : zero);
        terms.put("perceptual_loss", w.perceptual() > 0 ? perceptual.between(x, Ops.contiguous(y)) : zero);
        terms.put("ssim_loss", w.ssim() > 0 ? ssim(x, y, config.maskedSsim() ? mask : null) : zero);
        terms.put("pixelalign_loss", w.pixelAlign() > 0 ? pixelAlign(geometry, mask, rendering) : zero);
        terms.put("pointsdist_loss", w.pointsDist() > 0 ? PixelGeometry.pointsDist(needed(geometry).xyz(), geometry.origin()) : zero);
        terms.put("background_loss", w.background() > 0 && mask != null ? background(x, mask) : zero);
        if (w.depth() > 0) {
            terms.put("depth_loss", depth(geometry));
        }
        double[] factors = {w.l2(), w.lpips(), w.perceptual(), w.ssim(), w.pixelAlign(), w.pointsDist(), w.background(), w.depth()};
        Tensor total = null;
        int i = 0;
        for (Tensor term : terms.values()) {
            double factor = factors[i++];
            if (factor > 0) {
                Tensor weighted = affine(term, factor, 0);
                total = total == null ? weighted : add(total, weighted);
            }
        }
        Tensor clamped = x;
        return new LossReport(total == null ? zero : total, terms, Tape.pause(() -> diagnostics(clamped, y, mask, terms.get("l2_loss"))));
    }

    private static Geometry needed(Geometry geometry) {
        if (geometry == null) {
            throw new EngineException("the pixel-align, points-dist and depth losses need centres and rays, but none were given");
        }
        return geometry;
    }

    private static Tensor foreground(Tensor mask, Compare.Kind relation) {
        return cast(compare(relation, mask, constantLike(mask, 0.5)), mask.dtype());
    }

    private static Tensor l2(Tensor x, Tensor y, Tensor mask) {
        return mask == null ? mean(square(sub(x, y))) : maskedMean(square(sub(x, y)), foreground(mask, Compare.Kind.GT));
    }

    /** Sum over selected pixels divided by 3 max(1, number of selected pixels). */
    private static Tensor maskedMean(Tensor values, Tensor selection) {
        Tensor count = max(sum(selection), constantLike(selection, 1));
        return div(sum(mul(values, selection)), affine(count, 3, 0));
    }

    private Tensor ssim(Tensor x, Tensor y, Tensor mask) {
        Tensor a = x;
        Tensor b = y;
        if (mask != null) {
            Tensor m = foreground(mask, Compare.Kind.GT);
            Tensor grey = affine(m, -0.5, 0.5);
            a = add(mul(x, m), grey);
            b = add(mul(y, m), grey);
        }
        Tensor value = Ssim.of(a, b);
        return affine(config.clampSsim() ? clamp(value, 0, 1) : value, -1, 1);
    }

    private Tensor pixelAlign(Geometry geometry, Tensor mask, Tensor rendering) {
        Geometry g = needed(geometry);
        if (!config.maskedPixelAlign()) {
            return PixelGeometry.pixelAlign(g.xyz(), g.origin(), g.direction(), null);
        }
        if (mask == null) {
            throw new EngineException("masked_pixelalign_loss is on, but the target images have no mask channel");
        }
        Tensor views = reshape(mask, rendering.dim(0), rendering.dim(1), 1, rendering.dim(3), rendering.dim(4));
        return PixelGeometry.pixelAlign(g.xyz(), g.origin(), g.direction(), views);
    }

    private static Tensor depth(Geometry geometry) {
        Geometry g = needed(geometry);
        if (g.depth() == null) {
            throw new EngineException("depth_loss_weight is not 0, but the input views have no known depth");
        }
        return DepthLoss.of(g.xyz(), g.origin(), g.axis(), g.depth());
    }

    private Tensor background(Tensor x, Tensor mask) {
        return maskedMean(square(sub(x, backgroundLike(x))), foreground(mask, Compare.Kind.LT));
    }

    /** The background colour as [1,3,1,1]. */
    private Tensor backgroundLike(Tensor x) {
        List<Tensor> colours = config.background().stream().map(c -> reshape(constantLike(x, c), 1, 1, 1, 1)).toList();
        return Ops.concat(1, colours);
    }

    private Map<String, Tensor> diagnostics(Tensor x, Tensor y, Tensor mask, Tensor l2) {
        Map<String, Tensor> out = new LinkedHashMap<>();
        out.put("psnr", affine(log(max(l2, constantLike(l2, LossReport.L2_FLOOR))), -10 / Math.log(10), 0));
        if (mask != null) {
            out.put("mask_iou", maskIou(x, mask));
        }
        statistics(out, "gt", y);
        statistics(out, "pred", x);
        return out;
    }

    private Tensor maskIou(Tensor x, Tensor mask) {
        Tensor difference = mean(abs(sub(x, backgroundLike(x))), true, 1);
        Tensor predicted = cast(compare(Compare.Kind.GT, difference, constantLike(x, config.maskIouThreshold())), x.dtype());
        Tensor wanted = foreground(mask, Compare.Kind.GT);
        Tensor union = max(sum(max(predicted, wanted)), constantLike(x, 1));
        return div(sum(mul(predicted, wanted)), union);
    }

    private static void statistics(Map<String, Tensor> out, String name, Tensor x) {
        List<Integer> axes = List.of(0, 1, 2, 3);
        out.put(name + "_min", reshape(Ops.reduce(Reduce.Kind.MIN, x, axes)));
        out.put(name + "_max", reshape(Ops.reduce(Reduce.Kind.MAX, x, axes)));
        out.put(name + "_mean", mean(x));
    }
}
