package org.mouselift.pipeline.evaluate;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.mouselift.data.checkpoint.Checkpoint;
import org.mouselift.data.checkpoint.StoredTensor;
import org.mouselift.data.matlab.MatFile;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.models.losses.Vgg19Perceptual;

/**
 * VGG19 of the perceptual loss from a safetensors or PyTorch file (GS-LRM specification §3.4): the MatConvNet convolutions
 * {@code conv1.weight} … {@code conv16.bias}, or a GS-LRM checkpoint of the original, which holds them under
 * {@code loss_calculator.perceptual_loss_module.net.}; or from MatConvNet's own {@code imagenet-vgg-verydeep-19.mat}. The last two
 * convolutions are not used and need not be there.
 *
 * <p>Owns its weights; close it on the thread that opened it.
 */
public final class PerceptualNetwork implements AutoCloseable {
    /** Environment variable of the original that names the file. */
    public static final String VARIABLE = "VGG19_WEIGHTS_PATH";
    private static final String IN_CHECKPOINT = "loss_calculator.perceptual_loss_module.net.";
    private static final Pattern CONVOLUTION = Pattern.compile("(?:net\\.)?(conv(\\d{1,2})\\.(?:weight|bias))");
    private static final int CONVOLUTIONS = 16;
    private static final int USED = 14;

    private final Scope weights;
    private final Vgg19Perceptual distance;

    private PerceptualNetwork(Scope weights, Vgg19Perceptual distance) {
        this.weights = weights;
        this.distance = distance;
    }

    /** True if a checkpoint holds the network beside its model; only names are read. */
    public static boolean isIn(Path checkpoint) throws IOException {
        if (!Files.isRegularFile(checkpoint)) {
            return false;
        }
        try (Checkpoint stored = Checkpoint.open(checkpoint)) {
            return stored.stateDict().containsKey(IN_CHECKPOINT + "conv1.weight");
        }
    }

    /**
     * Reads the file.
     *
     * @throws IOException if it cannot be read, a tensor is missing, unexpected or of another shape, or these are the weights of
     *     another VGG19
     */
    public static PerceptualNetwork open(Path file) throws IOException {
        Scope scope = Scope.open("VGG19 weights");
        try {
            return new PerceptualNetwork(scope, new Vgg19Perceptual(isMat(file) ? ofMat(file) : ofCheckpoint(file), file.toString()));
        } catch (EngineException e) {
            scope.close();
            throw new IOException("the perceptual loss needs the convolutions of VGG19 (conv1.weight [64,3,3,3] … conv14.bias): " + e.getMessage(), e);
        } catch (IOException e) {
            scope.close();
            throw e;
        }
    }

    private static boolean isMat(Path file) throws IOException {
        try (InputStream in = Files.newInputStream(file)) {
            return MatFile.isMat(in.readNBytes(16));
        }
    }

    private static Map<String, Tensor> ofMat(Path file) throws IOException {
        Map<String, Tensor> out = new LinkedHashMap<>();
        MatConvNetVgg.read(file).forEach((name, entry) -> out.put(name, Tensor.of(entry.values(), entry.shape())));
        return out;
    }

    private static Map<String, Tensor> ofCheckpoint(Path file) throws IOException {
        try (Checkpoint stored = Checkpoint.open(file)) {
            return convolutions(file, stored.stateDict());
        }
    }

    private static Map<String, Tensor> convolutions(Path file, Map<String, StoredTensor> state) throws IOException {
        boolean checkpoint = state.keySet().stream().anyMatch(name -> name.startsWith(IN_CHECKPOINT));
        if (!checkpoint && state.containsKey("features.0.weight")) {
            throw new IOException(file + " holds torchvision's VGG (features.0.weight …), whose weights were made for other inputs than those of the perceptual loss; it needs the"
                    + " MatConvNet network imagenet-vgg-verydeep-19 as conv1.weight …, which every GS-LRM checkpoint of the original holds");
        }
        Map<String, Tensor> out = new LinkedHashMap<>();
        List<String> unexpected = new ArrayList<>();
        for (StoredTensor tensor : state.values()) {
            if (checkpoint && !tensor.name().startsWith(IN_CHECKPOINT)) {
                continue;
            }
            Matcher name = CONVOLUTION.matcher(checkpoint ? tensor.name().substring(IN_CHECKPOINT.length()) : tensor.name());
            int number = name.matches() ? Integer.parseInt(name.group(2)) : 0;
            if (number < 1 || number > CONVOLUTIONS) {
                unexpected.add(tensor.name());
            } else if (number <= USED && out.put(name.group(1), Tensor.of(tensor.floats(), tensor.shape())) != null) {
                throw new IOException(file + ": '" + name.group(1) + "' appears twice");
            }
        }
        if (!unexpected.isEmpty()) {
            throw new IOException(file + " is no VGG19 of the perceptual loss: " + unexpected.size() + " unexpected tensors " + unexpected.subList(0, Math.min(5, unexpected.size()))
                    + "; expected conv1.weight … conv16.bias and nothing else, a GS-LRM checkpoint with " + IN_CHECKPOINT + "conv1.weight …, or imagenet-vgg-verydeep-19.mat");
        }
        return out;
    }

    /** The distance as a differentiable loss; valid until this is closed. */
    public Vgg19Perceptual distance() {
        return distance;
    }

    @Override
    public void close() {
        weights.close();
    }
}
