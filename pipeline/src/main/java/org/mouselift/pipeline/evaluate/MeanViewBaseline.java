package org.mouselift.pipeline.evaluate;

import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.apache.commons.math3.geometry.euclidean.threed.Vector3D;
import org.mouselift.data.camera.Camera;
import org.mouselift.pipeline.reconstruct.PosedViewReader;
import org.mouselift.pipeline.reconstruct.PosedViewReader.PictureFile;

/**
 * The mean training picture: the average of the training pictures, of all subjects, whose viewing directions are nearest.
 * Pictures are read when they are needed and kept while a quarter of the heap holds them.
 */
public final class MeanViewBaseline implements Baseline {
    private final List<PictureFile> pictures = new ArrayList<>();
    private final List<Vector3D> directions = new ArrayList<>();
    private final int neighbours;
    private final int size;
    private final Map<Integer, byte[]> read;
    private final Map<List<Integer>, float[]> means = new LinkedHashMap<>();

    /**
     * @param samples training samples
     * @param neighbours pictures that are averaged
     * @param size of the pictures, pixels
     */
    public MeanViewBaseline(List<Path> samples, int neighbours, int size) throws IOException {
        if (neighbours < 1) {
            throw new IllegalArgumentException("mean view: " + neighbours + " pictures, expected at least 1");
        }
        for (Path sample : samples) {
            for (PictureFile picture : PosedViewReader.index(sample)) {
                pictures.add(picture);
                directions.add(picture.camera().forward());
            }
        }
        this.neighbours = Math.min(neighbours, pictures.size());
        this.size = size;
        int kept = Math.clamp(Runtime.getRuntime().maxMemory() / 4 / (3L * size * size), 1, 1 << 20);
        this.read = new LinkedHashMap<>(16, 0.75f, true) {
            private static final long serialVersionUID = 1L;

            @Override
            protected boolean removeEldestEntry(Map.Entry<Integer, byte[]> eldest) {
                return size() > kept;
            }
        };
    }

    @Override
    public String name() {
        return "meanView";
    }

    @Override
    public float[] picture(Camera camera) throws IOException {
        if (camera.intrinsics().width() != size || camera.intrinsics().height() != size) {
            throw new IllegalArgumentException("mean view: camera of " + camera.intrinsics() + ", the baseline is made for " + size + " pixels");
        }
        List<Integer> nearest = nearest(camera.forward());
        float[] known = means.get(nearest);
        if (known == null) {
            known = mean(nearest);
            // Cameras of a rig come again with every sample; random ones never do.
            if (means.size() < 64) {
                means.put(nearest, known);
            }
        }
        return known.clone();
    }

    /** Indices of the pictures with the nearest directions, ascending; ties go to the earlier picture. */
    private List<Integer> nearest(Vector3D direction) {
        double[] similarity = new double[directions.size()];
        for (int i = 0; i < similarity.length; i++) {
            similarity[i] = directions.get(i).dotProduct(direction);
        }
        return IntStream.range(0, similarity.length).boxed().sorted(Comparator.comparingDouble((Integer i) -> -similarity[i])).limit(neighbours).sorted().toList();
    }

    private float[] mean(List<Integer> which) throws IOException {
        long[] sum = new long[3 * size * size];
        for (int i : which) {
            byte[] picture = read.get(i);
            if (picture == null) {
                picture = pictures.get(i).load(size).picture().toChw();
                read.put(i, picture);
            }
            for (int p = 0; p < sum.length; p++) {
                sum[p] += picture[p] & 0xFF;
            }
        }
        float[] out = new float[sum.length];
        for (int p = 0; p < out.length; p++) {
            out[p] = (float) (sum[p] / (255.0 * which.size()));
        }
        return out;
    }
}
