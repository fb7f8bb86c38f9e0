package org.mouselift.models.losses;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Ops;
import org.mouselift.engine.ShapeException;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.op.Reduce;

/**
 * The convolutional part of a VGG network (Simonyan and Zisserman 2015): 3x3 convolutions with bias, padding 1 and ReLU, 2x2
 * pooling with stride 2 (odd last rows and columns are dropped). Gives the activations after chosen convolutions. The weights
 * stay fixed; they are not copied and belong to the caller.
 */
final class VggFeatures {
    /** Pooling rule. */
    enum Pooling { MAX, AVERAGE }

    /**
     * Where the network pools and what it gives away; convolutions are numbered from 1.
     *
     * @param channels output channels of every convolution
     * @param pooled convolutions that are followed by pooling
     * @param taps convolutions whose activations are given, ascending
     */
    record Layout(List<Integer> channels, List<Integer> pooled, List<Integer> taps, Pooling pooling) {
        /** VGG19 up to convolution 14 with average pooling (GS-LRM specification §3.4). */
        static final Layout VGG19 = new Layout(List.of(64, 64, 128, 128, 256, 256, 256, 256, 512, 512, 512, 512, 512, 512), List.of(2, 4, 8, 12),
                List.of(2, 4, 6, 10, 14), Pooling.AVERAGE);
        /** VGG16 with max pooling (§3.3). */
        static final Layout VGG16 = new Layout(List.of(64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512), List.of(2, 4, 7, 10),
                List.of(2, 4, 7, 10, 13), Pooling.MAX);
    }

    private final Layout layout;
    private final List<Tensor> weights = new ArrayList<>();
    private final List<Tensor> biases = new ArrayList<>();

    /**
     * @param names state-dict prefix of every convolution, to which {@code .weight} and {@code .bias} are added
     * @param source label of the weights for messages
     */
    VggFeatures(Layout layout, List<String> names, Map<String, Tensor> state, String source) {
        this.layout = layout;
        int inputs = 3;
        for (int i = 0; i < layout.channels().size(); i++) {
            int outputs = layout.channels().get(i);
            weights.add(entry(state, names.get(i) + ".weight", source, outputs, inputs, 3, 3));
            biases.add(entry(state, names.get(i) + ".bias", source, outputs));
            inputs = outputs;
        }
    }

    /** The weights by name. */
    Map<String, Tensor> weights() {
        Map<String, Tensor> out = new LinkedHashMap<>();
        for (int i = 0; i < weights.size(); i++) {
            out.put("vgg." + (i + 1) + ".weight", weights.get(i));
            out.put("vgg." + (i + 1) + ".bias", biases.get(i));
        }
        return out;
    }

    static Tensor entry(Map<String, Tensor> state, String name, String source, long... dims) {
        Tensor t = state.get(name);
        if (t == null) {
            throw new EngineException(source + ": '" + name + "' is missing");
        }
        if (!t.shape().equals(org.mouselift.engine.Shape.of(dims))) {
            throw new EngineException(source + ": '" + name + "' is " + t.spec() + ", expected shape " + org.mouselift.engine.Shape.of(dims));
        }
        return t;
    }

    /** Activations after the tapped convolutions for images [N,3,H,W]; sides of at least 16 pixels. */
    List<Tensor> of(Tensor images) {
        if (images.rank() != 4 || images.dim(1) != 3 || images.dim(2) < 16 || images.dim(3) < 16) {
            throw new ShapeException("VGG features", "images " + images.spec() + ", expected [N,3,H,W] with sides of at least 16 pixels");
        }
        List<Tensor> taps = new ArrayList<>();
        Tensor x = images;
        for (int i = 0; i < weights.size(); i++) {
            x = Ops.relu(Ops.conv2d(x, Ops.cast(weights.get(i), x.dtype()), Ops.cast(biases.get(i), x.dtype()), 1, 1));
            if (layout.taps().contains(i + 1)) {
                taps.add(x);
            }
            if (layout.pooled().contains(i + 1)) {
                x = pool(x);
            }
        }
        return taps;
    }

    private Tensor pool(Tensor x) {
        long rows = x.dim(2) / 2;
        long columns = x.dim(3) / 2;
        Tensor even = Ops.slice(Ops.slice(x, 2, 0, 2 * rows), 3, 0, 2 * columns);
        Tensor cells = Ops.reshape(even, x.dim(0), x.dim(1), rows, 2, columns, 2);
        // At a tie the maximum's gradient is shared; between activations after ReLU that only matters for equal positive ones.
        Tensor pooled = Ops.reduce(layout.pooling() == Pooling.MAX ? Reduce.Kind.MAX : Reduce.Kind.MEAN, cells, List.of(3, 5));
        return Ops.reshape(pooled, x.dim(0), x.dim(1), rows, columns);
    }
}
