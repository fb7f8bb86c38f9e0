package org.mouselift.pipeline.evaluate;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.mouselift.data.image.Image8;
import org.mouselift.pipeline.reconstruct.PosedView;
import org.mouselift.pipeline.reconstruct.PosedViewReader;

/**
 * The guess of a pipeline that only remembers: the views of the training sample whose photo is nearest (mean squared
 * difference). What a model draws better than this it has not merely looked up.
 */
public final class NearestSample {
    private final List<Path> samples = new ArrayList<>();
    private final List<Image8> photos = new ArrayList<>();

    /** Reads the first view of every training sample. */
    public NearestSample(List<Path> training, int size) throws IOException {
        for (Path sample : training) {
            samples.add(sample.toAbsolutePath().normalize());
            photos.add(PosedViewReader.index(sample).getFirst().load(size).picture());
        }
    }

    /** The nearest sample but the one itself; the first of equals. */
    public Path of(Path sample, Image8 photo) {
        int best = -1;
        double least = Double.POSITIVE_INFINITY;
        for (int i = 0; i < samples.size(); i++) {
            double distance = samples.get(i).equals(sample.toAbsolutePath().normalize()) ? Double.POSITIVE_INFINITY : SlotTruth.squaredDistance(photo, photos.get(i));
            if (distance < least) {
                least = distance;
                best = i;
            }
        }
        if (best < 0) {
            throw new IllegalArgumentException("there is no training sample other than " + sample);
        }
        return samples.get(best);
    }

    /** The first views of a sample. */
    static List<PosedView> views(Path sample, int count, int size) throws IOException {
        List<PosedViewReader.PictureFile> files = PosedViewReader.index(sample);
        if (files.size() < count) {
            throw new IllegalArgumentException("MFL-E113: sample " + sample + " has " + files.size() + " views, needs " + count);
        }
        List<PosedView> views = new ArrayList<>();
        for (PosedViewReader.PictureFile file : files.subList(0, count)) {
            views.add(file.load(size));
        }
        return views;
    }
}
