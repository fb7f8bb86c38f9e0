package org.mouselift.pipeline.video;

import static org.junit.jupiter.api.Assertions.assertEquals;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;
import org.mouselift.data.image.Image8;

/**
 * Videos of another encoder (x264): 48 frames of 96×32 that show their number as six binary columns, three B-frames between the others, key
 * frames every 12. {@code main}: open groups, so that frames before a key frame need the one before it; {@code high}: B-frames that others refer to.
 */
class ForeignVideoTest {
    @TempDir
    Path folder;

    @ParameterizedTest
    @ValueSource(strings = {"main", "high"})
    void reorderedFramesComeByTheirNumber(String profile) throws IOException {
        Path file = folder.resolve(profile + ".mp4");
        try (InputStream in = ForeignVideoTest.class.getResourceAsStream("bframes_" + profile + ".mp4")) {
            Files.copy(in, file);
        }
        try (Mp4Frames frames = Mp4Frames.open(file)) {
            assertEquals(48, frames.frames());
            for (int f = 0; f < 48; f++) {
                assertEquals(f, number(frames.read(f)), "in order");
            }
            for (int f : new int[] {47, 11, 12, 13, 1, 0, 30, 29, 28, 25, 24, 23, 36, 35}) {
                assertEquals(f, number(frames.read(f)), "after a jump");
            }
        }
    }

    private static int number(Image8 image) {
        int seen = 0;
        for (int bit = 0; bit < 6; bit++) {
            seen |= image.get(16 * bit + 8, 16, 1) > 128 ? 1 << bit : 0;
        }
        return seen;
    }
}
