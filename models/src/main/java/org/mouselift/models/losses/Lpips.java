package org.mouselift.models.losses;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.op.Compare;

/**
 * LPIPS 0.1 with VGG16 (Zhang et al. 2018, "The Unreasonable Effectiveness of Deep Features as a Perceptual Metric";
 * GS-LRM specification §3.3): squared differences of channel-normalised activations, weighted by learned factors per
 * channel, averaged over pixels and added over five layers.
 */
public final class Lpips implements ImageDistance {
    private static final double[] SHIFT = {-0.030, -0.088, -0.188};
    private static final double[] SCALE = {0.458, 0.448, 0.450};
    private static final int[] CONVOLUTIONS = {0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28};
    private static final double EPS = 1e-10;

    private final VggFeatures network;
    private final List<Tensor> factors = new ArrayList<>();

    /**
     * @param vgg entries {@code features.0.weight} … {@code features.28.bias} (torchvision's VGG16 names)
     * @param linear entries {@code lin0.model.1.weight} [1,64,1,1] … {@code lin4.model.1.weight} [1,512,1,1]
     * @param source label of the weights for messages
     */
    public Lpips(Map<String, Tensor> vgg, Map<String, Tensor> linear, String source) {
        VggFeatures.Layout layout = VggFeatures.Layout.VGG16;
        network = network(vgg, source);
        for (int i = 0; i < layout.taps().size(); i++) {
            factors.add(VggFeatures.entry(linear, "lin" + i + ".model.1.weight", source, 1, layout.channels().get(layout.taps().get(i) - 1), 1, 1));
        }
    }

    private static VggFeatures network(Map<String, Tensor> vgg, String source) {
        List<String> names = new ArrayList<>();
        for (int i : CONVOLUTIONS) {
            names.add("features." + i);
        }
        return new VggFeatures(VggFeatures.Layout.VGG16, names, vgg, source);
    }

    /** The five activations of VGG16 for images [N,3,H,W] in [0,1], which need no learned factors. */
    public static List<Tensor> features(Map<String, Tensor> vgg, String source, Tensor images) {
        return network(vgg, source).of(scaledInput(images));
    }

    /** Network input (2x - 1 - shift) / scale for images [N,3,H,W] in [0,1]. */
    public static Tensor scaledInput(Tensor images) {
        double[] scale = new double[3];
        double[] shift = new double[3];
        for (int c = 0; c < 3; c++) {
            scale[c] = 2 / SCALE[c];
            shift[c] = (-1 - SHIFT[c]) / SCALE[c];
        }
        return Channels.map(images, scale, shift);
    }

    /** The five activations for images [N,3,H,W] in [0,1]. */
    public List<Tensor> taps(Tensor images) {
        return network.of(scaledInput(images));
    }

    /** Contribution of each of the five layers per image, [N]. */
    public List<Tensor> layers(Tensor x, Tensor y) {
        List<Tensor> a = taps(x);
        List<Tensor> b = taps(y);
        List<Tensor> out = new ArrayList<>();
        for (int i = 0; i < a.size(); i++) {
            Tensor difference = Ops.square(Ops.sub(normalised(a.get(i)), normalised(b.get(i))));
            Tensor weighted = Ops.sum(Ops.mul(difference, Ops.cast(factors.get(i), x.dtype())), true, 1);
            out.add(Ops.mean(weighted, false, 1, 2, 3));
        }
        return out;
    }

    /** Distance of each image pair, [N]. */
    public Tensor distances(Tensor x, Tensor y) {
        return layers(x, y).stream().reduce(Ops::add).orElseThrow();
    }

    @Override
    public Tensor between(Tensor x, Tensor y) {
        return Ops.mean(distances(x, y));
    }

    @Override
    public Map<String, Tensor> weights() {
        Map<String, Tensor> out = network.weights();
        for (int i = 0; i < factors.size(); i++) {
            out.put("lin" + i, factors.get(i));
        }
        return out;
    }

    /** f / (|f| + eps) over channels; the zero vector has no direction and gets no gradient through its length. */
    private static Tensor normalised(Tensor f) {
        Tensor squares = Ops.sum(Ops.square(f), true, 1);
        Tensor positive = Ops.compare(Compare.Kind.GT, squares, Ops.constantLike(f, 0));
        Tensor length = Ops.where(positive, Ops.sqrt(Ops.where(positive, squares, Ops.constantLike(f, 1))), Ops.constantLike(f, 0));
        return Ops.div(f, Ops.affine(length, 1, EPS));
    }
}
