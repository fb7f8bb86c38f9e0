package org.mouselift.pipeline.multiview;

import java.io.IOException;
import java.nio.file.Path;
import org.mouselift.engine.EngineException;
import org.mouselift.models.unet.UNetConfig;
import org.mouselift.models.unet.UNetMV2DConditionModel;
import org.mouselift.pipeline.checkpoint.MappedWeights;

/**
 * The UNet for inference on its mapped file: matrices and kernels are read from the mapping as they are stored (f32, f16 or
 * bf16), so that half-precision weights take half the memory and loading takes no time. Owns model and mapping.
 */
public final class MappedUNet implements AutoCloseable {
    private final MappedWeights file;
    private final UNetMV2DConditionModel model;

    private MappedUNet(MappedWeights file, UNetMV2DConditionModel model) {
        this.file = file;
        this.model = model;
    }

    /**
     * Maps a checkpoint of any format. It must not change while it is in use.
     *
     * @throws EngineException for tensors that are missing, unexpected, or of another shape or type than the configuration says
     */
    public static MappedUNet open(UNetConfig config, Path weights) throws IOException {
        MappedWeights file = MappedWeights.open(weights);
        try {
            if (!file.wholeNumbers().isEmpty()) {
                throw new IOException(weights + ": the UNet has no tensors of whole numbers, the file has " + file.wholeNumbers().size() + ": " + file.wholeNumbers().getFirst());
            }
            return new MappedUNet(file, UNetMV2DConditionModel.stored(config, file.state(), weights.toString()));
        } catch (IOException | RuntimeException e) {
            file.close();
            throw e;
        }
    }

    public UNetMV2DConditionModel model() {
        return model;
    }

    /** Gives back the physical memory of the weights until they are used again. */
    public void release() {
        file.release();
    }

    @Override
    public void close() {
        model.close();
        file.close();
    }
}
