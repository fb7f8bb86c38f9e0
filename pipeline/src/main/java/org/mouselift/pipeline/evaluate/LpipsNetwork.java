package org.mouselift.pipeline.evaluate;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.mouselift.data.checkpoint.Checkpoint;
import org.mouselift.data.checkpoint.StoredTensor;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.models.losses.Lpips;
import org.mouselift.pipeline.reconstruct.ViewMetrics;

/**
 * LPIPS 0.1 with VGG16 from safetensors or PyTorch files (GS-LRM specification §3.3). Together they hold the convolutions under torchvision's names
 * ({@code features.0.weight} …) or those of a GS-LRM checkpoint ({@code loss_calculator.lpips_loss_module.net.slice1.0.weight}
 * …), and the learned factors ({@code lin0.model.1.weight} …), everything once. Classifier layers of torchvision and the rest of a
 * checkpoint are passed over; convolutions of another network are refused.
 *
 * <p>Owns its weights; close it on the thread that opened it.
 */
public final class LpipsNetwork implements AutoCloseable {
    private static final String IN_CHECKPOINT = "loss_calculator.lpips_loss_module.";
    private static final Pattern CONVOLUTION = Pattern.compile("(?:features|net\\.slice[1-5])\\.(\\d{1,2})\\.(.+)");
    private static final Set<Integer> LAYERS = Set.of(0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28);
    private static final Pattern FACTORS = Pattern.compile("lin[0-4]\\.model\\.1\\.weight");

    private final Scope weights;
    private final Lpips lpips;

    private LpipsNetwork(Scope weights, Lpips lpips) {
        this.weights = weights;
        this.lpips = lpips;
    }

    /**
     * Reads the files.
     *
     * @throws IOException if one cannot be read, or a tensor is missing or of another shape
     */
    public static LpipsNetwork open(List<Path> files) throws IOException {
        Scope scope = Scope.open("LPIPS weights");
        try {
            Map<String, Tensor> convolutions = new LinkedHashMap<>();
            Map<String, Tensor> factors = new LinkedHashMap<>();
            for (Path file : files) {
                read(file, convolutions, factors);
            }
            return new LpipsNetwork(scope, new Lpips(convolutions, factors, files.toString()));
        } catch (EngineException e) {
            scope.close();
            throw new IOException("LPIPS needs the convolutions of VGG16 (features.0.weight …) and the learned factors (lin0.model.1.weight …): " + e.getMessage(), e);
        } catch (IOException e) {
            scope.close();
            throw e;
        }
    }

    /** True if a checkpoint holds the network beside its model; only names are read. */
    public static boolean isIn(Path checkpoint) throws IOException {
        if (!Files.isRegularFile(checkpoint)) {
            return false;
        }
        try (Checkpoint stored = Checkpoint.open(checkpoint)) {
            return stored.stateDict().containsKey(IN_CHECKPOINT + "net.slice1.0.weight");
        }
    }

    private static void read(Path file, Map<String, Tensor> convolutions, Map<String, Tensor> factors) throws IOException {
        try (Checkpoint stored = Checkpoint.open(file)) {
            for (StoredTensor tensor : stored.stateDict().values()) {
                String name = tensor.name().startsWith(IN_CHECKPOINT) ? tensor.name().substring(IN_CHECKPOINT.length()) : tensor.name();
                Optional<String> convolution = convolution(file, name);
                boolean factor = FACTORS.matcher(name).matches();
                if ((convolution.isPresent() ? convolutions.put(convolution.get(), Tensor.of(tensor.floats(), tensor.shape()))
                        : factor ? factors.put(name, Tensor.of(tensor.floats(), tensor.shape())) : null) != null) {
                    throw new IOException(file + ": '" + tensor.name() + "' is in two of the files; name each part of the network once");
                }
            }
        }
    }

    /** Torchvision's name of a convolution's tensor; empty for something else. */
    private static Optional<String> convolution(Path file, String name) throws IOException {
        Matcher matcher = CONVOLUTION.matcher(name);
        if (!matcher.matches()) {
            return Optional.empty();
        }
        String part = matcher.group(2);
        if (!LAYERS.contains(Integer.valueOf(matcher.group(1))) || !part.equals("weight") && !part.equals("bias")) {
            throw new IOException(file + ": '" + name + "' is no part of VGG16; LPIPS needs VGG16 without batch norm, whose convolutions are features.0 … features.28");
        }
        return Optional.of("features." + matcher.group(1) + "." + part);
    }

    /** Distance of two pictures [3,H,W] in [0,1], sides of at least 16 pixels. */
    public double distance(float[] a, float[] b, int height, int width) {
        return Tape.pause(() -> {
            try (Scope scope = Scope.open("LPIPS")) {
                return lpips.distances(Tensor.of(a, 1, 3, height, width), Tensor.of(b, 1, 3, height, width)).item();
            }
        });
    }

    /** Metrics with the distance of a rendering, clipped to [0,1], from a picture; both [3,H,W]. */
    public ViewMetrics measured(ViewMetrics metrics, float[] rendering, float[] picture, int height, int width) {
        float[] shown = rendering.clone();
        for (int i = 0; i < shown.length; i++) {
            shown[i] = Math.clamp(shown[i], 0f, 1f);
        }
        return metrics.withLpips(distance(shown, picture, height, width));
    }

    /** The distance as a differentiable loss; valid until this is closed. */
    public Lpips lpips() {
        return lpips;
    }

    @Override
    public void close() {
        weights.close();
    }
}
