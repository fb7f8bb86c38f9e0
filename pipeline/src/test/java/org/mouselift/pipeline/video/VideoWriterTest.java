package org.mouselift.pipeline.video;

import org.mouselift.data.image.Image8;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.imageio.ImageIO;
import javax.imageio.ImageReader;
import javax.imageio.metadata.IIOMetadataNode;
import org.jcodec.api.FrameGrab;
import org.jcodec.codecs.h264.H264Utils;
import org.jcodec.codecs.h264.io.model.SeqParameterSet;
import org.jcodec.common.io.FileChannelWrapper;
import org.jcodec.common.model.Picture;
import org.jcodec.containers.mp4.demuxer.MP4Demuxer;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class VideoWriterTest {
    private static final int[] COLOURS = {0xff0000, 0x00ff00, 0x0000ff, 0xffffff, 0x000000, 0x808080, 0xc08040, 0x305070};

    @TempDir
    Path folder;

    /** Vertical bars of known colours that move by half a bar a frame. */
    private static Image8 bars(int width, int height, int time) {
        byte[] rgb = new byte[3 * width * height];
        int bar = Math.max(1, width / COLOURS.length);
        for (int i = 0; i < width * height; i++) {
            int colour = COLOURS[(i % width + time * bar / 2) / bar % COLOURS.length];
            rgb[3 * i] = (byte) (colour >> 16);
            rgb[3 * i + 1] = (byte) (colour >> 8);
            rgb[3 * i + 2] = (byte) colour;
        }
        return new Image8(width, height, 3, rgb);
    }

    private Path write(String name, int width, int height, int frames, int rate) throws IOException {
        Path path = folder.resolve(name);
        try (VideoWriter video = VideoWriter.create(path, rate)) {
            for (int i = 0; i < frames; i++) {
                video.add(bars(width, height, i));
            }
            assertFalse(Files.exists(path), "the file must not appear before it is complete");
            video.finish();
        }
        return path;
    }

    private static int worstChannel(int a, int b) {
        int worst = 0;
        for (int shift = 0; shift <= 16; shift += 8) {
            worst = Math.max(worst, Math.abs((a >> shift & 255) - (b >> shift & 255)));
        }
        return worst;
    }

    @ParameterizedTest
    @CsvSource({"256,128", "250,97", "384,720"})
    void mp4KeepsSizeOrderAndColours(int width, int height) throws Exception {
        Path path = write("bars.mp4", width, height, 4, 30);
        LimitedRangeYuv conversion = LimitedRangeYuv.forHeight(height);
        try (FileChannel channel = FileChannel.open(path)) {
            FrameGrab grab = FrameGrab.createFrameGrab(new FileChannelWrapper(channel));
            for (int time = 0; time < 4; time++) {
                Picture picture = grab.getNativeFrame();
                assertEquals((width + 1) / 2 * 2, picture.getCroppedWidth());
                assertEquals((height + 1) / 2 * 2, picture.getCroppedHeight());
                Image8 expected = bars(width, height, time);
                int bar = width / COLOURS.length;
                // In the middle of half a bar, away from what 4:2:0 blurs.
                for (int half = 0; half < 2 * COLOURS.length; half++) {
                    int x = half / 2 * bar + (half % 2 == 0 ? bar / 4 : 3 * bar / 4);
                    int y = height / 2;
                    int stride = picture.getWidth();
                    int luma = picture.getPlaneData(0)[y * stride + x] + 128;
                    int blue = picture.getPlaneData(1)[y / 2 * (stride / 2) + x / 2] + 128;
                    int red = picture.getPlaneData(2)[y / 2 * (stride / 2) + x / 2] + 128;
                    int seen = conversion.rgb(luma, blue, red);
                    int wanted = Pixels.colour(expected, x, y);
                    assertTrue(worstChannel(seen, wanted) <= 12,
                            "frame %d, x %d: wrote %06x, read %06x".formatted(time, x, wanted, seen));
                }
            }
        }
    }

    @Test
    void mp4SaysWhichColoursItMeansAndHowFastItRuns() throws Exception {
        Path path = write("bars.mp4", 64, 64, 12, 24);
        try (FileChannel channel = FileChannel.open(path)) {
            var track = MP4Demuxer.createMP4Demuxer(new FileChannelWrapper(channel)).getVideoTrack();
            assertEquals(12, track.getMeta().getTotalFrames());
            assertEquals(0.5, track.getMeta().getTotalDuration(), 1e-3);
            SeqParameterSet header = H264Utils.readSPSFromBufferList(H264Utils.getRawSPS(track.getMeta().getCodecPrivate())).getFirst();
            assertEquals(6, header.vuiParams.matrixCoefficients);
            assertFalse(header.vuiParams.videoFullRangeFlag);
            assertEquals(13, header.vuiParams.transferCharacteristics);
        }
    }

    @Test
    void limitedRangeYuvHasTheStandardsValues() {
        // ITU-R BT.601-7 and BT.709-6: pure colours in 8-bit limited range.
        assertEquals(235, LimitedRangeYuv.BT601.luma(255, 255, 255));
        assertEquals(16, LimitedRangeYuv.BT601.luma(0, 0, 0));
        assertEquals(81, LimitedRangeYuv.BT601.luma(255, 0, 0));
        assertEquals(90, LimitedRangeYuv.BT601.blueDifference(255, 0, 0));
        assertEquals(240, LimitedRangeYuv.BT601.redDifference(255, 0, 0));
        assertEquals(63, LimitedRangeYuv.BT709.luma(255, 0, 0));
        assertEquals(32, LimitedRangeYuv.BT709.luma(0, 0, 255));
        assertEquals(240, LimitedRangeYuv.BT709.blueDifference(0, 0, 255));
        for (LimitedRangeYuv conversion : LimitedRangeYuv.values()) {
            for (int colour : COLOURS) {
                int r = colour >> 16;
                int g = colour >> 8 & 255;
                int b = colour & 255;
                int back = conversion.rgb(conversion.luma(r, g, b), conversion.blueDifference(r, g, b), conversion.redDifference(r, g, b));
                assertTrue(worstChannel(colour, back) <= 3, "%s %06x became %06x".formatted(conversion, colour, back));
            }
        }
    }

    @Test
    void gifLoopsForeverLastsAsLongAsItShouldAndKeepsFewColoursExactly() throws IOException {
        Path path = write("bars.gif", 160, 40, 30, 30);
        ImageReader reader = ImageIO.getImageReadersByFormatName("gif").next();
        reader.setInput(ImageIO.createImageInputStream(path.toFile()));
        assertEquals(30, reader.getNumImages(true));
        int hundredths = 0;
        for (int i = 0; i < 30; i++) {
            BufferedImage image = reader.read(i);
            Image8 expected = bars(160, 40, i);
            for (int x = 0; x < 160; x++) {
                assertEquals(Integer.toHexString(Pixels.colour(expected, x, 20)), Integer.toHexString(image.getRGB(x, 20) & 0xffffff));
            }
            IIOMetadataNode root = (IIOMetadataNode) reader.getImageMetadata(i).getAsTree("javax_imageio_gif_image_1.0");
            IIOMetadataNode control = (IIOMetadataNode) root.getElementsByTagName("GraphicControlExtension").item(0);
            hundredths += Integer.parseInt(control.getAttribute("delayTime"));
            if (i == 0) {
                IIOMetadataNode loop = (IIOMetadataNode) root.getElementsByTagName("ApplicationExtension").item(0);
                assertEquals("NETSCAPE", loop.getAttribute("applicationID"));
                assertEquals(List.of(1, 0, 0), bytes((byte[]) loop.getUserObject()));
            }
        }
        assertEquals(100, hundredths, "30 frames at 30 a second");
        reader.dispose();
    }

    private static List<Integer> bytes(byte[] values) {
        List<Integer> list = new ArrayList<>();
        for (byte value : values) {
            list.add((int) value);
        }
        return list;
    }

    @Test
    void aPaletteOfManyColoursStaysClose() {
        int size = 128;
        byte[] rgb = new byte[3 * size * size];
        for (int y = 0; y < size; y++) {
            for (int x = 0; x < size; x++) {
                rgb[3 * (y * size + x)] = (byte) (2 * x);
                rgb[3 * (y * size + x) + 1] = (byte) (2 * y);
                rgb[3 * (y * size + x) + 2] = (byte) (x + y);
            }
        }
        Image8 frame = new Image8(size, size, 3, rgb);
        Palette palette = Palette.of(frame);
        assertTrue(palette.size() <= 256 && palette.size() > 200, palette.size() + " colours");
        double squared = 0;
        for (int y = 0; y < size; y++) {
            for (int x = 0; x < size; x++) {
                int wanted = Pixels.colour(frame, x, y);
                int seen = palette.colour(palette.entry(wanted));
                for (int shift = 0; shift <= 16; shift += 8) {
                    double error = (wanted >> shift & 255) - (seen >> shift & 255);
                    squared += error * error;
                }
            }
        }
        // 256 colours cover this surface with cells of 16 x 16 pixels: an ideal palette has about 5.7 levels (rms of a channel).
        assertTrue(Math.sqrt(squared / (3.0 * size * size)) < 8, "rms " + Math.sqrt(squared / (3.0 * size * size)));
    }

    @Test
    void anUnfinishedVideoLeavesNothingBehind() throws IOException {
        for (String name : List.of("a.mp4", "a.gif")) {
            try (VideoWriter video = VideoWriter.create(folder.resolve(name), 10)) {
                video.add(bars(32, 32, 0));
            }
        }
        try (var files = Files.list(folder)) {
            assertEquals(List.of(), files.toList());
        }
    }

    @Test
    void wrongArgumentsAreNamed() throws IOException {
        assertThrows(IllegalArgumentException.class, () -> VideoWriter.create(folder.resolve("a.avi"), 30));
        assertThrows(IllegalArgumentException.class, () -> VideoWriter.create(folder.resolve("a.mp4"), 0));
        try (VideoWriter video = VideoWriter.create(folder.resolve("a.mp4"), 30)) {
            assertThrows(IllegalStateException.class, video::finish);
            assertThrows(IllegalArgumentException.class, () -> video.add(Image8.blank(32, 32, 4)), "alpha");
            video.add(bars(32, 32, 0));
            var error = assertThrows(IllegalArgumentException.class, () -> video.add(bars(33, 32, 0)));
            assertTrue(error.getMessage().contains("33x32"), error.getMessage());
        }
    }
}
