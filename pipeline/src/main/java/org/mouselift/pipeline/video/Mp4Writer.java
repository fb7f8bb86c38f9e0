package org.mouselift.pipeline.video;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.file.Path;
import org.jcodec.codecs.h264.H264Encoder;
import org.jcodec.codecs.h264.encode.RateControl;
import org.jcodec.codecs.h264.io.model.SeqParameterSet;
import org.jcodec.codecs.h264.io.model.SliceType;
import org.jcodec.codecs.h264.io.model.VUIParameters;
import org.jcodec.common.Codec;
import org.jcodec.common.MuxerTrack;
import org.jcodec.common.VideoCodecMeta;
import org.jcodec.common.VideoEncoder.EncodedFrame;
import org.jcodec.common.io.FileChannelWrapper;
import org.jcodec.common.model.ColorSpace;
import org.jcodec.common.model.Packet;
import org.jcodec.common.model.Packet.FrameType;
import org.jcodec.common.model.Picture;
import org.jcodec.common.model.Rect;
import org.jcodec.common.model.Size;
import org.jcodec.containers.mp4.muxer.MP4Muxer;
import org.mouselift.data.AtomicFile;
import org.mouselift.data.image.Image8;

/**
 * H.264 in an MP4 file, 4:2:0, which every player and browser shows. The conversion to limited-range Y'CbCr is ours and
 * the stream says which one it is (matrix, sRGB transfer and primaries): the encoder's own conversion shifts colours.
 * An odd width or height gains a repeated last column or row, because 4:2:0 knows only even sizes.
 */
public final class Mp4Writer implements VideoWriter {
    /** Constant quantiser: about 45 dB on renderings, a few Mbit/s at 512 pixels. */
    private static final int QUANTISER = 18;

    private final Path path;
    private final int rate;
    private final AtomicFile file;
    private final MP4Muxer muxer;
    private H264Encoder encoder;
    private MuxerTrack track;
    private Image8 first;
    private LimitedRangeYuv conversion;
    private ByteBuffer buffer;
    private int frames;

    Mp4Writer(Path path, int framesPerSecond) throws IOException {
        this.path = path;
        this.rate = VideoWriter.requireRate(path, framesPerSecond);
        this.file = AtomicFile.create(path);
        this.muxer = MP4Muxer.createMP4MuxerToChannel(new FileChannelWrapper(file.channel()));
    }

    @Override
    public void add(Image8 frame) throws IOException {
        VideoWriter.requireFrame(path, first, frame);
        if (first == null) {
            begin(frame);
        }
        Picture picture = picture(frame, conversion);
        buffer.clear();
        EncodedFrame encoded = encoder.encodeFrame(picture, buffer);
        track.addFrame(Packet.createPacket(encoded.getData(), frames, rate, 1, frames,
                encoded.isKeyFrame() ? FrameType.KEY : FrameType.INTER, null));
        frames++;
    }

    private void begin(Image8 frame) {
        first = frame;
        conversion = LimitedRangeYuv.forHeight(frame.height());
        int width = even(frame.width());
        int height = even(frame.height());
        encoder = new LabelledEncoder(conversion, rate);
        encoder.setKeyInterval(rate);
        track = muxer.addVideoTrack(Codec.H264, VideoCodecMeta.createSimpleVideoCodecMeta(new Size(width, height), ColorSpace.YUV420J));
        // The worst macroblock is larger than its pixels, so twice the raw size is ample.
        buffer = ByteBuffer.allocate(Math.addExact(Math.multiplyExact(3, Math.multiplyExact(width + 15, height + 15)), 4096));
    }

    @Override
    public void finish() throws IOException {
        if (frames == 0) {
            throw new IllegalStateException(path + ": a video needs at least one frame");
        }
        muxer.finish();
        file.commit();
    }

    @Override
    public void close() throws IOException {
        file.close();
    }

    /** Fills whole macroblocks by repeating the border; the crop says what is picture. The encoder stores value − 128. */
    private static Picture picture(Image8 frame, LimitedRangeYuv conversion) {
        int width = (frame.width() + 15) & ~15;
        int height = (frame.height() + 15) & ~15;
        Picture picture = Picture.createCropped(width, height, ColorSpace.YUV420J,
                new Rect(0, 0, even(frame.width()), even(frame.height())));
        byte[] luma = picture.getPlaneData(0);
        byte[] blue = picture.getPlaneData(1);
        byte[] red = picture.getPlaneData(2);
        for (int y = 0; y < height; y += 2) {
            for (int x = 0; x < width; x += 2) {
                int r = 0;
                int g = 0;
                int b = 0;
                for (int k = 0; k < 4; k++) {
                    int column = x + (k & 1);
                    int row = y + (k >> 1);
                    int colour = Pixels.colour(frame, Math.min(column, frame.width() - 1), Math.min(row, frame.height() - 1));
                    luma[row * width + column] = (byte) (conversion.luma(colour >> 16, colour >> 8 & 255, colour & 255) - 128);
                    r += colour >> 16;
                    g += colour >> 8 & 255;
                    b += colour & 255;
                }
                int at = y / 2 * (width / 2) + x / 2;
                blue[at] = (byte) (conversion.blueDifference(r / 4.0, g / 4.0, b / 4.0) - 128);
                red[at] = (byte) (conversion.redDifference(r / 4.0, g / 4.0, b / 4.0) - 128);
            }
        }
        return picture;
    }

    private static int even(int size) {
        return (size + 1) & ~1;
    }

    /** Constant quality: the size of a short video matters less than flat backgrounds without blocks. */
    private static final class ConstantQuantiser implements RateControl {
        @Override
        public int startPicture(Size size, int maxSize, SliceType type) {
            return QUANTISER;
        }

        @Override
        public int initialQpDelta() {
            return 0;
        }

        @Override
        public int accept(int bits) {
            return 0;
        }
    }

    /** Writes into the sequence header what the numbers mean. */
    private static final class LabelledEncoder extends H264Encoder {
        private static final int SRGB_PRIMARIES = 1;
        private static final int SRGB_TRANSFER = 13;
        private static final int UNSPECIFIED_FORMAT = 5;

        private final LimitedRangeYuv conversion;
        private final int rate;

        LabelledEncoder(LimitedRangeYuv conversion, int rate) {
            super(new ConstantQuantiser());
            this.conversion = conversion;
            this.rate = rate;
        }

        @Override
        public SeqParameterSet initSPS(Size size) {
            SeqParameterSet header = super.initSPS(size);
            VUIParameters usage = new VUIParameters();
            usage.videoSignalTypePresentFlag = true;
            usage.videoFormat = UNSPECIFIED_FORMAT;
            usage.videoFullRangeFlag = false;
            usage.colourDescriptionPresentFlag = true;
            usage.colourPrimaries = SRGB_PRIMARIES;
            usage.transferCharacteristics = SRGB_TRANSFER;
            usage.matrixCoefficients = conversion.code;
            usage.timingInfoPresentFlag = true;
            usage.numUnitsInTick = 1;
            usage.timeScale = 2 * rate;
            usage.fixedFrameRateFlag = true;
            header.vuiParams = usage;
            return header;
        }
    }
}
