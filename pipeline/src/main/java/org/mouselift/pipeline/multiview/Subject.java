package org.mouselift.pipeline.multiview;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Stream;
import org.mouselift.data.camera.OpencvCameraFile;
import org.mouselift.data.dataset.SampleList;
import org.mouselift.pipeline.reconstruct.PosedViewReader;

/**
 * One photo to work on.
 *
 * @param name of its results
 * @param photo the reference view
 * @param sample the sample folder it comes from, whose other pictures are the truth; empty for a photo alone
 */
public record Subject(String name, Path photo, Optional<Path> sample) {
    private static final List<String> PICTURES = List.of(".png", ".jpg", ".jpeg");

    /**
     * What a user named: picture files, folders of pictures, sample folders ({@code opencv_cameras.json}; the first view is the
     * photo), folders of these, and lists of sample folders ({@code .txt}).
     */
    public static List<Subject> of(List<Path> inputs) throws IOException {
        List<Subject> all = new ArrayList<>();
        for (Path input : inputs) {
            if (Files.isDirectory(input)) {
                folder(input, all);
            } else if (input.toString().toLowerCase(Locale.ROOT).endsWith(".txt")) {
                for (Path sample : SampleList.read(input).samples()) {
                    all.add(sample(sample));
                }
            } else {
                String file = input.getFileName().toString();
                all.add(new Subject(file.contains(".") ? file.substring(0, file.lastIndexOf('.')) : file, input, Optional.empty()));
            }
        }
        Map<String, Path> names = new HashMap<>();
        for (Subject subject : all) {
            Path other = names.put(subject.name, subject.photo);
            if (other != null) {
                throw new IllegalArgumentException(other + " and " + subject.photo + " would both write results named " + subject.name + ": rename one, or give them one by one");
            }
        }
        return all;
    }

    /** Samples alone, for evaluations. */
    public static List<Subject> samples(Path place) throws IOException {
        List<Subject> all = of(List.of(place));
        for (Subject subject : all) {
            if (subject.sample.isEmpty()) {
                throw new MultiViewException("MFL-D01", subject.photo, "is a picture without cameras and other views", "an evaluation needs sample folders with "
                        + OpencvCameraFile.FILE_NAME);
            }
        }
        return all;
    }

    private static boolean isSample(Path folder) {
        return Files.isRegularFile(folder.resolve(OpencvCameraFile.FILE_NAME));
    }

    private static Subject sample(Path folder) throws IOException {
        List<PosedViewReader.PictureFile> pictures = PosedViewReader.index(folder);
        if (pictures.isEmpty()) {
            throw new MultiViewException("MFL-D01", folder, "names no pictures", "");
        }
        return new Subject(folder.toAbsolutePath().normalize().getFileName().toString(), pictures.getFirst().file(), Optional.of(folder));
    }

    private static void folder(Path input, List<Subject> all) throws IOException {
        if (isSample(input)) {
            all.add(sample(input));
            return;
        }
        List<Path> inside;
        try (Stream<Path> files = Files.list(input)) {
            inside = files.sorted().toList();
        }
        int before = all.size();
        for (Path path : inside) {
            if (isSample(path)) {
                all.add(sample(path));
            } else if (PICTURES.stream().anyMatch(path.toString().toLowerCase(Locale.ROOT)::endsWith)) {
                all.addAll(of(List.of(path)));
            }
        }
        if (all.size() == before) {
            throw new MultiViewException("MFL-D01", input, "holds no pictures and no sample folders", "PNG and JPEG files are read");
        }
    }
}
