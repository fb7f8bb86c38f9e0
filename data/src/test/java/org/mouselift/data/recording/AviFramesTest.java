package org.mouselift.data.recording;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.Color;
import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.SplittableRandom;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** AVI files built here byte by byte: frames by number, missing Huffman tables, repeated frames, several RIFF parts, damage. */
class AviFramesTest {
    private static final int SIZE = 16;

    @TempDir
    Path folder;

    /** A grey picture whose level says its number. */
    private static byte[] jpeg(int number, boolean tables) throws IOException {
        BufferedImage image = new BufferedImage(SIZE, SIZE, BufferedImage.TYPE_INT_RGB);
        for (int i = 0; i < SIZE * SIZE; i++) {
            image.setRGB(i % SIZE, i / SIZE, new Color(10 * number + 20, 10 * number + 20, 10 * number + 20).getRGB());
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ImageIO.write(image, "jpg", out);
        byte[] file = out.toByteArray();
        if (tables) {
            return file;
        }
        ByteArrayOutputStream bare = new ByteArrayOutputStream();
        bare.write(file, 0, 2);
        int at = 2;
        while ((file[at + 1] & 0xFF) != 0xDA) {
            int length = 2 + ((file[at + 2] & 0xFF) << 8 | file[at + 3] & 0xFF);
            if ((file[at + 1] & 0xFF) != 0xC4) {
                bare.write(file, at, length);
            }
            at += length;
        }
        bare.write(file, at, file.length - at);
        return bare.toByteArray();
    }

    private static byte[] chunk(String id, byte[]... parts) {
        ByteArrayOutputStream content = new ByteArrayOutputStream();
        for (byte[] p : parts) {
            content.writeBytes(p);
        }
        int padded = content.size() + (content.size() & 1);
        ByteBuffer out = ByteBuffer.allocate(8 + padded).order(ByteOrder.LITTLE_ENDIAN);
        out.put(text(id)).putInt(content.size()).put(content.toByteArray());
        return out.array();
    }

    private static byte[] text(String t) {
        return t.getBytes(StandardCharsets.ISO_8859_1);
    }

    private static byte[] header(String kind, String codec) {
        return chunk("LIST", text("strl"), chunk("strh", text(kind), text(codec), new byte[48]), chunk("strf", new byte[40]));
    }

    private static byte[] avi(byte[][] streams, byte[]... parts) {
        byte[] head = chunk("LIST", Arrays.stream(streams).reduce(text("hdrl"), AviFramesTest::join));
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        for (int i = 0; i < parts.length; i++) {
            byte[] movi = chunk("LIST", text("movi"), parts[i]);
            out.writeBytes(chunk("RIFF", text(i == 0 ? "AVI " : "AVIX"), i == 0 ? head : new byte[0], movi));
        }
        return out.toByteArray();
    }

    private static byte[] join(byte[] a, byte[] b) {
        byte[] out = Arrays.copyOf(a, a.length + b.length);
        System.arraycopy(b, 0, out, a.length, b.length);
        return out;
    }

    private static byte[][] video() {
        return new byte[][] {header("vids", "MJPG")};
    }

    private AviFrames open(byte[] file) throws IOException {
        return AviFrames.open(Files.write(folder.resolve("0.avi"), file));
    }

    @Test
    void framesAreReadByNumberAcrossAllParts() throws IOException {
        byte[][] streams = {header("auds", "\1\0\0\0"), header("vids", "MJPG")};
        byte[] first = join(chunk("01dc", jpeg(0, true)), join(chunk("00wb", new byte[33]), chunk("LIST", text("rec "), chunk("01dc", jpeg(1, false)))));
        byte[] second = join(chunk("01dc", new byte[0]), join(chunk("JUNK", new byte[5]), chunk("01db", jpeg(3, false))));
        try (AviFrames avi = open(avi(streams, first, second))) {
            assertEquals(List.of(4, SIZE, SIZE), List.of(avi.frames(), avi.width(), avi.height()));
            List<Integer> levels = new ArrayList<>();
            for (int f : new int[] {3, 0, 2, 1}) {
                levels.add(avi.read(f).get(5, 5, 0));
            }
            // The empty chunk repeats the frame before it.
            assertEquals(List.of(50, 20, 30, 30), levels);
            assertThrows(MissingFrameException.class, () -> avi.read(4));
        }
    }

    @Test
    void whatIsNotMotionJpegIsRefusedByName() throws IOException {
        assertTrue(assertThrows(RecordingException.class, () -> open(avi(new byte[][] {header("vids", "H264")}, chunk("00dc", new byte[9])))).getMessage().contains("'H264'"));
        assertTrue(assertThrows(RecordingException.class, () -> open(avi(new byte[][] {header("auds", "\1\0\0\0")}, new byte[0]))).getMessage().contains("no video stream"));
        assertTrue(assertThrows(RecordingException.class, () -> open(avi(video(), new byte[0]))).getMessage().contains("holds no frames"));
        assertTrue(assertThrows(RecordingException.class, () -> open(text("RIFFxxxxWAVE"))).getMessage().contains("is not an AVI file"));
        byte[] good = avi(video(), chunk("00dc", jpeg(0, true)));
        assertTrue(assertThrows(RecordingException.class, () -> open(Arrays.copyOf(good, good.length - 40))).getMessage().contains("is cut off"));
        byte[] frame = jpeg(1, true);
        try (AviFrames avi = open(avi(video(), join(chunk("00dc", jpeg(0, true)), chunk("00dc", Arrays.copyOf(frame, 30)))))) {
            assertEquals(1, assertThrows(MissingFrameException.class, () -> avi.read(1)).frame());
        }
    }

    /** Whatever is changed in a file: a picture, or one of the typed exceptions, in bounded memory. */
    @Test
    void damagedFilesEndInTypedExceptions() throws IOException {
        byte[] good = avi(video(), join(chunk("00dc", jpeg(0, true)), chunk("00dc", jpeg(1, false))));
        SplittableRandom random = new SplittableRandom(7);
        for (int i = 0; i < 2000; i++) {
            byte[] bad = good.clone();
            for (int k = 0; k <= random.nextInt(4); k++) {
                bad[random.nextInt(random.nextBoolean() ? 300 : bad.length)] = (byte) random.nextInt(256);
            }
            try (AviFrames avi = open(bad)) {
                for (int f = 0; f < avi.frames(); f++) {
                    avi.read(f);
                }
            } catch (IOException e) {
                assertTrue(e.getMessage().contains("0.avi"), e.toString());
            }
        }
    }
}
