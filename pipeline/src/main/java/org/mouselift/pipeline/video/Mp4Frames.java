package org.mouselift.pipeline.video;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.jcodec.api.FrameGrab;
import org.jcodec.api.JCodecException;
import org.jcodec.api.specific.ContainerAdaptor;
import org.jcodec.codecs.h264.H264Utils;
import org.jcodec.codecs.h264.io.model.SeqParameterSet;
import org.jcodec.codecs.h264.io.model.VUIParameters;
import org.jcodec.common.SeekableDemuxerTrack;
import org.jcodec.common.io.FileChannelWrapper;
import org.jcodec.common.model.Packet;
import org.jcodec.common.model.Picture;
import org.jcodec.common.model.Rect;
import org.mouselift.data.image.Image8;
import org.mouselift.data.recording.FrameSource;
import org.mouselift.data.recording.RecordingException;

/**
 * Frames of an H.264 video in an MP4 (or MOV) file, by exact index in presentation order. Videos store frames in decoding order, so the
 * presentation times of all packets are read first; a frame is decoded from the key frame before it, or from where the last one ended.
 */
public final class Mp4Frames implements FrameSource {
    /** Decoded frames that wait for their turn: more than the reordering depth of H.264. */
    private static final int WAITING = 17;
    private static final int MAX_FRAMES = 10_000_000;

    private final Path file;
    private final FileChannel channel;
    private final SeekableDemuxerTrack track;
    private final ContainerAdaptor decoder;
    private final byte[][] buffer;
    private final long[] times;
    private final boolean[] keys;
    /** Presentation index → position in the file. */
    private final int[] order;
    private final Map<Integer, Image8> waiting = new LinkedHashMap<>();
    private final LimitedRangeYuv conversion;
    private final boolean fullRange;
    private final int width;
    private final int height;
    /** Position of the packet that is decoded next; −1: nowhere, a key frame must be sought. */
    private int next = -1;
    /** The key frame from which the decoder has been running: what lies before it, it does not know. */
    private int since;

    private Mp4Frames(Path file, FileChannel channel) throws IOException, JCodecException {
        this.file = file;
        this.channel = channel;
        FrameGrab grab = FrameGrab.createFrameGrab(new FileChannelWrapper(channel));
        this.track = grab.getVideoTrack();
        this.decoder = grab.getDecoder();
        List<Packet> packets = packets();
        int n = packets.size();
        times = packets.stream().mapToLong(Packet::getPts).toArray();
        keys = new boolean[n];
        for (int i = 0; i < n; i++) {
            keys[i] = packets.get(i).isKeyFrame();
        }
        order = IntStream.range(0, n).boxed().sorted(Comparator.comparingLong((Integer i) -> times[i])).mapToInt(Integer::intValue).toArray();
        for (int i = 1; i < n; i++) {
            if (times[order[i]] == times[order[i - 1]]) {
                throw new RecordingException(file, "shows two frames at one time (packets " + order[i - 1] + " and " + order[i] + ")", "write the video again");
            }
        }
        if (n == 0 || !keys[0]) {
            throw new RecordingException(file, n == 0 ? "has no frames" : "does not begin with a key frame", "write the video again");
        }
        buffer = decoder.allocatePicture();
        VUIParameters usage = usage();
        boolean known = usage != null && usage.videoSignalTypePresentFlag;
        fullRange = known && usage.videoFullRangeFlag;
        Picture picture = decode(0);
        Rect crop = picture.getCrop();
        width = crop == null ? picture.getWidth() : crop.getWidth();
        height = crop == null ? picture.getHeight() : crop.getHeight();
        boolean matrix = known && usage.colourDescriptionPresentFlag;
        LimitedRangeYuv chosen = LimitedRangeYuv.forHeight(height);
        if (matrix && usage.matrixCoefficients == LimitedRangeYuv.BT709.code) {
            chosen = LimitedRangeYuv.BT709;
        } else if (matrix && (usage.matrixCoefficients == 5 || usage.matrixCoefficients == 6)) {
            chosen = LimitedRangeYuv.BT601;
        }
        conversion = chosen;

        waiting.put(0, rgb(picture));
    }

    /** @throws RecordingException if the file is no H.264 video that can be read */
    public static Mp4Frames open(Path file) throws IOException {
        FileChannel channel = FileChannel.open(file);
        try {
            return new Mp4Frames(file, channel);
        } catch (JCodecException | RuntimeException e) {
            // The library reports damaged files with whatever its parser stumbled over.
            channel.close();
            throw new RecordingException(file, "cannot be read as H.264 video in MP4 (" + e + ")", "supply an H.264 MP4, or a folder of numbered PNG or JPEG frames", e);
        } catch (IOException e) {
            channel.close();
            throw e;
        }
    }

