package org.mouselift.pipeline.checkpoint;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import org.mouselift.data.checkpoint.Checkpoint;
import org.mouselift.data.checkpoint.StoredTensor;
import org.mouselift.engine.Tensor;

/**
 * The weights of a network as a checkpoint of any format stores them: tensors of f32, f16 or bf16 that look at the mapped file. They
 * take no memory of their own; the system keeps of the file what is in use and can drop it at any time. The file must not change
 * while it is mapped.
 */
public final class MappedWeights implements AutoCloseable {
    private final Checkpoint file;
    private final Map<String, Tensor> state;
    private final List<String> wholeNumbers;

    private MappedWeights(Checkpoint file, Map<String, Tensor> state, List<String> wholeNumbers) {
        this.file = file;
        this.state = Collections.unmodifiableMap(state);
        this.wholeNumbers = List.copyOf(wholeNumbers);
    }

    /** Maps a checkpoint; the network's tensors under their own names ({@link Checkpoint#stateDict}). */
    public static MappedWeights open(Path weights) throws IOException {
        Checkpoint file = Checkpoint.open(weights);
        try {
            Map<String, Tensor> state = new LinkedHashMap<>();
            List<String> wholeNumbers = new ArrayList<>();
            for (StoredTensor t : file.stateDict().values()) {
                if (t.type().isFloat()) {
                    state.put(t.name(), Tensor.wrap(t.data(), t.dtype(), t.shape()));
                } else {
                    wholeNumbers.add(t.name());
                }
            }
            return new MappedWeights(file, state, wholeNumbers);
        } catch (IOException | RuntimeException e) {
            file.close();
            throw e;
        }
    }

    /** The tensors of floating-point numbers by name; valid until this closes. */
    public Map<String, Tensor> state() {
        return state;
    }

    /** Names of the other tensors: buffers such as {@code position_ids}, which the models compute. */
    public List<String> wholeNumbers() {
        return wholeNumbers;
    }

    /** Gives back the physical memory of the file's contents; they are read again when they are used again. */
    public void release() {
        file.release();
    }

    @Override
    public void close() {
        file.close();
    }
}
