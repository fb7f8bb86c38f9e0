package org.mouselift.pipeline.evaluate;

import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.mouselift.data.checkpoint.Checkpoint;
import org.mouselift.data.checkpoint.StoredTensor;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.models.losses.Lpips;

/**
 * LPIPS 0.1 with VGG16 from safetensors or PyTorch files (GS-LRM specification §3.3). Together they hold the convolutions under torchvision's names
 * ({@code features.0.weight} …) or those of a GS-LRM checkpoint ({@code loss_calculator.lpips_loss_module.net.slice1.0.weight}
 * …), and the learned factors ({@code lin0.model.1.weight} …); whatever else they hold is passed over.
 *
 * <p>Owns its weights; close it on the thread that opened it.
 */
public final class LpipsNetwork implements AutoCloseable {
    private static final String IN_CHECKPOINT = "loss_calculator.lpips_loss_module.";
    private static final Pattern CONVOLUTION = Pattern.compile("(?:features|net\\.slice[1-5])\\.(\\d{1,2})\\.(weight|bias)");
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

    private static void read(Path file, Map<String, Tensor> convolutions, Map<String, Tensor> factors) throws IOException {
        try (Checkpoint stored = Checkpoint.open(file)) {
            for (StoredTensor tensor : stored.stateDict().values()) {
                String name = tensor.name().startsWith(IN_CHECKPOINT) ? tensor.name().substring(IN_CHECKPOINT.length()) : tensor.name();
                Optional<String> convolution = convolution(name);
                if (convolution.isPresent()) {
                    convolutions.put(convolution.get(), Tensor.of(tensor.floats(), tensor.shape()));
                } else if (FACTORS.matcher(name).matches()) {
                    factors.put(name, Tensor.of(tensor.floats(), tensor.shape()));
                }
            }
        }
    }

    /** Torchvision's name of a convolution's tensor. */
    private static Optional<String> convolution(String name) {
        Matcher matcher = CONVOLUTION.matcher(name);
        return matcher.matches() ? Optional.of("features." + matcher.group(1) + "." + matcher.group(2)) : Optional.empty();
    }

    /** Distance of two pictures [3,H,W] in [0,1], sides of at least 16 pixels. */
    public double distance(float[] a, float[] b, int height, int width) {
        return Tape.pause(() -> {
            try (Scope scope = Scope.open("LPIPS")) {
                return lpips.distances(Tensor.of(a, 1, 3, height, width), Tensor.of(b, 1, 3, height, width)).item();
            }
        });
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