    /** All packets without their data. */
    private List<Packet> packets() throws IOException {
        List<Packet> out = new ArrayList<>();
        for (Packet p = track.nextFrame(); p != null; p = track.nextFrame()) {
            p.setData(null);
            out.add(p);
            if (out.size() > MAX_FRAMES) {
                throw new RecordingException(file, "has more than " + MAX_FRAMES + " frames", "cut the video");
            }
        }
        return out;
    }

    private VUIParameters usage() {
        ByteBuffer header = track.getMeta().getCodecPrivate();
        if (header == null) {
            return null;
        }
        List<SeqParameterSet> headers = H264Utils.readSPSFromBufferList(H264Utils.getRawSPS(header.duplicate()));
        return headers.isEmpty() ? null : headers.getFirst().vuiParams;
    }

    @Override
    public Path place() {
        return file;
    }

    @Override
    public int frames() {
        return order.length;
    }

    @Override
    public int width() {
        return width;
    }

    @Override
    public int height() {
        return height;
    }

    @Override
    public Image8 read(int index) throws IOException {
        if (index < 0 || index >= order.length) {
            throw new RecordingException(file, "has no frame " + index, "it has " + order.length + " frames");
        }
        int wanted = order[index];
        Image8 there = waiting.get(wanted);
        if (there != null) {
            return there;
        }
        int key = keyBefore(wanted);
        int from = since <= key && next > key && next <= wanted ? next : key;
        since = from == key ? key : since;
        try {
            for (int i = from; i <= wanted; i++) {
                Picture picture = decode(i);
                if (i == wanted || times[i] > times[wanted]) {
                    keep(i, rgb(picture));
                }
            }
        } catch (RuntimeException e) {
            next = -1;
            throw new RecordingException(file, "is damaged at frame " + index + " (" + e + ")", "write the video again", e);
        }
        return waiting.get(wanted);
    }

    /** The last key frame from which the frame can be decoded: frames shown before a key frame may need the one before that. */
    private int keyBefore(int wanted) {
        int key = wanted;
        while (key > 0 && !(keys[key] && times[key] <= times[wanted])) {
            key--;
        }
        return key;
    }

    private void keep(int position, Image8 image) {
        waiting.put(position, image);
        while (waiting.size() > WAITING) {
            waiting.remove(waiting.keySet().iterator().next());
        }
    }

    private Picture decode(int position) throws IOException {
        if (next != position && !track.gotoFrame(position)) {
            throw new RecordingException(file, "cannot be positioned at packet " + position, "write the video again");
        }
        Packet packet = track.nextFrame();
        if (packet == null || packet.getPts() != times[position]) {
            throw new RecordingException(file, "ends before packet " + position, "write the video again");
        }
        Picture picture = decoder.decodeFrame(packet, buffer);
        if (picture == null) {
            throw new RecordingException(file, "has no picture in packet " + position, "write the video again");
        }
        next = position + 1;
        return picture;
    }

    /** The library stores samples minus 128. */
    private Image8 rgb(Picture p) {
        byte[] luma = p.getPlaneData(0);
        byte[] blue = p.getPlaneData(1);
        byte[] red = p.getPlaneData(2);
        Rect crop = p.getCrop();
        int ox = crop == null ? 0 : crop.getX();
        int oy = crop == null ? 0 : crop.getY();
        byte[] out = new byte[Math.multiplyExact(3, Math.multiplyExact(width, height))];
        for (int y = 0; y < height; y++) {
            for (int x = 0; x < width; x++) {
                int l = luma[(y + oy) * p.getPlaneWidth(0) + x + ox] + 128;
                int chroma = (y + oy) / 2 * p.getPlaneWidth(1) + (x + ox) / 2;
                int b = blue[chroma] + 128;
                int r = red[chroma] + 128;
                int colour = fullRange ? conversion.rgb((int) Math.round(16 + l * 219 / 255.0), (int) Math.round(128 + (b - 128) * 224 / 255.0),
                        (int) Math.round(128 + (r - 128) * 224 / 255.0)) : conversion.rgb(l, b, r);
                int at = 3 * (y * width + x);
                out[at] = (byte) (colour >> 16);
                out[at + 1] = (byte) (colour >> 8);
                out[at + 2] = (byte) colour;
            }
        }
        return new Image8(width, height, 3, out);
    }

    @Override
    public void close() throws IOException {
        waiting.clear();
        channel.close();
    }
}
