package org.mouselift.pipeline.evaluate;

import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.mouselift.data.matlab.MatFile;
import org.mouselift.data.matlab.MatValue;

/**
 * The convolutions of VGG19 in the file of MatConvNet, {@code imagenet-vgg-verydeep-19.mat} (GS-LRM specification §3.4): cells of
 * {@code layers}, each a struct whose field {@code weights} is a cell {filters [h,w,in,out], bias}.
 */
public final class MatConvNetVgg {
    private static final int[] LAYERS = {0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32, 34};
    private static final Pattern WEIGHTS = Pattern.compile("layers\\{(\\d{1,2})}\\.weights\\{[01]}");
    /** VGG19 has 20 million weights in its convolutions; those of its classifier are passed over. */
    private static final long MAX_NUMBERS = 1 << 25;

    /**
     * A tensor in the layout of the engine.
     *
     * @param shape [out,in,h,w] of filters, [out] of a bias
     */
    public record Entry(long[] shape, float[] values) {}

    private MatConvNetVgg() {}

    /** Reads {@code conv1.weight}, {@code conv1.bias} … {@code conv16.bias}. */
    public static Map<String, Entry> read(Path file) throws IOException {
        MatValue layers = MatFile.read(file, path -> {
            Matcher m = WEIGHTS.matcher(path);
            return m.matches() && Integer.parseInt(m.group(1)) <= LAYERS[LAYERS.length - 1];
        }, MAX_NUMBERS).get("layers");
        if (!(layers instanceof MatValue.Cell cells)) {
            throw new IOException(file + ": has no cell array layers; expected imagenet-vgg-verydeep-19.mat");
        }
        Map<String, Entry> out = new LinkedHashMap<>();
        for (int i = 0; i < LAYERS.length; i++) {
            String at = file + ": layers{" + LAYERS[i] + "}";
            MatValue layer = LAYERS[i] < cells.values().size() ? cells.values().get(LAYERS[i]) : null;
            if (!(layer instanceof MatValue.Struct struct) || struct.elements().size() != 1 || !(struct.elements().getFirst().get("weights") instanceof MatValue.Cell pair)
                    || pair.values().size() != 2 || !(pair.values().get(0) instanceof MatValue.Numbers filters) || !(pair.values().get(1) instanceof MatValue.Numbers bias)) {
                throw new IOException(at + " is no convolution with weights {filters, bias}; expected imagenet-vgg-verydeep-19.mat");
            }
            Entry weight = transposed(filters, at);
            if (bias.values().length != weight.shape[0]) {
                throw new IOException(at + " has " + weight.shape[0] + " filters and " + bias.values().length + " biases");
            }
            out.put("conv" + (i + 1) + ".weight", weight);
            out.put("conv" + (i + 1) + ".bias", new Entry(new long[] {bias.values().length}, bias.values()));
        }
        return out;
    }

    /** [h,w,in,out] with the first index fastest to [out,in,h,w] with the last one fastest. */
    private static Entry transposed(MatValue.Numbers filters, String at) throws IOException {
        // MATLAB drops trailing sizes of 1.
        long[] d = java.util.Arrays.copyOf(filters.dims(), Math.max(4, filters.dims().length));
        for (int i = filters.dims().length; i < d.length; i++) {
            d[i] = 1;
        }
        if (d.length != 4) {
            throw new IOException(at + " has filters of size " + java.util.Arrays.toString(d) + ", expected [h,w,in,out]");
        }
        int h = (int) d[0];
        int w = (int) d[1];
        int in = (int) d[2];
        int outputs = (int) d[3];
        float[] values = new float[filters.values().length];
        int k = 0;
        for (int o = 0; o < outputs; o++) {
            for (int c = 0; c < in; c++) {
                for (int y = 0; y < h; y++) {
                    for (int x = 0; x < w; x++) {
                        values[k++] = filters.values()[y + h * (x + w * (c + in * o))];
                    }
                }
            }
        }
        return new Entry(new long[] {outputs, in, h, w}, values);
    }
}
