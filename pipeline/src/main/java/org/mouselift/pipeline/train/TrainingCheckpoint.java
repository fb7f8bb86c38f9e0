package org.mouselift.pipeline.train;

import com.fasterxml.jackson.annotation.JsonInclude;
import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.mouselift.data.checkpoint.ArtefactStatus;
import org.mouselift.data.checkpoint.CheckpointException;
import org.mouselift.data.checkpoint.Provenance;
import org.mouselift.data.safetensors.SafetensorsEntry;
import org.mouselift.data.safetensors.SafetensorsFile;
import org.mouselift.data.safetensors.SafetensorsWriter;
import org.mouselift.engine.Tensor;

/**
 * Everything a training run needs to continue bit for bit: parameters, optimiser moments and counters in one safetensors
 * file {@code ckpt_%016d.safetensors}, numbered by the forward/backward step as in GS-LRM specification §6.6. Entries are
 * {@code model.<name>}, {@code optimizer.exp_avg.<name>} and {@code optimizer.exp_avg_sq.<name>}. The order of the data and
 * all random draws are functions of (seed, step), so the step is the state of the generators.
 *
 * <p>The file appears under its name only when complete; a run killed at any moment finds the one before it.
 */
public final class TrainingCheckpoint {
    private static final String FORMAT = "mouselift-training-1";
    private static final ObjectMapper JSON = new ObjectMapper();
    private static final int MAX_SKIPS = 100;

    /**
     * Counters of a run.
     *
     * @param fwdbwdStep forward/backward passes done
     * @param updateStep parameter updates done
     * @param scheduleStep steps of the learning-rate schedule, skipped updates included
     * @param skipped updates skipped so far
     * @param recentSkips 1 for a skipped and 0 for an applied update, newest last, at most 100 characters
     * @param seed seed of data order and draws
     * @param optimiserSteps updates that the optimiser itself has counted, where it began later than the run; else null
     */
    public record Counters(long fwdbwdStep, long updateStep, long scheduleStep, long skipped, String recentSkips, long seed,
            @JsonInclude(JsonInclude.Include.NON_NULL) Long optimiserSteps) {
        /** Of a run whose optimiser counts as the run does. */
        public Counters(long fwdbwdStep, long updateStep, long scheduleStep, long skipped, String recentSkips, long seed) {
            this(fwdbwdStep, updateStep, scheduleStep, skipped, recentSkips, seed, null);
        }
    }

    /** Parameters and optimiser moments by state-dict name; maps share the key order of the model. */
    public record State(Map<String, Tensor> model, Map<String, Tensor> expAvg, Map<String, Tensor> expAvgSq) {}

    private TrainingCheckpoint() {}

    /** Name of the checkpoint file of a step. */
    public static String fileName(long step) {
        return String.format("ckpt_%016d.safetensors", step);
    }

    /**
     * Writes a checkpoint, reads its header back, then deletes the oldest beyond {@code keep} (0 keeps all). Files are only
     * deleted once that many newer ones have proved readable.
     *
     * @param configuration of the run, YAML
     * @param provenance what the run was trained with, a JSON object
     */
    public static Path save(Path folder, Counters counters, State state, String configuration, String provenance, int keep) throws IOException {
        Files.createDirectories(folder);
        SafetensorsWriter writer = new SafetensorsWriter().metadata("format", FORMAT).metadata("configuration", configuration)
                .metadata("provenance", provenance).metadata("counters", JSON.writeValueAsString(counters));
        add(writer, "model.", state.model());
        add(writer, "optimizer.exp_avg.", state.expAvg());
        add(writer, "optimizer.exp_avg_sq.", state.expAvgSq());
        Path file = folder.resolve(fileName(counters.fwdbwdStep()));
        writer.write(file);
        readCounters(file);
        prune(folder, keep);
        return file;
    }

    private static void add(SafetensorsWriter writer, String prefix, Map<String, Tensor> tensors) {
        tensors.forEach((name, t) -> writer.add(prefix + name, t.dtype(), t.shape().dims(), t.contiguousSegment()));
    }

    /** Deletes the oldest checkpoints beyond {@code keep} readable ones; 0 keeps all. Those tagged to stay stay, and are not counted. */
    static void prune(Path folder, int keep) throws IOException {
        if (keep <= 0) {
            return;
        }
        int good = 0;
        for (Path file : list(folder)) {
            if (ArtefactStatus.read(file).isProtected()) {
                continue;
            }
            if (good >= keep) {
                // The checkpoint last: whoever is killed in between finds it again.
                Files.deleteIfExists(Provenance.file(file));
                Files.deleteIfExists(ArtefactStatus.file(file));
                Files.delete(file);
            } else {
                try {
                    readCounters(file);
                    good++;
                } catch (IOException e) {
                    System.getLogger(TrainingCheckpoint.class.getName()).log(System.Logger.Level.WARNING,
                            "damaged checkpoint " + file + " is not counted among the " + keep + " to keep: " + e.getMessage());
                }
            }
        }
    }

