package org.mouselift.models.losses;

import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Tensor;

/**
 * Perceptual loss with the MatConvNet VGG19 and average pooling (GS-LRM specification §3.4; after Chen and Koltun 2017,
 * "Photographic Image Synthesis with Cascaded Refinement Networks"): absolute differences of the images and of five
 * activations, weighted, over 255.
 */
public final class Vgg19Perceptual implements ImageDistance {
    private static final double[] MEANS = {123.68, 116.779, 103.939};
    private static final double[] FACTORS = {1, 1 / 2.6, 1 / 4.8, 1 / 3.7, 1 / 5.6, 10 / 1.5};

    private final VggFeatures network;

    /**
     * @param state entries {@code conv1.weight} [64,3,3,3], {@code conv1.bias} … {@code conv14.bias}; further ones are ignored
     * @param source label of the weights for messages
     */
    public Vgg19Perceptual(Map<String, Tensor> state, String source) {
        List<String> names = new ArrayList<>();
        for (int i = 1; i <= VggFeatures.Layout.VGG19.channels().size(); i++) {
            names.add("conv" + i);
        }
        network = new VggFeatures(VggFeatures.Layout.VGG19, names, state, source);
    }

    @Override
    public Tensor between(Tensor x, Tensor y) {
        List<Tensor> a = levels(x);
        List<Tensor> b = levels(y);
        Tensor total = null;
        for (int i = 0; i < FACTORS.length; i++) {
            Tensor term = Ops.affine(Ops.mean(Ops.abs(Ops.sub(a.get(i), b.get(i)))), FACTORS[i] / 255, 0);
            total = total == null ? term : Ops.add(total, term);
        }
        return total;
    }

    @Override
    public Map<String, Tensor> weights() {
        return network.weights();
    }

    private List<Tensor> levels(Tensor images) {
        Tensor shifted = Channels.map(images, new double[] {255, 255, 255}, new double[] {-MEANS[0], -MEANS[1], -MEANS[2]});
        List<Tensor> all = new ArrayList<>(List.of(shifted));
        all.addAll(network.of(shifted));
        return all;
    }

    /** The five activations after ReLU of convolutions 2, 4, 6, 10 and 14 for images [N,3,H,W] in [0,1]. */
    public List<Tensor> taps(Tensor images) {
        return levels(images).subList(1, FACTORS.length);
    }
}
