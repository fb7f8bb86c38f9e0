package org.mouselift.pipeline.mousedata;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import org.mouselift.data.image.Image8;
import org.mouselift.data.recording.AviFrames;
import org.mouselift.data.recording.FolderFrames;
import org.mouselift.data.recording.FrameSource;
import org.mouselift.data.recording.RecordingException;
import org.mouselift.data.recording.RecordingLayout;
import org.mouselift.data.recording.SourceCalibration;
import org.mouselift.engine.cpu.Workers;
import org.mouselift.pipeline.video.Mp4Frames;

/** The opened frames and masks of all cameras of a recording (mouse specification §2.1). */
public final class Recording implements AutoCloseable {
    private final List<FrameSource> frames = new ArrayList<>();
    private final List<FrameSource> masks = new ArrayList<>();

    private Recording() {}

    /** Opens everything; a file that cannot be read is named. */
    public static Recording open(RecordingLayout layout) throws IOException {
        Recording r = new Recording();
        try {
            for (Path p : layout.videos()) {
                r.frames.add(source(p));
            }
            for (Path p : layout.masks()) {
                r.masks.add(source(p));
            }
            return r;
        } catch (IOException e) {
            r.close();
            throw e;
        }
    }

    private static FrameSource source(Path p) throws IOException {
        if (Files.isDirectory(p)) {
            return FolderFrames.open(p);
        }
        String name = p.getFileName().toString().toLowerCase(Locale.ROOT);
        if (name.endsWith(".mp4") || name.endsWith(".mov")) {
            return Mp4Frames.open(p);
        }
        if (name.endsWith(".avi")) {
            return AviFrames.open(p);
        }
        throw new RecordingException(p, "is neither an MP4 nor an AVI video", "supply an H.264 MP4, a Motion-JPEG AVI, or a folder of numbered PNG or JPEG frames, as"
                + " ffmpeg -i VIDEO -start_number 0 FOLDER/%06d.png makes it");
    }

    public int views() {
        return frames.size();
    }

    /** Synchronised frames: the smallest count of all videos. */
    public int frames() {
        return frames.stream().mapToInt(FrameSource::frames).min().orElseThrow();
    }

    /** The number of frames of each camera's video, which may differ by a few. */
    public List<Integer> counts() {
        return frames.stream().map(FrameSource::frames).toList();
    }

    /** The number of the first frame of each camera's video. */
    public List<Integer> starts() {
        return frames.stream().map(FrameSource::first).toList();
    }

    public List<Integer> maskCounts() {
        return masks.stream().map(FrameSource::frames).toList();
    }

    public List<SourceCalibration.Size> sizes() {
        return frames.stream().map(f -> new SourceCalibration.Size(f.width(), f.height())).toList();
    }

    /** One instant: the picture and the mask of each camera. */
    public record Instant(List<Image8> frames, List<Image8> masks) {}

    /** Reads one instant, all cameras in parallel; ascending order is cheapest. */
    public Instant read(int frame) throws IOException {
        Image8[] out = new Image8[2 * views()];
        IOException[] failures = new IOException[out.length];
        Workers.each(out.length, (worker, i) -> {
            try {
                out[i] = (i < views() ? frames.get(i) : masks.get(i - views())).read(frame);
            } catch (IOException e) {
                failures[i] = e;
            }
        });
        for (IOException e : failures) {
            if (e != null) {
                throw e;
            }
        }
        return new Instant(List.of(out).subList(0, views()), List.of(out).subList(views(), out.length));
    }

    @Override
    public void close() throws IOException {
        IOException first = null;
        for (List<FrameSource> list : List.of(frames, masks)) {
            for (FrameSource f : list) {
                try {
                    f.close();
                } catch (IOException e) {
                    first = first == null ? e : first;
                }
            }
        }
        if (first != null) {
            throw first;
        }
    }
}
