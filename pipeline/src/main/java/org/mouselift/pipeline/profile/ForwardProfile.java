package org.mouselift.pipeline.profile;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.function.LongConsumer;
import java.util.random.RandomGenerator;
import java.util.random.RandomGeneratorFactory;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.Rings;
import org.mouselift.data.checkpoint.Checkpoint;
import org.mouselift.data.image.Image8;
import org.mouselift.engine.DType;
import org.mouselift.engine.MemoryPool;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.models.nn.Parameters;
import org.mouselift.models.unet.UNetConfig;
import org.mouselift.models.unet.UNetMV2DConditionModel;
import org.mouselift.pipeline.multiview.MappedUNet;
import org.mouselift.pipeline.reconstruct.GsLrmWeights;
import org.mouselift.pipeline.reconstruct.PosedView;
import org.mouselift.pipeline.reconstruct.Reconstruction;

/**
 * Forward passes of a stored network on random inputs, profiled: what a checkpoint costs on this machine. Time and memory do not
 * depend on what the weights have learned.
 *
 * @param size side of the inputs, pixels for the reconstructor and latent pixels for the UNet; 0 for that of the training
 * @param views input views, of the UNet a multiple of its num_views; 0 for those of the training
 * @param passes forward passes, one after the other
 * @param advance gets 1 for every pass
 */
public record ForwardProfile(int size, int views, int passes, LongConsumer advance) {
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int PROMPT_TOKENS = 77;
    private static final int TIMESTEP = 500;
    private static final long SEED = 0;

    public ForwardProfile {
        if (size < 0 || size > 4096 || views < 0 || views > 1024 || passes < 1 || passes > 1000) {
            throw new IllegalArgumentException("profile: size " + size + " (at most 4096), views " + views + " (at most 1024), passes " + passes + " (1 to 1000)");
        }
    }

    /**
     * Profiles a checkpoint: the folder or file of a reconstructor, the folder of a UNet, or a pipeline folder, whose UNet is taken.
     *
     * @throws IOException if it is none of these, or damaged
     */
    public ProfileReport of(Path model, ProfileReport.Machine machine) throws IOException {
        Path unet = Files.isRegularFile(model.resolve("model_index.json")) ? model.resolve("unet") : model;
        return Files.isRegularFile(unet.resolve("config.json")) ? unet(unet, machine) : reconstructor(model, machine);
    }

    private ProfileReport reconstructor(Path model, ProfileReport.Machine machine) throws IOException {
        StageProfile profile = new StageProfile();
        profile.begin("open");
        try (GsLrmWeights weights = GsLrmWeights.open(model)) {
            profile.end();
            int side = size == 0 ? weights.imageSize() : size;
            int count = views == 0 ? weights.inputViews() : views;
            CameraRig rig = Rings.turntable(count, 0, side);
            List<PosedView> inputs = new ArrayList<>();
            for (int v = 0; v < count; v++) {
                inputs.add(PosedView.of("view " + v, noise(side, v), rig.get(v), side));
            }
            for (int pass = 1; pass <= passes; pass++) {
                profile.begin("forward pass " + pass);
                profile.during(() -> Reconstruction.of(weights, inputs));
                profile.end();
                advance.accept(1);
            }
            long patch = weights.model().config().patchSize();
            long tokens = weights.model().config().freeGaussians() + count * (side / patch) * (side / patch);
            return ProfileReport.of(String.format(Locale.ROOT, "GS-LRM %s: %,d parameters, %,d bytes; %d views of %d x %d pixels, %,d tokens", model,
                    weights.model().config().parameterCount(), Files.size(weights.file()), count, side, side, tokens), machine, profile.stages());
        } finally {
            MemoryPool.trim();
        }
    }

    private static Image8 noise(int side, int view) {
        byte[] data = new byte[3 * side * side];
        RandomGenerator random = RandomGeneratorFactory.of("L64X128MixRandom").create(view);
        random.nextBytes(data);
        return new Image8(side, side, 3, data);
    }

    private ProfileReport unet(Path folder, ProfileReport.Machine machine) throws IOException {
        Map<String, Object> keys = JSON.readValue(folder.resolve("config.json").toFile(), new TypeReference<LinkedHashMap<String, Object>>() {});
        UNetConfig config = UNetConfig.of(keys, folder + "/config.json");
        Path file = Checkpoint.weightsIn(folder).orElseThrow(() -> new IOException(folder + ": has a config.json and no weights"));
        StageProfile profile = new StageProfile();
        profile.begin("open");
        try (MappedUNet unet = MappedUNet.open(config, file)) {
            profile.end();
            int side = size == 0 ? config.sampleSize() : size;
            int count = views == 0 ? config.numViews() : views;
            for (int pass = 1; pass <= passes; pass++) {
                profile.begin("forward pass " + pass);
                profile.during(() -> Tape.pause(() -> predict(unet.model(), count, side)));
                profile.end();
                advance.accept(1);
            }
            long parameters = unet.model().stateDict().values().stream().mapToLong(t -> t.shape().numel()).sum();
            return ProfileReport.of(String.format(Locale.ROOT, "UNet %s: %,d parameters, %,d bytes; %d views of %d x %d latent pixels, %d tokens of prompt", folder,
                    parameters, Files.size(file), count, side, side, PROMPT_TOKENS), machine, profile.stages());
        } finally {
            MemoryPool.trim();
        }
    }

    /** One prediction from normal numbers; the sum of its elements, so that nobody can leave it out. */
    private static double predict(UNetMV2DConditionModel unet, int views, int side) {
        try (Scope scope = Scope.open("profiled prediction")) {
            UNetConfig c = unet.config();
            Tensor sample = normal(1, views, c.inChannels(), side, side);
            Tensor prompts = normal(2, views, PROMPT_TOKENS, c.crossAttentionDim());
            Tensor labels = c.classWidth() == 0 ? null : normal(3, views, c.classWidth());
            double sum = 0;
            for (float value : unet.predict(sample, new long[] {TIMESTEP}, prompts, labels).toFloats()) {
                sum += value;
            }
            return sum;
        }
    }

    private static Tensor normal(long stream, long... dims) {
        Tensor t = Tensor.empty(DType.F32, dims);
        Parameters.normal(t, 1, SEED, stream);
        return t;
    }
}
