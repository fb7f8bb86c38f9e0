package org.mouselift.pipeline.cli;

import com.fasterxml.jackson.core.type.TypeReference;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import org.mouselift.models.unet.UNetConfig;

/** A UNet named on the command line: its folder, or a training checkpoint or pipeline that has it; only its configuration is read. */
final class UNetArgument {
    private static final ObjectMapper JSON = new ObjectMapper();

    private UNetArgument() {}

    /** The folder with {@code config.json}: of a checkpoint the averaged UNet, if it has one. */
    static Path folder(Path path) {
        for (Path candidate : List.of(path.resolve("unet_ema"), path.resolve("unet"), path)) {
            if (Files.isRegularFile(candidate.resolve("config.json"))) {
                return candidate;
            }
        }
        throw CommandException.badInput("MFL-E201: " + path + " holds no UNet: neither unet_ema/config.json nor unet/config.json nor config.json is there",
                "Name the folder of the UNet, of a training checkpoint or of a pipeline.");
    }

    static UNetConfig read(Path path) throws IOException {
        Path file = folder(path).resolve("config.json");
        try {
            return UNetConfig.of(JSON.readValue(file.toFile(), new TypeReference<LinkedHashMap<String, Object>>() {}), file.toString());
        } catch (com.fasterxml.jackson.core.JsonProcessingException e) {
            throw new IOException("MFL-E202: " + file + " is not JSON: " + e.getOriginalMessage(), e);
        }
    }
}
