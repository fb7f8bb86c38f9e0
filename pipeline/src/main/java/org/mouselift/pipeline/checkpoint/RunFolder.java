package org.mouselift.pipeline.checkpoint;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.channels.FileLock;
import java.nio.channels.OverlappingFileLockException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardOpenOption;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Pattern;
import org.mouselift.data.checkpoint.NumberedCheckpoint;
import org.mouselift.data.checkpoint.Provenance;

/**
 * The folder that a training writes to, held by one process at a time (mouse specification §8.1, K-13) and named so that everybody
 * sees what lies in it: {@code checkpoints/<stage>/<experiment>/<step>} (K-10, F-154). Closing gives it free; so does the end of the
 * process, however it ends.
 */
public final class RunFolder implements AutoCloseable {
    /** The lock. */
    public static final String LOCK = ".mouselift-lock";
    private static final String CHECKPOINTS = "checkpoints";
    private static final Pattern NAME = Pattern.compile("[A-Za-z0-9][A-Za-z0-9._-]{0,99}");
    private static final Pattern STEP = Pattern.compile("checkpoint-\\d+|ckpt_\\d+(\\.\\w+)?");
    /** Names of what lies in a checkpoint or pipeline: a run of this name would be taken for one. */
    private static final List<String> PARTS = List.of("unet", "unet_ema", "vae", "image_encoder", "text_encoder", "tokenizer", "scheduler", "feature_extractor", "weights",
            "pictures", "pipeckpts");

    /** What a folder below {@code checkpoints} is named after. */
    public enum Stage {
        /** Reconstructor. */
        GSLRM("gslrm"),
        /** Multi-view diffusion. */
        MVDIFFUSION("mvdiffusion"),
        /** Autoencoder of the pictures. */
        AUTOENCODER("autoencoder");

        private final String folder;

        Stage(String folder) {
            this.folder = folder;
        }

        /** Name of the folder, and of the model in its provenance. */
        public String folder() {
            return folder;
        }
    }

    private final FileChannel channel;
    private final FileLock lock;

    private RunFolder(FileChannel channel, FileLock lock) {
        this.channel = channel;
        this.lock = lock;
    }

    /**
     * Checks the name; nothing is written.
     *
     * @throws RunFolderException if the name is not allowed, or the folder holds a run of another stage
     * @throws DoubledPrefix.DoubledPrefixException MFL-E205
     */
    public static void requireUsable(Path folder, Stage stage) throws IOException {
        DoubledPrefix.requireSingle(folder);
        Path full = folder.toAbsolutePath().normalize();
        String name = full.getFileName() == null ? "" : full.getFileName().toString();
        if (!NAME.matcher(name).matches()) {
            throw new RunFolderException("the folder of a training cannot be named '" + printable(name) + "': " + folder,
                    "a name has letters, digits, dot, dash and underscore, begins with a letter or digit, and has at most 100 characters");
        }
        if (STEP.matcher(name).matches() || PARTS.contains(name)) {
            throw new RunFolderException("the folder of a training cannot be named '" + name + "', which is the name of "
                    + (PARTS.contains(name) ? "a part of a checkpoint" : "a checkpoint") + ": " + folder, "name the experiment: checkpoints/" + stage.folder + "/mouse");
        }
        Path above = full.getParent();
        for (Path place = full; place != null && place.getParent() != null; place = place.getParent()) {
            if (place.getParent().endsWith(CHECKPOINTS)) {
                String given = place.getFileName().toString();
                if (!given.equals(stage.folder) && List.of(Stage.values()).stream().anyMatch(s -> s.folder.equals(given))) {
                    throw new RunFolderException("a training of " + stage.folder + " would write to " + folder + ", which is named after " + given,
                            "the layout is checkpoints/<stage>/<experiment>: checkpoints/" + stage.folder + "/" + (above == null ? "mouse" : name));
                }
            }
        }
        Optional<String> other = modelOf(folder).filter(model -> !model.equals(stage.folder));
        if (other.isPresent()) {
            throw new RunFolderException(folder + " holds a training of " + other.get() + ", this one is of " + stage.folder, "choose another folder");
        }
    }

    /** The model that the newest checkpoint of a folder says it is; empty where nothing is known. */
    private static Optional<String> modelOf(Path folder) throws IOException {
        for (NumberedCheckpoint checkpoint : NumberedCheckpoint.list(folder)) {
            Optional<Provenance> provenance = Provenance.read(checkpoint.path());
            if (provenance.isPresent() && provenance.get().keys().path("model").isTextual()) {
                return Optional.of(provenance.get().keys().get("model").asText());
            }
        }
        return Optional.empty();
    }

    /**
     * Takes a folder, which is made if it is missing.
     *
     * @throws RunFolderException as {@link #requireUsable}, or if another run has it
     */
    public static RunFolder claim(Path folder, Stage stage) throws IOException {
        requireUsable(folder, stage);
        Files.createDirectories(folder);
        Path file = folder.resolve(LOCK);
        FileChannel channel = FileChannel.open(file, StandardOpenOption.CREATE, StandardOpenOption.READ, StandardOpenOption.WRITE);
        try {
            FileLock lock = channel.tryLock();
            if (lock != null) {
                channel.truncate(0);
                channel.write(ByteBuffer.wrap(String.format(Locale.ROOT, "process %d%n", ProcessHandle.current().pid()).getBytes(StandardCharsets.US_ASCII)), 0);
                return new RunFolder(channel, lock);
            }
        } catch (OverlappingFileLockException e) {
            channel.close();
            throw taken(folder, file);
        } catch (IOException | RuntimeException e) {
            channel.close();
            throw e;
        }
        channel.close();
        throw taken(folder, file);
    }

    private static RunFolderException taken(Path folder, Path file) throws IOException {
        byte[] owner = new byte[40];
        int length;
        try (var in = Files.newInputStream(file)) {
            length = Math.max(0, in.readNBytes(owner, 0, owner.length));
        }
        String text = new String(owner, 0, length, StandardCharsets.US_ASCII).strip();
        return new RunFolderException(folder + " is in use by another training" + (text.isEmpty() ? "" : " (" + printable(text) + ")"), "wait for it, end it, or choose another folder");
    }

    private static String printable(String text) {
        return text.replaceAll("\\p{Cntrl}", "?");
    }

    @Override
    public void close() throws IOException {
        // The file stays: deleting it would let a third run lock a new one beside a second that waits for this.
        if (lock.isValid()) {
            lock.release();
        }
        channel.close();
    }

    /** A folder that a training cannot write to. Nothing was written. */
    public static final class RunFolderException extends IOException {
        private static final long serialVersionUID = 1L;

        RunFolderException(String problem, String remedy) {
            super(problem + " (" + remedy + ")");
        }
    }
}
