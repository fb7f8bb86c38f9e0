package org.mouselift.data.image;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;

class JpegTest {
    /** A picture of four flat quadrants, which JPEG keeps within a few levels. */
    static byte[] quadrants(int width, int height, int type) throws IOException {
        BufferedImage image = new BufferedImage(width, height, type);
        int[][] colours = {{250, 10, 20}, {10, 240, 30}, {20, 30, 230}, {200, 200, 210}};
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                image.getRaster().setPixel(x, y, colours[(2 * y / height) * 2 + 2 * x / width]);
            }
        }
        ByteArrayOutputStream out = new ByteArrayOutputStream();
        ImageIO.write(image, "jpeg", out);
        return out.toByteArray();
    }

    static byte[] withOrientation(byte[] jpeg, int orientation, ByteOrder order) {
        byte[] exif = ByteBuffer.allocate(32).order(order).put("Exif\0\0".getBytes(StandardCharsets.ISO_8859_1))
                .put((order == ByteOrder.LITTLE_ENDIAN ? "II" : "MM").getBytes(StandardCharsets.ISO_8859_1)).putShort((short) 42).putInt(8)
                .putShort((short) 1).putShort((short) 0x0112).putShort((short) 3).putInt(1).putShort((short) orientation).putShort((short) 0).array();
        ByteBuffer out = ByteBuffer.allocate(jpeg.length + 4 + exif.length).put(jpeg, 0, 2).put((byte) 0xFF).put((byte) 0xE1)
                .putShort((short) (2 + exif.length)).put(exif).put(jpeg, 2, jpeg.length - 2);
        return out.array();
    }

    private static Image8 read(byte[] file) throws IOException {
        return (Image8) Images.decode("test.jpg", file, ImageLimits.DEFAULT);
    }

    @Test
    void readsColourAndGreySamplesAsStored() throws IOException {
        Image8 colour = read(quadrants(64, 32, BufferedImage.TYPE_3BYTE_BGR));
        assertEquals(3, colour.channels());
        assertEquals(250, colour.get(8, 4, 0), 6);
        assertEquals(10, colour.get(8, 4, 1), 6);
        assertEquals(230, colour.get(8, 28, 2), 6);
        Image8 grey = read(quadrants(64, 32, BufferedImage.TYPE_BYTE_GRAY));
        assertEquals(1, grey.channels());
        // A conversion through the linear grey colour space would lift 20 to about 80.
        assertEquals(20, grey.get(8, 28, 0), 4);
    }

    @Test
    void orientationsMoveTheFirstQuadrantWhereExifSays() throws IOException {
        // Where the stored top left quadrant (the first colour) appears: {right, bottom}; 5 to 8 swap the sides.
        int[][] corner = {{0, 0}, {1, 0}, {1, 1}, {0, 1}, {0, 0}, {1, 0}, {1, 1}, {0, 1}};
        byte[] jpeg = quadrants(64, 32, BufferedImage.TYPE_3BYTE_BGR);
        for (int orientation = 1; orientation <= 8; orientation++) {
            Image8 image = read(withOrientation(jpeg, orientation, orientation % 2 == 0 ? ByteOrder.BIG_ENDIAN : ByteOrder.LITTLE_ENDIAN));
            assertEquals(orientation >= 5 ? 32 : 64, image.width());
            int x = corner[orientation - 1][0] == 0 ? image.width() / 8 : image.width() * 7 / 8;
            int y = corner[orientation - 1][1] == 0 ? image.height() / 8 : image.height() * 7 / 8;
            assertEquals(250, image.get(x, y, 0), 8, "orientation " + orientation);
            assertEquals(20, image.get(x, y, 2), 8, "orientation " + orientation);
        }
    }

    /** Orientation o and then its inverse give the picture back. */
    @Test
    void orientationsHaveInverses() {
        Image8 image = PngTest.noise(5, 3, 3, 9);
        int[] inverse = {1, 2, 3, 4, 5, 8, 7, 6};
        for (int o = 1; o <= 8; o++) {
            Image8 back = JpegReader.oriented(JpegReader.oriented(image, o), inverse[o - 1]);
            assertEquals(5, back.width());
            assertArrayEquals(image.data(), back.data(), "orientation " + o);
        }
    }

    @Test
    void damagedFilesAreTypedErrors() throws IOException {
        byte[] jpeg = quadrants(64, 32, BufferedImage.TYPE_3BYTE_BGR);
        assertThrows(ImageFormatException.class, () -> read(Arrays.copyOf(jpeg, 30)));
        assertTrue(assertThrows(ImageFormatException.class, () -> Images.decode("big.jpg", jpeg, new ImageLimits(1000, 1 << 20))).getMessage()
                .contains("exceed the limit"));
    }
}
