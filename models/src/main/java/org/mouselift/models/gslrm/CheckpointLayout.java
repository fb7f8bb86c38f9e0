package org.mouselift.models.gslrm;

import java.util.Map;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Shape;
import org.mouselift.engine.nn.NearestNames;

/** What the shapes of a GS-LRM state dict tell about the network (GS-LRM specification §1.14). */
public record CheckpointLayout(int width, int layers, int patchSize, int channels, int freeGaussians, int shDegree, boolean marker) {
    /**
     * Derives the layout.
     *
     * @throws EngineException if an entry is missing or shapes contradict each other
     */
    public static CheckpointLayout of(Map<String, Shape> shapes, String source) {
        Shape tokens = matrix(shapes, "gaussian_position_embeddings", source);
        Shape embed = matrix(shapes, "patch_embedder.1.weight", source);
        Shape free = matrix(shapes, "gaussian_upsampler.linear.weight", source);
        Shape pixel = matrix(shapes, "pixel_gaussian_decoder.1.weight", source);
        int numbers = Math.toIntExact(free.dim(0));
        int degree = -1;
        for (int d = 0; d <= 3; d++) {
            if (numbers == 11 + 3 * (d + 1) * (d + 1)) {
                degree = d;
            }
        }
        if (degree < 0) {
            throw new EngineException(source + ": gaussian_upsampler.linear.weight has " + numbers
                    + " rows; 14, 23, 38 or 59 belong to spherical-harmonics degrees 0 to 3");
        }
        int patch = root(pixel.dim(0), numbers, "pixel_gaussian_decoder.1.weight rows", source);
        long pixels = (long) patch * patch;
        if (embed.dim(1) % pixels != 0) {
            throw new EngineException(source + ": patch_embedder.1.weight has " + embed.dim(1) + " columns, not a multiple of " + pixels
                    + " pixels of a patch");
        }
        int layers = 0;
        while (shapes.containsKey("transformer_layers." + layers + ".norm1.weight")) {
            layers++;
        }
        return new CheckpointLayout(Math.toIntExact(tokens.dim(1)), layers, patch, Math.toIntExact(embed.dim(1) / pixels),
                Math.toIntExact(tokens.dim(0)), degree, shapes.containsKey("view_type_embeddings"));
    }

    private static Shape matrix(Map<String, Shape> shapes, String name, String source) {
        Shape s = shapes.get(name);
        if (s == null || s.rank() != 2) {
            throw new EngineException(source + ": " + name + (s == null ? " is missing (nearest of " + shapes.size() + " in the file: " + NearestNames.of(name, shapes.keySet(), 1) + ")" : " is " + s + ", expected two axes")
                    + "; is this a GS-LRM checkpoint?");
        }
        return s;
    }

    private static int root(long rows, int numbers, String what, String source) {
        int side = (int) Math.round(Math.sqrt((double) rows / numbers));
        if ((long) side * side * numbers != rows || side == 0) {
            throw new EngineException(source + ": " + what + " = " + rows + ", expected patch size squared times " + numbers);
        }
        return side;
    }
}
