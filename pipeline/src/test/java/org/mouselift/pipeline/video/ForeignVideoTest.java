package org.mouselift.pipeline.video;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.io.InputStream;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.time.Duration;
import java.util.Arrays;
import java.util.Random;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;
import org.mouselift.data.image.Image8;
import org.mouselift.data.recording.AviFrames;
import org.mouselift.data.recording.MissingFrameException;
import org.mouselift.data.recording.RecordingException;

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
        try (Mp4Frames frames = Mp4Frames.open(resource("bframes_" + profile + ".mp4"))) {
            assertEquals(48, frames.frames());
            for (int f = 0; f < 48; f++) {
                assertEquals(f, number(frames.read(f)), "in order");
            }
            for (int f : new int[] {47, 11, 12, 13, 1, 0, 30, 29, 28, 25, 24, 23, 36, 35}) {
                assertEquals(f, number(frames.read(f)), "after a jump");
            }
        }
    }

    /** Cut by a copy of the packets from key frame 12 on: the edit list says that the video begins with frame 15. */
    @Test
    void framesBeforeTheEditListAreNotCounted() throws IOException {
        try (Mp4Frames frames = Mp4Frames.open(resource("edit_list.mp4"))) {
            assertEquals(33, frames.frames());
            for (int f : new int[] {0, 1, 2, 32, 31, 9, 8, 10, 0}) {
                assertEquals(f + 15, number(frames.read(f)));
            }
            assertEquals(33, assertThrows(MissingFrameException.class, () -> frames.read(33)).frame());
        }
    }

    /** Players show it turned counter-clockwise: the columns are rows, the first at the bottom. */
    @Test
    void aStoredQuarterTurnIsApplied() throws IOException {
        try (Mp4Frames frames = Mp4Frames.open(resource("quarter_turn.mp4"))) {
            assertEquals(32, frames.width());
            assertEquals(96, frames.height());
            for (int f = 0; f < 48; f += 5) {
                Image8 image = frames.read(f);
                int seen = 0;
                for (int bit = 0; bit < 6; bit++) {
                    seen |= image.get(16, 95 - (16 * bit + 8), 1) > 128 ? 1 << bit : 0;
                }
                assertEquals(f, seen);
            }
        }
    }

    /** A video in fragments has its first frames in the usual index: it must not be taken for these alone. */
    @ParameterizedTest
    @CsvSource({"fragments.mp4,is stored in fragments,-c copy", "ten_bits.mp4,has 10 bits per colour,ffmpeg", "interlaced.mp4,is interlaced,ffmpeg", "h265.mp4,is encoded as 'hev1' (H.265),ffmpeg",
        "chroma_422.mp4,has its colours as YUV422,ffmpeg", "lossless.mp4,is encoded as High 4:4:4,ffmpeg"})
    void whatCannotBeReadIsNamedByWhatItIs(String name, String found, String remedy) throws IOException {
        Path file = resource(name);
        String message = assertThrows(RecordingException.class, () -> Mp4Frames.open(file)).getMessage();
        assertTrue(message.contains(name) && message.contains(found) && message.contains(remedy), message);
    }

    @Test
    void damagedFilesAreNamed() throws IOException {
        Path file = resource("bframes_high.mp4");
        byte[] whole = Files.readAllBytes(file);
        for (int length : new int[] {0, 7, 100, 1000, whole.length - 20}) {
            Files.write(file, Arrays.copyOf(whole, length));
            String message = assertThrows(RecordingException.class, () -> Mp4Frames.open(file)).getMessage();
            assertTrue(message.contains(file.toString()) && !message.contains("Exception"), message);
        }
    }

    /** Reads all frames of a file with little patience, in a process of its own: a decoder that loops goes on as long as its process. */
    static final class Reading {
        private Reading() {}

        public static void main(String[] file) throws IOException {
            try (Mp4Frames frames = Mp4Frames.open(Path.of(file[0]), Duration.ofSeconds(2))) {
                for (int f = 0; f < frames.frames(); f++) {
                    try {
                        frames.read(f);
                    } catch (MissingFrameException e) {
                        System.out.println("frame " + e.frame() + ": " + e.getMessage());
                    }
                }
            } catch (RecordingException e) {
                System.out.println(e.getMessage());
            }
            System.exit(0);
        }
    }

    /** Eight damaged bytes each, with which the library reads the prediction of a macroblock, or the order of its references, without end. */
    @ParameterizedTest
    @ValueSource(longs = {1005, 1012})
    void damageThatMakesTheDecoderLoopIsNamed(long seed) throws Exception {
        Path file = resource("bframes_main.mp4");
        byte[] bytes = Files.readAllBytes(file);
        int data = 48;
        assertEquals("mdat", new String(bytes, data - 4, 4, StandardCharsets.US_ASCII));
        int length = ByteBuffer.wrap(bytes, data - 8, 4).getInt();
        Random random = new Random(seed);
        for (int i = 0; i < 8; i++) {
            bytes[data + random.nextInt(length - 8)] = (byte) random.nextInt(256);
        }
        Files.write(file, bytes);
        Process process = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "java").toString(),
                "@" + Path.of(System.getProperty("mouselift.root"), "conf/jvm.options"), "-Xmx256m", "-XX:TieredStopAtLevel=1", "-cp", System.getProperty("java.class.path"), Reading.class.getName(), file.toString()).redirectErrorStream(true)
                .redirectOutput(folder.resolve("output.txt").toFile()).start();
        try {
            assertTrue(process.waitFor(60, TimeUnit.SECONDS), "it does not end");
            String output = Files.readString(folder.resolve("output.txt"));
            assertEquals(0, process.exitValue(), output);
            assertTrue(output.contains(file.toString()) && output.contains("the decoder did not come to an end within 2 s"), output);
        } finally {
            process.destroyForcibly();
        }
    }

    @Test
    void motionJpegFramesComeByTheirNumber() throws IOException {
        try (AviFrames frames = AviFrames.open(resource("motion_jpeg.avi"))) {
            assertEquals(48, frames.frames());
            for (int f : new int[] {0, 47, 1, 30, 29, 12}) {
                assertEquals(f, number(frames.read(f)));
            }
        }
    }

    private Path resource(String name) throws IOException {
        Path file = folder.resolve(name);
        try (InputStream in = ForeignVideoTest.class.getResourceAsStream(name)) {
            Files.copy(in, file);
        }
        return file;
    }

    private static int number(Image8 image) {
        int seen = 0;
        for (int bit = 0; bit < 6; bit++) {
            seen |= image.get(16 * bit + 8, 16, 1) > 128 ? 1 << bit : 0;
        }
        return seen;
    }
}
