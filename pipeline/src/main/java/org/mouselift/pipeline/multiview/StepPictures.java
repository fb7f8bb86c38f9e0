package org.mouselift.pipeline.multiview;

import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.stream.Stream;
import org.mouselift.data.image.PngWriter;
import org.mouselift.engine.Scope;
import org.mouselift.engine.Tensor;
import org.mouselift.pipeline.reconstruct.Pictures;

/**
 * Writes the views after every sampling step as {@code step_000.png} and so on: the latents at that moment, decoded. An
 * unfinished set is deleted.
 */
public final class StepPictures implements AutoCloseable {
    private final MultiViewPipeline pipeline;
    private final Path folder;
    /** Folders that were not there before, the innermost first. */
    private final List<Path> made = new ArrayList<>();
    private int written;
    private boolean complete;

    public StepPictures(MultiViewPipeline pipeline, Path folder) {
        this.pipeline = pipeline;
        this.folder = folder;
    }

    /** After a step; arguments as in {@link MultiViewPipeline.Listener#step}. */
    public void step(int index, int steps, Tensor latents) {
        try (Scope scope = Scope.open("pictures of a step")) {
            for (Path missing = folder.toAbsolutePath(); missing != null && !Files.exists(missing); missing = missing.getParent()) {
                made.add(missing);
            }
            Files.createDirectories(folder);
            PngWriter.write(file(index), Pictures.strip(GeneratedViews.pictures(pipeline.decode(latents))));
        } catch (IOException e) {
            throw new UncheckedIOException(e);
        }
        written = index + 1;
        complete = written == steps;
    }

    private Path file(int index) {
        return folder.resolve(String.format(Locale.ROOT, "step_%03d.png", index));
    }

    /** Deletes the pictures of a sampling that did not come to its end, and the folders that were made for them. */
    @Override
    public void close() throws IOException {
        if (!complete) {
            for (int i = 0; i < written; i++) {
                Files.deleteIfExists(file(i));
            }
            for (Path own : made) {
                try (Stream<Path> inside = Files.list(own)) {
                    if (inside.findAny().isPresent()) {
                        return;
                    }
                }
                Files.delete(own);
            }
        }
    }
}
