package org.mouselift.data.recording;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.ImageFormatException;
import org.mouselift.data.image.Images;

/**
 * A folder of numbered pictures, {@code 000000.png} or {@code 17.jpg}: the number is the frame index (mouse specification §2.1).
 * A missing number is a missing frame, not a shift of those behind it.
 */
public final class FolderFrames implements FrameSource {
    private static final Pattern NAME = Pattern.compile("(\\d{1,9})\\.(png|jpe?g)");
    private static final Pattern PICTURE = Pattern.compile(".*\\.(png|jpe?g|bmp|tiff?|webp)");

    private final Path folder;
    private final TreeMap<Integer, Path> files;
    private final int width;
    private final int height;

    private FolderFrames(Path folder, TreeMap<Integer, Path> files, int width, int height) {
        this.folder = folder;
        this.files = files;
        this.width = width;
        this.height = height;
    }

    /** Whether the folder holds at least one numbered picture. */
    public static boolean matches(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            return false;
        }
        try (Stream<Path> list = Files.list(folder)) {
            return list.anyMatch(p -> NAME.matcher(lower(p)).matches());
        }
    }

    /** @throws RecordingException if a picture has no number, two have the same one, or there is none */
    public static FolderFrames open(Path folder) throws IOException {
        TreeMap<Integer, Path> files = new TreeMap<>();
        try (Stream<Path> list = Files.list(folder)) {
            for (Path p : (Iterable<Path>) list.sorted()::iterator) {
                Matcher m = NAME.matcher(lower(p));
                if (m.matches()) {
                    Path before = files.put(Integer.parseInt(m.group(1)), p);
                    if (before != null) {
                        throw new RecordingException(folder, before.getFileName() + " and " + p.getFileName() + " are the same frame", "keep one of them");
                    }
                } else if (PICTURE.matcher(lower(p)).matches()) {
                    throw new RecordingException(p, "is not named by its frame number", "name the frames 000000.png, 000001.png, … (PNG or JPEG)");
                }
            }
        }
        if (files.isEmpty()) {
            throw new RecordingException(folder, "holds no numbered pictures", "name the frames 000000.png, 000001.png, …");
        }
        Image8 first = readable(files);
        return new FolderFrames(folder, files, first.width(), first.height());
    }

    /** The first picture that is not damaged; with none, the last one's damage is the error. */
    private static Image8 readable(TreeMap<Integer, Path> files) throws IOException {
        for (Path p : files.values()) {
            try {
                return Images.read(p);
            } catch (ImageFormatException e) {
                if (p.equals(files.lastEntry().getValue())) {
                    throw e;
                }
            }
        }
        throw new IllegalStateException("called without files");
    }

    private static String lower(Path p) {
        return p.getFileName().toString().toLowerCase(Locale.ROOT);
    }

    @Override
    public Path place() {
        return folder;
    }

    @Override
    public int frames() {
        return files.lastKey() + 1;
    }

    @Override
    public int first() {
        return files.firstKey();
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
        Path file = files.get(index);
        if (file == null) {
            throw new MissingFrameException(folder, index, "is missing");
        }
        Image8 frame;
        try {
            frame = Images.read(file);
        } catch (ImageFormatException e) {
            throw new MissingFrameException(folder, index, "is damaged: " + e.getMessage(), e);
        }
        if (frame.width() != width || frame.height() != height) {
            throw new RecordingException(file, "is " + frame.width() + "x" + frame.height() + " in a folder of " + width + "x" + height,
                    "all frames of a camera have one size");
        }
        return frame;
    }

    @Override
    public void close() {
        // Every read opens and closes its own file.
    }
}
