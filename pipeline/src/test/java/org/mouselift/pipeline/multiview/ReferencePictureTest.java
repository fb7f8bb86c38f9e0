package org.mouselift.pipeline.multiview;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Path;
import java.util.OptionalDouble;
import org.junit.jupiter.api.Test;
import org.mouselift.data.image.Image8;

class ReferencePictureTest {
    private static final Path FILE = Path.of("photo.png");

    /** A red rectangle on a transparent picture whose hidden colour is black. */
    private static Image8 rectangle(int width, int height, int left, int top, int right, int bottom) {
        Image8 image = Image8.blank(width, height, 4);
        for (int y = top; y < bottom; y++) {
            for (int x = left; x < right; x++) {
                image.data()[4 * (y * width + x)] = (byte) 255;
                image.data()[4 * (y * width + x) + 3] = (byte) 255;
            }
        }
        return image;
    }

    private static boolean red(Image8 image, int x, int y) {
        return image.get(x, y, 0) > 200 && image.get(x, y, 1) < 60;
    }

    private static boolean white(Image8 image, int x, int y) {
        return image.get(x, y, 0) > 250 && image.get(x, y, 1) > 250 && image.get(x, y, 2) > 250;
    }

    @Test
    void aWidePictureIsPaddedNotSqueezed() throws IOException {
        Image8 out = ReferencePicture.prepare(rectangle(80, 40, 0, 0, 80, 40), FILE, 40, OptionalDouble.empty(), true);
        assertEquals(40, out.width());
        assertEquals(3, out.channels());
        assertTrue(white(out, 20, 5) && red(out, 20, 20) && white(out, 20, 35));
    }

    @Test
    void croppingCentresTheSubjectAtItsShareOfThePicture() throws IOException {
        // Reaches over the picture's corner: the window is filled with white there.
        Image8 out = ReferencePicture.prepare(rectangle(100, 100, 0, 10, 20, 20), FILE, 40, OptionalDouble.of(0.5), false);
        assertTrue(red(out, 20, 20) && red(out, 12, 20) && red(out, 27, 20), "20 of 40 pixels wide");
        assertTrue(white(out, 7, 20) && white(out, 32, 20) && white(out, 20, 12) && white(out, 20, 28));
    }

    /** F-027: the box of the subject fills 60 % of 512 pixels, 307, wherever it was and whatever shape the photo has. */
    @Test
    void anOffCentreSquareBecomes307PixelsInTheMiddle() throws IOException {
        for (int[] place : new int[][] {{700, 600, 30, 400}, {512, 512, 380, 20}, {300, 900, 100, 640}}) {
            Image8 out = ReferencePicture.prepare(rectangle(place[0], place[1], place[2], place[3], place[2] + 111, place[3] + 111), FILE, 512, OptionalDouble.of(0.6), false);
            int[] box = {512, 512, -1, -1};
            for (int i = 0; i < 512 * 512; i++) {
                if (out.get(i % 512, i / 512, 1) < 128) {
                    box = new int[] {Math.min(box[0], i % 512), Math.min(box[1], i / 512), Math.max(box[2], i % 512), Math.max(box[3], i / 512)};
                }
            }
            assertEquals(307, box[2] - box[0] + 1, 1);
            assertEquals(307, box[3] - box[1] + 1, 1);
            assertEquals(255.5, (box[0] + box[2]) / 2.0, 1);
            assertEquals(255.5, (box[1] + box[3]) / 2.0, 1);
        }
    }

    /** Many programs write an alpha channel into every PNG. */
    @Test
    void opaqueAlphaIsNone() throws IOException {
        Image8 opaque = Image8.blank(8, 8, 4);
        java.util.Arrays.fill(opaque.data(), (byte) 120);
        for (int i = 3; i < opaque.data().length; i += 4) {
            opaque.data()[i] = -1;
        }
        MultiViewException e = assertThrows(MultiViewException.class, () -> ReferencePicture.prepare(opaque, FILE, 8, OptionalDouble.empty(), false));
        assertTrue(e.code().equals("MFL-E134") && e.getMessage().contains("opaque everywhere and its border is not white (0.47"), e.getMessage());
        e = assertThrows(MultiViewException.class, () -> ReferencePicture.prepare(opaque, FILE, 8, OptionalDouble.of(0.5), true));
        assertTrue(e.code().equals("MFL-E134") && e.getMessage().contains("cropping"), e.getMessage());
        assertEquals(120, ReferencePicture.prepare(opaque, FILE, 8, OptionalDouble.empty(), true).get(3, 3, 1));
        opaque.data()[3] = -2;
        assertEquals(120, ReferencePicture.prepare(opaque, FILE, 8, OptionalDouble.empty(), false).get(3, 3, 1), "a soft edge is a mask");
    }

    @Test
    void aWhitePictureHasNoSubject() throws IOException {
        Image8 white = Image8.blank(8, 8, 3);
        java.util.Arrays.fill(white.data(), (byte) 250);
        MultiViewException e = assertThrows(MultiViewException.class, () -> ReferencePicture.prepare(white, FILE, 8, OptionalDouble.empty(), false));
        assertTrue(e.code().equals("MFL-D04") && e.getMessage().contains("no subject"), e.getMessage());
        white.data()[3 * (8 * 4 + 4)] = 0;
        assertTrue(ReferencePicture.prepare(white, FILE, 8, OptionalDouble.empty(), false).get(4, 4, 0) < 60);
    }

    @Test
    void anEmptyMaskIsRefused() {
        MultiViewException e = assertThrows(MultiViewException.class,
                () -> ReferencePicture.prepare(Image8.blank(8, 8, 4), FILE, 8, OptionalDouble.empty(), false));
        assertEquals("MFL-D04", e.code());
    }
}
