package org.mouselift.pipeline.mousedata;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Optional;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.camera.DirectionProbe;
import org.mouselift.data.camera.OpencvCameraFile;
import org.mouselift.data.camera.OpencvFrame;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.Images;
import org.mouselift.data.preprocess.MaskStatistics;
import org.mouselift.data.recording.RecordingLayout;

/**
 * The pictures of one moment, from wherever they are: a sample folder, or a folder of generated views ({@code cam_000.png}, {@code view_00.png},
 * {@code 00.png}).
 *
 * @param cameras those of the sample's camera file, empty when there is none
 */
public record PictureSet(Path folder, List<Image8> pictures, Optional<CameraRig> cameras) {
    private static final Pattern VIEW = Pattern.compile("(?:cam_|view_)?\\d{2,6}\\.(?:png|jpg|jpeg)");
    /** A picture without alpha shows its subject on white: darker channels belong to it (mouse specification §3.1). */
    private static final int WHITE = 250;

    public PictureSet {
        pictures = List.copyOf(pictures);
    }

    /**
     * The folders with pictures below a place: the samples of a data set, or the place itself.
     *
     * @param limit at most so many, spread evenly
     */
    public static List<Path> folders(Path place, int limit) throws IOException {
        if (!Files.isDirectory(place)) {
            throw new MouseDataException(place, "is not a folder", "give a data set, a sample or a folder of views");
        }
        List<Path> samples = SampleFolder.list(place);
        List<Path> all = samples.isEmpty() ? List.of(place) : samples;
        int n = Math.min(limit, all.size());
        List<Path> out = new ArrayList<>();
        for (int i = 0; i < n; i++) {
            out.add(all.get((int) ((long) i * all.size() / n)));
        }
        return out;
    }

    public static PictureSet read(Path folder) throws IOException {
        Path file = folder.resolve(OpencvCameraFile.FILE_NAME);
        if (Files.isRegularFile(file)) {
            OpencvCameraFile cameras = OpencvCameraFile.read(file, OpencvCameraFile.Options.RIG);
            if (cameras.frames().stream().allMatch(f -> f.filePath().isPresent() && Files.isRegularFile(folder.resolve(f.filePath().get())))) {
                List<Image8> pictures = new ArrayList<>();
                for (OpencvFrame f : cameras.frames()) {
                    pictures.add(Images.read(folder.resolve(f.filePath().orElseThrow())));
                }
                return new PictureSet(folder, pictures, Optional.of(cameras.rig(folder.getFileName().toString())));
            }
        }
        Path where = Files.isDirectory(folder.resolve("images")) ? folder.resolve("images") : folder;
        List<Path> files;
        try (Stream<Path> list = Files.list(where)) {
            files = list.filter(p -> VIEW.matcher(p.getFileName().toString()).matches()).sorted((a, b) -> RecordingLayout.NUMERIC.compare(a.getFileName().toString(),
                    b.getFileName().toString())).toList();
        }
        if (files.isEmpty()) {
            throw new MouseDataException(where, "holds no views", "expected cam_000.png …, view_00.png … or 00.png …, or an " + OpencvCameraFile.FILE_NAME + " that names them");
        }
        List<Image8> pictures = new ArrayList<>();
        for (Path p : files) {
            pictures.add(Images.read(p));
        }
        return new PictureSet(folder, pictures, Optional.empty());
    }

    /** The masks: alpha, or what is not white. @throws MouseDataException naming the picture whose mask is empty */
    public List<DirectionProbe.Mask> masks() throws MouseDataException {
        List<DirectionProbe.Mask> out = new ArrayList<>();
        for (int i = 0; i < pictures.size(); i++) {
            Image8 image = pictures.get(i);
            int c = image.channels();
            boolean[] mask = new boolean[image.width() * image.height()];
            boolean some = false;
            for (int p = 0; p < mask.length; p++) {
                if (image.hasAlpha()) {
                    mask[p] = (image.data()[p * c + c - 1] & 0xFF) > MaskStatistics.THRESHOLD;
                } else {
                    for (int k = 0; k < c; k++) {
                        mask[p] |= (image.data()[p * c + k] & 0xFF) < WHITE;
                    }
                }
                some |= mask[p];
            }
            if (!some) {
                throw new MouseDataException(folder, "view " + i + " shows no subject", "remove the sample or mend its mask");
            }
            out.add(new DirectionProbe.Mask(image.width(), image.height(), mask));
        }
        return out;
    }
}
