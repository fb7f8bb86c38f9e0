package org.mouselift.pipeline.video;

import java.io.EOFException;
import java.io.IOException;
import java.nio.ByteBuffer;
import java.nio.channels.FileChannel;
import java.nio.charset.StandardCharsets;
import java.nio.file.Path;
import java.util.Map;
import java.util.Optional;
import org.jcodec.codecs.h264.H264Utils;
import org.jcodec.codecs.h264.io.model.SeqParameterSet;
import org.jcodec.common.model.ColorSpace;
import org.mouselift.data.recording.RecordingException;

/**
 * What an MP4 or MOV file holds, by its boxes (ISO/IEC 14496-12), before any of it is decoded: so that what cannot be read is named by what it is, and
 * a video in fragments is not taken for its first one.
 */
final class Mp4Contents {
    private static final int HEADER = 8;
    /** Fixed fields of a visual sample entry, before the boxes in it. */
    private static final int VISUAL_ENTRY = 78;
    private static final int HIGH_444 = 244;
    private static final int MAX_BOXES = 1_000_000;
    private static final long MAX_ENTRY = 1 << 20;
    private static final Map<String, String> CODECS = Map.of("hev1", "H.265", "hvc1", "H.265", "vp09", "VP9", "av01", "AV1", "mp4v", "MPEG-4 part 2 or JPEG", "jpeg", "JPEG",
            "apcn", "ProRes", "apch", "ProRes");

    private final Path file;
    private final FileChannel channel;
    private final String remedy;
    private int boxes;
    private boolean fragments;
    private boolean movie;
    private String codec;
    private ByteBuffer configuration;

    private Mp4Contents(Path file, FileChannel channel, String remedy) {
        this.file = file;
        this.channel = channel;
        this.remedy = remedy;
    }

    /** @throws RecordingException naming what is not H.264 with 8 bits, 4:2:0, not interlaced, in one piece */
    static void requireReadable(Path file, FileChannel channel, String remedy) throws IOException {
        new Mp4Contents(file, channel, remedy).check();
    }

    private void check() throws IOException {
        if (channel.size() < HEADER) {
            throw new RecordingException(file, "has " + channel.size() + " bytes, so it is no video", remedy);
        }
        boxes(0, channel.size(), "");
        if (!movie) {
            throw new RecordingException(file, "is no MP4, or was cut off before its index: it has no 'moov' box", remedy);
        }
        if (fragments) {
            throw new RecordingException(file, "is stored in fragments ('moof' boxes)", "put it together without loss, as ffmpeg -i VIDEO -c copy WHOLE.mp4 does");
        }
        if (codec == null) {
            throw new RecordingException(file, "has no video track", remedy);
        }
        if (!codec.equals("avc1") && !codec.equals("avc3")) {
            throw new RecordingException(file, "is encoded as '" + codec + "'" + Optional.ofNullable(CODECS.get(codec)).map(c -> " (" + c + ")").orElse("") + ", not as H.264", remedy);
        }
        if (configuration != null) {
            checkPicture();
        }
    }

    /** The sequence parameter sets of an AVCDecoderConfigurationRecord (ISO/IEC 14496-15 §5.2.4.1). */
    private void checkPicture() throws RecordingException {
        ByteBuffer c = configuration;
        int sets = c.remaining() < 6 ? 0 : c.get(5) & 0x1F;
        c.position(Math.min(c.limit(), 6));
        for (int i = 0; i < sets && c.remaining() > 2; i++) {
            int length = c.getShort() & 0xFFFF;
            if (length < 4 || length > c.remaining()) {
                throw new RecordingException(file, "is damaged: its parameter set " + i + " has " + length + " bytes, " + c.remaining() + " are left", remedy);
            }
            // After the type of the unit: without the bytes that keep start codes apart.
            ByteBuffer unit = ByteBuffer.allocate(length - 1).put(c.slice(c.position() + 1, length - 1)).flip();
            c.position(c.position() + length);
            H264Utils.unescapeNAL(unit);
            if ((unit.get(0) & 0xFF) == HIGH_444) {
                throw new RecordingException(file, "is encoded as High 4:4:4 (4:4:4 or without loss), 4:2:0 with loss is read", remedy);
            }
            checkPicture(SeqParameterSet.read(unit));
        }
    }