    /** Checkpoint files of a folder, newest first; empty if the folder does not exist. */
    public static List<Path> list(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            return List.of();
        }
        try (Stream<Path> files = Files.list(folder)) {
            return files.filter(f -> f.getFileName().toString().matches("ckpt_\\d{16}\\.safetensors"))
                    .sorted(Comparator.comparing((Path f) -> f.getFileName().toString()).reversed()).toList();
        }
    }

    /** A checkpoint to continue from, with the files that were passed over because they could not be read. */
    public record Found(Path file, Counters counters, List<String> passedOver) {}

    /** The newest readable checkpoint of a folder. */
    public static Optional<Found> newest(Path folder) throws IOException {
        List<String> passedOver = new ArrayList<>();
        for (Path file : list(folder)) {
            try {
                return Optional.of(new Found(file, readCounters(file), passedOver));
            } catch (IOException e) {
                passedOver.add(file + ": " + e.getMessage());
            }
        }
        if (!passedOver.isEmpty()) {
            throw new IOException("MFL-E202: no checkpoint in " + folder + " can be read: " + passedOver
                    + "; move them away to start afresh, or restore one from a copy");
        }
        return Optional.empty();
    }

    /** Counters of a checkpoint; fails unless the whole file is there and of this format. */
    public static Counters readCounters(Path file) throws IOException {
        try (SafetensorsFile f = SafetensorsFile.open(file)) {
            return counters(file, f);
        }
    }

    private static Counters counters(Path file, SafetensorsFile f) throws IOException {
        if (!FORMAT.equals(f.metadata().get("format"))) {
            throw new CheckpointException(file, "not a training checkpoint (metadata 'format' is " + f.metadata().get("format") + ", expected " + FORMAT + ")",
                    "weights alone go to --load");
        }
        try {
            Counters counters = JSON.readValue(f.metadata().getOrDefault("counters", ""), Counters.class);
            if (counters != null && counters.fwdbwdStep() >= 0 && counters.updateStep() >= 0 && counters.scheduleStep() >= 0 && counters.recentSkips() != null
                    && counters.recentSkips().length() <= MAX_SKIPS && (counters.optimiserSteps() == null || counters.optimiserSteps() >= 0)) {
                return counters;
            }
        } catch (JsonProcessingException e) {
            throw new CheckpointException(file, "metadata 'counters' cannot be read: " + e.getOriginalMessage(), "take an earlier checkpoint", e);
        }
        throw new CheckpointException(file, "metadata 'counters' are " + f.metadata().get("counters"), "take an earlier checkpoint");
    }

    /** The configuration text stored with a checkpoint. */
    public static String readConfiguration(Path file) throws IOException {
        try (SafetensorsFile f = SafetensorsFile.open(file)) {
            return f.metadata().getOrDefault("configuration", "");
        }
    }

    /** What the run of a checkpoint was trained with, a JSON object as text. */
    public static String readProvenance(Path file) throws IOException {
        try (SafetensorsFile f = SafetensorsFile.open(file)) {
            return f.metadata().getOrDefault("provenance", "{}");
        }
    }

    /** Copies a checkpoint into existing tensors; names and shapes must agree exactly. */
    public static Counters restore(Path file, State state) throws IOException {
        try (SafetensorsFile f = SafetensorsFile.open(file)) {
            Counters counters = counters(file, f);
            Map<String, Tensor> wanted = new LinkedHashMap<>();
            state.model().forEach((n, t) -> wanted.put("model." + n, t));
            state.expAvg().forEach((n, t) -> wanted.put("optimizer.exp_avg." + n, t));
            state.expAvgSq().forEach((n, t) -> wanted.put("optimizer.exp_avg_sq." + n, t));
            List<String> problems = new ArrayList<>();
            wanted.forEach((n, t) -> {
                SafetensorsEntry e = f.entries().get(n);
                if (e == null) {
                    problems.add(n + " is missing");
                } else if (!java.util.Arrays.equals(e.shape(), t.shape().dims()) || e.dtype() != t.dtype()) {
                    problems.add(n + " is " + e.describe() + ", the run has " + t.spec());
                }
            });
            for (String n : f.names()) {
                if (!wanted.containsKey(n)) {
                    problems.add(n + " is unknown to this run");
                }
            }
            if (!problems.isEmpty()) {
                throw new CheckpointException(file, "does not belong to this configuration: " + problems.size() + " differences, first "
                        + problems.subList(0, Math.min(20, problems.size())), "set the configuration it was trained with, or choose another folder");
            }
            wanted.forEach((n, t) -> t.contiguousSegment().copyFrom(f.entries().get(n).data()));
            return counters;
        }
    }

    /** The model part of a checkpoint, copied into tensors of the current scope. */
    public static Map<String, Tensor> readModel(Path file) throws IOException {
        try (SafetensorsFile f = SafetensorsFile.open(file)) {
            counters(file, f);
            Map<String, Tensor> out = new TreeMap<>();
            for (SafetensorsEntry e : f.entries().values()) {
                if (e.name().startsWith("model.")) {
                    Tensor t = Tensor.empty(e.dtype(), e.shape());
                    t.contiguousSegment().copyFrom(e.data());
                    out.put(e.name().substring("model.".length()), t);
                }
            }
            return out;
        }
    }
}
