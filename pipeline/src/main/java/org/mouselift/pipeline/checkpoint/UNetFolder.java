package org.mouselift.pipeline.checkpoint;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.mouselift.data.checkpoint.Checkpoint;
import org.mouselift.data.checkpoint.NumberedCheckpoint;

/**
 * The UNet of a fine-tuned checkpoint (mouse specification §5.6 MFL-E201, E202; F-122 to F-124). Given may be the folder of a
 * training, whose newest readable checkpoint is taken by number; a checkpoint with {@code unet_ema/} or {@code unet/}; or one of these
 * two itself. A checkpoint that the original saved under a prefix written twice (multi-view diffusion specification §4.12 D1) is found and
 * reported. A base model is never taken in its place.
 *
 * @param path folder with config.json and weights
 * @param notes what a person should know: which checkpoint, which of both weights, what was passed over
 */
public record UNetFolder(Path path, List<String> notes) {
    /** Which weights of a checkpoint. */
    public enum Choice {
        /** The average if there is one, otherwise the weights as they were trained. */
        AUTO,
        /** {@code unet/}: as they were trained. */
        UNET,
        /** {@code unet_ema/}: the average over the training. */
        EMA
    }

    private static final String TRAINED = "unet";
    private static final String AVERAGE = "unet_ema";

    public UNetFolder {
        notes = List.copyOf(notes);
    }

    /**
     * Finds the UNet; its weights' header is read.
     *
     * @throws UNetFolderException MFL-E201 if there is none, with the checkpoints that are near; MFL-E202 if it is damaged
     */
    public static UNetFolder find(Path given, Choice choice) throws IOException {
        if (isComponent(given)) {
            requireReadable(given);
            return new UNetFolder(given, List.of());
        }
        if (hasUNet(given)) {
            return inside(given, choice, new ArrayList<>());
        }
        List<NumberedCheckpoint> numbered = NumberedCheckpoint.list(given).stream().filter(c -> c.kind() == NumberedCheckpoint.Kind.FOLDER).toList();
        List<String> notes = new ArrayList<>();
        for (NumberedCheckpoint checkpoint : numbered) {
            try {
                UNetFolder found = inside(checkpoint.path(), choice, notes);
                List<String> all = new ArrayList<>(found.notes());
                all.add(given + ": the newest " + (notes.isEmpty() ? "" : "readable ") + "checkpoint by number is " + checkpoint.path().getFileName() + " (step "
                        + checkpoint.step() + ")");
                return new UNetFolder(found.path(), all);
            } catch (UNetFolderException e) {
                notes.add("passed over: " + e.getMessage());
            }
        }
        if (!numbered.isEmpty()) {
            throw new UNetFolderException("MFL-E202", given + ": none of its " + numbered.size() + " checkpoints can be used: " + notes.getFirst(),
                    "restore one from a copy");
        }
        Optional<Path> twice = DoubledPrefix.doubled(given.toAbsolutePath().normalize()).stream().filter(UNetFolder::hasUNet).findFirst();
        if (twice.isPresent()) {
            return inside(twice.get(), choice, List.of(given + " has no UNet; it lies at " + twice.get()
                    + ", where the original saves it when checkpoint_prefix is a relative path: a prefix of the path was written twice"));
        }
        throw absent(given);
    }

    /** {@code unet} or {@code unet_ema} of a checkpoint; empty if it has neither. */
    static Optional<Path> inCheckpoint(Path checkpoint) {
        return List.of(AVERAGE, TRAINED).stream().map(checkpoint::resolve).filter(Files::isDirectory).findFirst();
    }

    private static boolean hasUNet(Path checkpoint) {
        return inCheckpoint(checkpoint).isPresent();
    }

    private static boolean isComponent(Path folder) {
        return Files.isRegularFile(folder.resolve("config.json"));
    }

    private static UNetFolder inside(Path checkpoint, Choice choice, List<String> passedOver) throws IOException {
        boolean average = Files.isDirectory(checkpoint.resolve(AVERAGE));
        boolean trained = Files.isDirectory(checkpoint.resolve(TRAINED));
        if (!average && !trained || choice == Choice.EMA && !average || choice == Choice.UNET && !trained) {
            if (!average && !trained) {
                throw absent(checkpoint);
            }
            throw new UNetFolderException("MFL-E201", checkpoint + " has no " + (choice == Choice.EMA ? AVERAGE : TRAINED) + "/, only "
                    + (average ? AVERAGE : TRAINED) + "/", "take the other weights with --unet-weights " + (average ? "ema" : "unet"));
        }
        boolean takesAverage = choice == Choice.EMA || choice == Choice.AUTO && average;
        Path folder = checkpoint.resolve(takesAverage ? AVERAGE : TRAINED);
        requireReadable(folder);
        List<String> notes = new ArrayList<>(passedOver);
        notes.add("UNet: " + folder + (takesAverage ? " (averaged weights" + (trained ? "; --unet-weights unet takes the others)" : "; there is no unet/)")
                : average ? " (as trained)" : " (as trained; there is no unet_ema/)"));
        return new UNetFolder(folder, notes);
    }

    private static void requireReadable(Path folder) throws IOException {
        if (!isComponent(folder)) {
            throw new UNetFolderException("MFL-E202", "Checkpoint " + folder + " is incomplete or damaged: it has no config.json", "restore it from a copy");
        }
        Optional<Path> weights = Checkpoint.weightsIn(folder);
        if (weights.isEmpty()) {
            throw new UNetFolderException("MFL-E202", "Checkpoint " + folder + " is incomplete or damaged: it has no weights "
                    + "(diffusion_pytorch_model.safetensors)", "restore it from a copy");
        }
        try (Checkpoint stored = Checkpoint.open(weights.get())) {
            if (stored.tensors().isEmpty()) {
                throw new UNetFolderException("MFL-E202", "Checkpoint " + folder + " is incomplete or damaged: " + weights.get() + " holds no tensors", "restore it from a copy");
            }
        } catch (UNetFolderException e) {
            throw e;
        } catch (IOException e) {
            throw new UNetFolderException("MFL-E202", "Checkpoint " + folder + " is incomplete or damaged: " + e.getMessage(), "restore it from a copy");
        }
    }

    private static UNetFolderException absent(Path given) throws IOException {
        return new UNetFolderException("MFL-E201", "Fine-tuned UNet not found at " + given + "/unet; " + CheckpointRegistry.near(given),
                "not falling back to the base model; to use it on purpose leave --unet away");
    }

    /** A fine-tuned UNet that is missing or damaged. */
    public static final class UNetFolderException extends IOException {
        private static final long serialVersionUID = 1L;
        private final String code;

        UNetFolderException(String code, String problem, String remedy) {
            super(code + ": " + problem + " (" + remedy + ")");
            this.code = code;
        }

        /** Code of the fail-fast list. */
        public String code() {
            return code;
        }
    }
}
