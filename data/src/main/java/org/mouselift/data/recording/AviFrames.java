package org.mouselift.data.recording;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.ByteOrder;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.ImageFormatException;
import org.mouselift.data.image.ImageLimits;
import org.mouselift.data.image.Images;

/**
 * Frames of a Motion-JPEG video in an AVI file (RIFF, with the extension to several RIFF parts). Every frame is a JPEG picture of its own,
 * so that any frame is read directly. The chunks themselves are walked; the file's index, which capture programs often leave wrong, is not
 * used. Chunks without data repeat the frame before them.
 */
public final class AviFrames implements FrameSource {
    private static final int MAX_FRAMES = 10_000_000;
    private static final int MAX_FRAME_BYTES = 1 << 26;
    private static final int MAX_DEPTH = 4;
    private static final String REMEDY = "supply a Motion-JPEG AVI, an H.264 MP4, or a folder of numbered PNG or JPEG frames";

    private final Path file;
    private final FileChannel channel;
    private final long size;
    private final List<Long> offsets = new ArrayList<>();
    private final List<Integer> lengths = new ArrayList<>();
    private String codec = "";
    private int videoStream = -1;
    private int streams;
    private int width;
    private int height;

    private AviFrames(Path file, FileChannel channel) throws IOException {
        this.file = file;
        this.channel = channel;
        this.size = channel.size();
    }

    /** @throws RecordingException if the file is no Motion-JPEG AVI, or damaged */
    public static AviFrames open(Path file) throws IOException {
        FileChannel channel = FileChannel.open(file);
        try {
            AviFrames avi = new AviFrames(file, channel);
            avi.index();
            return avi;
        } catch (IOException e) {
            channel.close();
            throw e;
        }
    }

    private void index() throws IOException {
        if (size < 12 || !fourCc(0).equals("RIFF") || !fourCc(8).equals("AVI ")) {
            throw new RecordingException(file, "is not an AVI file", REMEDY);
        }
        // Files above 1 GiB hold several RIFF parts one after the other.
        for (long at = 0; at + 12 <= size && fourCc(at).equals("RIFF");) {
            long end = end(at);
            walk(at + 12, end, 0);
            at = end + (end & 1);
        }
        if (videoStream < 0) {
            throw new RecordingException(file, "holds no video stream", REMEDY);
        }
        if (offsets.isEmpty()) {
            throw new RecordingException(file, "holds no frames", REMEDY);
        }
        Image8 first = read(0);
        width = first.width();
        height = first.height();
    }

    private void walk(long from, long to, int depth) throws IOException {
        for (long at = from; at + 8 <= to;) {
            String id = fourCc(at);
            long end = end(at);
            if (end > to) {
                throw new RecordingException(file, "has a chunk '" + id + "' at byte " + at + " that is longer than the list it lies in", "write the video again");
            }
            if (id.equals("LIST") && depth < MAX_DEPTH && at + 12 <= end) {
                walk(at + 12, end, depth + 1);
            } else if (id.equals("strh")) {
                header(at, end);
            } else if (videoStream >= 0 && id.length() == 4 && (id.endsWith("dc") || id.endsWith("db")) && id.startsWith(String.format("%02d", videoStream))) {
                frame(at + 8, end - at - 8);
            }
            at = end + (end & 1);
        }
    }

    /** A stream's header: its kind and codec. Only the first video stream counts. */
    private void header(long at, long end) throws IOException {
        if (end - at >= 16 && fourCc(at + 8).equals("vids") && videoStream < 0) {
            videoStream = streams;
            codec = fourCc(at + 12);
            if (!codec.equalsIgnoreCase("MJPG") && !codec.equalsIgnoreCase("AVRn") && !codec.equalsIgnoreCase("dmb1")) {
                throw new RecordingException(file, "is encoded as '" + codec + "', only Motion-JPEG (MJPG) is read in AVI files", REMEDY);
            }
        }
        streams++;
    }

    private void frame(long at, long length) throws RecordingException {
        if (length > MAX_FRAME_BYTES || offsets.size() >= MAX_FRAMES) {
            throw new RecordingException(file, "has a frame of " + length + " bytes as number " + offsets.size() + ", at most " + MAX_FRAME_BYTES + " bytes and "
                    + MAX_FRAMES + " frames are read", "write the video again");
        }
        boolean repeated = length == 0 && !offsets.isEmpty();
        offsets.add(repeated ? offsets.getLast() : Long.valueOf(at));
        lengths.add(repeated ? lengths.getLast() : Integer.valueOf((int) length));
    }

    /** Where the chunk at a place ends, without padding. The last chunk of a file may not have been finished: it ends with the file. */
    private long end(long at) throws IOException {
        ByteBuffer b = bytes(at + 4, 4);
        long length = b.getInt() & 0xFFFF_FFFFL;
        long end = at + 8 + length;
        if (end > size) {
            throw new RecordingException(file, "is cut off: the chunk at byte " + at + " has " + length + " bytes, " + (size - at - 8) + " are left", "copy the whole video");
        }
        return end;
    }

    private String fourCc(long at) throws IOException {
        return new String(bytes(at, 4).array(), StandardCharsets.ISO_8859_1);
    }

    private ByteBuffer bytes(long at, int count) throws IOException {
        ByteBuffer b = ByteBuffer.allocate(count).order(ByteOrder.LITTLE_ENDIAN);
        while (b.hasRemaining()) {
            if (channel.read(b, at + b.position()) < 0) {
                throw new EOFException(file + ": ends at byte " + (at + b.position()) + ", within a chunk");
            }
        }
        return b.flip();
    }

    @Override
    public Path place() {
        return file;
    }

    @Override
    public int frames() {
        return offsets.size();
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
        if (index < 0 || index >= offsets.size()) {
            throw new MissingFrameException(file, index, "is missing: the video has " + offsets.size() + " frames");
        }
        byte[] jpeg = bytes(offsets.get(index), lengths.get(index)).array();
        Image8 frame;
        try {
            frame = Images.decode(file + ", frame " + index, withTables(jpeg), ImageLimits.DEFAULT).to8();
        } catch (ImageFormatException e) {
            throw new MissingFrameException(file, index, "is damaged: " + e.getMessage(), e);
        }
        if (width > 0 && (frame.width() != width || frame.height() != height)) {
            throw new RecordingException(file, "shows frame " + index + " with " + frame.width() + "x" + frame.height() + ", the first one has " + width + "x" + height,
                    "all frames of a camera have one size");
        }
        return frame;
    }

    /** Motion-JPEG may leave the Huffman tables away and mean the standard ones (ITU-T T.81, annex K.3). */
    private static byte[] withTables(byte[] jpeg) {
        for (int at = 2; at + 4 <= jpeg.length && jpeg[at] == (byte) 0xFF;) {
            int marker = jpeg[at + 1] & 0xFF;
            if (marker == 0xC4) {
                return jpeg;
            }
            if (marker == 0xDA) {
                byte[] out = Arrays.copyOf(jpeg, jpeg.length + StandardHuffmanTables.SEGMENT.length);
                System.arraycopy(StandardHuffmanTables.SEGMENT, 0, out, at, StandardHuffmanTables.SEGMENT.length);
                System.arraycopy(jpeg, at, out, at + StandardHuffmanTables.SEGMENT.length, jpeg.length - at);
                return out;
            }
            at += 2 + ((jpeg[at + 2] & 0xFF) << 8 | jpeg[at + 3] & 0xFF);
        }
        return jpeg;
    }

    @Override
    public void close() throws IOException {
        channel.close();
    }
}
