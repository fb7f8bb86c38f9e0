package org.mouselift.pipeline.cli;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ArrayNode;
import com.fasterxml.jackson.databind.node.JsonNodeFactory;
import com.fasterxml.jackson.databind.node.ObjectNode;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import org.mouselift.data.checkpoint.Checkpoint;
import org.mouselift.data.checkpoint.Provenance;
import org.mouselift.pipeline.train.TrainingCheckpoint;
import picocli.CommandLine.Model.CommandSpec;

/** What a command writes down about an artefact that it makes: network, command line, version, and what it was made from. */
final class Origin {
    /** Role of the weights that a training began with. */
    static final String START = "start";
    private static final ObjectMapper JSON = new ObjectMapper();

    private Origin() {}

    /** The provenance of something that this command makes, without parents. */
    static Provenance of(CommandSpec spec, String model) {
        String version = Mouselift.class.getPackage().getImplementationVersion();
        ObjectNode keys = JsonNodeFactory.instance.objectNode().put("model", model);
        ArrayNode command = keys.putArray("command");
        spec.root().commandLine().getParseResult().originalArgs().forEach(command::add);
        keys.put("version", version == null ? "unpackaged" : version).put("java", Runtime.version().toString());
        if (DeviceUse.now() instanceof DeviceUse(String device, String precision, List<String> libraries)) {
            ArrayNode names = keys.putObject("device").put("device", device).put("precision", precision).putArray("vendorLibraries");
            libraries.forEach(names::add);
        }
        return Provenance.empty().with(keys);
    }

    /** With a parent that may be a file, or a folder with weights; nothing if there is none. */
    static Provenance with(Provenance of, String role, Optional<Path> parent) throws IOException {
        if (parent.isEmpty() || !Files.exists(parent.get())) {
            return of;
        }
        Path path = parent.get();
        return of.with(Provenance.Parent.of(role, Files.isDirectory(path) ? Checkpoint.weightsIn(path).orElse(path) : path));
    }

    /**
     * With the weights that a training began with: those that are given, or, where the run of a folder continues, those that its
     * checkpoint names.
     */
    static Provenance started(Provenance of, Path folder, Optional<Path> start) throws IOException {
        Optional<TrainingCheckpoint.Found> newest = TrainingCheckpoint.newest(folder);
        if (newest.isEmpty()) {
            return with(of, START, start);
        }
        List<Provenance.Parent> begun = new ArrayList<>(stored(newest.get().file()).parents());
        begun.removeIf(parent -> !parent.role().equals(START));
        Provenance all = of;
        for (Provenance.Parent parent : begun) {
            all = all.with(parent);
        }
        return all;
    }

    /** What a checkpoint of a training says about its run. */
    static Provenance stored(Path checkpoint) throws IOException {
        try {
            return JSON.readTree(TrainingCheckpoint.readProvenance(checkpoint)) instanceof ObjectNode json ? Provenance.of(json, checkpoint.toAbsolutePath().getParent())
                    : Provenance.empty();
        } catch (JsonProcessingException e) {
            throw new IOException(checkpoint + ": its provenance is not JSON: " + e.getOriginalMessage(), e);
        }
    }
}
