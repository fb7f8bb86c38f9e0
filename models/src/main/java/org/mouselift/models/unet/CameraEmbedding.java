package org.mouselift.models.unet;

import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.mouselift.engine.Ops;
import org.mouselift.engine.ShapeException;
import org.mouselift.engine.Tensor;
import org.mouselift.engine.nn.Module;
import org.mouselift.engine.op.Linear;
import org.mouselift.models.nn.LinearLayer;
import org.mouselift.models.nn.ParameterSource;
import org.mouselift.models.nn.Parameters;

/**
 * Vectors of the prompts' width that tell the UNet its cameras (mouse specification §9.3): for each {@link Encoding} a network of three
 * layers with SiLU between them, all summed, to be added to every prompt token of a view. They are added and not appended, since another
 * token would change the attention even if it were zero. The last layers start at zero, so that the network starts as it was without them.
 */
public final class CameraEmbedding extends Module {
    /** How a camera is said in numbers. */
    public enum Encoding {
        /** Sines and cosines of azimuth, elevation and distance. */
        SPHERICAL(384, 1),
        /** Two columns of the rotation and the centre. */
        EXTRINSIC(9, 1),
        /** Plücker coordinates of a grid of rays: 1x1 convolutions, that is the same layers for every ray, and the mean over the rays. */
        PLUCKER(6, 64);

        private final int inputs;
        private final int rays;

        Encoding(int inputs, int rays) {
            this.inputs = inputs;
            this.rays = rays;
        }

        /** Its word in configurations and names of tensors. */
        public String word() {
            return name().toLowerCase(Locale.ROOT);
        }

        /** Numbers of one camera. */
        public int numbers() {
            return inputs * rays;
        }
    }

    private static final class Layers extends Module {
        private final LinearLayer first;
        private final LinearLayer second;
        private final LinearLayer third;

        Layers(ParameterSource source, int inputs, int width) {
            first = child("linear_1", new LinearLayer(source.at("linear_1"), inputs, width, true));
            second = child("linear_2", new LinearLayer(source.at("linear_2"), width, width, true));
            third = child("linear_3", new LinearLayer(source.at("linear_3"), width, width, true));
        }

        @Override
        protected Tensor forward(Tensor... inputs) {
            return third.call(second.fused(first.fused(inputs[0], Linear.Activation.SILU, null), Linear.Activation.SILU, null));
        }
    }

    private final List<Encoding> encodings;
    private final List<Layers> layers = new ArrayList<>();

    CameraEmbedding(ParameterSource source, List<Encoding> encodings, int width) {
        this.encodings = encodings;
        for (Encoding e : encodings) {
            layers.add(child(e.word(), new Layers(source.at(e.word()), e.inputs, width)));
        }
    }

    /** Sets the last layers to zero. */
    void silence() {
        for (Layers l : layers) {
            Parameters.constant(l.third.weight(), 0);
            Parameters.constant(l.third.bias(), 0);
        }
    }

    /** Input: numbers of the cameras [N,K], those of one encoding after the other; output [N,1,width]. */
    @Override
    protected Tensor forward(Tensor... inputs) {
        Tensor all = inputs[0];
        long expected = encodings.stream().mapToLong(Encoding::numbers).sum();
        if (all.rank() != 2 || all.dim(1) != expected) {
            throw new ShapeException("camera embedding", "numbers of the cameras " + all.spec() + ", expected [N," + expected + "] for " + encodings);
        }
        Tensor sum = null;
        long at = 0;
        for (int i = 0; i < layers.size(); i++) {
            Encoding e = encodings.get(i);
            Tensor own = Ops.slice(all, 1, at, at + e.numbers());
            at += e.numbers();
            Tensor vector = layers.get(i).call(e.rays == 1 ? own : Ops.reshape(own, all.dim(0), e.rays, e.inputs));
            vector = e.rays == 1 ? Ops.reshape(vector, vector.dim(0), 1, vector.dim(1)) : Ops.mean(vector, true, 1);
            sum = sum == null ? vector : Ops.add(sum, vector);
        }
        return sum;
    }
}
