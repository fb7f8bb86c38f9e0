package org.mouselift.data.recording;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.Locale;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * Where the parts of a recording lie (mouse specification §2.1, §2.11): one video or folder of numbered frames per camera, the same
 * for the masks, and the calibration. Cameras are ordered by name, numbers by value, so that camera 10 follows camera 9.
 *
 * @param videos      one per view
 * @param masks       one per view
 * @param calibration file or COLMAP folder; empty when there is none
 */
public record RecordingLayout(List<Path> videos, List<Path> masks, Optional<Path> calibration) {
    public static final String VIDEOS = "videos_undist";
    public static final String MASKS = "simpleclick_undist";
    private static final Pattern VIDEO = Pattern.compile("(.+)\\.(mp4|avi|mov|mkv)");
    private static final Pattern PARTS = Pattern.compile("\\d+|\\D+");

    /** Text order in which runs of digits compare by value. */
    public static final Comparator<String> NUMERIC = RecordingLayout::compare;

    private static int compare(String a, String b) {
        Matcher x = PARTS.matcher(a);
        Matcher y = PARTS.matcher(b);
        while (true) {
            boolean more = x.find();
            if (more != y.find()) {
                return more ? 1 : -1;
            }
            if (!more) {
                return a.compareTo(b);
            }
            String p = x.group();
            String q = y.group();
            boolean numbers = Character.isDigit(p.charAt(0)) && Character.isDigit(q.charAt(0));
            int order = numbers ? new java.math.BigInteger(p).compareTo(new java.math.BigInteger(q)) : p.compareTo(q);
            if (order != 0) {
                return order;
            }
        }
    }

    public RecordingLayout {
        videos = List.copyOf(videos);
        masks = List.copyOf(masks);
    }

    /**
     * Looks for the parts.
     *
     * @param videoDir searched as {@code videos_undist} inside it, then itself, then recursively
     * @param metaDir  holds {@code simpleclick_undist} and the calibration
     * @param masks    another place for the masks, or empty
     * @throws RecordingException naming the camera that is missing
     */
    public static RecordingLayout find(Path videoDir, Path metaDir, Optional<Path> masks, int views) throws IOException {
        List<Path> videos = sources(videoDir.resolve(VIDEOS));
        Path where = videoDir.resolve(VIDEOS);
        if (videos.isEmpty()) {
            where = videoDir;
            videos = sources(videoDir);
        }
        if (videos.isEmpty()) {
            videos = below(videoDir);
        }
        Path maskDir = masks.orElse(metaDir.resolve(MASKS));
        return new RecordingLayout(enough(where, videos, views, "videos"), enough(maskDir, sources(maskDir), views, "mask videos"),
                SourceCalibration.find(metaDir));
    }

    private static List<Path> enough(Path place, List<Path> found, int views, String what) throws RecordingException {
        List<String> names = found.stream().map(RecordingLayout::stem).toList();
        if (names.stream().distinct().count() != names.size()) {
            throw new RecordingException(place, "holds two " + what + " of one camera: " + found.stream().map(p -> p.getFileName().toString()).toList(),
                    "keep one video or one folder per camera");
        }
        if (names.stream().allMatch(n -> n.matches("\\d{1,6}"))) {
            for (int i = 0; i < views; i++) {
                int camera = i;
                if (!names.isEmpty() && names.stream().noneMatch(n -> Integer.parseInt(n) == camera)) {
                    throw new RecordingException(place, "has no " + what + " of camera " + i + " (found " + names + ", needs 0 to " + (views - 1) + ")",
                            "supply " + i + ".mp4 or a folder " + i + " of numbered frames");
                }
            }
        }
        if (found.size() < views) {
            throw new RecordingException(place, "holds " + found.size() + " " + what + " " + names + ", needs " + views,
                    "supply one video, or one folder of numbered frames, per camera");
        }
        return found.subList(0, views);
    }

    /** Videos and folders of numbered frames directly inside a folder, in camera order. */
    private static List<Path> sources(Path folder) throws IOException {
        List<Path> out = new ArrayList<>();
        if (Files.isDirectory(folder)) {
            try (Stream<Path> list = Files.list(folder)) {
                for (Path p : (Iterable<Path>) list::iterator) {
                    if (isVideo(p) || FolderFrames.matches(p)) {
                        out.add(p);
                    }
                }
            }
        }
        out.sort(Comparator.comparing(RecordingLayout::stem, NUMERIC));
        return out;
    }

    /** The first folder below, in name order, that holds videos named by camera number. */
    private static List<Path> below(Path folder) throws IOException {
        if (!Files.isDirectory(folder)) {
            throw new RecordingException(folder, "is not a folder", "give the folder of the recording");
        }
        List<Path> folders;
        try (Stream<Path> walk = Files.walk(folder, 4)) {
            folders = walk.filter(Files::isDirectory).filter(p -> !p.getFileName().toString().equals(MASKS)).sorted().toList();
        }
        for (Path p : folders) {
            List<Path> found = sources(p).stream().filter(s -> stem(s).matches("\\d+")).toList();
            if (!found.isEmpty()) {
                return found;
            }
        }
        return List.of();
    }

    /** Whether the path is a video file by its name. */
    public static boolean isVideo(Path p) {
        return Files.isRegularFile(p) && VIDEO.matcher(p.getFileName().toString().toLowerCase(Locale.ROOT)).matches();
    }

    private static String stem(Path p) {
        String name = p.getFileName().toString();
        Matcher m = VIDEO.matcher(name.toLowerCase(Locale.ROOT));
        return m.matches() ? name.substring(0, m.group(1).length()) : name;
    }
}
