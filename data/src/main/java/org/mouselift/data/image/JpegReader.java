package org.mouselift.data.image;

import java.awt.image.Raster;
import java.io.ByteArrayInputStream;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.charset.StandardCharsets;
import java.util.Arrays;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.stream.ImageInputStream;
import javax.imageio.stream.MemoryCacheImageInputStream;

/**
 * JPEG through the JDK's codec: grey and colour, 8 bits. Samples are taken as stored (no colour profile is applied) and
 * the camera's orientation (EXIF tag 0x0112) is applied.
 */
final class JpegReader {
    private static final int ORIENTATION_TAG = 0x0112;

    private JpegReader() {}

    static boolean matches(byte[] file) {
        return file.length > 2 && file[0] == (byte) 0xFF && file[1] == (byte) 0xD8 && file[2] == (byte) 0xFF;
    }

    static Image8 decode(String source, byte[] file, ImageLimits limits) throws ImageFormatException {
        ImageReader reader = ImageIO.getImageReadersByFormatName("jpeg").next();
        try (ImageInputStream stream = new MemoryCacheImageInputStream(new ByteArrayInputStream(file))) {
            reader.setInput(stream, true, true);
            int width = reader.getWidth(0);
            int height = reader.getHeight(0);
            if (width < 1 || height < 1 || (long) width * height > limits.maxPixels()) {
                throw new ImageFormatException(source, -1, width + "x" + height + " pixels exceed the limit of " + limits.maxPixels());
            }
            Raster raster = reader.read(0).getRaster();
            int bands = raster.getNumBands();
            if (bands != 1 && bands != 3) {
                throw new ImageFormatException(source, -1, "JPEG with " + bands + " channels; supported are grey and RGB");
            }
            Image8 image = Image8.blank(width, height, bands);
            int[] row = new int[width * bands];
            for (int y = 0; y < height; y++) {
                raster.getPixels(0, y, width, 1, row);
                for (int i = 0; i < row.length; i++) {
                    image.data()[y * row.length + i] = (byte) row[i];
                }
            }
            return oriented(image, orientation(file));
        } catch (ImageFormatException e) {
            throw e;
        } catch (IOException | RuntimeException e) {
            // The JDK's reader reports damaged files with unchecked exceptions of many types as well.
            throw new ImageFormatException(source, -1, "damaged or unsupported JPEG: " + e.getMessage(), e);
        } finally {
            reader.dispose();
        }
    }

    /** The EXIF orientation 1..8; 1 where the file has none or a damaged one. */
    static int orientation(byte[] file) {
        int position = 2;
        while (position + 4 <= file.length && file[position] == (byte) 0xFF) {
            int marker = file[position + 1] & 0xFF;
            int length = (file[position + 2] & 0xFF) << 8 | file[position + 3] & 0xFF;
            if (marker == 0xDA || length < 2 || position + 2 + length > file.length) {
                return 1;
            }
            if (marker == 0xE1 && length >= 16 && new String(file, position + 4, 6, StandardCharsets.ISO_8859_1).equals("Exif\0\0")) {
                return tiffOrientation(Arrays.copyOfRange(file, position + 10, position + 2 + length));
            }
            position += 2 + length;
        }
        return 1;
    }

    private static int tiffOrientation(byte[] tiff) {
        ByteBuffer in = ByteBuffer.wrap(tiff);
        if (tiff.length < 8) {
            return 1;
        }
        in.order(tiff[0] == 'I' ? ByteOrder.LITTLE_ENDIAN : ByteOrder.BIG_ENDIAN);
        long directory = in.getInt(4) & 0xFFFF_FFFFL;
        if (directory + 2 > tiff.length) {
            return 1;
        }
        int count = in.getShort((int) directory) & 0xFFFF;
        for (int i = 0; i < count && directory + 2 + 12L * (i + 1) <= tiff.length; i++) {
            int at = (int) directory + 2 + 12 * i;
            if ((in.getShort(at) & 0xFFFF) == ORIENTATION_TAG) {
                int value = in.getShort(at + 8) & 0xFFFF;
                return value >= 1 && value <= 8 ? value : 1;
            }
        }
        return 1;
    }

    /** Turns and mirrors the stored picture into the upright one. */
    static Image8 oriented(Image8 image, int orientation) {
        if (orientation == 1) {
            return image;
        }
        boolean transposed = orientation >= 5;
        int width = transposed ? image.height() : image.width();
        int height = transposed ? image.width() : image.height();
        int channels = image.channels();
        Image8 out = Image8.blank(width, height, channels);
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                int fromX = switch (orientation) {
                    case 2, 3 -> width - 1 - x;
                    case 4 -> x;
                    case 5, 6 -> y;
                    default -> height - 1 - y;
                };
                int fromY = switch (orientation) {
                    case 2 -> y;
                    case 3, 4 -> height - 1 - y;
                    case 5, 8 -> x;
                    default -> width - 1 - x;
                };
                System.arraycopy(image.data(), (fromY * image.width() + fromX) * channels, out.data(), (y * width + x) * channels, channels);
            }
        }
        return out;
    }
}
