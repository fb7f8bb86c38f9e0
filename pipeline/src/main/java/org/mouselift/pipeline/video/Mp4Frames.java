package org.mouselift.pipeline.video;

import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.file.Path;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.concurrent.ConcurrentHashMap;
import java.util.stream.IntStream;
import org.jcodec.api.FrameGrab;
import org.jcodec.api.JCodecException;
import org.jcodec.api.specific.ContainerAdaptor;
import org.jcodec.codecs.h264.H264Utils;
import org.jcodec.codecs.h264.io.model.SeqParameterSet;
import org.jcodec.codecs.h264.io.model.VUIParameters;
import org.jcodec.common.SeekableDemuxerTrack;
import org.jcodec.common.io.FileChannelWrapper;
import org.jcodec.common.logging.LogLevel;
import org.jcodec.common.logging.Logger;
import org.jcodec.common.model.Packet;
import org.jcodec.common.model.Picture;
import org.jcodec.common.model.Rect;
import org.jcodec.containers.mp4.MP4Packet;
import org.jcodec.containers.mp4.boxes.Edit;
import org.jcodec.containers.mp4.demuxer.AbstractMP4DemuxerTrack;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.ImageAdjust;
import org.mouselift.data.recording.FrameSource;
import org.mouselift.data.recording.MissingFrameException;
import org.mouselift.data.recording.RecordingException;

/**
 * Frames of an H.264 video in an MP4 (or MOV) file, by exact index in presentation order. Videos store frames in decoding order, so the
 * presentation times of all packets are read first; a frame is decoded from the key frame before it, or from where the last one ended. As
 * players do: frames before the start that an edit list names are not counted, and a stored quarter turn is applied.
 */
public final class Mp4Frames implements FrameSource {
    private static final String REMEDY = "supply an H.264 MP4 (8 bits, 4:2:0, not interlaced), a Motion-JPEG AVI, or a folder of numbered PNG or JPEG frames, as"
            + " ffmpeg -i VIDEO -start_number 0 FOLDER/%06d.png makes it";
    /** Decoded frames that wait for their turn: more than the reordering depth of H.264. */
    private static final int WAITING = 17;
    private static final int MAX_FRAMES = 10_000_000;
    private static final int MAX_WARNINGS = 20;

    static {
        // The library would write to standard output, which is for results, and the same line for every macroblock.
        Set<String> said = ConcurrentHashMap.newKeySet();
        Logger.addSink(message -> {
            if (message.getLevel().compareTo(LogLevel.WARN) >= 0 && said.size() < MAX_WARNINGS && said.add(message.getMessage())) {
                System.err.println("H.264 decoder: " + message.getMessage());
            }
        });
    }

    private final Path file;
    private final FileChannel channel;
    private final SeekableDemuxerTrack track;
    private final ContainerAdaptor decoder;
    private final DecodeDeadline deadline;
    private final byte[][] buffer;
    private final long[] times;
    private final boolean[] keys;
    /** Presentation index → position in the file. */
    private final int[] order;
    private final Map<Integer, Image8> waiting = new LinkedHashMap<>();
    private final LimitedRangeYuv conversion;
    private final boolean fullRange;
    /** Quarter turns, clockwise. */
    private final int turns;
    private final int width;
    private final int height;
    /** Position of the packet that is decoded next; −1: nowhere, a key frame must be sought. */
    private int next = -1;
    /** The key frame from which the decoder has been running: what lies before it, it does not know. */
    private int since;

