package org.mouselift.pipeline.multiview;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import org.mouselift.data.image.Image8;
import org.mouselift.data.image.PngWriter;
import org.mouselift.data.image.Quantization;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tape;
import org.mouselift.engine.Tensor;
import org.mouselift.pipeline.prompts.PromptEmbeddings;
import org.mouselift.pipeline.reconstruct.Pictures;

/**
 * All views of one subject as the multi-view pipeline draws them.
 *
 * @param reference the photo they were made from, RGB on white
 * @param views in the order of the prompts, RGB
 */
public record GeneratedViews(Image8 reference, List<Image8> views) {
    public GeneratedViews {
        views = List.copyOf(views);
    }

    /** Samples the views of a photo; the same seed gives the same pictures whatever was sampled before. */
    public static GeneratedViews sample(MultiViewPipeline pipeline, PromptEmbeddings prompts, Image8 reference, SamplingOptions options, long seed,
            MultiViewPipeline.Listener listener) {
        return Tape.pause(() -> {
            try (Scope scope = Scope.open("views of a photo")) {
                return new GeneratedViews(reference,
                        pictures(pipeline.generate(List.of(reference), prompts.tensor(), options, NoiseSource.seeded(seed), listener)));
            }
        });
    }

    /** Pictures of [N,3,H,W] in [0,1], rounded as the original rounds them. */
    static List<Image8> pictures(Tensor images) {
        int height = (int) images.dim(2);
        int width = (int) images.dim(3);
        float[] all = images.toFloats();
        int each = 3 * height * width;
        List<Image8> out = new ArrayList<>();
        for (int i = 0; i < images.dim(0); i++) {
            out.add(Quantization.ROUND.fromChw(Arrays.copyOfRange(all, i * each, (i + 1) * each), 3, height, width));
        }
        return out;
    }

    /**
     * Writes {@code input.png}, {@code multiview.png} (all views side by side) and the views by number.
     *
     * @param viewFolder of the views, relative to the folder; "" for the folder itself
     * @return the files, relative to the folder
     */
    public List<String> write(Path folder, String viewFolder) throws IOException {
        Files.createDirectories(folder.resolve(viewFolder));
        List<String> files = new ArrayList<>();
        png(folder, "input.png", reference, files);
        for (int i = 0; i < views.size(); i++) {
            png(folder, (viewFolder.isEmpty() ? "" : viewFolder + "/") + String.format(Locale.ROOT, "view_%02d.png", i), views.get(i), files);
        }
        png(folder, "multiview.png", Pictures.strip(views), files);
        return files;
    }

    private static void png(Path folder, String name, Image8 picture, List<String> files) throws IOException {
        PngWriter.write(folder.resolve(name), picture);
        files.add(name);
    }
}
