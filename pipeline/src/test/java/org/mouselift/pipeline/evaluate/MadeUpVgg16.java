package org.mouselift.pipeline.evaluate;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.mouselift.data.safetensors.SafetensorsWriter;
import org.mouselift.engine.DType;
import org.mouselift.engine.Tensor;
import org.mouselift.models.losses.Lpips;
import org.mouselift.models.nn.Parameters;

/** LPIPS with random convolutions and constant factors. */
public final class MadeUpVgg16 {
    private static final int[] CHANNELS = {64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512};
    private static final int[] INDICES = {0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28};
    private static final int[] SLICES = {1, 1, 2, 2, 3, 3, 3, 4, 4, 4, 5, 5, 5};
    private static final int[] TAPS = {64, 128, 256, 512, 512};

    private MadeUpVgg16() {}

    /**
     * Writes two files: convolutions under torchvision's names and something else in the first, convolutions under the names
     * of a GS-LRM checkpoint and the factors in the second.
     *
     * @return the same network, in the current scope
     */
    public static Lpips write(Path vgg, Path factors) throws IOException {
        Map<String, Tensor> torchvision = new LinkedHashMap<>();
        Map<String, Tensor> linear = new LinkedHashMap<>();
        SafetensorsWriter first = new SafetensorsWriter();
        SafetensorsWriter second = new SafetensorsWriter();
        for (int i = 0, inputs = 3; i < CHANNELS.length; inputs = CHANNELS[i++]) {
            for (String part : List.of("weight", "bias")) {
                Tensor t = part.equals("weight") ? Tensor.empty(DType.F32, CHANNELS[i], inputs, 3, 3) : Tensor.empty(DType.F32, CHANNELS[i]);
                Parameters.normal(t, part.equals("weight") ? Math.sqrt(2.0 / (9 * inputs)) : 0.1, 1, i);
                torchvision.put("features." + INDICES[i] + "." + part, t);
                String name = i < 7 ? "features." + INDICES[i] : "loss_calculator.lpips_loss_module.net.slice" + SLICES[i] + "." + INDICES[i];
                (i < 7 ? first : second).add(name + "." + part, DType.F32, t.shape().dims(), t.contiguousSegment());
            }
        }
        for (int i = 0; i < TAPS.length; i++) {
            float[] values = new float[TAPS[i]];
            Arrays.fill(values, 0.01f * (i + 1));
            Tensor t = Tensor.of(values, 1, values.length, 1, 1);
            linear.put("lin" + i + ".model.1.weight", t);
            second.add("lin" + i + ".model.1.weight", DType.F32, t.shape().dims(), t.contiguousSegment());
        }
        first.add("classifier.0.weight", DType.F32, new long[] {1}, Tensor.zeros(DType.F32, 1).contiguousSegment());
        first.write(vgg);
        second.write(factors);
        return new Lpips(torchvision, linear, "made up");
    }
}
