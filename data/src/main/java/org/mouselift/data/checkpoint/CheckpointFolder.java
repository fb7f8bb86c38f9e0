package org.mouselift.data.checkpoint;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/**
 * The weights of a folder: of a component (one weights file, named as its library names it), or of a whole pipeline, whose
 * components are its subfolders; their tensors are then named {@code component/tensor}. Of the folder of a training the newest
 * checkpoint is taken, by number.
 */
final class CheckpointFolder {
    /** In the order in which the libraries look for them. */
    private static final List<String> NAMES = List.of("diffusion_pytorch_model.safetensors", "model.safetensors",
            "diffusion_pytorch_model.fp16.safetensors", "model.fp16.safetensors",
            "diffusion_pytorch_model.safetensors.index.json", "model.safetensors.index.json",
            "diffusion_pytorch_model.safetensors.index.fp16.json", "model.safetensors.index.fp16.json", "diffusion_pytorch_model.bin", "pytorch_model.bin",
            "diffusion_pytorch_model.fp16.bin", "pytorch_model.fp16.bin", "diffusion_pytorch_model.bin.index.json", "pytorch_model.bin.index.json");

    private CheckpointFolder() {}

    static Checkpoint open(Path folder) throws IOException {
        Optional<Path> own = weights(folder);
        if (own.isPresent()) {
            return Checkpoint.open(own.get());
        }
        // The folder of a training also holds others, such as weights/ and pictures/.
        Optional<NumberedCheckpoint> newest = NumberedCheckpoint.list(folder).stream().filter(c -> c.kind() != NumberedCheckpoint.Kind.FOLDER).findFirst();
        if (newest.isPresent()) {
            return Checkpoint.open(newest.get().path());
        }
        List<Path> children;
        try (Stream<Path> list = Files.list(folder)) {
            children = list.sorted().toList();
        }
        Map<String, StoredTensor> tensors = new LinkedHashMap<>();
        List<Checkpoint> components = new ArrayList<>();
        try {
            for (Path child : children) {
                Optional<Path> weights = Files.isDirectory(child) ? weights(child) : Optional.empty();
                if (weights.isPresent()) {
                    Checkpoint component = Checkpoint.open(weights.get());
                    components.add(component);
                    component.tensors().forEach((name, tensor) -> {
                        String full = child.getFileName() + "/" + name;
                        tensors.put(full, tensor.named(full));
                    });
                }
            }
            if (components.isEmpty()) {
                List<NumberedCheckpoint> numbered = NumberedCheckpoint.list(folder);
                if (!numbered.isEmpty()) {
                    return Checkpoint.open(numbered.getFirst().path());
                }
                throw new CheckpointException(folder, "holds no weights, only " + children.stream().map(c -> c.getFileName().toString()).limit(20)
                        .collect(Collectors.joining(", ", "[", "]")), "a component folder holds one of " + NAMES
                        + ", that of a training ckpt_<step>.pt, ckpt_<step>.safetensors or checkpoint-<step>/");
            }
            return new Checkpoint(folder, Checkpoint.Format.FOLDER, Map.of(), null, tensors, components);
        } catch (IOException | RuntimeException | Error e) {
            Checkpoint.closeAll(components);
            throw e;
        }
    }

    static Optional<Path> weights(Path folder) {
        return NAMES.stream().map(folder::resolve).filter(Files::isRegularFile).findFirst();
    }
}
