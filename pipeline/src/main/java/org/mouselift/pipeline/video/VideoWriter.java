package org.mouselift.pipeline.video;

import java.io.IOException;
import java.nio.file.Path;
import java.util.Locale;
import org.mouselift.data.image.Image8;

/**
 * A video that is being written, frame by frame. It appears under its name at {@link #finish}; closing without finishing
 * leaves nothing behind.
 */
public sealed interface VideoWriter extends AutoCloseable permits Mp4Writer, GifWriter {
    /** Largest width and height. */
    int MAX_SIDE = 16_384;

    /** Adds the next frame: sRGB, three channels, as large as the first and at most {@link #MAX_SIDE} pixels wide and high. */
    void add(Image8 frame) throws IOException;

    /** Completes the file; at least one frame must have been added. */
    void finish() throws IOException;

    @Override
    void close() throws IOException;

    /** A writer for the format that the file name asks for: {@code .mp4} or {@code .gif}. */
    static VideoWriter create(Path path, int framesPerSecond) throws IOException {
        String name = path.getFileName().toString().toLowerCase(Locale.ROOT);
        if (name.endsWith(".mp4")) {
            return new Mp4Writer(path, framesPerSecond);
        }
        if (name.endsWith(".gif")) {
            return new GifWriter(path, framesPerSecond);
        }
        throw new IllegalArgumentException("video file " + path + ": expected a name ending in .mp4 or .gif");
    }

    /** Refuses a frame that is not RGB, is too large, or differs in size from the first one. */
    static void requireFrame(Path path, Image8 first, Image8 next) {
        if (next.channels() != 3 || next.width() > MAX_SIDE || next.height() > MAX_SIDE) {
            throw new IllegalArgumentException(path + ": frame " + next.width() + "x" + next.height() + " with " + next.channels()
                    + " channels, expected 3 channels and sides up to " + MAX_SIDE);
        }
        if (first != null && (first.width() != next.width() || first.height() != next.height())) {
            throw new IllegalArgumentException(path + ": frame " + next.width() + "x" + next.height()
                    + " in a video of " + first.width() + "x" + first.height());
        }
    }

    /** Refuses a frame rate that the formats cannot express. */
    static int requireRate(Path path, int framesPerSecond) {
        if (framesPerSecond < 1 || framesPerSecond > 240) {
            throw new IllegalArgumentException(path + ": " + framesPerSecond + " frames per second, expected 1 to 240");
        }
        return framesPerSecond;
    }
}
