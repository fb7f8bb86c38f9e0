package org.mouselift.pipeline.multiview;

import java.io.IOException;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.Map;
import org.mouselift.data.safetensors.SafetensorsEntry;
import org.mouselift.data.safetensors.SafetensorsFile;
import org.mouselift.engine.EngineException;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.models.unet.UNetConfig;
import org.mouselift.models.unet.UNetMV2DConditionModel;

/**
 * The UNet for inference on its mapped file: matrices and kernels are read from the mapping as they are stored (f32, f16 or
 * bf16), so that half-precision weights take half the memory and loading takes no time. Owns model and mapping.
 */
public final class MappedUNet implements AutoCloseable {
    private final SafetensorsFile file;
    private final UNetMV2DConditionModel model;

    private MappedUNet(SafetensorsFile file, UNetMV2DConditionModel model) {
        this.file = file;
        this.model = model;
    }

    /**
     * Maps a safetensors file. It must not change while it is in use.
     *
     * @throws EngineException for tensors that are missing, unexpected, or of another shape or type than the configuration says
     */
    public static MappedUNet open(UNetConfig config, Path weights) throws IOException {
        SafetensorsFile file = SafetensorsFile.open(weights);
        try (Scope scope = Scope.open("mapping " + weights)) {
            Map<String, Tensor> state = new LinkedHashMap<>();
            for (SafetensorsEntry e : file.entries().values()) {
                if (!e.type().isFloat()) {
                    throw new IOException(weights + ": tensor '" + e.name() + "' is " + e.describe() + ", expected F32, F16 or BF16");
                }
                state.put(e.name(), Tensor.wrap(e.data(), e.dtype(), e.shape()));
            }
            return new MappedUNet(file, UNetMV2DConditionModel.stored(config, state, weights.toString()));
        } catch (IOException | RuntimeException e) {
            file.close();
            throw e;
        }
    }

    public UNetMV2DConditionModel model() {
        return model;
    }

    @Override
    public void close() {
        model.close();
        file.close();
    }
}
