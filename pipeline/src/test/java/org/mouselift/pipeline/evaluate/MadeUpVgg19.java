package org.mouselift.pipeline.evaluate;

import java.io.IOException;
import java.nio.file.Path;
import org.mouselift.data.pickle.OrderedDict;
import org.mouselift.data.safetensors.StoredType;
import org.mouselift.data.torch.TorchValues;
import org.mouselift.data.torch.TorchWriter;
import org.mouselift.engine.DType;

/** VGG19 with weights by the sine rule of GS-LRM specification §10.5, computed while the file is written. */
public final class MadeUpVgg19 {
    private static final int[] CHANNELS = {64, 64, 128, 128, 256, 256, 256, 256, 512, 512, 512, 512, 512, 512, 512, 512};

    private MadeUpVgg19() {}

    /**
     * Writes a PyTorch file.
     *
     * @param prefix before {@code conv1.weight}
     * @param convolutions how many of the 16
     */
    public static Path write(Path file, String prefix, int convolutions) throws IOException {
        OrderedDict state = new OrderedDict();
        for (int l = 0, inputs = 3; l < convolutions; inputs = CHANNELS[l++]) {
            int layer = l;
            double scale = 2 / Math.sqrt(9.0 * inputs);
            state.put(prefix + "conv" + (l + 1) + ".weight", TorchValues.of(StoredType.F32, new long[] {CHANNELS[l], inputs, 3, 3}, (first, count, block) -> {
                for (int k = 0; k < count; k++) {
                    long i = first + k;
                    block.setAtIndex(DType.LE_F32, k, (float) (scale * Math.sin(0.7 * i + 1.3 * layer + 0.01 * (i / 9))));
                }
            }));
            float[] bias = new float[CHANNELS[l]];
            for (int j = 0; j < bias.length; j++) {
                bias[j] = (float) (0.1 * Math.sin(0.5 * j + l));
            }
            state.put(prefix + "conv" + (l + 1) + ".bias", TorchValues.of(new long[] {bias.length}, bias));
        }
        if (!prefix.isEmpty()) {
            state.put("transformer.0.weight", TorchValues.of(new long[] {2}, 1, 2));
        }
        TorchWriter.write(file, state);
        return file;
    }
}
