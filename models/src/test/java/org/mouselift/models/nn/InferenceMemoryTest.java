package org.mouselift.models.nn;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.util.List;
import java.util.function.Supplier;
import org.junit.jupiter.api.Test;
import org.mouselift.engine.DType;
import org.mouselift.engine.Gradients;
import org.mouselift.engine.MemoryPool;
import org.mouselift.engine.Ops;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.models.gslrm.GsLrm;
import org.mouselift.models.gslrm.GsLrmConfig;
import org.mouselift.models.vae.AutoencoderConfig;
import org.mouselift.models.vae.AutoencoderKL;

/** Without a tape a network keeps what its widest part needs, however many parts there are: that is what lets full-size networks run. */
class InferenceMemoryTest {
    private static long peak(Supplier<Tensor> forward) {
        try (Scope scope = Scope.open("forward")) {
            long before = MemoryPool.usage().liveBytes();
            MemoryPool.resetPeak();
            forward.get();
            return MemoryPool.usage().peakBytes() - before;
        }
    }

    private static Tensor view(long... dims) {
        Tensor t = Tensor.empty(DType.F32, dims);
        Parameters.normal(t, 0.3, 5, 1);
        return t;
    }

    /** Also with grad_checkpoint_every 0, where training keeps all activations. */
    @Test
    void depthOfTheReconstructorCostsNoMemory() {
        for (int every : List.of(0, 1)) {
            long[] peaks = new long[2];
            for (int i = 0; i < 2; i++) {
                int layers = i == 0 ? 2 : 10;
                try (Scope scope = Scope.open("test");
                        GsLrm model = GsLrm.initialised(GsLrmConfig.tiny().withSize(64, 16, layers).withCheckpointEvery(every), DType.F32, 1)) {
                    Tensor posed = view(1, 2, model.config().rays().channels(), 64, 64);
                    peaks[i] = peak(() -> model.call(posed));
                }
            }
            assertEquals(peaks[0], peaks[1], "grad_checkpoint_every " + every);
        }
    }

    @Test
    void depthOfTheAutoencoderCostsNoMemory() {
        long[] decoding = new long[2];
        long[] encoding = new long[2];
        for (int i = 0; i < 2; i++) {
            try (Scope scope = Scope.open("test");
                    AutoencoderKL model = AutoencoderKL.initialised(new AutoencoderConfig(3, 4, List.of(16, 16, 16), i == 0 ? 2 : 6, 8, 64, 0.2), DType.F32, 1)) {
                Tensor latent = view(1, 4, 16, 16);
                decoding[i] = peak(() -> model.decode(latent));
                Tensor picture = view(1, 3, 64, 64);
                encoding[i] = peak(() -> model.encode(picture).moments());
            }
        }
        assertEquals(decoding[0], decoding[1]);
        assertEquals(encoding[0], encoding[1]);
    }

    /** With a tape everything is there that the gradients need. */
    @Test
    void gradientsThroughPartsAreThoseOfTheWhole() {
        AutoencoderConfig config = new AutoencoderConfig(3, 4, List.of(8, 16), 1, 8, 16, 0.2);
        try (Scope scope = Scope.open("test"); AutoencoderKL model = AutoencoderKL.initialised(config, DType.F64, 1)) {
            Tensor picture = Ops.cast(view(1, 3, 8, 8), DType.F64);
            Tensor weight = model.stateDict().get("decoder.up_blocks.0.resnets.0.conv1.weight");
            double derivative;
            try (Tape tape = Tape.open()) {
                Gradients g = tape.backward(Ops.sum(Ops.square(model.call(picture)), false, 0, 1, 2, 3));
                derivative = g.of(weight).toDoubles()[7];
            }
            double h = 1e-5;
            double[] sums = new double[2];
            for (int side = 0; side < 2; side++) {
                Tensor element = Ops.slice(Ops.reshape(weight, -1), 0, 7, 8);
                double kept = element.toDoubles()[0];
                Ops.assign(element, Tensor.of(new double[] {kept + (side == 0 ? h : -h)}, 1));
                for (double y : model.call(picture).toDoubles()) {
                    sums[side] += y * y;
                }
                Ops.assign(element, Tensor.of(new double[] {kept}, 1));
            }
            double expected = (sums[0] - sums[1]) / (2 * h);
            assertTrue(Math.abs(expected) > 1e-8, "the weight matters");
            assertEquals(expected, derivative, 1e-5 * Math.abs(expected) + 1e-9);
        }
    }
}
