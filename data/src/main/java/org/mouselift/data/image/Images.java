package org.mouselift.data.image;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.Arrays;

/** Reads picture files by content: PNG (any kind) and JPEG. */
public final class Images {
    private Images() {}

    /** Reads a picture as 8-bit; 16-bit samples keep their high byte. */
    public static Image8 read(Path path) throws IOException {
        return readStored(path, ImageLimits.DEFAULT).to8();
    }

    /** Reads a picture with the bit depth it is stored in. */
    public static Image readStored(Path path, ImageLimits limits) throws IOException {
        if (!Files.isRegularFile(path)) {
            throw new NoSuchFileException(path.toString(), null, Files.exists(path) ? "is not a file" : "picture does not exist");
        }
        long size = Files.size(path);
        if (size > limits.maxFileBytes()) {
            throw new ImageFormatException(path.toString(), -1, size + " bytes exceed the limit of " + limits.maxFileBytes());
        }
        return decode(path.toString(), Files.readAllBytes(path), limits);
    }

    /** Decodes a picture file held in memory; {@code source} names it in errors. */
    public static Image decode(String source, byte[] file, ImageLimits limits) throws ImageFormatException {
        if (JpegReader.matches(file)) {
            return JpegReader.decode(source, file, limits);
        }
        if (file.length >= 8 && Arrays.equals(file, 0, 8, PngReader.SIGNATURE, 0, 8)) {
            return PngReader.decode(source, file, limits);
        }
        throw new ImageFormatException(source, 0, file.length == 0 ? "the file is empty"
                : "not a PNG or JPEG picture (other formats must be converted first)");
    }
}
