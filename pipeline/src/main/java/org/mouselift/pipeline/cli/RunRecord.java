package org.mouselift.pipeline.cli;

import com.fasterxml.jackson.annotation.JsonInclude;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.mouselift.data.AtomicFile;
import org.mouselift.data.checkpoint.ContentHash;
import org.mouselift.pipeline.checkpoint.WeightsRecord;
import org.mouselift.pipeline.reconstruct.GsLrmWeights;
import picocli.CommandLine.Model.CommandSpec;

/**
 * {@code run.json} of an output folder: how to get the same again (mouse specification §7).
 *
 * @param arguments of the command line
 * @param weights the folder of weights or the checkpoint, and the SHA-256 of its tensors' file
 * @param settings of the first stage; left out without one
 * @param device that the networks ran on; left out for the CPU
 * @param seconds from the start of the command to the end of the work
 */
record RunRecord(List<String> arguments, String version, String java, String weights, String weightsSha256,
        @JsonInclude(JsonInclude.Include.NON_NULL) Map<String, Object> settings,
        @JsonInclude(JsonInclude.Include.NON_NULL) DeviceUse device, double seconds) {
    static final String FILE = "run.json";
    /** Hashes of the weights, beside the results. */
    static final String WEIGHTS = "weights.json";

    /** Writes the record of a finished command. {@code start} is the {@link System#nanoTime} of its beginning. */
    static void write(Path folder, CommandSpec spec, GsLrmWeights weights, long start) throws IOException {
        write(folder, spec, weights, null, Map.of(), start);
    }

    /** Writes which weights made the results of a folder: hashes of every file and every tensor. */
    static void weights(Path folder, Map<String, Path> files) throws IOException {
        Map<String, WeightsRecord> all = new TreeMap<>();
        for (Map.Entry<String, Path> file : files.entrySet()) {
            all.put(file.getKey(), WeightsRecord.of(file.getValue()));
        }
        Files.createDirectories(folder);
        PhotoBatch.json(folder.resolve(WEIGHTS), all);
    }

    /** The same with the {@link SamplingArguments#settings} and {@link SamplingArguments#weights} of the first stage. */
    static void write(Path folder, CommandSpec spec, GsLrmWeights weights, Map<String, Object> settings, Map<String, Path> first, long start) throws IOException {
        String version = Mouselift.class.getPackage().getImplementationVersion();
        RunRecord record = new RunRecord(spec.root().commandLine().getParseResult().originalArgs(), version == null ? "unpackaged" : version,
                Runtime.version().toString(), weights.folder().toString(), ContentHash.ofFile(weights.file()), settings, DeviceUse.now(), (System.nanoTime() - start) * 1e-9);
        Map<String, Path> files = new TreeMap<>(first);
        files.put("gslrm", weights.file());
        weights(folder, files);
        ByteBuffer bytes = ByteBuffer.wrap((Json.write(record) + "\n").getBytes(StandardCharsets.UTF_8));
        AtomicFile.write(folder.resolve(FILE), channel -> {
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        });
    }
}
