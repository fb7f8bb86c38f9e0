package org.mouselift.pipeline.train;

import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.SerializationFeature;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Optional;
import org.mouselift.data.AtomicFile;

/**
 * Result of the overfit gate (mouse specification §6.9): a network that cannot learn a few scenes by heart has a defect in
 * data, cameras or code, and a long training would be wasted.
 *
 * @param passed PSNR and foreground PSNR reach the required values
 * @param scenes scenes that were learnt
 * @param passes forward/backward passes it took
 * @param psnr mean PSNR on the input views, dB
 * @param foregroundPsnr the same over pixels with alpha above 0.5; null without alpha
 * @param requiredPsnr dB
 * @param requiredForegroundPsnr dB
 * @param dataList list file
 */
public record OverfitVerdict(boolean passed, int scenes, long passes, double psnr, Double foregroundPsnr, double requiredPsnr,
        double requiredForegroundPsnr, String dataList) {
    public static final String FILE_NAME = "overfit_verdict.json";
    public static final double REQUIRED_PSNR = 30;
    public static final double REQUIRED_FOREGROUND_PSNR = 25;
    private static final ObjectMapper JSON = new ObjectMapper().enable(SerializationFeature.INDENT_OUTPUT);

    /** Judges the metrics of the learnt scenes. */
    public static OverfitVerdict of(int scenes, long passes, double psnr, double foregroundPsnr, Path list) {
        boolean alpha = !Double.isNaN(foregroundPsnr);
        boolean passed = psnr >= REQUIRED_PSNR && (!alpha || foregroundPsnr >= REQUIRED_FOREGROUND_PSNR);
        return new OverfitVerdict(passed, scenes, passes, psnr, alpha ? foregroundPsnr : null, REQUIRED_PSNR, REQUIRED_FOREGROUND_PSNR, list.toString());
    }

    /** Writes the verdict into a folder. */
    public Path write(Path folder) throws IOException {
        Path file = folder.resolve(FILE_NAME);
        ByteBuffer bytes = ByteBuffer.wrap(JSON.writeValueAsBytes(this));
        AtomicFile.write(file, channel -> {
            while (bytes.hasRemaining()) {
                channel.write(bytes);
            }
        });
        return file;
    }

    /** The verdict of a folder, if there is one. */
    public static Optional<OverfitVerdict> read(Path folder) throws IOException {
        Path file = folder.resolve(FILE_NAME);
        return Files.exists(file) ? Optional.of(JSON.readValue(file.toFile(), OverfitVerdict.class)) : Optional.empty();
    }
}