    private Mp4Frames(Path file, FileChannel channel, Duration patience) throws IOException, JCodecException {
        this.file = file;
        this.deadline = new DecodeDeadline(patience);
        this.channel = channel;
        FrameGrab grab = FrameGrab.createFrameGrab(new FileChannelWrapper(channel));
        this.track = grab.getVideoTrack();
        this.decoder = grab.getDecoder();
        List<Packet> packets = packets();
        int n = packets.size();
        times = packets.stream().mapToLong(Mp4Frames::time).toArray();
        keys = new boolean[n];
        for (int i = 0; i < n; i++) {
            keys[i] = packets.get(i).isKeyFrame();
        }
        long start = start();
        order = IntStream.range(0, n).filter(i -> times[i] >= start).boxed().sorted(Comparator.comparingLong((Integer i) -> times[i])).mapToInt(Integer::intValue).toArray();
        for (int i = 1; i < order.length; i++) {
            if (times[order[i]] == times[order[i - 1]]) {
                throw new RecordingException(file, "shows two frames at one time (packets " + order[i - 1] + " and " + order[i] + ")", "write the video again");
            }
        }
        if (order.length == 0 || !keys[0]) {
            throw new RecordingException(file, order.length == 0 ? "has no frames" : "does not begin with a key frame", "write the video again");
        }
        buffer = decoder.allocatePicture();
        VUIParameters usage = usage();
        boolean known = usage != null && usage.videoSignalTypePresentFlag;
        fullRange = known && usage.videoFullRangeFlag;
        Picture picture = decode(0);
        Rect crop = picture.getCrop();
        width = crop == null ? picture.getWidth() : crop.getWidth();
        height = crop == null ? picture.getHeight() : crop.getHeight();
        turns = turns();
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
        return open(file, DecodeDeadline.PATIENCE);
    }

    /** The same with another time that a frame may take. */
    static Mp4Frames open(Path file, Duration patience) throws IOException {
        FileChannel channel = FileChannel.open(file);
        try {
            Mp4Contents.requireReadable(file, channel, REMEDY);
            return new Mp4Frames(file, channel, patience);
        } catch (JCodecException | RuntimeException e) {
            // The library reports damaged files with whatever its parser stumbled over.
            channel.close();
            throw new RecordingException(file, "cannot be read as H.264 video in MP4 (" + e + ")", REMEDY, e);
        } catch (IOException e) {
            channel.close();
            throw e;
        }
    }

    /** When a packet is shown, in the track's own time: the library's edited time is no longer exact. */
    private static long time(Packet p) {
        return p instanceof MP4Packet m ? m.getMediaPts() : p.getPts();
    }

    /** The track's time from which it is shown. */
    private long start() throws RecordingException {
        List<Edit> edits = track instanceof AbstractMP4DemuxerTrack t && t.getEdits() != null ? t.getEdits() : List.of();
        List<Edit> shown = edits.stream().filter(e -> e.getMediaTime() >= 0).toList();
        if (shown.size() > 1 || shown.stream().anyMatch(e -> e.getRate() != 1)) {
            throw new RecordingException(file, "is put together by an edit list of " + shown.size() + " parts", "write the video again, with its frames in one piece");
        }
        return shown.isEmpty() ? Long.MIN_VALUE : shown.getFirst().getMediaTime();
    }

    /** From the display matrix: rows a b u, c d v, x y w. */
    private int turns() throws RecordingException {
        int[] m = track instanceof AbstractMP4DemuxerTrack t && t.getBox().getTrackHeader() != null ? t.getBox().getTrackHeader().getMatrix() : null;
        if (m == null || m.length < 5) {
            return 0;
        }
        int a = Integer.signum(m[0]);
        int b = Integer.signum(m[1]);
        int c = Integer.signum(m[3]);
        int d = Integer.signum(m[4]);
        if (b == 0 && c == 0 && a == d && a != 0) {
            return a > 0 ? 0 : 2;
        } else if (a == 0 && d == 0 && b == -c && b != 0) {
            return b > 0 ? 1 : 3;
        }
        throw new RecordingException(file, "is stored mirrored or askew (its display matrix is " + java.util.Arrays.toString(m) + ")", "write the video again, upright");
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
        return turns % 2 == 0 ? width : height;
    }

    @Override
    public int height() {
        return turns % 2 == 0 ? height : width;
    }

    @Override
    public Image8 read(int index) throws IOException {
        if (index < 0 || index >= order.length) {
            throw new MissingFrameException(file, index, "is missing: the video has " + order.length + " frames");
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
            throw new MissingFrameException(file, index, "is damaged (" + e + ")", e);
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
        if (packet == null || time(packet) != times[position]) {
            throw new RecordingException(file, "ends before packet " + position, "write the video again");
        }
        Picture picture = deadline.within(() -> decoder.decodeFrame(packet, buffer));
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
        return ImageAdjust.turned(new Image8(width, height, 3, out), turns);
    }

    @Override
    public void close() throws IOException {
        waiting.clear();
        deadline.close();
        channel.close();
    }
}
