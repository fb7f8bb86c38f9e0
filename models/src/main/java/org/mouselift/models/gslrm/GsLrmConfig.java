package org.mouselift.models.gslrm;

import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Shape;

/**
 * What the GS-LRM network reads of a configuration (GS-LRM specification §1.1).
 *
 * @param rays ray channels of the input
 * @param patchSize side of a square patch in pixels
 * @param width model width d
 * @param headWidth width of one attention head; divides {@code width}
 * @param layers transformer blocks
 * @param freeGaussians learned tokens, one free Gaussian each ({@code n_gaussians})
 * @param shDegree degree of the spherical harmonics, 0 … 3
 * @param scalingModifier constant on the activated scales when rendering; 1 for none
 * @param marker adds reference/source view embeddings ({@code add_refsrc_marker})
 * @param hardPixelAlign centres lie on the pixel's ray (§1.11); otherwise raw centres are used
 * @param depth depth along the ray
 * @param clipXyzActive clamps pixel-aligned centres to [-1,1]. The original's {@code clip_xyz} has no effect in its own
 *     configurations (§1.11), so this is false for all of them
 * @param checkpointEvery transformer blocks per recomputed segment in training; 0 keeps all activations
 */
public record GsLrmConfig(RayEncoding rays, int patchSize, int width, int headWidth, int layers, int freeGaussians, int shDegree,
        double scalingModifier, boolean marker, boolean hardPixelAlign, Depth depth, boolean clipXyzActive, int checkpointEvery) {

    /**
     * Depth along the unit ray for the encodings (§1.11). With the custom and augmented encodings the depth spans ±1.8
     * around the point nearest to the world origin and only {@code bias} matters.
     *
     * @param bias added before the sigmoid ({@code depth_preact_bias})
     * @param min {@code depth_min}; the range counts if both are positive
     * @param max {@code depth_max}
     * @param referenceOrigin centres the depth on the distance between camera and world origin
     */
    public record Depth(double bias, double min, double max, boolean referenceOrigin) {
        public static final Depth DEFAULT = new Depth(0, -1, -1, false);

        boolean hasRange() {
            return min > 0 && max > 0;
        }
    }

    public GsLrmConfig {
        require(patchSize >= 1, "patch_size", patchSize, "at least 1");
        require(width >= 1, "transformer.d", width, "at least 1");
        require(headWidth >= 1 && width % Math.max(1, headWidth) == 0, "transformer.d_head", headWidth, "a divisor of transformer.d = " + width);
        require(layers >= 1, "transformer.n_layer", layers, "at least 1");
        require(freeGaussians >= 1, "gaussians.n_gaussians", freeGaussians, "at least 1");
        require(shDegree >= 0 && shDegree <= 3, "gaussians.sh_degree", shDegree, "0 to 3");
        require(scalingModifier > 0 && Double.isFinite(scalingModifier), "gaussians.scaling_modifier", scalingModifier, "a positive number, 1 for none");
        require(checkpointEvery >= 0, "training.runtime.grad_checkpoint_every", checkpointEvery, "0 or more");
    }

    private static void require(boolean ok, String key, Object value, String expected) {
        if (!ok) {
            throw new EngineException("GS-LRM configuration: " + key + " = " + value + ", expected " + expected);
        }
    }

    /** The configuration of the published checkpoint: 24 blocks of width 1024, patch 8, 303,565,824 parameters. */
    public static GsLrmConfig published() {
        return new GsLrmConfig(RayEncoding.CUSTOM, 8, 1024, 64, 24, 2, 0, 1, false, true, Depth.DEFAULT, false, 1);
    }

    /** A network of the same kind that runs in a fraction of a second: 2 blocks of width 64 (§9). */
    public static GsLrmConfig tiny() {
        return published().withSize(64, 16, 2);
    }

    public GsLrmConfig withSize(int newWidth, int newHeadWidth, int newLayers) {
        return new GsLrmConfig(rays, patchSize, newWidth, newHeadWidth, newLayers, freeGaussians, shDegree, scalingModifier, marker, hardPixelAlign,
                depth, clipXyzActive, checkpointEvery);
    }

    public GsLrmConfig withRays(RayEncoding newRays, Depth newDepth) {
        return new GsLrmConfig(newRays, patchSize, width, headWidth, layers, freeGaussians, shDegree, scalingModifier, marker, hardPixelAlign,
                newDepth, clipXyzActive, checkpointEvery);
    }

    public GsLrmConfig withGaussians(int newFree, int newDegree) {
        return new GsLrmConfig(rays, patchSize, width, headWidth, layers, newFree, newDegree, scalingModifier, marker, hardPixelAlign,
                depth, clipXyzActive, checkpointEvery);
    }

    public GsLrmConfig withMarker(boolean newMarker) {
        return new GsLrmConfig(rays, patchSize, width, headWidth, layers, freeGaussians, shDegree, scalingModifier, newMarker, hardPixelAlign,
                depth, clipXyzActive, checkpointEvery);
    }

    public GsLrmConfig withHardPixelAlign(boolean hard) {
        return new GsLrmConfig(rays, patchSize, width, headWidth, layers, freeGaussians, shDegree, scalingModifier, marker, hard,
                depth, clipXyzActive, checkpointEvery);
    }

    public GsLrmConfig withClipXyzActive(boolean active) {
        return new GsLrmConfig(rays, patchSize, width, headWidth, layers, freeGaussians, shDegree, scalingModifier, marker, hardPixelAlign,
                depth, active, checkpointEvery);
    }

    public GsLrmConfig withCheckpointEvery(int every) {
        return new GsLrmConfig(rays, patchSize, width, headWidth, layers, freeGaussians, shDegree, scalingModifier, marker, hardPixelAlign,
                depth, clipXyzActive, every);
    }

    public int heads() {
        return width / headWidth;
    }

    /** Spherical-harmonics coefficients per colour, K = (degree + 1)². */
    public int coefficients() {
        return (shDegree + 1) * (shDegree + 1);
    }

    /** Raw numbers per Gaussian, g = 3 + 3K + 3 + 4 + 1. */
    public int numbersPerGaussian() {
        return 11 + 3 * coefficients();
    }

    /** Name and shape of every parameter in state-dict order (§1.14), computed without allocating. */
    public Map<String, Shape> parameterShapes() {
        Map<String, Shape> s = new LinkedHashMap<>();
        long d = width;
        long pixels = (long) patchSize * patchSize;
        if (marker) {
            s.put("view_type_embeddings", Shape.of(2, d));
        }
        s.put("gaussian_position_embeddings", Shape.of(freeGaussians, d));
        s.put("patch_embedder.1.weight", Shape.of(d, pixels * rays.channels()));
        s.put("input_layer_norm.weight", Shape.of(d));
        for (int i = 0; i < layers; i++) {
            String block = "transformer_layers." + i + ".";
            s.put(block + "norm1.weight", Shape.of(d));
            s.put(block + "norm2.weight", Shape.of(d));
            s.put(block + "attn.to_qkv.weight", Shape.of(3 * d, d));
            s.put(block + "attn.fc.weight", Shape.of(d, d));
            s.put(block + "mlp.mlp.0.weight", Shape.of(4 * d, d));
            s.put(block + "mlp.mlp.2.weight", Shape.of(d, 4 * d));
        }
        s.put("gaussian_upsampler.layernorm.weight", Shape.of(d));
        s.put("gaussian_upsampler.linear.weight", Shape.of(numbersPerGaussian(), d));
        s.put("pixel_gaussian_decoder.0.weight", Shape.of(d));
        s.put("pixel_gaussian_decoder.1.weight", Shape.of(pixels * numbersPerGaussian(), d));
        return s;
    }

    /** Number of parameters. */
    public long parameterCount() {
        return parameterShapes().values().stream().mapToLong(Shape::numel).sum();
    }

    /**
     * Reads off a checkpoint's shapes what they tell and compares it with this configuration: width, patch size, input
     * channels, blocks, free Gaussians, SH degree and marker. The head width and the switch between custom and plain
     * Plücker rays leave no trace in the shapes.
     *
     * @param shapes state-dict entries of the network, without loss networks
     * @param source label of the checkpoint for the message
     * @throws EngineException listing every disagreement
     */
    public void checkAgainst(Map<String, Shape> shapes, String source) {
        CheckpointLayout found = CheckpointLayout.of(shapes, source);
        List<String> problems = new ArrayList<>();
        compare(problems, "transformer.d", width, found.width());
        compare(problems, "transformer.n_layer", layers, found.layers());
        compare(problems, "image_tokenizer.patch_size", patchSize, found.patchSize());
        compare(problems, "input channels", rays.channels(), found.channels());
        compare(problems, "gaussians.n_gaussians", freeGaussians, found.freeGaussians());
        compare(problems, "gaussians.sh_degree", shDegree, found.shDegree());
        if (marker != found.marker()) {
            problems.add("add_refsrc_marker is " + marker + ", the checkpoint " + (found.marker() ? "has" : "has no") + " view_type_embeddings");
        }
        if (!problems.isEmpty()) {
            throw new EngineException(source + " does not belong to this configuration: " + String.join("; ", problems));
        }
    }

    private static void compare(List<String> problems, String key, int configured, int found) {
        if (configured != found) {
            problems.add(key + " is " + configured + ", the checkpoint's shapes say " + found);
        }
    }
}
