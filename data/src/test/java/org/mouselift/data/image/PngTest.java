package org.mouselift.data.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import java.awt.image.BufferedImage;
import java.awt.image.IndexColorModel;
import java.io.ByteArrayInputStream;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Random;
import java.util.zip.CRC32;
import java.util.zip.Deflater;
import javax.imageio.IIOImage;
import javax.imageio.ImageIO;
import javax.imageio.ImageTypeSpecifier;
import javax.imageio.ImageWriteParam;
import javax.imageio.ImageWriter;
import javax.imageio.stream.ImageOutputStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class PngTest {
    static Image8 noise(int width, int height, int channels, long seed) {
        Image8 image = Image8.blank(width, height, channels);
        new Random(seed).nextBytes(image.data());
        return image;
    }

    private static Image decode(byte[] file) throws ImageFormatException {
        return Images.decode("test.png", file, ImageLimits.DEFAULT);
    }

    @ParameterizedTest
    @ValueSource(ints = {1, 2, 3, 4})
    void roundTripOf8And16Bits(int channels) throws IOException {
        for (int[] size : new int[][] {{1, 1}, {7, 5}, {64, 33}, {300, 2}}) {
            Image8 image = noise(size[0], size[1], channels, channels);
            Image8 back = (Image8) decode(PngWriter.encode(image));
            assertArrayEquals(image.data(), back.data());
            assertEquals(channels, back.channels());
            short[] wide = new short[image.data().length];
            for (int i = 0; i < wide.length; i++) {
                wide[i] = (short) (image.data()[i] * 257 + i * 40503);
            }
            Image16 back16 = (Image16) decode(PngWriter.encode(new Image16(size[0], size[1], channels, wide)));
            assertArrayEquals(wide, back16.data());
            for (int i = 0; i < wide.length; i++) {
                assertEquals((wide[i] & 0xFFFF) >> 8, back16.to8().data()[i] & 0xFF);
            }
        }
    }

    /** The JDK's own decoder is the oracle of the writer. */
    @ParameterizedTest
    @ValueSource(ints = {3, 4})
    void otherDecodersReadWhatIsWritten(int channels) throws IOException {
        Image8 image = noise(19, 11, channels, 5);
        BufferedImage read = ImageIO.read(new ByteArrayInputStream(PngWriter.encode(image)));
        for (int y = 0; y < 11; y++) {
            for (int x = 0; x < 19; x++) {
                int[] pixel = read.getRaster().getPixel(x, y, (int[]) null);
                for (int c = 0; c < channels; c++) {
                    assertEquals(image.get(x, y, c), pixel[c]);
                }
            }
        }
    }

    /** The JDK's own encoder is the oracle of the reader: interlaced and progressive, all sizes that leave Adam7 passes empty. */
    @ParameterizedTest
    @CsvSource({"5, 8, false", "5, 8, true", "6, 8, true", "10, 8, true", "11, 16, true", "11, 16, false"})
    void readsWhatOtherEncodersWrite(int type, int depth, boolean interlaced) throws IOException {
        for (int[] size : new int[][] {{1, 1}, {2, 3}, {5, 1}, {8, 8}, {37, 29}}) {
            BufferedImage image = new BufferedImage(size[0], size[1], type);
            Random random = new Random(type);
            int bands = image.getRaster().getNumBands();
            int[] expected = random.ints((long) size[0] * size[1] * bands, 0, 1 << depth).toArray();
            image.getRaster().setPixels(0, 0, size[0], size[1], expected);
            Image read = decode(encode(image, interlaced));
            assertEquals(bands, read.channels());
            for (int i = 0; i < expected.length; i++) {
                int value = read instanceof Image16 wide ? wide.data()[i] & 0xFFFF : ((Image8) read).data()[i] & 0xFF;
                assertEquals(expected[i], value, "sample " + i);
            }
        }
    }

    private static byte[] encode(BufferedImage image, boolean interlaced) throws IOException {
        ImageWriter writer = ImageIO.getImageWriters(ImageTypeSpecifier.createFromRenderedImage(image), "png").next();
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        try (ImageOutputStream stream = ImageIO.createImageOutputStream(out)) {
            writer.setOutput(stream);
            ImageWriteParam parameters = writer.getDefaultWriteParam();
            parameters.setProgressiveMode(interlaced ? ImageWriteParam.MODE_DEFAULT : ImageWriteParam.MODE_DISABLED);
            writer.write(null, new IIOImage(image, null, null), parameters);
        }
        writer.dispose();
        return out.toByteArray();
    }

    @ParameterizedTest
    @CsvSource({"1, true", "2, false", "4, true", "8, false"})
    void palettesWithTransparencyBecomeRgba(int depth, boolean interlaced) throws IOException {
        int entries = 1 << depth;
        byte[][] colours = new byte[4][entries];
        Random random = new Random(depth);
        for (byte[] component : colours) {
            random.nextBytes(component);
        }
        BufferedImage image = new BufferedImage(13, 9, depth == 8 ? BufferedImage.TYPE_BYTE_INDEXED : BufferedImage.TYPE_BYTE_BINARY,
                new IndexColorModel(depth, entries, colours[0], colours[1], colours[2], colours[3]));
        int[] indices = random.ints(13 * 9, 0, entries).toArray();
        image.getRaster().setPixels(0, 0, 13, 9, indices);
        Image8 read = (Image8) decode(encode(image, interlaced));
        assertEquals(4, read.channels());
        for (int i = 0; i < indices.length; i++) {
            for (int c = 0; c < 4; c++) {
                assertEquals(colours[c][indices[i]], read.data()[i * 4 + c]);
            }
        }
    }

    /** A PNG put together by hand from header fields, optional extra chunks and unfiltered rows. */
    static byte[] assemble(int width, int height, int depth, int colourType, byte[] raw, Object... chunks) {
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        out.writeBytes(PngReader.SIGNATURE);
        chunk(out, "IHDR", ByteBuffer.allocate(13).putInt(width).putInt(height).put((byte) depth).put((byte) colourType).array());
        for (int i = 0; i < chunks.length; i += 2) {
            chunk(out, (String) chunks[i], (byte[]) chunks[i + 1]);
        }
        Deflater deflater = new Deflater();
        deflater.setInput(raw);
        deflater.finish();
        byte[] packed = new byte[raw.length + 100];
        chunk(out, "IDAT", Arrays.copyOf(packed, deflater.deflate(packed)));
        deflater.end();
        chunk(out, "IEND", new byte[0]);
        return out.toByteArray();
    }

    private static void chunk(ByteArrayOutputStream out, String type, byte[] data) {
        CRC32 crc = new CRC32();
        crc.update(type.getBytes(StandardCharsets.US_ASCII));
        crc.update(data);
        out.writeBytes(ByteBuffer.allocate(8 + data.length + 4).putInt(data.length).put(type.getBytes(StandardCharsets.US_ASCII)).put(data)
                .putInt((int) crc.getValue()).array());
    }

    @Test
    void smallGreyDepthsAreScaledAndColourKeysBecomeAlpha() throws IOException {
        assertArrayEquals(new byte[] {0, (byte) 255, (byte) 255, 0}, ((Image8) decode(assemble(4, 1, 1, 0, new byte[] {0, 0b0110_0000}))).data());
        assertArrayEquals(new byte[] {0, 85, (byte) 170, (byte) 255}, ((Image8) decode(assemble(4, 1, 2, 0, new byte[] {0, 0b00_01_10_11}))).data());
        assertArrayEquals(new byte[] {17, 0, 34, (byte) 255},
                ((Image8) decode(assemble(2, 1, 4, 0, new byte[] {0, 0x12}, "tRNS", new byte[] {0, 1}))).data());
        assertArrayEquals(new byte[] {1, 2, 3, 0, 1, 2, 4, (byte) 255},
                ((Image8) decode(assemble(2, 1, 8, 2, new byte[] {0, 1, 2, 3, 1, 2, 4}, "tRNS", new byte[] {0, 1, 0, 2, 0, 3}))).data());
        assertArrayEquals(new short[] {0x102, 0, 0x103, -1},
                ((Image16) decode(assemble(2, 1, 16, 0, new byte[] {0, 1, 2, 1, 3}, "tRNS", new byte[] {1, 2}))).data());
    }

    private static String refusal(byte[] file) {
        return assertThrows(ImageFormatException.class, () -> decode(file)).getMessage();
    }

    @Test
    void faultsAreNamedWithTheirPlace() {
        byte[] good = PngWriter.encode(noise(40, 30, 3, 1));
        assertTrue(refusal(Arrays.copyOf(good, good.length - 13)).contains("truncated"));
        assertTrue(refusal(Arrays.copyOf(good, 20)).matches("test.png: at byte 8: truncated.*IHDR.*"));
        byte[] flipped = good.clone();
        flipped[60] ^= 1;
        assertTrue(refusal(flipped).contains("check sum of chunk IDAT"));
        assertTrue(refusal(new byte[0]).contains("empty"));
        assertTrue(refusal("GIF89a".getBytes(StandardCharsets.US_ASCII)).contains("not a PNG or JPEG"));
        assertTrue(refusal(assemble(2, 2, 8, 0, new byte[] {0, 1, 2})).contains("before the last row"));
        assertTrue(refusal(assemble(2, 1, 8, 0, new byte[] {9, 1, 2})).contains("row filter 9"));
        assertTrue(refusal(assemble(2, 1, 8, 3, new byte[] {0, 0, 1})).contains("without a PLTE"));
        assertTrue(refusal(assemble(2, 1, 8, 3, new byte[] {0, 0, 1}, "PLTE", new byte[3])).contains("palette entry 1 of 1"));
        assertTrue(refusal(assemble(2, 1, 3, 0, new byte[] {0, 0})).contains("bit depth 3"));
        assertTrue(refusal(assemble(2, 1, 8, 0, new byte[] {0, 1, 2}, "ABCD", new byte[0])).contains("critical chunk ABCD"));
        assertTrue(refusal(assemble(0, 1, 8, 0, new byte[] {0})).contains("invalid size"));
    }

    @Test
    void hugeDeclaredSizesAreRefusedBeforeAllocation() {
        assertTrue(refusal(assemble(1 << 30, 1 << 30, 16, 6, new byte[10])).contains("exceed the limit"));
        // Within the pixel limit, but the compressed data are far too few: refused without allocating 512 MiB.
        assertTrue(refusal(assemble(8192, 8192, 16, 6, new byte[100])).contains("cannot hold"));
    }

    @Test
    void fileIsWrittenCompletelyOrNotAtAll(@TempDir Path folder) throws IOException {
        Image8 image = noise(10, 10, 4, 3);
        PngWriter.write(folder.resolve("a.png"), image);
        assertArrayEquals(image.data(), Images.read(folder.resolve("a.png")).data());
        assertThrows(IOException.class, () -> Images.read(folder.resolve("missing.png")));
        try (var files = Files.list(folder)) {
            assertEquals(1, files.count());
        }
    }

    @Test
    void readsTheSixteenBitPicturesOfThePublishedSample() throws IOException {
        Path sample = Path.of(System.getProperty("mouselift.shared", "missing"), "real/gslrm_sample/sample_000/images/cam_000.png");
        assumeTrue(Files.exists(sample), "SKIPPED: no sample at " + sample + " (set -Dmouselift.shared)");
        Image16 image = (Image16) Images.readStored(sample, ImageLimits.DEFAULT);
        BufferedImage other = ImageIO.read(sample.toFile());
        int[] row = new int[image.width() * 4];
        for (int y = 0; y < image.height(); y++) {
            other.getRaster().getPixels(0, y, image.width(), 1, row);
            for (int i = 0; i < row.length; i++) {
                assertEquals(row[i], image.data()[y * row.length + i] & 0xFFFF);
            }
        }
    }
}
