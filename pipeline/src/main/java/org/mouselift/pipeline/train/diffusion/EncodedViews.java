package org.mouselift.pipeline.train.diffusion;

import java.io.IOException;
import java.util.HashMap;
import java.util.Map;
import org.mouselift.data.camera.CameraRig;
import org.mouselift.data.dataset.DiffusionViews;
import org.mouselift.engine.Philox;
import org.mouselift.models.unet.UNetConfig;
import org.mouselift.pipeline.multiview.ImageConditions;
import org.mouselift.pipeline.multiview.LatentSpace;
import org.mouselift.pipeline.multiview.ViewCameras;

/**
 * Objects as the network sees them: distributions of the latents of all views, and the embedding of the input. Where every load of a
 * sample gives the same pictures, they are encoded once and remembered.
 */
public final class EncodedViews {
    private static final long REMEMBERED_BYTES = 1L << 30;

    /**
     * One object.
     *
     * @param pictures the views
     * @param moments of every view, as {@link LatentSpace#moments} gives them
     * @param embedding of the reference view; null without image branch
     */
    public record Item(DiffusionViews.Item pictures, float[][] moments, float[] embedding) {}

    private record Views(int sample, boolean mirrored) {}

    private record Key(Views views, int reference) {}

    private final DiffusionViews views;
    private final LatentSpace space;
    private final ImageConditions conditions;
    private final Map<Views, float[][]> moments = new HashMap<>();
    private final Map<Key, float[]> embeddings = new HashMap<>();
    private final Map<Integer, CameraRig> rigs = new HashMap<>();
    private final boolean constant;

    /** @param conditions null without image branch */
    public EncodedViews(DiffusionViews views, LatentSpace space, ImageConditions conditions) {
        this.views = views;
        this.space = space;
        this.conditions = conditions;
        long each = (long) views.options().views() * space.momentChannels() * space.side(views.options().size()) * space.side(views.options().size()) * Float.BYTES;
        // Without an autoencoder there is nothing to save but the reading of files.
        this.constant = views.options().constant() && each * views.size() * (mirrors() ? 2 : 1) < REMEMBERED_BYTES;
    }

    /** Number of objects. */
    public int size() {
        return views.size();
    }

    /** True if objects may be mirrored. */
    public boolean mirrors() {
        return !views.options().mirror().isEmpty();
    }

    /** Side of the pictures. */
    public int pictureSize() {
        return views.options().size();
    }

    /** Name of an object for messages. */
    public String name(int sample) {
        return views.sample(sample).getFileName().toString();
    }

    /** What a UNet that is told its cameras reads of those of an object [V,K], the reference view first. */
    public float[] cameras(int sample, int reference, UNetConfig unet) throws IOException {
        CameraRig rig = rigs.get(sample);
        if (rig == null) {
            rig = ViewCameras.ofSample(views.sample(sample), views.options().views());
            rigs.put(sample, rig);
        }
        return ViewCameras.numbers(rig, unet, reference);
    }

    /** Loads and encodes; the pictures are null when everything else was remembered and they were not asked for. */
    public Item load(int sample, boolean mirrored, int reference, Philox random, boolean pictures) throws IOException {
        Views shown = new Views(sample, mirrored);
        Key key = new Key(shown, reference);
        float[][] known = moments.get(shown);
        float[] embedding = embeddings.get(key);
        if (!pictures && known != null && (conditions == null || embedding != null)) {
            return new Item(null, known, embedding);
        }
        DiffusionViews.Item item = views.load(sample, mirrored, random, reference);
        if (known == null) {
            known = new float[item.views()][];
            for (int v = 0; v < known.length; v++) {
                known[v] = space.moments(item.view(v), item.size());
            }
        }
        if (conditions != null && embedding == null) {
            embedding = conditions.embed(item.view(reference), item.size());
        }
        if (constant) {
            moments.put(shown, known);
            embeddings.put(key, embedding);
        }
        return new Item(item, known, embedding);
    }
}