    private void checkPicture(SeqParameterSet s) throws RecordingException {
        if (s.bitDepthLumaMinus8 != 0 || s.bitDepthChromaMinus8 != 0) {
            throw new RecordingException(file, "has " + (8 + Math.max(s.bitDepthLumaMinus8, s.bitDepthChromaMinus8)) + " bits per colour, 8 are read", remedy);
        }
        if (s.chromaFormatIdc != ColorSpace.YUV420J) {
            throw new RecordingException(file, "has its colours as " + s.chromaFormatIdc + ", 4:2:0 is read", remedy);
        }
        if (!s.frameMbsOnlyFlag) {
            throw new RecordingException(file, "is interlaced, or marked so", remedy);
        }
    }

    /** Walks the boxes from one offset to another. @param where names of the boxes around them */
    private void boxes(long from, long to, String where) throws IOException {
        long at = from;
        String handler = "";
        while (at + HEADER <= to) {
            if (++boxes > MAX_BOXES) {
                throw new RecordingException(file, "has more than " + MAX_BOXES + " boxes", remedy);
            }
            ByteBuffer head = read(at, HEADER);
            long size = head.getInt() & 0xFFFFFFFFL;
            byte[] name = new byte[4];
            head.get(name);
            String type = new String(name, StandardCharsets.ISO_8859_1);
            int header = HEADER;
            if (size == 1) {
                size = at + 16 <= to ? read(at + HEADER, 8).getLong() : -1;
                header = 16;
            } else if (size == 0) {
                size = to - at;
            }
            if (size < header || size > to - at) {
                // Padding after the last box is common; a box that reaches over the end is a file that was cut off.
                if (where.isEmpty() && movie) {
                    return;
                }
                throw new RecordingException(file, "is damaged or cut off: box '" + printable(type) + "' at byte " + at + " has " + size + " bytes, " + (to - at) + " are left", remedy);
            }
            long end = at + size;
            switch (where + "/" + type) {
                case "/moov" -> {
                    movie = true;
                    boxes(at + header, end, "/moov");
                }
                case "/moof" -> fragments = true;
                case "/moov/trak", "/moov/trak/mdia", "/moov/trak/mdia/minf", "/moov/trak/mdia/minf/stbl" -> {
                    if (!type.equals("minf") || handler.equals("vide")) {
                        boxes(at + header, end, where + "/" + type);
                    }
                }
                case "/moov/trak/mdia/hdlr" -> handler = size >= header + 12 ? text(at + header + 8) : "";
                case "/moov/trak/mdia/minf/stbl/stsd" -> entry(at + header + 8, end);
                default -> { }
            }
            at = end;
        }
    }

    /** The first sample entry of the first video track. */
    private void entry(long at, long to) throws IOException {
        if (codec != null || at + HEADER + VISUAL_ENTRY > to) {
            return;
        }
        long size = Math.min(read(at, 4).getInt() & 0xFFFFFFFFL, to - at);
        codec = text(at + 4);
        long inside = at + HEADER + VISUAL_ENTRY;
        while (inside + HEADER <= at + size) {
            long length = read(inside, 4).getInt() & 0xFFFFFFFFL;
            if (length < HEADER || length > at + size - inside || length > MAX_ENTRY) {
                return;
            }
            if (text(inside + 4).equals("avcC")) {
                // Without the box's header, as the library hands it on.
                configuration = read(inside + HEADER, (int) length - HEADER);
            }
            inside += length;
        }
    }

    private String text(long at) throws IOException {
        return printable(StandardCharsets.ISO_8859_1.decode(read(at, 4)).toString());
    }

    private static String printable(String type) {
        return type.chars().allMatch(c -> c >= ' ' && c < 127) ? type : "?";
    }

    private ByteBuffer read(long at, int n) throws IOException {
        ByteBuffer out = ByteBuffer.allocate(n);
        while (out.hasRemaining()) {
            if (channel.read(out, at + out.position()) < 0) {
                throw new EOFException(file + ": ends at byte " + (at + out.position()));
            }
        }
        return out.flip();
    }
}
